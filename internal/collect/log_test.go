package collect

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mailrill/deliver"
)

// logged returns what the log says since it was read last.
func (b *bench) logged() string {
	defer b.logs.Reset()
	return b.logs.String()
}

// What becomes of a single message is told by the pass's result, and is a line of the
// log only where somebody traces it.
func TestMessagesThatFailAreNoLines(t *testing.T) {
	for name, err := range map[string]error{
		"not taken": fmt.Errorf("%w: try later", deliver.ErrNotTaken),
		"unknown":   errors.New("line cut"),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, newMailbox(msgs(50)...))
			b.dst.fate = func(*deliver.Message) (bool, error) { return false, err }
			for range 3 {
				if r := b.pass(); r.Err == nil || !strings.Contains(r.Err.Error(), "50 messages") || !strings.Contains(r.Err.Error(), err.Error()) {
					t.Errorf("the result says %v", r.Err)
				}
				if log := b.logged(); log != "" {
					t.Fatalf("the log says:\n%s", log)
				}
				b.now = b.now.Add(time.Second)
			}
		})
	}
}

// A failed pass names the same message each time, or the log would take it for news.
func TestFirstFailureIsNamed(t *testing.T) {
	for range 5 {
		b := newBench(t, newMailbox(msgs(50)...))
		b.dst.fate = func(m *deliver.Message) (bool, error) {
			return false, fmt.Errorf("%w: busy at %s", deliver.ErrNotTaken, m.Received.Format(time.DateOnly))
		}
		if r := b.pass(); !strings.Contains(r.Err.Error(), "50 messages failed, among them message 7/1 (attempt 2): ") {
			t.Fatalf("the result says %v", r.Err)
		}
	}
}

// A message that is held is told of once, without a word that may be private.
func TestHeldMessageIsOneLine(t *testing.T) {
	b := newBench(t, newMailbox(msgs(20)...))
	b.dst.fate = func(m *deliver.Message) (bool, error) {
		if m.Received.Equal(day(3)) || m.Received.Equal(day(4)) {
			return false, fmt.Errorf("%w: <me@example.org> is over quota", deliver.ErrRejected)
		}
		return true, nil
	}
	b.pass()
	log := b.logged()
	if n := strings.Count(log, "put into the hold"); n != 2 || n != strings.Count(log, "\n") || strings.Contains(log, "example.org") {
		t.Errorf("the log says:\n%s", log)
	}
	if b.pass(); b.logged() != "" {
		t.Error("it is told again")
	}
}

// What the breaker takes back was not held.
func TestTakenBackIsNotCalledHeld(t *testing.T) {
	b := newBench(t, newMailbox(msgs(30)...))
	b.dst.fate = refuseAll
	for range 2 {
		if b.pass(); strings.Contains(b.logs.String(), "hold") {
			t.Fatalf("the log says:\n%s", b.logs.String())
		}
	}
}

// A loop, and mail that has gone, are a line for all of it.
func TestManyMessagesAreOneLine(t *testing.T) {
	b := newBench(t, newMailbox(msgs(10)...))
	b.pass()
	for _, c := range b.dst.copies {
		b.src.add("INBOX", c.body)
	}
	b.pass()
	if log := b.logged(); !strings.Contains(log, "form a loop") || !strings.Contains(log, "messages=10") || strings.Count(log, "\n") != 1 {
		t.Errorf("the log says:\n%s", log)
	}

	b.src.add("INBOX", "one", "two", "three")
	b.dst.fate = func(*deliver.Message) (bool, error) { return false, fmt.Errorf("%w: no", deliver.ErrNotTaken) }
	b.pass()
	b.src.folders["INBOX"] = nil
	b.pass()
	if log := b.logged(); !strings.Contains(log, "gone from the source") || !strings.Contains(log, "messages=3") || strings.Count(log, "\n") != 1 {
		t.Errorf("the log says:\n%s", log)
	}
}
