package collect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"mailrill/deliver"
)

// The wait for a doubt ends just when it is ripe, whatever fraction of a
// millisecond the process began at: a pass that waited also sends it again.
func TestWaitEndsWithTheDoubt(t *testing.T) {
	b := newBench(t, newMailbox(msgs(2)...))
	b.dst.fate = func(*deliver.Message) (bool, error) { return false, errors.New("killed") }
	ctx, cancel := context.WithCancel(context.Background())
	b.dst.onSent = cancel
	b.c.Pass(ctx, b.a, Options{})
	b.dst.fate, b.dst.onSent = nil, nil
	b.now = b.now.Add(time.Minute + 700*time.Microsecond)
	b.restart()
	if r := b.pass(); r.Err != nil {
		t.Fatalf("%+v\n%s", r, b.logs.String())
	}
	b.wantArrived(msgs(2)...)
}

// The disk was full when a delivery's end was to be recorded, or the process died
// and came back within the moment: there is a grace all the same.
func TestDoubtWhoseEndWasNotRecorded(t *testing.T) {
	b := newBench(t, newMailbox("m"))
	b.dst.onSent = func() { b.c.Ledger.Close() }
	b.pass()
	b.dst.onSent, b.dst.late = nil, 1
	b.restart()
	sleep := b.c.Sleep
	b.c.Sleep = func(ctx context.Context, d time.Duration) error { b.dst.late = 0; return sleep(ctx, d) }
	if r := b.pass(); r.Err != nil {
		t.Fatalf("%+v", r)
	}
	b.wantArrived("m")
}

// The clock was set back by less than the grace: while the pass waits it comes by
// the time at which the doubt was begun, and the wait is still long enough.
func TestClockSetBackALittle(t *testing.T) {
	b := newBench(t, newMailbox("m"))
	b.dst.fate = func(*deliver.Message) (bool, error) { return false, errCut }
	b.dst.onSent = func() { b.c.Ledger.Close() }
	b.pass()
	b.dst.fate, b.dst.onSent = nil, nil
	b.now = b.now.Add(-5 * time.Second)
	b.restart()
	if r := b.pass(); r.Err != nil {
		t.Fatalf("%+v", r)
	}
	b.wantArrived("m")
}

// A deadline of ours has passed, and the server is still at work on the message:
// it has stored it half a minute later. No pass before sends it again.
func TestTimeoutHasALongGrace(t *testing.T) {
	b := newBench(t, newMailbox("m"))
	b.dst.late = 1
	sent := 0
	b.dst.fate = func(*deliver.Message) (bool, error) {
		sent++
		return true, fmt.Errorf("read the answer: %w", os.ErrDeadlineExceeded)
	}
	for range 3 {
		b.pass()
		b.now = b.now.Add(10 * time.Second)
	}
	b.dst.late = 0
	b.now = b.now.Add(time.Minute)
	if r := b.pass(); r.Err != nil || sent != 1 {
		t.Errorf("sent %d times, %+v", sent, r)
	}
	b.wantArrived("m")
}
