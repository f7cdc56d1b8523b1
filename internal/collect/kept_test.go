package collect

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"mailrill/deliver"
)

// QUIT hides at Gmail what was retrieved. What an earlier window put into the
// hold is taken back no more when the breaker trips in a later one: at its source
// it could not be collected again.
func TestBreakerLeavesWhatQuitHasHidden(t *testing.T) {
	b := newBench(t, newMailbox(msgs(40)...))
	b.src.stable, b.src.window = false, 30
	n := 0
	b.dst.fate = func(*deliver.Message) (bool, error) {
		if n++; n <= 5 || n > 30 {
			return false, fmt.Errorf("%w: policy", deliver.ErrRejected)
		}
		return true, nil
	}
	if r := b.pass(); !errors.Is(r.Err, errBreaker) {
		t.Fatalf("%+v", r)
	}
	held, err := b.c.Hold.List("acct")
	if err != nil || len(held) != 5 {
		t.Fatalf("%d messages in the hold, want the first window's 5 (%v)", len(held), err)
	}
	b.dst.fate = nil
	b.pass()
	if got := len(b.dst.copies) + len(held); got != 40 {
		t.Errorf("%d messages are at the destination or in the hold, of 40", got)
	}
}

// The breaker trips in the second folder: what it takes back of the first lies
// below that folder's floor, and is collected by the next pass all the same.
func TestBreakerTakesBackBelowTheFloor(t *testing.T) {
	b := newBench(t, newMailbox(msgs(60)...))
	b.takesBack()
	if strings.Contains(b.logs.String(), "gone from the source") {
		t.Error("messages that are there were called gone")
	}
}

// takesBack has the breaker trip behind 60 messages, and wants all of them to
// arrive with the next pass.
func (b *bench) takesBack() {
	b.t.Helper()
	b.src.add("Label", "one", "two", "three")
	n := 0
	b.dst.fate = func(m *deliver.Message) (bool, error) {
		if n++; n <= 12 || n > 60 {
			return false, fmt.Errorf("%w: policy", deliver.ErrRejected)
		}
		return true, nil
	}
	if r := b.pass(); !errors.Is(r.Err, errBreaker) || r.Held != 0 {
		b.t.Fatalf("%+v", r)
	}
	b.dst.fate = nil
	b.pass()
	b.wantArrived(append(msgs(60), "one", "two", "three")...)
}
