package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"mailrill/internal/mailtest/oracle"
)

// Every step: mailrill is killed at each point of a pass in turn, run again to
// the end, and held against the oracle; and at pairs of points, the second one
// in the recovery from the first. It is mbsync's method with real kills.
//
// The short form takes every step of one pair of source and destination, a large
// sample of those of a second, a small one of the others, and some pairs of steps.
// MAILRILL_SOAK=n takes every step of all, and n pairs of steps of each;
// MAILRILL_SEED=n samples others.

// crashSample is how many steps, and pairs of steps, the short form samples.
const crashSample = 3

// shortForm is how many steps the short form takes of the i-th pair.
func shortForm(i int) int {
	if i == 1 {
		return 10 * crashSample
	}
	return crashSample
}

func crashSettings(t *testing.T) (soak int, seed uint64) {
	t.Helper()
	seed = 1
	if v := os.Getenv("MAILRILL_SEED"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	if v := os.Getenv("MAILRILL_SOAK"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		soak = n
	}
	t.Logf("MAILRILL_SEED=%d MAILRILL_SOAK=%d", seed, soak)
	return soak, seed
}

// crashLimits are what a pass may take. The race detector multiplies memory, and
// at the end of a pass some goroutines are about to end.
var crashLimits = oracle.Usage{RSS: 256 << 20, Descriptors: 24, Threads: 32, Goroutines: 64}

func TestKilledAtEveryStep(t *testing.T) {
	soak, seed := crashSettings(t)
	var all tally
	t.Cleanup(func() { all.check(t) })
	for i, p := range crashPairs() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			points := wholeLife(t, p, seed)
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			steps := points
			if i > 0 && soak == 0 {
				steps = sample(r, points, shortForm(i))
			}
			var singles, pairs tally
			t.Cleanup(func() {
				t.Logf("a pass has %d points; killed at %v steps, and at %v pairs of steps twice", len(points), &singles, &pairs)
				all.merge(&singles)
			})
			for _, at := range steps {
				t.Run(at, func(t *testing.T) {
					t.Parallel()
					singles.add(killedAt(t, p, seed, at))
				})
			}
			for range max(soak, crashSample) {
				first, second := sample(r, points, 1)[0], fmt.Sprintf("*#%d", 1+r.IntN(len(points)/2))
				t.Run(first+" and "+second, func(t *testing.T) {
					t.Parallel()
					pairs.add(killedAt(t, p, seed, first, second))
				})
			}
		})
	}
}

// wholeLife runs a pass that is not killed, judges it too, and returns the points
// it came by.
func wholeLife(t *testing.T, p crashPair, seed uint64) []string {
	t.Helper()
	tr := newTrial(t, p, seed)
	l := tr.die("")
	if l.killed || l.exit != 65 {
		t.Fatalf("the whole pass: exit status %d\n%s", l.exit, l.stdout)
	}
	t.Logf("it took %+v", l.usage)
	tr.judge("no point", l.usage.Check(crashLimits))
	tr.judge("no point", oracle.Secrets([]string{canary}, nil, map[string][]byte{"stdout": l.stdout}))
	tr.recover("no point")
	for _, kind := range []string{"start#1", "commit state#2", "committed state#2", "sync hold#1", "read source#1", "write source#1", "end#1"} {
		if !slices.Contains(l.points, kind) {
			t.Fatalf("the whole pass did not come by %q: %q", kind, l.points)
		}
	}
	return l.points
}

// attempts is how often a step is tried to be reached: goroutines and TCP do not
// divide the work alike each time.
const attempts = 5

// killedAt kills a pass at a point, and its recovery at the next one, and so on,
// and reports whether it came by all of them.
func killedAt(t *testing.T, p crashPair, seed uint64, points ...string) bool {
	t.Helper()
	for range attempts {
		tr := newTrial(t, p, seed)
		first := tr.die(points[0]).killed
		all := first
		for _, at := range points[1:] {
			all = tr.die(at).killed && all
		}
		tr.recover(strings.Join(points, " and "))
		if first || t.Failed() {
			return all
		}
	}
	return false
}

func sample(r *rand.Rand, points []string, n int) []string {
	points = slices.Clone(points)
	r.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
	return points[:min(n, len(points))]
}

// A tally counts what was tried, and at how much of it mailrill was killed.
type tally struct{ tried, reached atomic.Int64 }

func (c *tally) add(reached bool) {
	c.tried.Add(1)
	if reached {
		c.reached.Add(1)
	}
}

func (c *tally) merge(d *tally) {
	c.tried.Add(d.tried.Load())
	c.reached.Add(d.reached.Load())
}

func (c *tally) String() string { return fmt.Sprintf("%d of %d", c.reached.Load(), c.tried.Load()) }

// check demands that nearly all was reached, or the suite proves less than it
// says. Where a read ends is TCP's business, so it cannot be all each time, and
// one of a pair's three must be allowed to be missed: all pairs count together.
func (c *tally) check(t *testing.T) {
	if c.reached.Load()*10 < c.tried.Load()*9 {
		t.Errorf("killed at %v steps only", c)
	}
}
