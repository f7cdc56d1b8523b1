package main

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// A gauge is a sample: what the service takes at a moment.
type gauge struct {
	life, beat, messages    int
	rss                     int64 // octets
	descriptors, goroutines int   // 0: not known
}

// check takes a sample, and shows it.
func (s *soak) check() {
	s.t.Helper()
	p := gauge{life: s.lives, beat: s.beat, messages: s.messages, goroutines: s.service.goroutines()}
	if p.goroutines > 0 && p.use(s.service.cmd.Process.Pid) {
		s.samples = append(s.samples, p)
		s.t.Logf("life %d, %.1f min, %d messages: %.1f MiB, %d descriptors, %d goroutines",
			p.life, (time.Duration(p.beat) * s.form.beat).Minutes(), p.messages, float64(p.rss)/(1<<20), p.descriptors, p.goroutines)
	}
}

// use reads what a process takes; false: it is gone.
func (p *gauge) use(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return false
	}
	var size int64
	if _, err := fmt.Sscan(string(text), &size, &p.rss); err != nil {
		return false
	}
	p.rss *= int64(os.Getpagesize())
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	p.descriptors = len(open)
	return err == nil
}

const (
	// flatFrom is how many samples a life must have to be judged; after a fifth of them
	// it is warm.
	flatFrom = 12
	// By this much the last third of a warm life may exceed the first, at the median. A
	// line that breaks or a folder that is collected just then costs some of each.
	moreMemory      = 4 << 20 // and a fifth
	moreDescriptors = 8
	moreGoroutines  = 40
)

// grown says by what a life has grown too much; nothing when it is flat, or too short
// to tell.
func grown(life []gauge) (text []string) {
	if len(life) < flatFrom {
		return nil
	}
	warm := life[len(life)/5:]
	first, last := warm[:len(warm)/3], warm[len(warm)-len(warm)/3:]
	for _, f := range []struct {
		name        string
		of          func(gauge) int64
		times, plus int64 // in fifths; the margin
	}{
		{"octets of memory", func(p gauge) int64 { return p.rss }, 6, moreMemory},
		{"descriptors", func(p gauge) int64 { return int64(p.descriptors) }, 5, moreDescriptors},
		{"goroutines", func(p gauge) int64 { return int64(p.goroutines) }, 5, moreGoroutines},
	} {
		was, is := median(first, f.of), median(last, f.of)
		if is > was*f.times/5+f.plus {
			text = append(text, fmt.Sprintf("%d %s became %d", was, f.name, is))
		}
	}
	return text
}

func median(samples []gauge, of func(gauge) int64) int64 {
	values := make([]int64, len(samples))
	for i, p := range samples {
		values[i] = of(p)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// judgeUse fails for each life that has grown.
func (s *soak) judgeUse() {
	s.t.Helper()
	lives := map[int][]gauge{}
	for _, p := range s.samples {
		lives[p.life] = append(lives[p.life], p)
	}
	for life := range s.lives {
		for _, g := range grown(lives[life+1]) {
			s.t.Errorf("in life %d: %s", life+1, g)
		}
	}
}

func TestGrown(t *testing.T) {
	const mib = 1 << 20
	life := func(n int, of func(i int) gauge) (all []gauge) {
		for i := range n {
			all = append(all, of(i))
		}
		return all
	}
	for _, c := range []struct {
		name string
		n    int
		of   func(i int) gauge
		want int
	}{
		{"flat", 20, func(int) gauge { return gauge{rss: 40 * mib, descriptors: 60, goroutines: 200} }, 0},
		{"warming up", 20, func(i int) gauge { return gauge{rss: int64(min(i, 4)) * 10 * mib, descriptors: min(i, 4) * 15} }, 0},
		{"waves", 24, func(i int) gauge { return gauge{rss: int64(40+i%3*20) * mib, descriptors: 40 + i%3*20} }, 0},
		{"memory leaks", 20, func(i int) gauge { return gauge{rss: int64(40+2*i) * mib, descriptors: 60} }, 1},
		{"all leaks", 20, func(i int) gauge { return gauge{rss: int64(40+2*i) * mib, descriptors: 60 + i, goroutines: 100 + 5*i} }, 3},
		{"too short to tell", 11, func(i int) gauge { return gauge{rss: int64(40+9*i) * mib} }, 0},
	} {
		if got := grown(life(c.n, c.of)); len(got) != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
