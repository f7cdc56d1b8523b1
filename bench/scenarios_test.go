package bench

import (
	"flag"
	"testing"
	"time"
)

// A scale is how large a scenario is, and how far away its servers are.
type scale struct {
	n    int // messages, or what the scenario counts
	size int // octets of a message, at least
	rtt  time.Duration
	mbit float64 // 0: no limit
}

// far is as far away as in the rows of perf.py.
func far(n, size int) scale { return scale{n, size, 40 * time.Millisecond, 200} }

// near is for tests.
func near(n, size int) scale { return scale{n, size, 2 * time.Millisecond, 0} }

// A scenario is one row of the benchmarks. It fails unless all mail arrived.
type scenario struct {
	name        string
	full, small scale
	play        func(t testing.TB, s scale) figures
}

// figures are what a scenario found, by their units.
type figures map[string]float64

// ofPass are the figures of any run.
func (u usage) ofPass() figures {
	return figures{
		"s":        u.Wall.Seconds(),
		"CPU-ms":   u.CPU.Seconds() * 1000,
		"peak-MiB": float64(u.Peak) / (1 << 20),
	}
}

// figures of a run that moved n messages.
func (u usage) figures(n int) figures {
	f := u.ofPass()
	f["CPU-ms/message"] = f["CPU-ms"] / float64(n)
	return f
}

// above adds how a run compares with the least that it could have taken.
func (f figures) above(u usage, floor time.Duration) figures {
	f["floor-s"] = floor.Seconds()
	f["x-floor"] = u.Wall.Seconds() / floor.Seconds()
	return f
}

// groups are the scenarios that have a benchmark together.
var groups = map[string][]scenario{
	"Lockstep": lockstep, "NothingNew": nothingNew,
	"Large":        large,
	"Accounts":     accounts,
	"FirstCollect": firstCollect,
	"Start":        start,
	"Idle":         idle,
	"Serve":        serve,
	"Push":         pushed,
}

func BenchmarkLockstep(b *testing.B)     { report(b, lockstep) }
func BenchmarkNothingNew(b *testing.B)   { report(b, nothingNew) }
func BenchmarkLarge(b *testing.B)        { report(b, large) }
func BenchmarkAccounts(b *testing.B)     { report(b, accounts) }
func BenchmarkFirstCollect(b *testing.B) { report(b, firstCollect) }
func BenchmarkStart(b *testing.B)        { report(b, start) }
func BenchmarkIdle(b *testing.B)         { report(b, idle) }
func BenchmarkServe(b *testing.B)        { report(b, serve) }
func BenchmarkPush(b *testing.B)         { report(b, pushed) }

// number is for trying things.
var number = flag.Int("n", 0, "messages or accounts of a benchmark, instead of its own number")

func report(b *testing.B, rows []scenario) {
	for _, row := range rows {
		if *number > 0 {
			row.full.n = *number
		}
		b.Run(row.name, func(b *testing.B) {
			var found figures
			for b.Loop() {
				found = row.play(b, row.full)
			}
			for unit, value := range found {
				b.ReportMetric(value, unit)
			}
			b.ReportMetric(0, "ns/op") // of servers, checks and all: it says nothing
		})
	}
}

// TestScenarios plays each row in small: what counts are the checks within.
func TestScenarios(t *testing.T) {
	for group, rows := range groups {
		for _, row := range rows {
			t.Run(group+"/"+row.name, func(t *testing.T) { row.play(t, row.small) })
		}
	}
}
