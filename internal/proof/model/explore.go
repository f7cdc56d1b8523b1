package model

import (
	"errors"
	"fmt"
	"strings"
)

// A Violation is the end of a game that breaks the promise.
type Violation struct {
	What  string   // which part of it
	Trace []string // the moves that lead there, as few as possible
}

func (v *Violation) Error() string {
	return fmt.Sprintf("%s\n\t%s", v.What, strings.Join(v.Trace, "\n\t"))
}

// ErrLimit: there are more boards than Config.Limit.
var ErrLimit = errors.New("too many boards")

// An explorer visits boards breadth first, each once.
type explorer struct {
	c      *Config
	index  map[state]int32
	boards []state
	parent []int32
	name   []string
	good   []bool // peace leads from here to a good end
}

// Explore plays all games of c. It returns how many boards there are, and a
// *Violation if one of them breaks the promise.
func Explore(c Config) (boards int, err error) {
	if c.Limit == 0 {
		c.Limit = 10_000_000
	}
	x := &explorer{c: &c, index: map[state]int32{}}
	x.visit(state{}, -1, "")
	for i := 0; i < len(x.boards); i++ {
		s := x.boards[i]
		if what := c.broken(&s); what != "" {
			return i, x.violation(what, int32(i))
		}
		if i >= c.Limit {
			return i, ErrLimit
		}
		for _, m := range c.moves(s) {
			x.visit(m.to, int32(i), m.name)
		}
	}
	return len(x.boards), x.restless()
}

func (x *explorer) visit(s state, from int32, name string) {
	if _, known := x.index[s]; known {
		return
	}
	x.index[s] = int32(len(x.boards))
	x.boards = append(x.boards, s)
	x.parent = append(x.parent, from)
	x.name = append(x.name, name)
}

func (x *explorer) violation(what string, i int32) *Violation {
	v := &Violation{What: what}
	for ; i > 0; i = x.parent[i] {
		v.Trace = append([]string{x.name[i]}, v.Trace...)
	}
	return v
}

// restless looks for a board from which peace leads to no good end.
func (x *explorer) restless() error {
	x.good = make([]bool, len(x.boards))
	for i := range x.boards {
		if path, ok := x.peace(int32(i)); !ok {
			v := x.violation("without any further event the game comes to no good end", int32(i))
			v.Trace = append(v.Trace, "… and from there, in peace:")
			v.Trace = append(v.Trace, path...)
			return v
		}
	}
	return nil
}

// peace follows the moves that are no event until an end that is good, or known
// to lead to one.
func (x *explorer) peace(i int32) (path []string, ok bool) {
	var seen []int32
	on := map[int32]bool{}
	for !x.good[i] {
		if x.c.atRest(&x.boards[i]) {
			x.good[i] = true
			break
		}
		if on[i] {
			return path, false
		}
		on[i] = true
		seen = append(seen, i)
		next, found := firstPeaceful(x.c.moves(x.boards[i]))
		if !found {
			return path, false
		}
		path = append(path, next.name)
		i = x.index[next.to]
	}
	for _, j := range seen {
		x.good[j] = true
	}
	return path, true
}

func firstPeaceful(ms []move) (move, bool) {
	for _, m := range ms {
		if !m.event {
			return m, true
		}
	}
	return move{}, false
}

// broken returns which invariant a board breaks, "" for none.
func (c *Config) broken(s *state) string {
	for m := range s.src {
		id := c.id(m)
		atSource := s.src[m] == present || s.src[m] == away
		if !atSource && s.copies[id] == 0 && !s.hold[id].there && !s.dropped[id] {
			return fmt.Sprintf("INV1, INV2: message %d is lost", m+1)
		}
	}
	for id, n := range s.copies {
		if c.Once && s.dropped[id] {
			n++
		}
		if n > 1+s.doubled[id] {
			return fmt.Sprintf("INV3: ID %d is there %d times", id, n)
		}
	}
	return ""
}

// atRest reports whether a board is a good end: between passes, nothing to do,
// every message delivered or held, and what is delivered gone from the source.
func (c *Config) atRest(s *state) bool {
	if s.proc.at != idle || s.late != [2]bool{} {
		return false
	}
	for id, e := range s.hold {
		if e.there && e.retry && !c.isRefused(id) {
			return false
		}
	}
	if s.led.any(func(r row) bool { return r.is == intent || r.is == failed }) {
		return false
	}
	if s.spent&Away == 0 && s.led.any(func(r row) bool { return r.is == lost }) {
		return false // nobody has taken it: a false alarm
	}
	for m := range s.src {
		id := c.id(m)
		arrived := s.copies[id] > 0 || s.dropped[id]
		switch {
		case !arrived && !s.hold[id].there:
			return false
		case s.src[m] == away:
			return false
		case s.src[m] == present && s.row(m).is == finished && s.spent&Away != 0: // it came back
		case s.src[m] == present && s.row(m).is != held:
			return false
		case s.src[m] == present && c.Source == Gmail:
			return false
		}
	}
	return true
}
