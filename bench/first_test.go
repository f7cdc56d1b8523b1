package bench

import (
	"os"
	"path/filepath"
	"sort"
	"testing"
	"time"
)

// firstCollect is a large mailbox of small messages that is collected for the
// first time.
var firstCollect = pairs([]string{"pop3", "imap"}, []string{"maildir", "imap"}, far(200_000, 1<<10), near(300, 1<<10), collectFirst)

func collectFirst(t testing.TB, s scale, from, to string) figures {
	r := newRig(t)
	store := letters(0, s.n, s.size)
	dest := r.sink(to)
	source := r.source("a", from, store)
	r.line.set(s)
	u := r.once()
	bodies, way := source, down
	if dest.door != nil { // the source runs ahead at first, by what the program holds
		bodies, way = dest.door, up
	}
	passed := bodies.reset()
	r.check(dest, store)
	f := u.figures(s.n)
	f["ledger-octets/message"] = float64(r.ledgerOctets()) / float64(s.n)
	tenths := passed.tenths(way, int64(s.n*s.size))
	f["first-tenth-s"] = tenths[0].Seconds()
	f["last-tenth-s"] = tenths[9].Seconds()
	return f
}

// tenths returns how long each tenth of the bodies took to pass. Whatever passes
// besides, such as a listing, comes before them.
func (c counts) tenths(way int, bodies int64) (out [10]time.Duration) {
	begin, marks := c.octets[way]-bodies, c.marks[way]
	when := func(tenth int) time.Time {
		octets := begin + bodies*int64(tenth)/10
		i := sort.Search(len(marks)-1, func(i int) bool { return marks[i].octets >= octets })
		return marks[i].at
	}
	for i := range out {
		out[i] = when(i + 1).Sub(when(i))
	}
	return out
}

// ledgerOctets returns what the ledger takes on the disk.
func (r *rig) ledgerOctets() (octets int64) {
	r.t.Helper()
	files, err := filepath.Glob(r.path("state/ledger.db*"))
	if err != nil || len(files) == 0 {
		r.t.Fatal("no ledger: ", err)
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			r.t.Fatal(err)
		}
		octets += info.Size()
	}
	return octets
}
