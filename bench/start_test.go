package bench

import (
	"os"
	"slices"
	"testing"
	"time"
)

// start is what the program costs before it does anything, n times.
var start = []scenario{
	{"version", scale{n: 25}, scale{n: 1}, startVersion},
	{"once", scale{n: 25, size: 1 << 10}, scale{n: 1, size: 1 << 10}, startOnce},
}

func startVersion(t testing.TB, s scale) figures {
	r := newRig(t)
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	f := r.median(s.n, "version")
	f["binary-MiB"] = float64(info.Size()) / (1 << 20)
	return f
}

// startOnce is a pass with nothing new over a line that costs nothing: what is
// left are the program's own milliseconds.
func startOnce(t testing.TB, s scale) figures {
	r := newRig(t)
	store := letters(0, 10, s.size)
	dest := r.sink("maildir")
	r.source("a", "imap", store)
	r.once()
	r.check(dest, store)
	return r.median(s.n, "--once")
}

// median runs the program n times and returns what a run in the middle took.
func (r *rig) median(n int, args ...string) figures {
	r.t.Helper()
	var walls []time.Duration
	var last usage
	for range n {
		last = r.run(0, args...)
		walls = append(walls, last.Wall)
	}
	slices.Sort(walls)
	return figures{"ms": walls[n/2].Seconds() * 1000, "peak-MiB": float64(last.Peak) / (1 << 20)}
}
