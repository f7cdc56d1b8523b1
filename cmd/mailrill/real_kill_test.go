package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"mailrill/internal/mailtest/oracle"
)

// Random kills against a real Dovecot and a real Postfix. Mail keeps coming in at
// the source, also while mailrill is at work, and in each round one blow falls: on
// mailrill or on a server, at a place of the work that a seed has chosen. Places
// are no moments: they are counted in pieces on the wire or in crash points, so
// that a slow machine tests the same. Most rounds begin with what a blow has left.
//
// The short form makes realKills kills in all and lets mailrill's clock jump over
// waits, when the servers have dealt with what they were sent. MAILRILL_SOAK=n
// makes n kills and waits as the product does; more of its pairs run at a time with
// -parallel 8.

// realKills is how many kills the short form makes, over all pairs.
const realKills = 96

func TestRealKilled(t *testing.T) {
	soak, seed := crashSettings(t)
	var pairs []realPair
	for _, destination := range []string{"maildir", "imap", "lmtp", "smtp"} {
		for _, source := range []string{"pop3", "imap"} {
			pairs = append(pairs, realPair{source, destination})
		}
	}
	kills := soak
	if soak == 0 {
		kills = realKills
	}
	trials := make([]*realTrial, len(pairs))
	t.Run("pairs", func(t *testing.T) {
		for i, p := range pairs {
			t.Run(p.String(), func(t *testing.T) {
				t.Parallel()
				trials[i] = newRealTrial(t, p, seed, uint64(i))
				trials[i].waits = soak > 0
				trials[i].endure((kills + len(pairs) - 1 - i) / len(pairs))
			})
		}
	})
	var all harm
	for _, tr := range trials {
		if tr != nil {
			all.add(tr.harm)
		}
	}
	t.Logf("in all: %v", all)
}

// A blow is what befalls a round.
type blow struct {
	kind    blowKind
	service bool // mailrill is run as the service and not with --once
	wire    bool // first and second count pieces on the wire, and not crash points
	first   int
	second  int
	lost    bool // the piece at which a server dies goes down with it
	early   int  // the piece on the wire at which more mail comes in
}

type blowKind string

const (
	killed     blowKind = "SIGKILL"
	serverDies blowKind = "server killed"
	stopped    blowKind = "SIGTERM"
	stopKilled blowKind = "SIGTERM, SIGKILL"
	stopTwice  blowKind = "SIGTERM twice"
)

// blowKinds are drawn from: of the kills a fifth or more hits a server.
var blowKinds = slices.Concat(
	slices.Repeat([]blowKind{killed}, 11), slices.Repeat([]blowKind{serverDies}, 4),
	slices.Repeat([]blowKind{stopKilled, stopped}, 2), []blowKind{stopTwice},
)

// A span is how long a whole pass is, counted in pieces on the wire and in points.
type span struct{ wire, points int }

// draw chooses a blow for a pass that is about as long as the last one that came to
// its end, or half as long again: mail has gathered since.
func draw(r *rand.Rand, s span) blow {
	b := blow{kind: blowKinds[r.IntN(len(blowKinds))], service: r.IntN(2) == 0, wire: r.IntN(2) == 0, lost: r.IntN(2) == 0}
	switch b.kind {
	case stopped, stopKilled, stopTwice:
		b.service = true // a single pass would end by itself, too
	case serverDies:
		b.wire = true
	}
	length := s.points
	if b.wire || b.kind == stopTwice {
		b.wire, length = true, s.wire
	}
	b.first = 2 + r.IntN(length*3/2)
	b.second = b.first + 1 + r.IntN(length/3)
	b.early = 1 + r.IntN(min(b.first-1, s.wire))
	return b
}

// env has the child strike itself, where the blow is counted in points.
func (b blow) env() (env []string) {
	if b.wire {
		return nil
	}
	first, second := fmt.Sprintf("*#%d", b.first), fmt.Sprintf("*#%d", b.second)
	switch b.kind {
	case killed:
		return []string{crashAt + "=" + first}
	case stopKilled:
		return []string{crashStop + "=" + first, crashAt + "=" + second}
	}
	return []string{crashStop + "=" + first}
}

// plan has the relay strike, where the blow is counted in pieces on the wire.
func (b blow) plan(signal func(syscall.Signal), server func()) map[int]func() {
	send := func(s syscall.Signal) func() { return func() { signal(s) } }
	if !b.wire {
		return map[int]func(){}
	}
	switch b.kind {
	case killed:
		return map[int]func(){b.first: send(syscall.SIGKILL)}
	case serverDies:
		return map[int]func(){b.first: server}
	case stopKilled:
		return map[int]func(){b.first: send(syscall.SIGTERM), b.second: send(syscall.SIGKILL)}
	case stopTwice:
		return map[int]func(){b.first: send(syscall.SIGTERM), b.second: send(syscall.SIGTERM)}
	}
	return map[int]func(){b.first: send(syscall.SIGTERM)}
}

// endure takes blows until n of them were kills, and then sees all made whole.
func (tr *realTrial) endure(n int) {
	tr.t.Helper()
	for round := 1; tr.harm.kills() < n && !tr.t.Failed(); round++ {
		if round > 4*n+20 {
			tr.t.Fatalf("in %d rounds: %v", round, tr.harm)
		}
		tr.round(draw(tr.dice, tr.span))
		if round%10 == 0 {
			tr.judge(fmt.Sprintf("after round %d", round), tr.c.Instant())
		}
	}
	tr.recover()
	tr.t.Logf("%v", tr.harm)
}

// round lets mail come in, and a blow fall while it is collected.
func (tr *realTrial) round(b blow) {
	tr.t.Helper()
	tr.arrive(tr.dice.IntN(3))
	var l *life
	begun := make(chan struct{})
	signal := func(s syscall.Signal) {
		<-begun
		l.cmd.Process.Signal(s)
	}
	died, more := false, true
	plan := b.plan(signal, func() {
		died = true
		tr.kill()
		if b.lost {
			tr.relay.lose()
		}
		if b.service { // it goes on, and finds the server there again
			tr.restart()
		}
	})
	plan[b.early] = func() {
		tr.arrive(1)
		more = false
	}
	tr.relay.follow(plan)
	l = tr.begin(b.service, b.env()...)
	close(begun)
	l.end()
	pieces := tr.relay.follow(nil)
	if died && !b.service {
		tr.restart()
	}
	if more {
		tr.arrive(1)
	}
	tr.afterLife(l)
	if !tr.count(b, l, died) {
		tr.span = span{max(pieces, 20), max(len(l.points), 100)}
	}
}

// count counts what the blow was in the end, if it struck at all, and checks how
// mailrill has ended.
func (tr *realTrial) count(b blow, l *life, died bool) (struck bool) {
	tr.t.Helper()
	tr.harm.Rounds++
	struck = l.killed || died || !slices.Contains(l.points, idlePoint+"#1") && b.service
	switch kind := b.kind; {
	case !struck:
		tr.harm.Missed++
	case kind == stopKilled && !l.killed:
		tr.harm.count(stopped)
	default:
		tr.harm.count(kind)
	}
	switch {
	case l.killed && (b.kind == killed || b.kind == stopKilled || b.kind == stopTwice):
	case l.exit == 0 && !l.killed:
	case l.exit == 75 && !b.service:
	default:
		tr.t.Errorf("%+v: it ended with %v\n%s", b, l.cmd.ProcessState, tr.said())
	}
	if !l.killed {
		tr.judge(fmt.Sprintf("%+v", b), l.usage.Check(crashLimits))
	}
	return struck
}

// recover makes a pass that nobody strikes, after which nothing may be left to do.
func (tr *realTrial) recover() {
	tr.t.Helper()
	l := tr.pass()
	tr.judge("at the end", tr.c.End())
	tr.judge("at the end", tr.c.Truth(tr.told(l)))
	tr.judgeCopies()
	tr.judge("at the end", tr.c.Again(0, func() int {
		sum := tr.sum(tr.pass())
		return sum.New + sum.Delivered + sum.AlreadyThere + sum.Held
	}))
}

func (tr *realTrial) pass() *life {
	tr.t.Helper()
	l := tr.begin(false)
	l.end()
	tr.afterLife(l)
	if l.exit != 0 {
		tr.t.Errorf("a pass that nobody strikes: %v\n%s\n%s", l.cmd.ProcessState, l.stdout, tr.said())
	}
	return l
}

func (tr *realTrial) judge(when string, fs oracle.Findings) {
	tr.t.Helper()
	if len(fs) > 0 {
		tr.t.Errorf("%s, %v:\n%v", when, tr.harm, fs)
	}
}

// A harm is what was suffered.
type harm struct {
	Rounds, Missed           int // in a round that was missed the blow came too late
	Messages                 int
	Ambiguous, FurtherCopies int
	Blows                    map[blowKind]int
}

func (h *harm) count(k blowKind) {
	if h.Blows == nil {
		h.Blows = map[blowKind]int{}
	}
	h.Blows[k]++
}

// kills are those by SIGKILL.
func (h *harm) kills() int {
	return h.Blows[killed] + h.Blows[serverDies] + h.Blows[stopKilled]
}

func (h *harm) add(o harm) {
	h.Rounds, h.Missed, h.Messages = h.Rounds+o.Rounds, h.Missed+o.Missed, h.Messages+o.Messages
	h.Ambiguous, h.FurtherCopies = h.Ambiguous+o.Ambiguous, h.FurtherCopies+o.FurtherCopies
	for k, n := range o.Blows {
		for range n {
			h.count(k)
		}
	}
}

func (h harm) String() string {
	return fmt.Sprintf("%d kills in %d rounds (%v, %d too late), %d messages, %d further copies with %d ambiguous answers",
		h.kills(), h.Rounds, h.Blows, h.Missed, h.Messages, h.FurtherCopies, h.Ambiguous)
}

// realLater is how far the clock goes between two lives: whatever was put off is
// due then.
const realLater = 5 * time.Hour
