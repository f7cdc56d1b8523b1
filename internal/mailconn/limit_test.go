package mailconn

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"

	"mailrill/internal/reply"
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
	if l.free != 0 {
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
	if d.Limit.free != 1 {
		t.Fatalf("%d places are free", d.Limit.free)
	}

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

// resting makes a connection rest, and returns it with what is closed when it is
// given up.
func resting(t *testing.T, d *Dialer) (*Conn, <-chan struct{}) {
	t.Helper()
	dropped := make(chan struct{})
	c := mustDial(t, d).(*Conn)
	c.Rest(func() { close(dropped) })
	return c, dropped
}

// isOver reports whether what is closed in the end is closed now.
func isOver(over <-chan struct{}) bool {
	select {
	case <-over:
		return true
	default:
		return false
	}
}

// TestRestGivesWay: of those that rest, the one that has rested longest, and only
// when nothing is free; its place is taken once it is closed.
func TestRestGivesWay(t *testing.T) {
	d := silent(t, NewLimit(3))
	first, firstDropped := resting(t, d)
	second, secondDropped := resting(t, d)
	mustDial(t, d)
	if isOver(firstDropped) || isOver(secondDropped) {
		t.Fatal("one that rests was given up though a place was free")
	}
	if err := first.Work(); err != nil {
		t.Fatal(err)
	}
	first.Rest(nil) // it has rested for a shorter time now
	mustDial(t, d)
	<-secondDropped
	if err := second.Work(); !errors.Is(err, ErrGivenUp) || reply.ClassOf(err) != reply.Network {
		t.Errorf("Work: %v", err)
	}
	if _, err := second.Read(make([]byte, 1)); !errors.Is(err, ErrGivenUp) {
		t.Errorf("Read: %v", err)
	}
	second.Rest(nil)
	if err := first.Work(); err != nil {
		t.Errorf("the other one was given up, too: %v", err)
	}
}

// TestWorkIsNotDisturbed: who waits does so until a connection rests, which is given
// up at once then, or until one is closed.
func TestWorkIsNotDisturbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimit(2)
		one, two := enterNow(t, l), enterNow(t, l)
		third, fourth := enterLater(t, l), enterLater(t, l)
		synctest.Wait()
		if isOver(third.came) {
			t.Fatal("there are three")
		}
		one.rest(one.leave)
		synctest.Wait()
		if !isOver(third.came) || isOver(fourth.came) || one.work() == nil {
			t.Fatal("one that rests did not give way to who has waited longest")
		}
		two.rest(func() {}) // its connection is not closed yet
		synctest.Wait()
		if isOver(fourth.came) {
			t.Fatal("a place was taken before its connection was closed")
		}
		two.leave()
		<-fourth.came
	})
}

// TestOneForEachWhoWaits: no more connections are given up than there are waiting.
func TestOneForEachWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, calls := NewLimit(3), 0
		var places []*place
		for range 3 {
			p := enterNow(t, l)
			p.rest(func() { calls++ })
			places = append(places, p)
		}
		waiting := enterLater(t, l)
		synctest.Wait()
		places[1].work()
		places[1].rest(func() { calls++ })
		synctest.Wait()
		if calls != 1 {
			t.Fatalf("%d connections were given up for one who waits", calls)
		}
		waiting.stop()
		synctest.Wait()
		places[0].leave()
		if l.free != 1 || l.leaving != 0 {
			t.Errorf("%d places are free, %d on their way out", l.free, l.leaving)
		}
	})
}

// TestGivenUpWaitPassesOn: a place that comes to one who waits no more goes to the
// next.
func TestGivenUpWaitPassesOn(t *testing.T) {
	l := NewLimit(1)
	p := enterNow(t, l)
	turn, next := l.queue(), l.queue()
	p.leave()
	l.giveUp(turn)
	if !isOver(next) {
		t.Error("the place was lost")
	}
	l.giveUp(next)
	if l.free != 1 {
		t.Errorf("%d places are free", l.free)
	}
}

// TestAllow: a limit that is raised lets in who waits, and one that is lowered waits
// for those to go that are too many.
func TestAllow(t *testing.T) {
	l := NewLimit(1)
	first := enterNow(t, l)
	turn, next := l.queue(), l.queue()
	if l.Allow(2); !isOver(turn) || isOver(next) {
		t.Fatal("one more was allowed")
	}
	l.Allow(1)
	if first.leave(); isOver(next) {
		t.Fatal("there are more than are allowed")
	}
	l.giveUp(turn)
	if !isOver(next) {
		t.Error("the place was lost")
	}
	l.giveUp(next)
	if l.Allow(3); l.free != 3 {
		t.Errorf("%d places are free", l.free)
	}
}

// TestAllowFewerThanRest: where a limit was lowered below those that rest, as many of
// them are given up as it takes to let in who waits.
func TestAllowFewerThanRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimit(4)
		for range 4 {
			p := enterNow(t, l)
			p.rest(p.leave)
		}
		l.Allow(2)
		first, second := enterLater(t, l), enterLater(t, l)
		synctest.Wait()
		if !isOver(first.came) || !isOver(second.came) {
			t.Errorf("one waits on: %d free, %d rest, %d on their way out", l.free, len(l.resting), l.leaving)
		}
		if l.free != 0 || len(l.resting) != 0 || l.leaving != 0 {
			t.Errorf("%d free, %d rest, %d on their way out", l.free, len(l.resting), l.leaving)
		}
	})
}

// TestClosedIsNoRest: a connection that was closed while it rested is not called
// back, nor taken for one that may work.
func TestClosedIsNoRest(t *testing.T) {
	l := NewLimit(1)
	d := silent(t, l)
	c, dropped := resting(t, d)
	c.Close()
	if err := c.Work(); err == nil {
		t.Error("a closed connection may work")
	}
	mustDial(t, d)
	if isOver(dropped) || len(l.resting) != 0 {
		t.Error("it still rests")
	}
}

// TestNoLimit: a connection under none rests and works as it likes.
func TestNoLimit(t *testing.T) {
	c, dropped := resting(t, silent(t, nil))
	if err := c.Work(); err != nil || isOver(dropped) {
		t.Error(err)
	}
}

func enterNow(t *testing.T, l *Limit) *place {
	t.Helper()
	p, err := l.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A waiter waits for a place.
type waiter struct {
	came chan struct{} // closed when there is one
	stop context.CancelFunc
}

func enterLater(t *testing.T, l *Limit) *waiter {
	ctx, stop := context.WithCancel(t.Context())
	w := &waiter{make(chan struct{}), stop}
	t.Cleanup(stop)
	go func() {
		if _, err := l.enter(ctx); err == nil {
			close(w.came)
		}
	}()
	synctest.Wait()
	return w
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
