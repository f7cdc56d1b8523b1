package collect

import (
	"errors"
	"testing"
	"time"

	"mailrill/internal/ledger"
)

// newPOP3 is a bench whose source lists everything in every session.
func newPOP3(t *testing.T, bodies ...string) *bench {
	b := newBench(t, newMailbox(bodies...))
	b.src.stable = false
	return b
}

// inbox returns the ledger's row of the folder.
func (b *bench) inbox() ledger.Folder {
	b.t.Helper()
	a, err := b.c.Ledger.Account(b.t.Context(), "acct")
	if err != nil {
		b.t.Fatal(err)
	}
	f, err := b.c.Ledger.Folder(b.t.Context(), a.ID, "INBOX")
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

// forget takes rows out of the ledger behind the floor's back, and so shows which
// of them it is asked for.
func (b *bench) forget(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		if err := b.c.Ledger.Commit(b.t.Context(), ledger.Remove{Folder: b.inbox().ID, Key: key}); err != nil {
			b.t.Fatal(err)
		}
	}
}

// As long as a listing begins as it did, the ledger is asked only for what is
// behind that, but once a day for all of it.
func TestKnownHead(t *testing.T) {
	b := newPOP3(t, msgs(3)...)
	b.pass()
	b.forget("u:1")
	b.src.add("INBOX", "four", "five")
	if r := b.pass(); r.Listed != 5 || r.New != 2 || r.Delivered != 2 {
		t.Fatalf("a listing that begins as before: %+v", r)
	}
	if f := b.inbox(); f.Floor != 5 {
		t.Fatalf("the floor is %d", f.Floor)
	}
	b.now = b.now.Add(relist)
	if r := b.pass(); r.Listed != 5 || r.New != 1 {
		t.Fatalf("a day later: %+v", r)
	}
}

// A listing that begins in another way says nothing of what was settled.
func TestHeadThatChanged(t *testing.T) {
	for name, change := range map[string]func(l []*mail) []*mail{
		"shorter":  func(l []*mail) []*mail { return l[:2] },
		"one gone": func(l []*mail) []*mail { return l[1:] },
		"swapped":  func(l []*mail) []*mail { return []*mail{l[1], l[0], l[2], l[3]} },
		"replaced": func(l []*mail) []*mail { return append([]*mail{{uid: 99, body: "new"}}, l[1:]...) },
	} {
		b := newPOP3(t, msgs(4)...)
		b.pass()
		b.forget("u:2")
		b.src.folders["INBOX"] = change(b.src.folders["INBOX"])
		if r := b.pass(); r.New == 0 || b.states()[ledger.Delivered] < 4 {
			t.Errorf("%s: %+v", name, r)
		}
		if b.inbox().Floor != uint32(len(b.src.folders["INBOX"])) {
			t.Errorf("%s: the floor is %d", name, b.inbox().Floor)
		}
	}
}

// The head ends before the first message that is still to be dealt with.
func TestHeadEndsBeforeWhatIsWanted(t *testing.T) {
	b := newPOP3(t, msgs(4)...)
	b.a.MaxSize = 60
	b.src.folders["INBOX"][2].body += "that makes it larger than max_size"
	b.pass()
	if f := b.inbox(); f.Floor != 2 {
		t.Fatalf("with a message that is too large the floor is %d", f.Floor)
	}
	b.a.MaxSize = 0
	b.src.refuse = func(string) error { return errors.New("cannot be read") }
	b.pass()
	if f := b.inbox(); f.Floor != 2 {
		t.Fatalf("with a message that failed the floor is %d", f.Floor)
	}
	b.src.refuse, b.now = nil, b.now.Add(time.Hour)
	if r := b.pass(); r.Delivered != 1 {
		t.Fatalf("%+v", r)
	}
	b.pass()
	if f := b.inbox(); f.Floor != 4 {
		t.Errorf("when all is settled the floor is %d", f.Floor)
	}
}

// What the breaker takes back of a pass is wanted by the next, also below the head.
func TestBreakerTakesBackFromTheHead(t *testing.T) {
	newPOP3(t, msgs(60)...).takesBack()
}

// With nothing new a pass writes nothing.
func TestFloorIsWrittenOnce(t *testing.T) {
	for _, stable := range []bool{true, false} {
		b := newPOP3(t, msgs(3)...)
		b.src.stable = stable
		b.pass()
		before := b.inbox()
		b.now = b.now.Add(time.Minute)
		b.pass()
		if after := b.inbox(); after != before {
			t.Errorf("stable %v: %+v became %+v", stable, before, after)
		}
	}
}
