package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mailrill/internal/control"
	"mailrill/internal/mailtest"
)

// A server that has numbered a whole mailbox anew. The short form has a few
// hundred messages, MAILRILL_SOAK=n has ten thousand.

// movedSize is how many messages lie in the mailbox.
func movedSize(t *testing.T) int {
	t.Helper()
	if soak, _ := crashSettings(t); soak > 0 {
		return 10_000
	}
	return 240
}

// A mixed is a mailbox in which a header tells most messages apart, but not all.
type mixed struct {
	all     [][]byte
	telling int // whose header is that of no other message
}

// mixedMessages returns n messages. Of twenty, one has no header and one has one
// that tells nothing, all of these of equal size; and one has the header and the
// size of another message.
func mixedMessages(n int) (m mixed) {
	for i := range n {
		switch i % 20 {
		case 7:
			m.all = append(m.all, fmt.Appendf(nil, "\r\nno header, but a body %05d\r\n", i))
		case 17:
			m.all = append(m.all, fmt.Appendf(nil, "Subject: 1\r\n\r\nalike %05d\r\n", i))
		case 8:
			m.all = append(m.all, fmt.Appendf(nil, "Message-ID: <twin%d@example.org>\r\n\r\n%05d\r\n", i/40, i))
		default:
			m.telling++
			m.all = append(m.all, fmt.Appendf(nil, "Message-ID: <m%d@example.org>\r\nSubject: %d\r\n\r\n%s", i, i, strings.Repeat("A line of a body.\r\n", i%100)))
		}
	}
	return m
}

// drop puts messages, of which the first is the from-th, into a user's INBOX as
// files: ten thousand APPENDs would take longer than all the rest.
func (s *site) drop(user string, from int, messages [][]byte) {
	s.t.Helper()
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(s.Maildir(user), sub), 0o700); err != nil {
			s.t.Fatal(err)
		}
	}
	for i, m := range messages {
		path := s.dropped(user, from+i)
		if err := os.WriteFile(path, m, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	s.ownAll(s.Maildir(user))
}

// dropped is the file of a message that drop made.
func (s *site) dropped(user string, i int) string {
	return filepath.Join(s.Maildir(user), "cur", fmt.Sprintf("%d.M%dP1.host:2,S", 1_700_000_000+i, i))
}

// left returns how many messages lie in a user's INBOX.
func (s *site) left(user string) int {
	s.t.Helper()
	files, err := s.Files(user, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return len(files)
}

// A tap passes connections on to a port, and counts how often a word goes by.
type tap struct {
	mu   sync.Mutex
	word []byte
	seen int
}

// startTap returns a tap on a port of this machine, and its own port.
func startTap(t *testing.T, to int, word string) (k *tap, port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	k = &tap{word: []byte(word)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go k.pass(c, net.JoinHostPort("127.0.0.1", strconv.Itoa(to)))
		}
	}()
	return k, l.Addr().(*net.TCPAddr).Port
}

func (k *tap) pass(c net.Conn, to string) {
	defer c.Close()
	s, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer s.Close()
	go func() {
		io.Copy(s, io.TeeReader(c, &tapped{k: k}))
		s.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(c, io.TeeReader(s, &tapped{k: k}))
}

// count returns how often the word went by since the last call.
func (k *tap) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.seen
	k.seen = 0
	return n
}

// A tapped is one direction of a connection through a tap.
type tapped struct {
	k    *tap
	tail []byte // may be the beginning of the word
}

func (d *tapped) Write(p []byte) (int, error) {
	d.k.mu.Lock()
	defer d.k.mu.Unlock()
	all := append(d.tail, p...)
	d.k.seen += bytes.Count(all, d.k.word)
	d.tail = bytes.Clone(all[max(0, len(all)-len(d.k.word)+1):])
	return len(p), nil
}

// A movedCase is a source, and what numbers it anew.
type movedCase struct {
	protocol, to string
	body         string // goes by once for each body
	renumber     func(*site)
}

var movedCases = []movedCase{
	{"imap", "imap", "BODY[] {", func(s *site) { s.renumber("source") }},
	{"pop3", "maildir", "RETR ", func(s *site) { s.restart("pop3_uidl_format = %f") }},
}

// Nothing that its header tells is fetched again; what headers do not tell is
// fetched and recognised by its octets; nothing comes twice, what is new comes.
// Nothing is deleted in the pass that finds out, and all of it afterwards.
func TestRealMovedServer(t *testing.T) {
	for _, c := range movedCases {
		t.Run(c.protocol+"-"+c.to, func(t *testing.T) { c.play(t) })
	}
}

func (c movedCase) play(t *testing.T) {
	const gone, fresh = 5, 10
	n := movedSize(t)
	s := newSite(t, "pop3_uidl_format = %08Xu%08Xv")
	m := mixedMessages(n)
	s.drop("source", 0, m.all)
	home := s.homes()[c.to]
	plain := map[string]int{"imap": s.IMAP, "pop3": s.POP3}[c.protocol]
	wire, port := startTap(t, plain, c.body)
	r := newRig(t, home.table+accountTo(c.protocol, fmt.Sprint("127.0.0.1:", port), "source", "after = \"delete\"\ndelete_after = \"1d\"\nmax_delete = 20000"))
	pass := func(what string, bodies int, want control.Counts) {
		t.Helper()
		got := r.measured().Counts
		got = control.Counts{Delivered: got.Delivered, AlreadyThere: got.AlreadyThere, SourceDone: got.SourceDone}
		if got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
		if n := wire.count(); n != bodies {
			t.Errorf("%s: %d bodies were fetched, want %d", what, n, bodies)
		}
	}
	pass("first", n, control.Counts{Delivered: n})
	for i := range gone { // by their owner; all of them have telling headers
		if err := os.Remove(s.dropped("source", i)); err != nil {
			t.Fatal(err)
		}
	}
	c.renumber(s)
	more := mixedMessages(n + 20)
	s.drop("source", n, more.all[n:])
	r.ahead += 25 * time.Hour
	untold := n - m.telling
	pass("moved", untold+20, control.Counts{Delivered: 20, AlreadyThere: n - gone})
	if left := s.left("source"); left != n-gone+20 {
		t.Errorf("%d messages are left after the pass that found out", left)
	}
	pass("settled", 0, control.Counts{SourceDone: m.telling - gone})
	r.ahead += 25 * time.Hour
	pass("a day later", 0, control.Counts{SourceDone: untold + 20})
	if left := s.left("source"); left != 0 {
		t.Errorf("%d messages are left", left)
	}
	if diff := difference(home.copies(r), more.all); diff != "" {
		t.Error(diff)
	}
}

// measured makes a pass in a process of its own, and tells what it took.
func (r *rig) measured() (sum jsonLine) {
	r.t.Helper()
	r.ahead += time.Second
	start := time.Now()
	l := live(r.t, r.dir, "", r.ahead, "--config", r.config, "--once", "--json")
	log, _ := os.ReadFile(filepath.Join(r.dir, "log"))
	if l.exit != 0 {
		r.t.Fatalf("exit status %d\n%s%s", l.exit, l.stdout, log[max(0, len(log)-3000):])
	}
	if fs := l.usage.Check(crashLimits); len(fs) > 0 {
		r.t.Error(fs)
	}
	r.stdout.Reset()
	r.stdout.Write(l.stdout)
	sum = total(r.lines())
	r.t.Logf("%.1f s, %d MiB: delivered %d, already there %d, done at the source %d", time.Since(start).Seconds(), l.usage.RSS>>20, sum.Delivered, sum.AlreadyThere, sum.SourceDone)
	return sum
}

// movedKills is at how many points the short form kills the pass that finds out.
const movedKills = 3

// Killed at any point of the pass that finds out, mailrill finds out again.
func TestMovedServerAndKilled(t *testing.T) {
	soak, seed := crashSettings(t)
	for i, protocol := range []string{"imap", "pop3"} {
		t.Run(protocol, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			points := movedAndKilled(t, protocol, "")
			var reached tally
			for _, at := range sample(r, points, max(movedKills, min(soak, len(points)))) {
				tries := 1
				for tries < attempts && movedAndKilled(t, protocol, at) != nil {
					tries++
				}
				reached.add(tries < attempts)
			}
			t.Logf("killed at %v of %d points", &reached, len(points))
			reached.check(t)
		})
	}
}

// movedAndKilled kills at a point the pass that finds out and judges what comes of
// it. It returns the points of a pass that was not killed.
func movedAndKilled(t *testing.T, protocol, at string) (points []string) {
	t.Helper()
	m := mixedMessages(40)
	extra := "after = \"delete\"\ndelete_after = \"1d\""
	h, renumber := movable(t, protocol, m.all[:30], extra)
	h.measured()
	for _, body := range m.all[30:] {
		h.box.Add("INBOX", mailtest.Message{Body: body, Date: messageDate(50)})
	}
	renumber()
	l := live(t, h.dir, at, h.ahead, "--config", h.config, "--once")
	if h.left() != 40 {
		t.Errorf("killed at %s: %d messages are left at the source", at, h.left())
	}
	h.ahead += time.Minute
	h.measured()
	h.wantCopies(m.all)
	h.ahead += 49 * time.Hour
	h.measured()
	if h.left() != 0 {
		t.Errorf("killed at %s: %d messages are left at last", at, h.left())
	}
	h.wantCopies(m.all)
	if l.killed {
		return nil
	}
	return l.points
}

// movable is a hall whose source can be numbered anew.
func movable(t *testing.T, protocol string, messages [][]byte, extra string) (h *hall, renumber func()) {
	if protocol == "imap" {
		h = fromIMAP(t, &mailtest.IMAP{}, messages, extra)
		return h, func() { h.box.Renumber("INBOX", 1_999_999_999) }
	}
	var moved atomic.Bool
	h = fromPOP3(t, &mailtest.POP3{UIDL: func(m mailtest.Message) string { return fmt.Sprint(m.UID, moved.Load()) }}, messages, extra)
	return h, func() { moved.Store(true) }
}

// Each window of Gmail's POP3 shows other messages, all of them unknown, and none
// of those that were delivered: that is no renumbering, and no header is asked for.
func TestWindowsDoNotLookMoved(t *testing.T) {
	tops := 0
	n := movedSize(t)
	messages := mixedMessages(n).all
	addr := startServer(t, &mailtest.POP3{Store: filled(messages), User: "me@gmail.com", Password: "pass", Gmail: true, Window: n / 8, OnCommand: func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "TOP") {
			tops++
		}
		return mailtest.Verdict{}
	}})
	r := newRig(t, maildirHome+gmailAccount(addr))
	if sum := total(r.once(0)); sum.Delivered != n || tops != 0 || strings.Contains(r.stderr.String(), "anew") {
		t.Errorf("%+v, %d headers asked for\n%s", sum, tops, r.stderr.String())
	}
	if diff := difference(r.maildir(), messages); diff != "" {
		t.Error(diff)
	}
}
