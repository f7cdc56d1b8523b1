package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"mailrill/internal/ledger"
	"mailrill/internal/mailtest/oracle"
	"mailrill/internal/mailtest/real"
)

// A realPair is a source and a destination on real servers.
type realPair struct{ source, destination string }

func (p realPair) String() string { return p.source + "-" + p.destination }

// A realTrial is servers of its own, a mailrill that reaches them through a relay,
// and the oracle that judges it.
type realTrial struct {
	*rig
	pair  realPair
	site  *site
	relay *relay
	dice  *rand.Rand
	seed  uint64
	waits bool // for what its clock else jumps over

	c      *oracle.Case
	inbox  oracle.IMAP // of the source
	span   span
	dead   func() error
	logged int64 // octets of the log that were read

	// How many answers about a message a destination that cannot be asked has left
	// open, by the message's ID, and which of them no line of the log told of.
	doubts map[string]int
	silent map[string]bool
	harm   harm
}

// realShapes are the messages: one in twelve does not fit into memory at once.
var realShapes = []string{"plain", "dots", "8bit", "forged", "header-only", "large", "plain", "no-header", "server-words", "plain", "dots", "8bit"}

func newRealTrial(t *testing.T, p realPair, seed, stream uint64) *realTrial {
	t.Helper()
	tr := &realTrial{
		pair: p, site: newSite(t), relay: &relay{}, dice: rand.New(rand.NewPCG(seed, stream)), seed: seed + stream<<32,
		span: span{50, 300}, doubts: map[string]int{}, silent: map[string]bool{},
	}
	t.Cleanup(tr.relay.close)
	if p.destination == "smtp" {
		// What it could not hand on while Dovecot was down it tries again soon.
		tr.site.startPostfix("minimal_backoff_time = 1s", "maximal_backoff_time = 1s", "queue_run_delay = 1s", "transport_retry_time = 1s")
	}
	tr.inbox = tr.box("source")
	tr.c = &oracle.Case{Source: tr.inbox, TraceField: "X-Mailrill-ID", Removed: true}
	tr.rig = newRig(t, "")
	home := tr.destination(t)
	from := map[string]int{"pop3": tr.site.POP3, "imap": tr.site.IMAP}[p.source]
	tr.write(home + accountTo(p.source, fmt.Sprint("127.0.0.1:", tr.through(from)), "source", "after = \"delete\""))
	tr.c.Hold = oracle.Hold(filepath.Join(tr.dir, "state", "hold"))
	return tr
}

// through returns the port of the relay that leads to a server's.
func (tr *realTrial) through(port int) int {
	via, err := tr.relay.listen(port)
	if err != nil {
		tr.site.t.Fatal(err)
	}
	return via
}

// box is a user's INBOX, past the relay.
func (tr *realTrial) box(user string) oracle.IMAP {
	dial := func() (net.Conn, error) {
		return net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(tr.site.IMAP)))
	}
	return oracle.IMAP{Dial: dial, User: user, Password: real.Password, Folder: "INBOX"}
}

// destination has the oracle know the destination, and returns its config.
func (tr *realTrial) destination(t *testing.T) string {
	t.Helper()
	const to = "[destination.home]\ntype = %q\nhost = \"127.0.0.1\"\ntls = \"none\"\nport = %d\n"
	const mail = to + "recipient = %q\nsender = \"me@example.test\"\n"
	switch kind := tr.pair.destination; kind {
	case "maildir":
		tr.c.Destination = oracle.Maildir(filepath.Join(tr.dir, "Maildir"))
		return maildirHome
	case "imap":
		tr.c.Destination = tr.box("copies")
		return fmt.Sprintf(to+"user = \"copies\"\npassword = %q\n", kind, tr.through(tr.site.IMAP), real.Password)
	case "lmtp":
		tr.c.Destination, tr.c.Normal, tr.c.Strip = tr.submissions("copies"), loose, behindResent
		return fmt.Sprintf(mail, kind, tr.through(tr.site.LMTP), "copies")
	default:
		tr.c.Destination, tr.c.Normal, tr.c.Strip = tr.submissions("copies@"+real.Domain), postfixed, behindResent
		return fmt.Sprintf(mail, kind, tr.through(tr.site.postfix.SMTP), "copies@"+real.Domain)
	}
}

// submissions is what mailrill has handed over, by the user's INBOX, without what
// the servers put above the trace line. Postfix and Dovecot may be killed between
// each other, too; what Postfix then hands on twice bears one queue ID and was
// handed to it once.
func (tr *realTrial) submissions(user string) oracle.Box {
	inbox := tr.box(user)
	return oracle.BoxFunc(func() (out []oracle.Copy, err error) {
		if tr.site.postfix != nil {
			tr.site.drainPostfix()
		}
		copies, err := inbox.Copies()
		seen := map[string]bool{}
		for _, c := range copies {
			head, _, _ := bytes.Cut(c.Body, []byte("X-Mailrill-ID: "))
			c.Body = c.Body[len(head):]
			if id := queueID.Find(head); id != nil {
				key := string(id) + string(c.Body)
				if seen[key] {
					continue
				}
				seen[key] = true
			}
			out = append(out, c)
		}
		return out, err
	})
}

// queueID is the queue ID in the Received field that Postfix adds.
var queueID = regexp.MustCompile(`\(Postfix\) with E?SMTPS? id \w+`)

// arrive puts n more messages into the source.
func (tr *realTrial) arrive(n int) {
	for range n {
		serial := len(tr.c.Messages) + 1
		m := oracle.Make(tr.seed, serial, 1, realShapes[serial%len(realShapes)])[0]
		if err := tr.inbox.Put(m); err != nil {
			tr.t.Errorf("put message %d into the source: %v", serial, err)
		}
		tr.c.Messages = append(tr.c.Messages, m)
	}
	tr.harm.Messages += n
}

// kill kills one of the servers.
func (tr *realTrial) kill() {
	kill, start := tr.site.Dovecot.Kill, tr.site.Dovecot.Start
	if tr.site.postfix != nil && tr.dice.IntN(2) == 0 {
		kill, start = tr.site.postfix.Kill, tr.site.postfix.Start
	}
	if err := kill(); err != nil {
		tr.t.Error(err)
	}
	tr.dead = start
}

// restart starts the server that was killed.
func (tr *realTrial) restart() {
	if err := tr.dead(); err != nil {
		tr.t.Error(err)
	}
}

// begin begins a life: a single pass, or a service that ends when it is told to.
func (tr *realTrial) begin(service bool, env ...string) *life {
	tr.t.Helper()
	tr.ahead += realLater
	env = append(env, crashAhead+"="+tr.ahead.String())
	if tr.waits {
		env = append(env, crashWaits+"=yes")
	}
	args := []string{"--config", tr.config, "--log-level", "debug", "--once", "--json"}
	if service {
		args = []string{"--config", tr.config, "--log-level", "debug", "run", "--allow-root"}
	}
	return begin(tr.t, tr.dir, env, args...)
}

// afterLife waits for the servers, where mailrill's clock does not, and counts the
// answers that were lost.
func (tr *realTrial) afterLife(l *life) {
	tr.t.Helper()
	if !tr.waits {
		tr.relay.settle()
	}
	if tr.pair.destination == "lmtp" || tr.pair.destination == "smtp" {
		tr.countDoubts(l)
		tr.c.Ambiguous = tr.harm.Ambiguous
	}
}

// doubtLine is what mailrill logs, for those who trace it, of an answer that it did
// not get.
var doubtLine = regexp.MustCompile(`it is unknown whether a message arrived.* id=(\w+)`)

// countDoubts counts the answers about messages that a life has left open: those
// it told of, and what it had begun and said nothing of when it was killed.
func (tr *realTrial) countDoubts(l *life) {
	tr.t.Helper()
	doubt := func(id string) {
		tr.doubts[id]++
		tr.harm.Ambiguous++
	}
	for _, m := range doubtLine.FindAllSubmatch(tr.newLog(), -1) {
		doubt(string(m[1]))
	}
	if !l.killed {
		return
	}
	for _, r := range tr.begun() {
		if one := fmt.Sprint(r.ID, r.At); r.NextTry.IsZero() && !tr.silent[one] {
			tr.silent[one] = true
			doubt(r.ID)
		}
	}
}

// newLog returns what was logged since it was called last.
func (tr *realTrial) newLog() []byte {
	tr.t.Helper()
	log, err := os.ReadFile(filepath.Join(tr.dir, "log"))
	if err != nil {
		tr.t.Fatal(err)
	}
	log, tr.logged = log[tr.logged:], int64(len(log))
	return log
}

// begun returns the messages whose delivery was begun and not ended, from the
// ledger.
func (tr *realTrial) begun() (rows []ledger.Row) {
	tr.t.Helper()
	l, err := ledger.OpenReadOnly(filepath.Join(tr.dir, "state"))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		tr.t.Fatal(err)
	}
	defer l.Close()
	accounts, err := l.Accounts(tr.t.Context())
	for _, a := range accounts {
		if err == nil {
			rows, err = l.Doubts(tr.t.Context(), a.ID)
		}
	}
	if err != nil {
		tr.t.Fatal(err)
	}
	return rows
}

// judgeCopies counts the copies by the IDs that they bear: of no message are there
// more than answers about it were lost, and one.
func (tr *realTrial) judgeCopies() {
	tr.t.Helper()
	copies, err := tr.c.Destination.Copies()
	if err != nil {
		tr.t.Fatal(err)
	}
	further := map[string]int{}
	for _, c := range copies {
		id := strings.Fields(string(c.Body[:min(len(c.Body), 200)]))[1]
		if _, again := further[id]; again {
			further[id]++
			tr.harm.FurtherCopies++
		} else {
			further[id] = 0
		}
	}
	for id, n := range further {
		if n > tr.doubts[id] {
			tr.t.Errorf("%d further copies of %s, and %d answers about it were lost", n, id, tr.doubts[id])
		}
	}
}

// told is what a pass said, and what the status says now.
func (tr *realTrial) told(l *life) oracle.Told {
	tr.t.Helper()
	exit := tr.run("status", "--json")
	return oracle.Told{Exit: l.exit, Lines: l.stdout, StatusExit: exit, Status: bytes.Clone(tr.stdout.Bytes())}
}

// sum sums the lines of a pass.
func (tr *realTrial) sum(l *life) jsonLine {
	tr.t.Helper()
	tr.stdout.Reset()
	tr.stdout.Write(l.stdout)
	return total(tr.lines())
}

// said is the end of the log.
func (tr *realTrial) said() []byte {
	log, _ := os.ReadFile(filepath.Join(tr.dir, "log"))
	return log[max(0, len(log)-3000):]
}
