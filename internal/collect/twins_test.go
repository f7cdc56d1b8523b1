package collect

import (
	"context"
	"errors"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/internal/ledger"
)

// Two source copies of one message, and the answer to the first delivery is
// lost: the second must not be a second delivery.
func TestTwinOfADoubtIsNotSent(t *testing.T) {
	for _, stored := range []bool{true, false} {
		b := newBench(t, newMailbox("twin", "other"))
		b.src.add("Label", "twin", "third")
		b.dst.fate = func(m *deliver.Message) (bool, error) {
			if b.now.After(start) {
				return true, nil
			}
			return stored, errors.New("line cut")
		}
		r := b.pass()
		b.wantArrived("twin", "other", "third")
		if r.Err != nil || b.states()[ledger.Delivered] != 4 {
			t.Errorf("stored %v: %+v %v", stored, r, b.states())
		}
	}
}

// The same over two passes and a new process: the copy turns up as fresh mail
// while the first one's fate is unknown.
func TestTwinOfAnEarlierDoubt(t *testing.T) {
	b := newBench(t, newMailbox("twin"))
	ctx, cancel := context.WithCancel(context.Background())
	b.dst.fate = func(*deliver.Message) (bool, error) { cancel(); return true, errors.New("line cut") }
	b.c.Pass(ctx, b.a, Options{})
	b.dst.fate, b.dst.late = nil, 1
	b.restart()
	b.src.add("INBOX", "twin")
	sleep := b.c.Sleep
	b.c.Sleep = func(ctx context.Context, d time.Duration) error { b.dst.late = 0; return sleep(ctx, d) }
	if r := b.pass(); r.Err != nil {
		t.Fatalf("%+v", r)
	}
	b.wantArrived("twin")
}

// A copy can follow another for as long as the fate of that one is not on the
// disk; nobody may fall between the two.
func TestFollowersUntilTheFateIsOnDisk(t *testing.T) {
	f := &flow{flying: map[string]*parcel{}}
	first := newParcel("1")
	first.row.State = ledger.Delivered
	f.flying[first.msg.ID] = first
	if rows := f.unwritten([]*parcel{first}); len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	late := newParcel("2") // comes while the row of the first is being committed
	if !f.follow(late) {
		t.Fatal("it would be delivered a second time")
	}
	rows := f.unwritten([]*parcel{first})
	if len(rows) != 1 || rows[0].Key != "2" || rows[0].State != ledger.Delivered {
		t.Fatalf("the follower's rows: %+v", rows)
	}
	if rows := f.unwritten([]*parcel{first}); len(rows) != 0 || f.follow(newParcel("3")) {
		t.Fatal("it is followed although its fate is on the disk")
	}
}

func newParcel(key string) *parcel {
	return &parcel{
		msg: &deliver.Message{ID: "id"}, row: ledger.Row{Key: key, State: ledger.Intent},
		body: &Body{release: func() {}},
	}
}
