package imapwire

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"mailrill/internal/reply"
)

// A watched connection keeps what was written in one piece, and whether an answer
// was owed then.
type watched struct {
	quietConn
	mu     sync.Mutex
	pieces []string
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.pieces = append(w.pieces, string(p))
	w.mu.Unlock()
	return w.quietConn.Write(p)
}

// last returns what was written last.
func (w *watched) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pieces[len(w.pieces)-1]
}

// An ear hears what a Client tells by Notify.
type ear chan struct{}

func (e ear) hear() { e <- struct{}{} }

// idlesAt is a session in IDLE with a server that says so much in it, and that
// takes DONE.
func idlesAt(t *testing.T, says string) (*Client, *watched, ear) {
	t.Helper()
	conn := &watched{quietConn: quietConn{Conn: serve(t, greeting, on("IDLE", func(s *peer, tag, _ string) bool {
		s.say("%s", says)
		line, _ := s.br.ReadString('\n')
		if line == "DONE\r\n" {
			s.say("%s OK done\r\n", tag)
		}
		return line == "DONE\r\n"
	}))}}
	e := make(ear, 100)
	c := connectWith(t, conn, Options{Notify: e.hear})
	if err := c.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, conn, e
}

// IDLE tells of new mail and of nothing else, however odd its lines are.
func TestIdle(t *testing.T) {
	c, _, e := idlesAt(t, "+ idling\r\n+ idling again\r\n* 2 EXPUNGE\r\n* 0 EXISTS\r\n* 1 FETCH (FLAGS (\"]\"))\r\n* VANISHED 3\r\n* OK still here\r\n"+
		"* 4 EXISTS\r\n* 1 RECENT\r\n")
	<-e
	<-e
	if n := c.Announced(); n != 2 || len(e) > 0 {
		t.Errorf("%d announcements, and %d more notices", n, len(e))
	}
	if err := errors.Join(c.Idle(t.Context()), c.Done(), c.Done()); err != nil {
		t.Error(err)
	}
	if _, err := fetchAll(c); err != nil {
		t.Error(err)
	}
}

// The end of IDLE costs no round trip: it goes out with the next command, ours or
// go-imap's, in one write.
func TestIdleEndsWithTheNextCommand(t *testing.T) {
	for name, command := range map[string]func(*Client) error{
		"UID FETCH": func(c *Client) error { _, err := fetchAll(c); return err },
		"NOOP":      func(c *Client) error { return c.IMAP().Noop().Wait() },
		"LOGOUT":    (*Client).Logout,
	} {
		t.Run(name, func(t *testing.T) {
			c, conn, _ := idlesAt(t, "+ idling\r\n")
			if err := command(c); err != nil {
				t.Fatal(err)
			}
			if p := conn.last(); !strings.HasPrefix(p, "DONE\r\n") || !strings.Contains(p, name) {
				t.Errorf("the last piece is %q", p)
			}
		})
	}
}

// A server that ends IDLE by itself is noticed at once, and gets no DONE, which
// would be an odd command to it.
func TestIdleEndedByTheServer(t *testing.T) {
	conn := serve(t, greeting, func(s *peer, tag, command string) bool {
		switch {
		case tag == "DONE":
			t.Error("DONE went out behind the end of IDLE")
		case command == "IDLE":
			s.say("+ idling\r\n%s OK that is enough\r\n", tag)
			return true
		}
		return ok(s, tag, command)
	})
	e := make(ear, 10)
	c := connectWith(t, conn, Options{Notify: e.hear})
	for range 2 {
		if err := c.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-e
		if err := errors.Join(c.Done(), c.IMAP().Noop().Wait()); err != nil {
			t.Error(err)
		}
	}
}

// Where IDLE is not to be had the session lives on.
func TestIdleRefused(t *testing.T) {
	for _, c := range []struct {
		answer, says string
		forGood      bool
	}{
		{"NO not here", "not here", true},
		{"NO [UNAVAILABLE] not now", "not now", false},
		{"BAD what is that?", "what is that?", true},
		{"OK done", "before it begins", true},
	} {
		client := session(t, on("IDLE", func(s *peer, tag, _ string) bool {
			s.say("%s %s\r\n", tag, c.answer)
			return true
		}))
		err := client.Idle(t.Context())
		_, refused := errors.AsType[*reply.Error](err)
		if errors.Is(err, errors.ErrUnsupported) != c.forGood || refused != (c.answer != "OK done") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error is %v", c.answer, err)
		}
		if err := client.IMAP().Noop().Wait(); err != nil {
			t.Errorf("noop: %v", err)
		}
	}
}

// The connection's end is noticed at once, with the server's last words.
func TestIdleCut(t *testing.T) {
	conn := serve(t, greeting, on("IDLE", func(s *peer, tag, _ string) bool {
		s.say("+ idling\r\n* BYE [UNAVAILABLE] going down\r\n")
		return false
	}))
	e := make(ear, 10)
	c := connectWith(t, conn, Options{Notify: e.hear})
	c.Idle(t.Context())
	<-e
	refusal, _ := errors.AsType[*reply.Error](c.Err())
	if refusal == nil || refusal.Text != "going down" || c.Done() == nil || c.Idle(t.Context()) == nil {
		t.Errorf("error is %v", c.Err())
	}
}

// Nothing is owed in IDLE, so that it may last; after DONE an answer is.
func TestIdleIsQuietUntilDone(t *testing.T) {
	conn := new(quietConn)
	conn.Conn = serve(t, greeting, on("IDLE", func(s *peer, tag, _ string) bool {
		s.say("+ idling\r\n")
		s.br.ReadString('\n')
		if conn.quiet.Load() {
			t.Error("after DONE nothing is expected")
		}
		s.say("%s OK\r\n", tag)
		return true
	}))
	c := connect(t, conn)
	if err := c.Idle(t.Context()); err != nil || !conn.quiet.Load() {
		t.Errorf("in IDLE an answer is expected (%v)", err)
	}
	if err := c.Done(); err != nil || !conn.quiet.Load() {
		t.Errorf("after IDLE an answer is expected (%v)", err)
	}
}

// A deaf peer is one whose connection fails for want of an answer to DONE, as a
// deadline would have it.
type deaf struct{ quietConn }

func (d *deaf) Write(p []byte) (int, error) {
	if string(p) == "DONE\r\n" && !d.quiet.Load() {
		return len(p), d.Conn.Close()
	}
	return d.quietConn.Write(p)
}

// A peer that is gone without a word is found out by DONE.
func TestDoneIsNotAnswered(t *testing.T) {
	conn := &deaf{quietConn{Conn: serve(t, greeting, on("IDLE", func(s *peer, _, _ string) bool {
		s.say("+ idling\r\n")
		return true
	}))}}
	c := connect(t, conn)
	if err := c.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Done(); err == nil || c.Err() == nil {
		t.Errorf("Done: %v, the session ended with %v", err, c.Err())
	}
}

// While a session rests it holds no buffer for lines.
func TestIdleHoldsNoBuffer(t *testing.T) {
	c, _, e := idlesAt(t, "+ idling\r\n* 1 EXISTS\r\n")
	<-e
	if err := c.Done(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	<-c.IMAP().Closed() // the reader has ended
	if c.wire.scan.br != nil {
		t.Error("a buffer is held")
	}
}
