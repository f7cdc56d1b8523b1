package collect

import (
	"context"
	"errors"
	"testing"
)

// A stop is no failure, also where a message failed before, or a limit is used up: the
// pass has not come to them.
func TestStopLeavesWhatWaits(t *testing.T) {
	b := newBench(t, newMailbox(msgs(1)...))
	b.src.refuse = func(string) error { return errors.New("not now") }
	if r := b.pass(); r.Err == nil {
		t.Fatal("nothing has failed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if rep := b.c.Pass(ctx, b.a, Options{}); !rep.Stopped || rep.Err() != nil {
		t.Errorf("stopped %v, %v", rep.Stopped, rep.Err())
	}
	if r := b.pass(); r.Err == nil {
		t.Error("the next pass says nothing of it")
	}
}
