package ledger

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkCommit measures group commit: as many goroutines as named commit one
// row each, again and again. One goroutine pays an fsync a row; the more there
// are, the more rows share one.
func BenchmarkCommit(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			l, _, f := newFolder(b)
			b.SetParallelism(writers)
			var next keyCounter
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					row := Row{Folder: f.ID, Key: next.key(), State: Intent, ID: id(1), At: noon}
					if err := l.Commit(b.Context(), row); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkLookup asks for 1,000 keys, and for all, of a folder of 50,000.
func BenchmarkLookup(b *testing.B) {
	l, _, f := newFolder(b)
	keys := make([]string, 50_000)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range keys {
		keys[i] = fmt.Sprintf("1375069811/%d", i+1)
	}
	for i := 0; i < len(keys); i += 1000 {
		rows := make([]Row, 1000)
		for j := range rows {
			rows[j] = collected(rng, f.ID, keys[i+j])
		}
		commit(b, l, inState(rows, Delivered)...)
	}
	for _, n := range []int{10, 1000, len(keys)} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			for b.Loop() {
				if found, err := l.Lookup(b.Context(), f.ID, keys[:n]); err != nil || len(found) != n {
					b.Fatal(len(found), err)
				}
			}
		})
	}
}

// sizes are mailboxes that were collected, by how their keys look and by the
// states that their messages went through.
var sizes = []struct {
	name   string
	key    func(rng *rand.Rand, i int) string
	states []State
}{
	{"imap kept", imapKey, []State{Intent, Delivered}},
	{"imap deleted", imapKey, []State{Intent, Delivered, Finished}},
	{"pop3 kept", popKey, []State{Intent, Delivered}},
	{"pop3 deleted", popKey, []State{Intent, Delivered, Finished}},
}

func imapKey(_ *rand.Rand, i int) string  { return fmt.Sprintf("1375069811/%d", i+1000) }
func popKey(rng *rand.Rand, _ int) string { return fmt.Sprintf("GmailId%016x", rng.Uint64()) }

// TestRowSize holds a message in the state to 250 octets, all indexes included.
func TestRowSize(t *testing.T) {
	for _, s := range sizes {
		if octets := rowSize(t, 3000, s.key, s.states); octets > 250 {
			t.Errorf("%s: %.0f octets a message", s.name, octets)
		}
	}
}

// BenchmarkRow collects 20,000 messages, 100 at a time, and measures their size.
func BenchmarkRow(b *testing.B) {
	for _, s := range sizes {
		b.Run(s.name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(rowSize(b, 20_000, s.key, s.states), "octets/message")
			}
		})
	}
}

func rowSize(t testing.TB, messages int, key func(*rand.Rand, int) string, states []State) float64 {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	l, _, f := newFolder(t)
	rows := make([]Row, 100)
	for i := 0; i < messages; i += len(rows) {
		for j := range rows {
			rows[j] = collected(rng, f.ID, key(rng, i+j))
		}
		for _, s := range states {
			commit(t, l, inState(rows, s)...)
		}
	}
	return float64(sizeAfterClose(t, l)) / float64(messages)
}
