package push

import (
	"context"
	"errors"
	"net"
	"testing"

	imapsrc "mailrill/fetch/imap"
	"mailrill/internal/mailconn"
	"mailrill/internal/mailtest"
	"mailrill/internal/sasl"
)

// limited has r's line dial under a limit, and returns another line like it.
func (r *rig) limited(l *mailconn.Limit) (other *Line) {
	r.t.Helper()
	conn, err := r.dial(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	conn.Close()
	addr := conn.RemoteAddr().(*net.TCPAddr)
	source := imapsrc.New(imapsrc.Options{
		Dial: (&mailconn.Dialer{Protocol: "imap", Host: addr.IP.String(), Port: addr.Port, TLS: mailconn.None, Limit: l}).Dial,
		Auth: sasl.Password("u", func(context.Context) (string, error) { return "p", nil }),
	})
	r.line = New(r.t.Context(), source, "INBOX")
	return New(r.t.Context(), source, "INBOX")
}

// A line that rests does not keep a place from a pass; one that a pass has is not
// disturbed.
func TestLineGivesWay(t *testing.T) {
	r := newRig(t, &mailtest.IMAP{}, 1)
	other := r.limited(mailconn.NewLimit(1))
	for range 2 {
		r.pass(r.line.All())
		waited := make(chan error)
		go func() { waited <- r.line.Wait(t.Context()) }()
		r.server.AwaitIdle(1)
		r.pass(other.All())
		if err := <-waited; !errors.Is(err, mailconn.ErrGivenUp) || r.line.Connected() {
			t.Fatalf("Wait: %v; connected: %v", err, r.line.Connected())
		}
	}
	kept := r.server.Sessions()
	s, err := other.All().Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := r.line.All().Connect(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a line at work has given way: %v", err)
	}
	if err := s.Close(true); err != nil || r.server.Sessions() != kept {
		t.Errorf("%d sessions in place of %d: %v", r.server.Sessions(), kept, err)
	}
}

// A line that was given up and has not noticed yet makes a new session for the next
// pass, and keeps it.
func TestLineWasGivenUp(t *testing.T) {
	s := &stub{}
	l := New(t.Context(), s, "INBOX")
	for range 2 {
		session, err := l.All().Connect(t.Context())
		if err != nil || session.Close(true) != nil {
			t.Fatal(err)
		}
		if _, kept := session.(*visit); !kept {
			t.Error("a session is not kept")
		}
		s.gone = mailconn.ErrGivenUp
	}
	if s.connected != 2 {
		t.Errorf("connected %d times", s.connected)
	}
}
