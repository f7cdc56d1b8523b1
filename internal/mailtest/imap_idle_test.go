package mailtest

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
)

// An idling is a client that has logged in and entered IDLE.
type idling struct {
	t *testing.T
	net.Conn
	br *bufio.Reader
}

func idleAt(t *testing.T, addr string) *idling {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &idling{t, conn, bufio.NewReader(conn)}
	fmt.Fprint(c, "a LOGIN u p\r\nb EXAMINE INBOX\r\nc IDLE\r\n")
	c.until("+ idling")
	return c
}

// until reads up to a line that begins with one of these.
func (c *idling) until(begin string) {
	c.t.Helper()
	for {
		line, err := c.br.ReadString('\n')
		if err != nil {
			c.t.Fatalf("waiting for %q: %v", begin, err)
		}
		if strings.HasPrefix(line, begin) {
			return
		}
	}
}

func startIdle(t *testing.T) (*IMAP, string) {
	t.Helper()
	s := &IMAP{Store: NewStore(), User: "u", Password: "p"}
	addr, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, addr
}

// What is added, and what a test pushes, is told to those in IDLE.
func TestIdleTells(t *testing.T) {
	s, addr := startIdle(t)
	a, b := idleAt(t, addr), idleAt(t, addr)
	s.AwaitIdle(2)
	s.Store.Add("INBOX", Message{Body: []byte("a: b\r\n\r\n")})
	for _, c := range []*idling{a, b} {
		c.until("* 1 EXISTS")
	}
	s.Push("* 7 EXISTS\n* 2 EXISTS")
	for _, c := range []*idling{a, b} {
		c.until("* 7 EXISTS")
		c.until("* 2 EXISTS")
		fmt.Fprint(c, "DONE\r\nd NOOP\r\n")
		c.until("c OK")
		c.until("d OK")
	}
}

// A server that ends IDLE by itself goes on with what the client says next.
func TestIdleEnded(t *testing.T) {
	s, addr := startIdle(t)
	c := idleAt(t, addr)
	s.AwaitIdle(1)
	s.EndIdle()
	c.until("c OK")
	s.Push("* 9 EXISTS") // to nobody
	fmt.Fprint(c, "d IDLE\r\n")
	c.until("+ idling")
	fmt.Fprint(c, "DONE\r\n")
	c.until("d OK")
}

// A restart cuts all, and the server is where it was.
func TestRestart(t *testing.T) {
	s, addr := startIdle(t)
	c := idleAt(t, addr)
	for range 2 {
		if err := s.Restart(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.br.ReadString('\n'); err == nil {
			t.Error("the session goes on")
		}
		c = idleAt(t, addr)
		s.AwaitIdle(1)
	}
	s.Close()
	if err := s.Restart(); err != nil {
		t.Errorf("after Close: %v", err)
	}
	idleAt(t, addr)
}
