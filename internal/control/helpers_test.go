package control

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"
)

// serve has s answer at a socket of its own, and returns its folder. stop ends it,
// and waits for that.
func serve(t *testing.T, s *Server) (dir string, stop func()) {
	t.Helper()
	dir = t.TempDir()
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	l, err := Listen(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { s.Serve(ctx, l) })
	stop = sync.OnceFunc(func() {
		cancel()
		all.Wait()
	})
	t.Cleanup(stop)
	return dir, stop
}

// only is a server that knows one request.
func only(do Verb, h Handler) *Server { return &Server{Handlers: map[Verb]Handler{do: h}} }

// ask asks as commands do.
func ask(t *testing.T, dir string, r Request) (events []*Event, exit int, err error) {
	t.Helper()
	c, err := Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	exit, err = c.Ask(t.Context(), &r, func(e *Event) { events = append(events, e) })
	return events, exit, err
}

// raw connects without manners.
func raw(t *testing.T, dir string) net.Conn {
	t.Helper()
	conn, err := dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	// So that a test that fails does not hang.
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func write(t *testing.T, conn net.Conn, s string) {
	t.Helper()
	if _, err := conn.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
}
