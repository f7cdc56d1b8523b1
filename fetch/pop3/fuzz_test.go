package pop3

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"mailrill/fetch"
)

// turns is a connection to a server that says one piece of data for each line
// that it hears, whatever that is, and leaves when it has no more.
type turns struct {
	net.Conn
	data  [][]byte
	now   bytes.Buffer
	heard bytes.Buffer
}

// turn separates what is said in two turns.
const turn = "\x1e"

func newTurns(data []byte) *turns {
	c := &turns{data: bytes.Split(data, []byte(turn))}
	c.next() // the greeting
	return c
}

func (c *turns) next() {
	if len(c.data) > 0 {
		c.now.Write(c.data[0])
		c.data = c.data[1:]
	}
}

func (c *turns) Read(p []byte) (int, error) { return c.now.Read(p) }

func (c *turns) Write(p []byte) (int, error) {
	c.heard.Write(p)
	for range bytes.Count(p, []byte("\n")) {
		c.next()
	}
	return len(p), nil
}

func (c *turns) Close() error { return nil }

func said(data ...string) []byte {
	return []byte("+OK\r\n" + turn + "-ERR\r\n" + turn + "+OK\r\n" + turn + "+OK\r\n" + turn + "-ERR\r\n" + turn + strings.Join(data, turn))
}

// FuzzListing: whatever a server says, the keys are regular and unique, every
// message is there once or the listing is an error, and nothing panics or QUITs
// after an error.
func FuzzListing(f *testing.F) {
	for _, uidl := range []string{"1 a\r\n2 b\r\n", "1 a\r\n2 a\r\n", "1\r\n", "2 \xa0\r\n1 x y\r\n", "3 x\r\n", "-1 x\r\n", "\r\n", "1 " + strings.Repeat("u", 100) + "\r\n"} {
		f.Add(said("+OK 2 30\r\n", "+OK\r\n1 10\r\n2 20\r\n.\r\n", "+OK\r\n"+uidl+".\r\n", "+OK\r\nMessage-ID: 1\r\n\r\n.\r\n", "+OK\r\n.\r\n", "+OK\r\nx\r\n.\r\n", "-ERR\r\n", "+OK\r\n", "+OK\r\n"))
	}
	f.Add([]byte("+OK\n" + turn + "+OK\nPIPELINING\n.\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		conn := newTurns(data)
		source := New(Options{MaxList: 300, Auth: password("joe", "secret"), Dial: func(context.Context) (net.Conn, error) { return conn, nil }})
		opened, err := source.Connect(t.Context())
		if err != nil {
			return
		}
		s := opened.(*session)
		items, err := openAndList(t.Context(), s)
		if err == nil {
			checkListing(t, s, items)
			err = useAll(t, s, items)
		}
		failed := s.dead != nil
		closed := s.Close(true)
		if quit := strings.Contains(conn.heard.String(), "QUIT\r\n"); failed && (quit || closed == nil) {
			t.Errorf("after %v: QUIT was said: %v, Close(true) returned %v", err, quit, closed)
		}
	})
}

func checkListing(t *testing.T, s *session, items []fetch.Item) {
	seen := map[string]bool{}
	messages := 0
	for _, it := range items {
		if seen[it.Key] || len(it.Key) < 3 || len(it.Key) > 100 || strings.ContainsFunc(it.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("key %q, seen before: %v", it.Key, seen[it.Key])
		}
		seen[it.Key] = true
		messages += len(s.box.numbers(it))
	}
	if messages != s.count {
		t.Errorf("listed %d messages of %d", messages, s.count)
	}
}

func useAll(t *testing.T, s *session, items []fetch.Item) error {
	var due []fetch.Due
	calls := 0
	err := s.Retrieve(t.Context(), items, func(it fetch.Item, _ *fetch.Meta, r io.Reader, err error) error {
		calls++
		if err == nil {
			h := fetch.NewHeaderHash()
			io.Copy(h, r)
			due = append(due, fetch.Due{Key: it.Key, Header: h.Sum()})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if calls != len(items) {
		t.Errorf("fn was called %d times for %d items", calls, len(items))
	}
	_, err = s.Finish(t.Context(), due, deleting)
	return err
}
