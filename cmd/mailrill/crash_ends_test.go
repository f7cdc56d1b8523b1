package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailrill/internal/mailtest"
	"mailrill/internal/mailtest/oracle"
)

// A crashPair is a source, a destination, and what becomes of the source copy.
// The source "gmail" is POP3 with Gmail's window, out of which a message goes when
// it was retrieved and the session ended with QUIT.
type crashPair struct {
	source, destination string
	remove              bool
}

func (p crashPair) String() string {
	return fmt.Sprintf("%s-%s-%s", p.source, p.destination, map[bool]string{true: "delete", false: "keep"}[p.remove])
}

// crashPairs are all pairs; those whose every step is taken in CI come first.
func crashPairs() (pairs []crashPair) {
	pairs = []crashPair{{"pop3", "maildir", true}, {"imap", "imap", true}}
	first := [2]crashPair(pairs)
	for _, source := range []string{"pop3", "imap", "gmail"} {
		for _, destination := range []string{"imap", "maildir", "lmtp", "smtp", "command"} {
			for _, remove := range []bool{false, true} {
				p := crashPair{source, destination, remove}
				if p != first[0] && p != first[1] && !(p.source == "gmail" && remove) {
					pairs = append(pairs, p)
				}
			}
		}
	}
	return pairs
}

// canary is every password of a trial.
const canary = "canary-3f9d0c71-password"

// A trial is one mailbox, one destination and one mailrill, and the oracle that
// judges them. The servers outlive each mailrill.
type trial struct {
	*rig
	pair   crashPair
	c      *oracle.Case
	settle []func(...net.Addr) // until the servers have dealt with what they were sent
	bodies atomic.Int64        // commands that asked the source for bodies
	asked  bool                // the destination can be asked what has arrived
}

// trialShapes are the messages of a trial: one that is spooled in a file, one
// that mailrill itself holds, one that the destination refuses if it can.
var trialShapes = []string{"plain", "circles", "large", "refused", "dots"}

func newTrial(t *testing.T, p crashPair, seed uint64) *trial {
	t.Helper()
	tr := &trial{pair: p}
	tr.c = &oracle.Case{Messages: oracle.Make(seed, 1, len(trialShapes), trialShapes...), TraceField: "X-Mailrill-ID", Removed: p.remove || p.source == "gmail"}
	for i := range tr.c.Messages {
		m := &tr.c.Messages[i]
		m.Poison = m.Poison && (m.Shape != "refused" || p.destination != "maildir" && p.destination != "command")
	}
	tr.rig = newRig(t, "")
	destination := tr.destination(t)
	tr.write("[destination.home]\n" + destination + "\n" + tr.source(t))
	tr.c.Hold = oracle.Hold(filepath.Join(tr.dir, "state", "hold"))
	tr.asked = p.destination == "imap" || p.destination == "maildir"
	return tr
}

// source starts the source, puts the messages in, and returns its config.
func (tr *trial) source(t *testing.T) string {
	t.Helper()
	store := mailtest.NewStore()
	for i, m := range tr.c.Messages {
		store.Add("INBOX", mailtest.Message{Body: m.Body, Date: messageDate(i)})
	}
	tr.c.Source = storeBox(store)
	count := func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "RETR") || strings.Contains(line, "FETCH") && strings.Contains(line, "BODY.PEEK[]") {
			tr.bodies.Add(1)
		}
		return mailtest.Verdict{}
	}
	var server settler
	protocol, user, extra := "pop3", "src", ""
	switch tr.pair.source {
	case "gmail":
		user, extra = "src@gmail.com", `provider = "gmail"`
		server = &mailtest.POP3{Store: store, User: user, Password: canary, Gmail: true, Window: 3, OnCommand: count}
	case "pop3":
		server = &mailtest.POP3{Store: store, User: user, Password: canary, Pipelining: true, OnCommand: count}
	case "imap":
		protocol = "imap"
		server = &mailtest.IMAP{Store: store, User: user, Password: canary, OnCommand: count}
	}
	addr := startServer(t, server)
	tr.settle = append(tr.settle, server.Settle)
	if tr.pair.remove {
		extra = `after = "delete"`
	}
	return strings.Replace(accountTo(protocol, addr, user, extra), `"pass"`, `"`+canary+`"`, 1)
}

// A settler is a server of mailtest that can be waited for.
type settler interface {
	starter
	Settle(clients ...net.Addr)
}

// storeBox is the INBOX of a mailbox, without what Gmail's POP3 shows no more.
func storeBox(s *mailtest.Store) oracle.Box {
	return oracle.BoxFunc(func() (out []oracle.Copy, err error) {
		for _, m := range s.Messages("INBOX") {
			if !m.Popped {
				out = append(out, oracle.Copy{Where: fmt.Sprint("INBOX ", m.UID), Body: m.Body})
			}
		}
		return out, nil
	})
}

const toServer = "type = %q\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = \"dst\"\npassword = \"" + canary + "\"\n"

// destination starts the destination and returns its config.
func (tr *trial) destination(t *testing.T) string {
	t.Helper()
	switch kind := tr.pair.destination; kind {
	case "maildir":
		tr.c.Destination = oracle.Maildir(filepath.Join(tr.dir, "Maildir"))
		return "type = \"maildir\"\npath = \"$DIR/Maildir\""
	case "command":
		return tr.command(t)
	case "imap":
		store := mailtest.NewStore()
		s := &mailtest.IMAP{Store: store, User: "dst", Password: canary, RefuseAppend: refusesAppend}
		addr := startServer(t, s)
		tr.settle = append(tr.settle, s.Settle)
		tr.c.Destination = storeBox(store)
		return fmt.Sprintf(toServer, kind, port(addr))
	default:
		s := &mailtest.SMTP{LMTP: kind == "lmtp", User: "dst", Password: canary, RefuseMessage: refusesMail}
		addr := startServer(t, s)
		tr.settle = append(tr.settle, s.Settle)
		tr.c.Destination, tr.c.Strip = receivedBox(s), behindResent
		return fmt.Sprintf(toServer+"recipient = \"dst@example.org\"\nsender = \"me@example.org\"", kind, port(addr))
	}
}

func refusesAppend(body []byte) string {
	if bytes.Contains(body, []byte(oracle.PoisonWord)) {
		return "NO [CANNOT] this is not taken"
	}
	return ""
}

func refusesMail(d mailtest.Delivery) string {
	if bytes.Contains(d.Body, []byte(oracle.PoisonWord)) {
		return "554 5.6.0 this is not taken"
	}
	return ""
}

func receivedBox(s *mailtest.SMTP) oracle.Box {
	return oracle.BoxFunc(func() (out []oracle.Copy, err error) {
		for i, d := range s.Received() {
			out = append(out, oracle.Copy{Where: fmt.Sprint("delivery ", i), Body: d.Body})
		}
		return out, nil
	})
}

func (tr *trial) command(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(tr.dir, "taken")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	tr.c.Destination = oracle.Folder(dir)
	return fmt.Sprintf("type = \"command\"\nargv = [\"/usr/bin/env\", \"GORACE=atexit_sleep_ms=0\", %q, \"play-command\", %q]\nline_ends = \"crlf\"", self, dir)
}

// live runs a pass in a process of its own. It is never one within this process:
// whatever another trial begins meanwhile inherits the lock on the state until
// its exec.
func (tr *trial) live(at string) *life {
	tr.t.Helper()
	return tr.liveIn(crashAt + "=" + at)
}

// liveIn is live with more in the environment.
func (tr *trial) liveIn(env ...string) *life {
	tr.t.Helper()
	tr.ahead += time.Second
	l := begin(tr.t, tr.dir, append(env, crashAhead+"="+tr.ahead.String()), "--config", tr.config, "--once", "--json", "--log-level", "debug")
	l.end()
	for _, settle := range tr.settle {
		settle()
	}
	return l
}

// die runs a pass in a process of its own that dies at a point, and looks at
// what it leaves. A pass that does not come by there runs to its end.
func (tr *trial) die(at string) *life {
	tr.t.Helper()
	l := tr.live(at)
	if l.killed && !tr.asked {
		tr.c.Ambiguous += tr.lostAnswers()
	}
	tr.judge(at, tr.c.Instant())
	return l
}

// lostAnswers is how many messages the dead process had handed to a destination
// that cannot be asked, without having written down an answer: mailrill's own
// word for it, but never more than that destination has taken at all.
func (tr *trial) lostAnswers() int {
	tr.run("status", "--json")
	delivered, _, extra := tr.c.Counts()
	return min(oracle.Doubts(tr.stdout.Bytes()), delivered+extra)
}

// recover makes one more pass, after which nothing may be left to do, and holds
// its end against every invariant.
func (tr *trial) recover(at string) {
	tr.t.Helper()
	l := tr.pass()
	tr.judge(at, tr.c.End())
	tr.judge(at, tr.c.Truth(tr.told(l)))
	bodies := tr.bodies.Load()
	tr.judge(at, tr.c.Again(0, func() int {
		tr.pass()
		return int(tr.bodies.Load() - bodies)
	}))
	tr.judge(at, oracle.Secrets([]string{canary}, []string{filepath.Join(tr.dir, "state"), filepath.Join(tr.dir, "log"), filepath.Join(tr.dir, "Maildir")}, nil))
}

// pass makes a pass that nobody kills.
func (tr *trial) pass() *life {
	tr.t.Helper()
	l := tr.live("")
	if l.exit != 0 && l.exit != 65 {
		log, _ := os.ReadFile(filepath.Join(tr.dir, "log"))
		tr.t.Errorf("exit status %d\n%s%s", l.exit, l.stdout, log[max(0, len(log)-3000):])
	}
	tr.judge("no point", l.usage.Check(crashLimits))
	return l
}

// told is what a pass said, and what the status says now.
func (tr *trial) told(l *life) oracle.Told {
	tr.t.Helper()
	exit := tr.run("status", "--json")
	return oracle.Told{Exit: l.exit, Lines: l.stdout, StatusExit: exit, Status: bytes.Clone(tr.stdout.Bytes())}
}

func (tr *trial) judge(at string, fs oracle.Findings) {
	tr.t.Helper()
	if len(fs) > 0 {
		tr.t.Errorf("killed at %s:\n%v", at, fs)
	}
}
