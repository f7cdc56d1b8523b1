package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/deliver"
	"mailrill/internal/fsx"
	"mailrill/internal/reply"
)

func TestSpoolKeepsBodies(t *testing.T) {
	s := NewSpool(fsx.FS{}, t.TempDir())
	for _, tc := range []struct {
		size, stated int64
		file         bool
	}{
		{0, 0, false}, {1, -1, false}, {1000, 1000, false}, {spoolSmall, spoolSmall, false},
		{spoolSmall, -1, false}, {spoolSmall + 1, -1, true}, {spoolSmall + 1, spoolSmall + 1, true},
		{1000, 970, false},         // LF counted as one octet
		{spoolSmall, 1, true},      // a lie does not fill the memory
		{10, 10 << 20, true},       // one the other way round
		{3 << 20, spoolDisk, true}, // larger than all there is
	} {
		want := bytes.Repeat([]byte("abcdefg"), int(tc.size)/7+1)[:tc.size]
		var tap bytes.Buffer
		b, err := s.Take(t.Context(), &spoolLane{}, io.MultiReader(bytes.NewReader(want)), tc.stated, &tap)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(b.Open([]byte("line ")))
		if err != nil || !bytes.Equal(got, append([]byte("line "), want...)) || !bytes.Equal(tap.Bytes(), want) {
			t.Errorf("%+v: %d octets, %v", tc, len(got), err)
		}
		if (b.file != nil) != tc.file {
			t.Errorf("%+v: in a file %v", tc, b.file != nil)
		}
		b.Release()
	}
}

// Pages are used again, but never under a reader: of two deliveries one may still
// read when the other has told the message's fate.
func TestSpoolPagesWaitForTheirReaders(t *testing.T) {
	s := NewSpool(fsx.FS{}, t.TempDir())
	take := func(c byte) *Body {
		b, err := s.Take(t.Context(), &spoolLane{}, bytes.NewReader(bytes.Repeat([]byte{c}, spoolSmall)), spoolSmall)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := take('a')
	closed, open := first.Open(nil), first.Open(nil)
	closed.Close()
	closed.Close()
	first.Release()
	second := take('b')
	if got, err := io.ReadAll(open); err != nil || !bytes.Equal(got, bytes.Repeat([]byte{'a'}, spoolSmall)) {
		t.Errorf("%d octets, %v", len(got), err)
	}
	if n, err := closed.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrClosed) {
		t.Errorf("read behind Close: %d, %v", n, err)
	}
	pages := first.pages.list
	open.Close()
	if len(first.pages.list) > 0 || len(pages) == 0 {
		t.Errorf("%d of %d pages were not given back", len(first.pages.list), len(pages))
	}
	second.Release()
}

func TestSpoolOnABrokenDisk(t *testing.T) {
	for _, op := range []string{"create", "write"} {
		b := newBench(t, newMailbox("small", strings.Repeat("x", spoolSmall+1), "last"))
		b.src.stable, b.src.window = false, 9
		full := true
		b.c.Spool = NewSpool(fsx.FS{Fault: func(o, _ string) error {
			if full && o == op {
				return syscall.ENOSPC
			}
			return nil
		}}, b.dir)
		if r := b.pass(); reply.ClassOf(r.Err) != reply.Full || b.src.folders["INBOX"][1].popped {
			t.Fatalf("%s: %+v", op, r)
		}
		b.wantReleased()
		full = false
		if r := b.pass(); r.Err != nil {
			t.Fatalf("%s: %+v", op, r)
		}
		b.wantArrived("small", strings.Repeat("x", spoolSmall+1), "last")
	}
}

// A pass whose destination hangs holds all there is: another one goes on.
func TestBudgetIsNotOneAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newBudget(100, 10)
		var slow, other lane
		take := func(l *lane, n int64) func() {
			release, err := g.take(t.Context(), l, n)
			if err != nil {
				t.Error(err)
			}
			return release
		}
		var held []func()
		for range 10 {
			held = append(held, take(&slow, 10))
		}
		held = append(held, take(&slow, 10)) // its own
		waiting := true
		go func() { take(&slow, 10)(); waiting = false }()
		synctest.Wait()
		if !waiting {
			t.Fatal("there was no room")
		}
		for range 3 {
			a, b := take(&other, 4), take(&other, 6)
			a()
			b()
			take(&other, 1000)() // larger than everything, alone
		}
		for _, release := range held {
			release()
		}
		synctest.Wait()
		if waiting || g.free != 100 || g.lent != 0 {
			t.Fatal(waiting, g.free, g.lent)
		}
	})
}

func TestBudgetWaitEnds(t *testing.T) {
	g := newBudget(1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := lane{taken: 1}
	if _, err := g.take(ctx, &l, 2); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// Many passes over one spool that is far too small for them, with messages that
// are larger than all of it and sizes that nobody knows: all of them end.
func TestSpoolThatIsTooSmall(t *testing.T) {
	b := newBench(t, newMailbox())
	b.c.Spool.memory, b.c.Spool.disk = newBudget(8<<10, 4<<10), newBudget(300<<10, 0)
	done := make(chan *Report)
	for i := range 6 {
		src := newMailbox(msgs(20)...)
		src.sizeless = i%2 == 0
		src.add("INBOX", strings.Repeat(fmt.Sprint(i), 400<<10), strings.Repeat("x", spoolSmall+1))
		a := &Account{
			Name: fmt.Sprint("a", i), Source: src, Destination: &shelf{}, To: fmt.Sprint("d", i),
			Trace: true, Into: b.a.Into, MaxDelete: 500,
		}
		go func() { done <- b.c.Pass(context.Background(), a, Options{}) }()
	}
	for range 6 {
		if rep := <-done; rep.Err() != nil || sum(rep).Delivered != 22 {
			t.Errorf("%+v", sum(rep))
		}
	}
}

// A bug in a destination, or in what is called from the flow, ends the pass: on
// its own goroutine, and with every body released.
func TestPanics(t *testing.T) {
	for _, where := range []string{"deliver", "progress", "into", "retrieve"} {
		b := newBench(t, newMailbox(msgs(9)...))
		bug := func() { panic("a bug in " + where) }
		switch where {
		case "deliver":
			b.dst.fate = func(m *deliver.Message) (bool, error) {
				if m.Received.Equal(day(3)) {
					bug()
				}
				return true, nil
			}
		case "progress":
			b.c.Progress = func(Progress) { bug() }
		case "retrieve":
			b.src.cutAt = func(key string) bool {
				if key == "7/5" {
					bug()
				}
				return false
			}
		case "into":
			b.src.hangUp = func(string) bool { bug(); return false }
		}
		func() {
			defer func() {
				if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "a bug in "+where) {
					t.Errorf("%s: recovered %v", where, p)
				}
			}()
			b.pass()
		}()
		b.wantReleased()
		b.dst.fate, b.c.Progress, b.src.cutAt, b.src.hangUp = nil, nil, nil, nil
		b.now = b.now.Add(time.Minute)
		b.restart()
		if r := b.pass(); r.Err != nil {
			t.Fatalf("%s: %+v", where, r)
		}
		b.wantArrived(msgs(9)...)
	}
}

// A destination that forgets to tell of a message, or tells twice.
func TestDestinationThatDoesNotTell(t *testing.T) {
	b := newBench(t, newMailbox(msgs(4)...))
	b.a.Destination = &vague{b.dst}
	if r := b.pass(); r.Err != nil || r.Delivered+r.AlreadyThere != 4 {
		t.Fatalf("%+v", r)
	}
	b.wantArrived(msgs(4)...)
}

type vague struct{ *shelf }

func (v *vague) Deliver(ctx context.Context, batches <-chan []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) error {
	return v.shelf.Deliver(ctx, batches, func(m *deliver.Message, r deliver.Receipt, err error) {
		for range m.Received.Day() % 3 { // never, once, or twice
			done(m, r, err)
		}
	})
}
