package daemon

import (
	"errors"
	"math/rand/v2"
	"time"

	"mailrill/internal/reply"
)

// A ladder is the pauses after one, two, … failures in a row; the last one
// repeats.
type ladder struct {
	pauses []time.Duration
	// from is where full jitter begins: a pause lies anywhere between it and what
	// the ladder says, so that a thousand accounts that failed at once do not come
	// back at once. 0: a tenth is added at most, and nothing taken away.
	from time.Duration
}

// passing holds for faults that mend themselves.
var passing = &ladder{
	[]time.Duration{10 * time.Second, 30 * time.Second, 90 * time.Second, 4 * time.Minute, 10 * time.Minute, 15 * time.Minute},
	5 * time.Second,
}

// ladders hold the pauses by class. A refused login must not become a locked
// account: at most four in the first three hours, and six a day from then on.
// With pauses of 1, 5, 30 minutes and two hours the fifth would come in the third
// hour, so the fourth pause is longer. A config waits for its owner.
var ladders = map[reply.Class]*ladder{
	reply.Network:     passing,
	reply.Temporary:   passing,
	reply.Full:        {pauses: []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}},
	reply.Limit:       {pauses: []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour}},
	reply.TLS:         {pauses: []time.Duration{time.Minute, 15 * time.Minute, time.Hour}},
	reply.Config:      {pauses: []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour}},
	reply.Credentials: {pauses: []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 150 * time.Minute, 4 * time.Hour}},
	reply.IO:          {pauses: []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}},
	reply.Bug:         {pauses: []time.Duration{time.Minute, 15 * time.Minute, time.Hour}},
}

// ladderOf returns the class whose ladder counts after err: a login that was
// refused in words that nobody knows is repeated as seldom as one at a limit.
func ladderOf(err error, c reply.Class) reply.Class {
	if refusal, ok := errors.AsType[*reply.Error](err); ok && refusal.Unclear() && c == reply.Temporary {
		return reply.Limit
	}
	return c
}

// backoff returns how long to wait after the failures-th failure in a row of
// class c; 0 where the schedule alone decides. rand returns a random part.
func backoff(c reply.Class, failures int, rand func(time.Duration) time.Duration) time.Duration {
	l := ladders[c]
	if l == nil || failures < 1 {
		return 0
	}
	pause := l.pauses[min(failures, len(l.pauses))-1]
	if l.from > 0 {
		return l.from + rand(pause-l.from)
	}
	return pause + rand(min(pause/10, jitterMax))
}

// sameLadder reports whether failures of two classes are one row of failures.
func sameLadder(a, b reply.Class) bool { return ladders[a] == ladders[b] }

// jitterMax bounds the jitter of rare schedules and of long pauses.
const jitterMax = time.Minute

// random returns a random part of d, 0 of nothing.
func random(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}
