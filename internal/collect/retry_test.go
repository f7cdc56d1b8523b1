package collect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/internal/ledger"
)

// heldBench has one message in the hold.
func heldBench(t *testing.T) (b *bench, id string) {
	t.Helper()
	b = newBench(t, newMailbox(msgs(1)...))
	b.dst.fate = func(*deliver.Message) (bool, error) { return false, fmt.Errorf("%w: no", deliver.ErrRejected) }
	b.pass()
	entries, err := b.c.Hold.List("acct")
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	b.dst.fate = nil
	return b, entries[0].ID
}

func (b *bench) retry(id string) (delivered int) {
	b.t.Helper()
	n, err := b.c.RetryHeld(context.Background(), b.a, []string{id})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// A held message is tried again, the line is cut, and the server stores it a
// little later. Whoever tries again at once, also in a new process, waits and
// then finds it.
func TestHeldMessageThatArrivesLate(t *testing.T) {
	for _, killed := range []bool{false, true} {
		b, id := heldBench(t)
		b.dst.fate = func(*deliver.Message) (bool, error) { return true, errors.New("line cut") }
		b.dst.late = 1
		b.retry(id)
		b.dst.fate = nil
		if killed {
			b.restart()
		}
		sleep := b.c.Sleep
		b.c.Sleep = func(ctx context.Context, d time.Duration) error {
			if d != grace {
				b.dst.late = 0
			}
			return sleep(ctx, d)
		}
		if n := b.retry(id); n != 1 {
			t.Errorf("killed %v: it was not found", killed)
		}
		b.wantArrived(msgs(1)...)
		if b.states()[ledger.Delivered] != 1 {
			t.Errorf("killed %v: %v", killed, b.states())
		}
	}
}

// What was begun is on the disk before the first octet: a process that is killed
// while it tries a held message again leaves a doubt.
func TestHeldMessageIsBegunOnDisk(t *testing.T) {
	b, id := heldBench(t)
	b.dst.fate = func(*deliver.Message) (bool, error) {
		if e, err := b.c.Hold.Get("acct", id); err != nil || e.Doubt.IsZero() {
			t.Errorf("octets are sent, and the entry says doubt %v (%v)", e.Doubt, err)
		}
		return false, fmt.Errorf("%w: no", deliver.ErrRejected)
	}
	b.retry(id)
	if e, err := b.c.Hold.Get("acct", id); err != nil || !e.Doubt.IsZero() {
		t.Errorf("it was surely not stored, and the entry says doubt %v (%v)", e.Doubt, err)
	}
}

// Killed between the ledger's DELIVERED and the removal from the hold: the entry
// is there still, and must not be sent a second time, least of all to a
// destination that cannot be asked.
func TestHeldMessageThatIsDeliveredOnDisk(t *testing.T) {
	for _, asked := range []bool{true, false} {
		b, id := heldBench(t)
		if !asked {
			b.a.Destination = deaf{b.dst}
		}
		files := hold(t, b)
		b.retry(id)
		for path, data := range files {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		b.restart()
		b.retry(id)
		b.wantArrived(msgs(1)...)
		if left, _ := b.c.Hold.List("acct"); len(left) != 0 {
			t.Error("the hold still lists it")
		}
	}
}

// Killed between the hold's fsync and HELD, on a source that lists the message no
// more: the doubt ends with what the hold has.
func TestDoubtThatIsHeld(t *testing.T) {
	b, _ := heldBench(t)
	ctx := context.Background()
	a, err := b.c.Ledger.Account(ctx, "acct")
	if err != nil {
		t.Fatal(err)
	}
	folders, err := b.c.Ledger.Folders(ctx, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	row, _, err := b.c.Ledger.Get(ctx, folders[0].ID, "7/1")
	if err != nil {
		t.Fatal(err)
	}
	row.State = ledger.Intent
	if err := b.c.Ledger.Commit(ctx, row); err != nil {
		t.Fatal(err)
	}
	b.src.folders["INBOX"] = nil
	b.now = b.now.Add(time.Hour)
	b.restart()
	b.pass()
	if n := b.states(); n[ledger.Held] != 1 {
		t.Errorf("%v", n)
	}
}

// hold returns the files of the hold.
func hold(t *testing.T, b *bench) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(b.dir, "hold", "acct", "*"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		if files[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
