package imap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mailrill/deliver"
	"mailrill/deliver/delivertest"
	"mailrill/internal/mailtest"
)

// slow is a server on which each message costs a round trip. It sees to it that two
// connections work: it answers neither's fourth message before both have come to it.
type slow struct {
	mailtest.IMAP
	answer func(session, n int) mailtest.Verdict // to the n-th APPEND of a session, from 1
	login  func(session int) mailtest.Verdict

	mu      sync.Mutex
	appends map[int][]int64 // by session: how long the messages were that it announced
	met     chan struct{}
	once    sync.Once
	logouts atomic.Int64
}

// meet is the message at which connections wait for one another.
const meet = 4

func newSlow() *slow {
	s := &slow{appends: map[int][]int64{}, met: make(chan struct{})}
	s.Store = mailtest.NewStore()
	s.Capabilities = []string{"IMAP4rev1", "LITERAL-", "UIDPLUS", "UNSELECT"}
	s.answer = func(int, int) mailtest.Verdict { return mailtest.Verdict{} }
	s.login = func(int) mailtest.Verdict { return mailtest.Verdict{} }
	s.OnCommand = s.command
	return s
}

func (s *slow) command(session int, line string) mailtest.Verdict {
	if strings.HasPrefix(line, "AUTHENTICATE") || strings.HasPrefix(line, "LOGIN") {
		return s.login(session)
	}
	if line == "LOGOUT" {
		s.logouts.Add(1)
	}
	if !strings.HasPrefix(line, "APPEND") {
		return mailtest.Verdict{}
	}
	s.mu.Lock()
	s.appends[session] = append(s.appends[session], literal(line))
	n := len(s.appends[session])
	all := len(s.appends[1]) >= meet && len(s.appends[2]) >= meet
	s.mu.Unlock()
	if all {
		s.goOn()
	}
	if n == meet {
		<-s.met
	}
	return s.answer(session, n)
}

// goOn lets each connection work whatever the other does.
func (s *slow) goOn() { s.once.Do(func() { close(s.met) }) }

// count returns how many messages each session has announced.
func (s *slow) count() (counts []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := 1; session <= s.Sessions(); session++ {
		counts = append(counts, len(s.appends[session]))
	}
	return counts
}

// announced reports whether a session has announced m.
func (s *slow) announced(session int, m *deliver.Message) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.appends[session], m.Size)
}

// letters are messages that a server without LITERAL+ has to ask for. Each has a
// length of its own.
func letters(n int) (ms []*deliver.Message) {
	for i := range n {
		ms = append(ms, delivertest.NewMessage(fmt.Sprintf("Subject: %03d\r\n\r\n%s", i, strings.Repeat("x", 5000+i))))
	}
	return ms
}

// fates are what done was told, each message once.
type fates map[*deliver.Message]error

// bring delivers ms and checks that each fate is told once, and is true.
func (s *slow) bring(t *testing.T, d *Destination, ms []*deliver.Message) (fates, error) {
	t.Helper()
	told := fates{}
	err := d.Deliver(t.Context(), deliver.Batch(ms...), func(m *deliver.Message, _ deliver.Receipt, err error) {
		if _, again := told[m]; again {
			t.Error("a fate was told twice")
		}
		told[m] = err
	})
	s.check(t, ms, told)
	return told, err
}

func (s *slow) check(t *testing.T, ms []*deliver.Message, told fates) {
	t.Helper()
	copies := map[string]int{}
	for _, m := range s.Store.Messages(inbox) {
		copies[string(m.Body)]++
	}
	for i, m := range ms {
		err, known := told[m]
		n := copies[body(t, m)]
		if !known || n > 1 || err == nil && n != 1 || sure(err) && n != 0 {
			t.Errorf("message %d: told %v: %v; %d copies", i, known, err, n)
		}
	}
}

// sure reports whether a message with this fate was surely not stored.
func sure(err error) bool {
	return errors.Is(err, deliver.ErrNotTaken) || errors.Is(err, deliver.ErrUnavailable) || errors.Is(err, deliver.ErrRejected)
}

func body(t *testing.T, m *deliver.Message) string {
	t.Helper()
	r, err := m.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := make([]byte, m.Size)
	if _, err := r.Read(b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// failed returns the fates that are not nil.
func (f fates) failed() (errs []error) {
	for _, err := range f {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// opened counts the connections that stand.
func opened(o *Options) *atomic.Int64 {
	n, dial := new(atomic.Int64), o.Dial
	o.Dial = func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err == nil {
			n.Add(1)
			conn = &countedConn{Conn: conn, n: n}
		}
		return conn, err
	}
	return n
}

type countedConn struct {
	net.Conn
	n      *atomic.Int64
	closed atomic.Bool
}

func (c *countedConn) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.n.Add(-1)
	}
	return c.Conn.Close()
}
