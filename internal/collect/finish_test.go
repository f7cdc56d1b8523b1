package collect

import (
	"context"
	"strings"
	"testing"
	"time"

	"mailrill/fetch"
	"mailrill/internal/reply"
)

func (b *bench) left() (n int) {
	for _, f := range b.src.folders {
		n += len(f)
	}
	return n
}

// The first pass must not remove anything before it knows that the destination
// shows what it was given.
func TestUnverifiableDestinationInTheFirstPass(t *testing.T) {
	for _, do := range []fetch.Action{fetch.Delete, fetch.Move} {
		b := newBench(t, newMailbox(msgs(3)...))
		b.dst.hides = true
		b.a.After = fetch.AfterAction{Do: do, Folder: "Done"}
		b.a.MaxDelete = 1 // that it is too many does not let the moves pass
		for range 2 {
			if r := b.pass(); reply.ClassOf(r.Err) != reply.Config || r.SourceDone != 0 || b.left() != 3 {
				t.Fatalf("%s: %+v", do, r)
			}
		}
		// It is no life sentence: the next delivery that it shows clears it.
		b.dst.hides, b.a.MaxDelete = false, 500
		b.src.add("INBOX", "new")
		if r := b.pass(); r.Err != nil || r.SourceDone != 4 {
			t.Fatalf("%s: %+v", do, r)
		}
	}
}

// A crash after the delivery and before the destination was verified.
func TestVerifiedFromWhatAnEarlierPassDelivered(t *testing.T) {
	b := newBench(t, newMailbox(msgs(3)...))
	b.a.After = fetch.AfterAction{Do: fetch.Delete}
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	b.dst.onSent = func() {
		if n++; n == 3 {
			cancel()
		}
	}
	b.c.Pass(ctx, b.a, Options{})
	if b.left() != 3 {
		t.Fatal("it was not stopped in time")
	}
	b.restart()
	if r := b.pass(); r.Err != nil || b.left() != 0 {
		t.Fatalf("%+v, %d left", r, b.left())
	}
	b.wantArrived(msgs(3)...)
}

// Another account's pass into the same destination has moved its mark past what
// this pass delivered: that must not look as if the destination hid it.
func TestVerifyBehindAnotherPassesBack(t *testing.T) {
	b := newBench(t, newMailbox(msgs(3)...))
	b.a.After = fetch.AfterAction{Do: fetch.Delete}
	other := *b.a
	other.Name, other.Source = "other", newMailbox()
	b.dst.onSent = func() {
		b.dst.onSent = nil
		if _, err := b.c.Rebuild(context.Background(), &other); err != nil {
			t.Error(err)
		}
	}
	if r := b.pass(); r.Err != nil || r.SourceDone != 3 {
		t.Fatalf("%+v", r)
	}
}

// max_delete bounds the pass, not a folder, and none is deleted beyond it.
func TestMaxDeleteOverAllFolders(t *testing.T) {
	b := newBench(t, newMailbox(msgs(3)...))
	b.src.add("Z", "x", "y", "z")
	b.a.After, b.a.MaxDelete = fetch.AfterAction{Do: fetch.Delete}, 5
	if r := b.pass(); reply.ClassOf(r.Err) != reply.Config || !strings.Contains(r.Err.Error(), "6 messages") || b.left() != 6 {
		t.Fatalf("%+v", r)
	}
	if r := sum(b.c.Pass(context.Background(), b.a, Options{Unlimited: true})); r.SourceDone != 6 || b.left() != 0 {
		t.Fatalf("%+v", r)
	}
}

// The same over the sessions of one pass.
func TestMaxDeleteOverSessions(t *testing.T) {
	b := newBench(t, newMailbox(msgs(12)...))
	b.a.After, b.a.MaxDelete = fetch.AfterAction{Do: fetch.Delete}, 5
	b.src.stable, b.src.window = false, 4
	if r := b.pass(); reply.ClassOf(r.Err) != reply.Config || r.SourceDone > 5 || r.Delivered != 12 {
		t.Fatalf("%+v", r)
	}
}

// The folder is given new UIDs while other folders are worked on.
func TestValidityThatChangesBeforeTheAfterAction(t *testing.T) {
	b := newBench(t, newMailbox(msgs(3)...))
	b.src.add("Z", "z")
	b.a.After = fetch.AfterAction{Do: fetch.Delete}
	opened := 0
	b.a.Source = &refusing{b.src, func(folder string) error {
		if opened++; opened == 5 { // two to guard the backlog, two to look
			b.src.validity++
		}
		return nil
	}}
	b.pass()
	if opened < 5 {
		t.Fatal("no folder was opened again")
	}
	b.now = b.now.Add(time.Minute)
	if r := b.pass(); r.Err != nil || b.left() == 0 {
		t.Fatalf("%+v: nothing is removed from a folder that was numbered anew just now; %d left", r, b.left())
	}
	if r := b.pass(); r.Err != nil || b.left() != 0 {
		t.Fatalf("%+v, %d left", r, b.left())
	}
	b.wantArrived(append(msgs(3), "z")...)
}
