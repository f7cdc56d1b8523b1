package collect

import (
	"errors"
	"io"
	"math"
	"testing"

	"mailrill/internal/fsx"
	"mailrill/internal/ledger"
)

func TestBodyLimit(t *testing.T) {
	for size, want := range map[int64]int64{
		-1: 1 << 30, 0: 1 << 30, 1: 2 + 64<<20, 1 << 30: 2<<30 + 64<<20, math.MaxInt64: math.MaxInt64/4*2 + 64<<20,
	} {
		if got := bodyLimit(size); got != want {
			t.Errorf("listed with %d: %d, want %d", size, got, want)
		}
	}
}

// The limit itself is no breach: a body of twice what the list said, and the
// spare, is taken whole.
func TestSpoolTakesUpToTheLimit(t *testing.T) {
	s := NewSpool(fsx.FS{}, t.TempDir())
	for more, want := range map[int64]error{0: nil, 1: errEndless} {
		b, err := s.Take(t.Context(), &spoolLane{}, io.LimitReader(flood{}, bodyLimit(5)+more), 5)
		if !errors.Is(err, want) {
			t.Fatalf("%d octets above: %v, want %v", more, err, want)
		}
		if err == nil {
			if b.Size != bodyLimit(5) {
				t.Errorf("took %d octets", b.Size)
			}
			b.Release()
		}
	}
}

// A body without an end costs its message an attempt. Its session is over, the
// others arrive in the next; and a window moves on past it when it is settled.
func TestEndlessBodyCostsOneRow(t *testing.T) {
	for _, window := range []int{0, 7} {
		b := newBench(t, newMailbox(msgs(20)...))
		b.src.stable, b.src.window = window == 0, window
		bad := b.src.folders["INBOX"][4]
		key := (&boxSession{m: b.src}).key(bad)
		b.src.endless = func(k string) bool { return k == key }
		r := b.pass()
		if r.Delivered != 19 || !errors.Is(r.Err, errEndless) {
			t.Fatalf("window %d: %+v\n%s", window, r, b.logs.String())
		}
		if n := b.states()[ledger.Failed]; n != 1 {
			t.Errorf("window %d: %d messages failed", window, n)
		}
	}
}

// In a window, what is settled is read again only so that the window moves: an
// endless one must not stop that for ever.
func TestEndlessSettledMessage(t *testing.T) {
	b := newBench(t, newMailbox(msgs(10)...))
	b.src.stable, b.src.window = false, 4
	b.pass()
	for _, m := range b.src.folders["INBOX"] {
		m.popped = false
	}
	b.src.add("INBOX", "new")
	b.src.endless = func(k string) bool { return k == "u:2" }
	if r := b.pass(); r.Delivered != 1 {
		t.Fatalf("%+v\n%s", r, b.logs.String())
	}
	b.wantArrived(append(msgs(10), "new")...)
}
