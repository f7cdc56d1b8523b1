package collect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/internal/fsx"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

func refuseAll(*deliver.Message) (bool, error) {
	return false, fmt.Errorf("%w: policy", deliver.ErrRejected)
}

// Further source copies of what was taken back are taken back with it: a row
// that went on saying HELD would keep the message from ever being delivered.
func TestBreakerTakesBackCopies(t *testing.T) {
	b := newBench(t, newMailbox(msgs(30)...))
	b.src.add("Label", msgs(30)...)
	b.dst.fate = refuseAll
	if r := b.pass(); !errors.Is(r.Err, errBreaker) || r.Held != 0 || b.states()[ledger.Held] != 0 {
		t.Fatalf("%+v %v", r, b.states())
	}
	b.dst.fate = nil
	b.pass()
	b.wantArrived(msgs(30)...)
}

func TestBreakerTakesBackCopiesThatFollow(t *testing.T) {
	var twins []string
	for _, m := range msgs(6) {
		twins = append(twins, m, m)
	}
	b := newBench(t, newMailbox(twins...))
	b.dst.fate = refuseAll
	if r := b.pass(); !errors.Is(r.Err, errBreaker) || b.states()[ledger.Held] != 0 {
		t.Fatalf("%+v %v", r, b.states())
	}
	b.dst.fate = nil
	b.pass()
	b.wantArrived(msgs(6)...)
}

// A hold that cannot be read is not one that holds nothing.
func TestHoldThatCannotBeRead(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	h := NewHold(fsx.FS{}, filepath.Join(state, "hold"))
	if all, err := h.List(""); len(all) > 0 || err != nil {
		t.Errorf("before there is any: %v, %v", all, err)
	}
	if err := os.WriteFile(state, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.List(""); reply.ClassOf(err) != reply.IO {
		t.Errorf("in a plain file: %v", err)
	}
}

// "20 %" is of the pass, not of the folder in which the last refusal came.
func TestBreakerLooksAtTheWholePass(t *testing.T) {
	b := newBench(t, newMailbox(msgs(90)...))
	b.src.add("Small", "a", "b")
	b.dst.fate = func(m *deliver.Message) (bool, error) {
		if n := m.Received.Sub(day(1)) / (24 * time.Hour); n < 6 || n == 90 {
			return refuseAll(m)
		}
		return true, nil
	}
	if r := b.pass(); r.Held != 7 || r.Delivered != 85 {
		t.Fatalf("%+v\n%s", r, b.logs.String())
	}
}

// What is put aside because of its size says nothing about the destination.
func TestBreakerCountsTheDestinationsRefusalsOnly(t *testing.T) {
	b := newBench(t, newMailbox(msgs(30)...))
	b.src.stable, b.src.window, b.a.MaxSize = false, 100, 10
	b.src.add("INBOX", "tiny")
	b.dst.fate = refuseAll
	if r := b.pass(); r.Held != 31 {
		t.Fatalf("%+v", r)
	}
}

// The answer to a retry is lost: the destination is asked before the next one.
func TestRetryOfAHeldMessageWhoseAnswerWasLost(t *testing.T) {
	b := newBench(t, newMailbox("m"))
	b.dst.fate = refuseAll
	b.pass()
	held, _ := b.c.Hold.List("acct")
	ids := []string{held[0].ID}
	b.dst.fate = func(*deliver.Message) (bool, error) { return true, errors.New("line cut") }
	if n, err := b.c.RetryHeld(context.Background(), b.a, ids); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	b.dst.fate = nil
	if n, err := b.c.RetryHeld(context.Background(), b.a, ids); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	b.wantArrived("m")
}

// A message on which the destination breaks each time goes into the hold in the
// end, and from there nothing is sent that has arrived.
func TestMessageThatBreaksTheDestinationIsHeld(t *testing.T) {
	b := newBench(t, newMailbox(msgs(5)...))
	b.dst.fate = func(m *deliver.Message) (bool, error) {
		if m.Received.Equal(day(2)) {
			return false, errors.New("line cut")
		}
		return true, nil
	}
	for range 2 * holdAfter {
		b.pass()
		b.now = b.now.Add(time.Minute)
	}
	if n := b.states(); n[ledger.Held] != 1 || n[ledger.Delivered] != 4 {
		t.Fatalf("%v", n)
	}
	b.dst.fate, b.now = nil, b.now.Add(5*time.Hour)
	b.pass()
	b.wantArrived(msgs(5)...)
}

// Messages in doubt that the breaker takes back are asked about before they are
// sent again.
func TestBreakerKeepsDoubtsDoubtful(t *testing.T) {
	b := newBench(t, newMailbox(msgs(30)...))
	b.dst.fate = func(*deliver.Message) (bool, error) { return false, errors.New("line cut") }
	tripped := false
	for range holdAfter {
		tripped = tripped || errors.Is(b.pass().Err, errBreaker)
		b.now = b.now.Add(time.Minute)
	}
	for key, row := range b.rows() {
		if row.State != ledger.Intent {
			t.Fatalf("%s: %v", key, row.State)
		}
	}
	if !tripped {
		t.Fatal("the breaker was not needed")
	}
}

func TestHoldFull(t *testing.T) {
	b := newBench(t, newMailbox(msgs(2)...))
	b.src.stable, b.src.window = false, 5
	b.c.Hold.max = 10
	b.dst.fate = refuseAll
	if r := b.pass(); !errors.Is(r.Err, ErrHoldFull) || b.src.folders["INBOX"][0].popped {
		t.Fatalf("%+v", r)
	}
	b.dst.fate = nil
	b.now = b.now.Add(time.Minute)
	b.pass()
	b.wantArrived(msgs(2)...)
}

// A hold that cannot be written keeps the message at its source.
func TestHoldOnABrokenDisk(t *testing.T) {
	for _, op := range []string{"create", "write", "sync", "close", "rename", "syncdir", "mkdir"} {
		b := newBench(t, newMailbox(msgs(1)...))
		b.src.stable, b.src.window = false, 5
		broken := true
		b.c.Hold = NewHold(fsx.FS{Fault: func(o, _ string) error {
			if broken && o == op {
				return errors.New("input/output error")
			}
			return nil
		}}, b.dir+"/hold")
		b.dst.fate = refuseAll
		if r := b.pass(); r.Err == nil || b.src.folders["INBOX"][0].popped {
			t.Fatalf("%s: %+v", op, r)
		}
		broken, b.now = false, b.now.Add(time.Minute)
		if r := b.pass(); r.Held+r.AlreadyThere == 0 || !b.src.folders["INBOX"][0].popped {
			t.Fatalf("%s: %+v", op, r)
		}
	}
}

// What a broken disk did not make durable is not taken for held: the source copy
// would go, and a power cut take the other.
func TestHoldIsBelievedOnlyWhenDurable(t *testing.T) {
	failing := ""
	h := NewHold(fsx.FS{Fault: func(op, _ string) error {
		if op == failing {
			return errors.New("input/output error")
		}
		return nil
	}}, t.TempDir()+"/hold")
	e := Entry{Account: "a", ID: "id", Size: 4}
	if err := h.Put(Entry{Account: "a", ID: "first"}, strings.NewReader("mail")); err != nil {
		t.Fatal(err)
	}
	failing = "syncdir"
	if err := h.Put(e, strings.NewReader("mail")); err == nil {
		t.Fatal("put without syncing the folder")
	}
	failing = ""
	if has, err := h.Has("a", "id"); has || err != nil {
		t.Fatalf("behind a Put that failed: %v, %v", has, err)
	}
	if err := h.Put(e, strings.NewReader("mail")); err != nil {
		t.Fatal(err)
	}
	failing = "syncdir"
	if has, err := h.Has("a", "id"); has || err == nil {
		t.Fatalf("while the folder cannot be synced: %v, %v", has, err)
	}
	if err := h.Put(e, strings.NewReader("mail")); err == nil {
		t.Fatal("replaced without syncing the folder")
	}
	failing = ""
	if has, err := h.Has("a", "id"); !has || err != nil {
		t.Fatalf("behind a Put that failed to replace it: %v, %v", has, err)
	}
}

func TestHoldCounts(t *testing.T) {
	h := NewHold(fsx.FS{}, filepath.Join(t.TempDir(), "h[o]ld"))
	for _, name := range []string{"a/1", "a/2", "b/1"} {
		account, id, _ := strings.Cut(name, "/")
		if err := h.Put(Entry{Account: account, ID: id}, strings.NewReader("octets")); err != nil {
			t.Fatal(err)
		}
	}
	got, err := h.Counts()
	if want := map[string]int{"a": 2, "b": 1}; err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if got, err := NewHold(fsx.FS{}, "nowhere").Counts(); err != nil || len(got) > 0 {
		t.Errorf("of none: %v, %v", got, err)
	}
}
