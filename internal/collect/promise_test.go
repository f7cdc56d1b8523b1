package collect

import (
	"context"
	"errors"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/fetch"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// Messages that the source refuses cost a row each, and not the session: those
// behind them come in the same one, however many there are.
func TestRefusedMessagesCostNoSession(t *testing.T) {
	for _, stable := range []bool{true, false} {
		b := newBench(t, newMailbox(msgs(40)...))
		b.src.stable = stable
		refused := map[string]bool{}
		for _, l := range b.src.folders["INBOX"][:30] {
			refused[(&boxSession{m: b.src}).key(l)] = true
		}
		b.src.refuse = func(key string) error {
			if refused[key] {
				return &reply.Error{Protocol: "imap", Command: "FETCH", Code: "NO", Text: "Server error"}
			}
			return nil
		}
		if r := b.pass(); r.Delivered != 10 {
			t.Errorf("stable %v: %+v", stable, r)
		}
		if b.src.sessions > 2 { // the second one is for those that failed
			t.Errorf("stable %v: %d sessions", stable, b.src.sessions)
		}
		b.wantArrived(msgs(40)[30:]...)
	}
}

// Equal messages for two folders of the destination are two messages: each folder
// gets its own.
func TestEqualMessagesForTwoFolders(t *testing.T) {
	b := newBench(t, newMailbox("twin"))
	b.src.add("Work", "twin")
	b.a.Into = func(f fetch.Folder) string { return f.Name }
	b.pass()
	b.wantArrived("twin", "twin")
	into := map[string]int{}
	for _, c := range b.dst.copies {
		into[c.folder]++
	}
	if into["INBOX"] != 1 || into["Work"] != 1 {
		t.Errorf("%v", into)
	}
}

// What was done at the source is remembered once it is proved, and not done, nor
// counted, again. A QUIT without an answer proves nothing.
func TestFinishedIsRemembered(t *testing.T) {
	for _, stable := range []bool{true, false} {
		b := newBench(t, newMailbox(msgs(5)...))
		b.src.stable, b.src.loseQuit = stable, !stable
		b.a.After = fetch.AfterAction{Do: fetch.Delete}
		r := b.pass()
		if n := b.states()[ledger.Finished]; stable && (n != 5 || r.Err != nil) || !stable && (n != 0 || !errors.Is(r.Err, errCut)) {
			t.Errorf("stable %v: %d finished, %+v", stable, n, r)
		}
		b.src.loseQuit = false
		b.pass()
		if n := b.states()[ledger.Finished]; n != 5 {
			t.Errorf("stable %v: %d finished after a second pass", stable, n)
		}
		if r := b.pass(); r.SourceDone != 0 || r.Err != nil {
			t.Errorf("stable %v: once more: %+v", stable, r)
		}
	}
}

// A window shows a part of a mailbox: what it does not show is not gone. A doubt
// is not mourned, and what failed is not forgotten.
func TestWindowProvesNothingGone(t *testing.T) {
	b := newBench(t, newMailbox(msgs(2)...))
	b.src.stable, b.src.window = false, 5
	b.src.refuse = func(key string) error {
		return map[string]error{"u:2": &reply.Error{Protocol: "pop3", Command: "RETR", Text: "not now"}}[key]
	}
	b.dst.fate = func(*deliver.Message) (bool, error) { return false, errCut }
	b.pass()
	b.dst.fate, b.src.refuse = nil, nil
	before := b.states()
	if before[ledger.Intent] != 1 || before[ledger.Failed] != 1 {
		t.Fatalf("%v", before)
	}
	hide := func(hidden bool) {
		for _, l := range b.src.folders["INBOX"] {
			l.popped = hidden
		}
	}
	hide(true)
	b.now = b.now.Add(time.Hour)
	b.pass()
	if after := b.states(); after[ledger.Intent] != 1 || after[ledger.Failed] != 1 {
		t.Errorf("%v became %v", before, after)
	}
	hide(false)
	b.now = b.now.Add(time.Hour)
	b.pass()
	b.wantArrived(msgs(2)...)
}

// An altering shelf shows the trace line, and not all of the message below it.
type altering struct{ *shelf }

func (s altering) Arrived(ctx context.Context, mark string, fn func(string, deliver.Receipt) error) (string, error) {
	return s.shelf.Arrived(ctx, mark, func(id string, r deliver.Receipt) error {
		r.Size /= 2
		return fn(id, r)
	})
}

// A destination that shows its copies with another size has not kept what it was
// given: nothing is removed on its word.
func TestAlteredCopiesKeepTheSource(t *testing.T) {
	b := newBench(t, newMailbox(msgs(3)...))
	b.a.Destination = altering{b.dst}
	b.a.After = fetch.AfterAction{Do: fetch.Delete}
	for range 2 {
		if r := b.pass(); reply.ClassOf(r.Err) != reply.Config || r.SourceDone != 0 || b.left() != 3 {
			t.Fatalf("%+v", r)
		}
	}
}

// What is to become of a source copy is decided when the message is delivered:
// mail that was to be marked is not deleted because the config says so now.
func TestAfterActionIsDecidedAtDelivery(t *testing.T) {
	b := newBench(t, newMailbox(msgs(3)...))
	b.a.After, b.a.Delay = fetch.AfterAction{Do: fetch.Seen}, time.Hour
	b.pass()
	b.a.After, b.a.Delay = fetch.AfterAction{Do: fetch.Delete}, 0
	b.now = b.now.Add(2 * time.Hour)
	if r := b.pass(); r.Err != nil || r.SourceDone != 3 {
		t.Errorf("%+v", r)
	}
	for _, l := range b.src.folders["INBOX"] {
		if !l.seen {
			t.Errorf("message %d was not marked", l.uid)
		}
	}
	if b.left() != 3 {
		t.Errorf("%d of 3 are left", b.left())
	}
}
