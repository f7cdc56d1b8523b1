package collect

import (
	"context"
	"errors"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// The owner deletes a message that could never be retrieved: the account is well
// again, instead of reporting it for ever.
func TestFailedMessageThatIsGone(t *testing.T) {
	for _, stable := range []bool{true, false} {
		b := newBench(t, newMailbox(msgs(3)...))
		b.src.stable = stable
		b.src.refuse = func(key string) error {
			if key == "7/2" || key == "u:2" {
				return &reply.Error{Protocol: "imap", Text: "broken"}
			}
			return nil
		}
		if r := b.pass(); r.Err == nil || r.Delivered != 2 {
			t.Fatalf("%+v", r)
		}
		b.src.folders["INBOX"] = append(b.src.folders["INBOX"][:1:1], b.src.folders["INBOX"][2])
		if r := b.pass(); r.Err != nil {
			t.Fatalf("%+v", r)
		}
	}
}

// A listing had a hiccup while a message was in doubt. When it is listed again it
// is brought.
func TestLostMessageThatIsListedAgain(t *testing.T) {
	b := newBench(t, newMailbox(msgs(2)...))
	b.dst.fate = func(*deliver.Message) (bool, error) { return false, errors.New("cut") }
	all, sleep := b.src.folders["INBOX"], b.c.Sleep
	b.c.Sleep = func(ctx context.Context, d time.Duration) error {
		b.src.folders["INBOX"] = nil
		return sleep(ctx, d)
	}
	b.pass()
	if b.states()[ledger.Lost] != 2 {
		t.Fatal(b.states())
	}
	b.src.folders["INBOX"], b.dst.fate = all, nil
	b.now = b.now.Add(25 * time.Hour)
	if r := b.pass(); r.Err != nil {
		t.Fatalf("%+v", r)
	}
	b.wantArrived(msgs(2)...)
}

// A doubt under a UIDVALIDITY that is no more is settled with the message's new
// key; nothing is lost, and nothing is said to be.
func TestDoubtUnderAnOldValidity(t *testing.T) {
	for _, stored := range []bool{true, false} {
		b := newBench(t, newMailbox(msgs(3)...))
		ctx, cancel := context.WithCancel(context.Background())
		b.dst.fate = func(*deliver.Message) (bool, error) { cancel(); return stored, errors.New("cut") }
		b.c.Pass(ctx, b.a, Options{})
		b.dst.fate = nil
		b.src.validity++
		b.restart()
		if r := b.pass(); r.Err != nil || b.states()[ledger.Lost] != 0 {
			t.Fatalf("%+v %v\n%s", r, b.states(), b.logs.String())
		}
		b.wantArrived(msgs(3)...)
	}
}

// Two accounts, one destination: a copy that the other account's pass has read
// ends our doubt, also when the message is gone from our source.
func TestDoubtThatAnotherAccountHasSeen(t *testing.T) {
	b := newBench(t, newMailbox(msgs(2)...))
	ctx, cancel := context.WithCancel(context.Background())
	b.dst.fate = func(*deliver.Message) (bool, error) { cancel(); return true, errors.New("cut") }
	b.c.Pass(ctx, b.a, Options{})
	b.dst.fate = nil
	other := *b.a
	other.Name, other.Source = "other", newMailbox("its own")
	b.restart()
	if rep := b.c.Pass(context.Background(), &other, Options{}); rep.Err() != nil {
		t.Fatal(rep.Err())
	}
	b.src.folders["INBOX"] = b.src.folders["INBOX"][1:]
	b.now = b.now.Add(time.Minute)
	if r := b.pass(); r.Err != nil || b.states()[ledger.Lost] != 0 {
		t.Fatalf("%+v %v", r, b.states())
	}
}

// A clock that was years ahead when a message failed, or was begun, and is right
// again now.
func TestClockSetBack(t *testing.T) {
	b := newBench(t, newMailbox(msgs(3)...))
	b.now = start.AddDate(10, 0, 0)
	b.src.refuse = func(key string) error {
		if key == "7/2" {
			return &reply.Error{Protocol: "imap", Text: "broken"}
		}
		return nil
	}
	b.pass()
	b.pass()
	ctx, cancel := context.WithCancel(context.Background())
	b.dst.fate = func(*deliver.Message) (bool, error) { cancel(); return false, errors.New("cut") }
	b.src.add("INBOX", "in doubt")
	b.c.Pass(ctx, b.a, Options{})
	b.now, b.src.refuse, b.dst.fate = start, nil, nil
	b.restart()
	if r := b.pass(); r.Err != nil {
		t.Fatalf("%+v %v\n%s", r, b.states(), b.logs.String())
	}
	b.wantArrived(append(msgs(3), "in doubt")...)
}
