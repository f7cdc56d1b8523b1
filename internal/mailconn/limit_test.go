package mailconn

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"mailrill/internal/reply"
)

// silent returns a Dialer to a server that takes connections and says nothing.
func silent(t *testing.T, l *Limit, timeout time.Duration) *Dialer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &Dialer{Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, TLS: None, Timeout: timeout, Limit: l}
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

// TestLimit: a connection too many waits for one that ends, and not for ever.
func TestLimit(t *testing.T) {
	l := NewLimit(2)
	patient, hasty := silent(t, l, 0), silent(t, l, time.Nanosecond)
	first := mustDial(t, patient)
	mustDial(t, patient)
	_, err := hasty.Dial(t.Context())
	wantError(t, err, reply.Temporary, "all connections that max_connections allows (2) are in use")

	came := make(chan error)
	go func() {
		conn, err := patient.Dial(t.Context())
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
	d := silent(t, NewLimit(1), 0)
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
	d := silent(t, NewLimit(1), 0)
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
