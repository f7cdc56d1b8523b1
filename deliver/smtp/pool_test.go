package smtp

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"mailrill/deliver"
	"mailrill/internal/mailtest"
)

// TestPanic: a panic, be it of done or of a message, on whatever goroutine, is one of
// Deliver, and no connection is left open.
func TestPanic(t *testing.T) {
	for _, offers := range []string{"PIPELINING", flying} {
		for at := range 4 {
			for _, k := range []int{0, 1, 2, 3} { // 3: done panics, else the k-th opening
				p := &peer{offers: offers}
				o := p.options(t)
				var opened atomic.Int64
				o.Dial = counted(o.Dial, &opened)
				d, ms := New(o), letters(4)
				if k < 3 {
					ms[at] = spool(ms[at], k, nil)
				}
				if !panics(func() {
					d.Deliver(t.Context(), deliver.Batch(ms...), func(m *deliver.Message, _ deliver.Receipt, err error) {
						if k == 3 && m == ms[at] {
							panic("done")
						}
					})
				}) {
					t.Errorf("%s: the panic of message %d is lost", offers, at)
				}
				if d.idle != nil || opened.Load() != 0 {
					t.Errorf("%s, message %d: %d connections are left", offers, at, opened.Load())
				}
				checkWire(t, p, append(letters(4), ms[0]))
			}
		}
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

// counted counts the connections that are open.
func counted(dial func(context.Context) (net.Conn, error), n *atomic.Int64) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err == nil {
			n.Add(1)
			conn = &countedConn{Conn: conn, n: n}
		}
		return conn, err
	}
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

// TestNothingLeftOpen: of several connections one is kept, until Close.
func TestNothingLeftOpen(t *testing.T) {
	s := &mailtest.SMTP{LMTP: true}
	o := startServer(t, s)
	var opened atomic.Int64
	o.Connections, o.Dial = 4, counted(o.Dial, &opened)
	d := open(t, o)
	for range 3 {
		send(t, d, letters(200)...)
		if opened.Load() != 1 {
			t.Errorf("%d connections stand", opened.Load())
		}
	}
	if d.Close(); opened.Load() != 0 || len(s.Received()) != 600 {
		t.Errorf("%d connections are left, %d messages came", opened.Load(), len(s.Received()))
	}
}

// TestContextInFlight cuts several connections at work. What was called stored has
// been stored, what was called not taken has not.
func TestContextInFlight(t *testing.T) {
	for at := range 40 {
		ctx, cancel := context.WithCancel(t.Context())
		s := &mailtest.SMTP{LMTP: true}
		o := startServer(t, s)
		var opened atomic.Int64
		o.Connections, o.Dial = 4, counted(o.Dial, &opened)
		d, ms := New(o), letters(200)
		fates := map[*deliver.Message]string{}
		err := d.Deliver(ctx, deliver.Batch(ms...), func(m *deliver.Message, _ deliver.Receipt, err error) {
			if fates[m] += fateOf(err); len(fates) == at+1 {
				cancel()
			}
		})
		cancel()
		d.Close()
		s.Settle()
		if err == nil && len(s.Received()) < len(ms) || opened.Load() != 0 { // all may have been answered before the cut
			t.Errorf("cut at %d: %v, %d connections are left", at, err, opened.Load())
		}
		var bodies []string
		for _, r := range s.Received() {
			bodies = append(bodies, string(r.Body))
		}
		for i, m := range ms {
			switch there := slices.Contains(bodies, octets(t, m)); {
			case fates[m] == "unknown network", fates[m] == "stored" && there, strings.HasPrefix(fates[m], "not taken network") && !there:
			default:
				t.Errorf("cut at %d: message %d is %q, and arrived: %v", at, i, fates[m], there)
			}
		}
	}
}
