package collect

import (
	"fmt"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/fetch"
	"mailrill/internal/reply"
)

// Whatever a server does, a pass ends.
func TestPassEnds(t *testing.T) {
	refusal := &reply.Error{Protocol: "pop3", Command: "RETR", Text: "no"}
	always := func(string) bool { return true }
	for _, tc := range []struct {
		name string
		odd  func(m *mailbox)
	}{
		{"a window that stays where it is", func(m *mailbox) { m.stuck = true }},
		{"new keys in each session", func(m *mailbox) { m.newKeys = true }},
		{"new keys, and a window that stays", func(m *mailbox) { m.newKeys, m.stuck = true, true }},
		{"new keys, every message refused", func(m *mailbox) { m.newKeys, m.refuse = true, func(string) error { return refusal } }},
		{"new keys, every message without a body", func(m *mailbox) { m.newKeys, m.refuse = true, func(string) error { return fetch.ErrNoBody } }},
		{"new keys, the line breaks in every message", func(m *mailbox) { m.newKeys, m.cutAt = true, always }},
		{"the line breaks in every message", func(m *mailbox) { m.cutAt = always }},
		{"the server hangs up at once", func(m *mailbox) { m.hangUp = always }},
		{"new keys, and the server hangs up in the middle", func(m *mailbox) {
			m.newKeys, m.hangUp = true, func(string) bool { return m.served%3 == 2 }
		}},
	} {
		for _, window := range []int{0, 5} {
			t.Run(fmt.Sprint(tc.name, " window ", window), func(t *testing.T) {
				b := newBench(t, newMailbox(msgs(12)...))
				b.src.stable, b.src.window = false, window
				tc.odd(b.src)
				b.pass()
				if b.src.sessions > 3*vainLimit {
					t.Errorf("%d sessions", b.src.sessions)
				}
				sessions := b.src.sessions
				b.src.refuse, b.src.cutAt, b.src.hangUp, b.src.newKeys, b.src.stuck = nil, nil, nil, false, false
				b.now = b.now.Add(5 * time.Hour)
				b.pass()
				b.pass() // a window that opened only at the end
				b.wantArrived(msgs(12)...)
				if b.src.sessions > sessions+10 {
					t.Errorf("%d more sessions", b.src.sessions-sessions)
				}
			})
		}
	}
}

// A destination whose line breaks before each message, and which can be had
// again each time: nothing is learnt, so the pass ends.
func TestLineThatTakesNothing(t *testing.T) {
	b := newBench(t, newMailbox(msgs(3)...))
	cut := fmt.Errorf("%w: %w", deliver.ErrNotTaken, &netError{})
	b.dst.fate = func(*deliver.Message) (bool, error) { return false, cut }
	r := b.pass()
	if reply.ClassOf(r.Err) != reply.Network || !FromDestination(r.Err) || b.src.sessions > quietLimit {
		t.Fatalf("%+v after %d sessions", r, b.src.sessions)
	}
	b.dst.fate = nil
	b.pass()
	b.wantArrived(msgs(3)...)
}

// It takes one message on each connection: the pass goes on for as long as it
// brings something.
func TestLineThatTakesOneMessage(t *testing.T) {
	b := newBench(t, newMailbox(msgs(9)...))
	taken := map[int]bool{}
	b.dst.fate = func(*deliver.Message) (bool, error) {
		if taken[b.src.sessions] {
			return false, fmt.Errorf("%w: %w", deliver.ErrNotTaken, &netError{})
		}
		taken[b.src.sessions] = true
		return true, nil
	}
	if r := b.pass(); r.Err != nil || r.Delivered != 9 {
		t.Fatalf("%+v", r)
	}
}

// netError is an error of the network.
type netError struct{}

func (*netError) Error() string   { return "connection reset" }
func (*netError) Timeout() bool   { return false }
func (*netError) Temporary() bool { return false }

// An OK without a body may count as retrieved: where that hides the message, the
// session must not end with QUIT.
func TestNoBodyKeepsFromQuit(t *testing.T) {
	b := newBench(t, newMailbox(msgs(4)...))
	b.src.stable, b.src.window = false, 10
	b.src.refuse = func(key string) error {
		if key == "u:2" {
			return fmt.Errorf("RETR: %w", fetch.ErrNoBody)
		}
		return nil
	}
	b.pass()
	if b.src.folders["INBOX"][1].popped {
		t.Fatal("a message that nobody has was hidden at its source")
	}
	b.src.refuse, b.now = nil, b.now.Add(time.Hour)
	b.pass()
	b.wantArrived(msgs(4)...)
}
