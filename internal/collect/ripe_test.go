package collect

import (
	"context"
	"errors"
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
