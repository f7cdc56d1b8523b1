package mailconn

import (
	"context"
	"errors"
	"net"
	"testing"
)

// silent returns a Dialer to a server that takes connections and says nothing.
func silent(t *testing.T, l *Limit) *Dialer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &Dialer{Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, TLS: None, Limit: l}
}

func mustDial(t *testing.T, d *Dialer) net.Conn {
	t.Helper()
	conn, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestLimit: a connection too many waits for one that ends.
func TestLimit(t *testing.T) {
	l := NewLimit(2)
	d := silent(t, l)
	first := mustDial(t, d)
	mustDial(t, d)
	if l.free.TryAcquire(1) {
		t.Fatal("a third connection may be made")
	}

	came := make(chan error)
	go func() {
		conn, err := d.Dial(t.Context())
		if err == nil {
			conn.Close()
		}
		came <- err
	}()
	first.Close()
	if err := <-came; err != nil {
		t.Error(err)
	}
}

// TestLimitCountsWhatIsOpen: neither one that was not made, nor one that was cut,
// nor one that was closed twice.
func TestLimitCountsWhatIsOpen(t *testing.T) {
	d := silent(t, NewLimit(1))
	nobody := *d
	nobody.Port = closedPort(t)
	if _, err := nobody.Dial(t.Context()); err == nil {
		t.Fatal("connected to nobody")
	}
	rude := *d
	rude.Port = serve(t, func(*peer, net.Conn) {}).port()
	rude.TLS = Implicit
	if _, err := rude.Dial(t.Context()); err == nil {
		t.Fatal("a server that hangs up has TLS")
	}
	conn := mustDial(t, d)
	conn.Close()
	conn.Close()

	ctx, cut := context.WithCancel(t.Context())
	if _, err := d.Dial(ctx); err != nil {
		t.Fatal(err)
	}
	cut()
	mustDial(t, d)
}

// TestLimitEndsWithItsContext: who waits for a place can be told to stop.
func TestLimitEndsWithItsContext(t *testing.T) {
	d := silent(t, NewLimit(1))
	mustDial(t, d)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := d.Dial(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func closedPort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}
