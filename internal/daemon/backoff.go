package daemon

import (
	"errors"
	"math/rand/v2"
	"time"

	"mailrill/internal/reply"
)

// A ladder is the pauses after one, two, … failures in a row; the last one
// repeats.
type ladder []time.Duration

// ladders hold the pauses by class. Network and temporary faults mend
// themselves; a refused login must not become a locked account (six tries a
// day); a config waits for its owner.
var ladders = map[reply.Class]ladder{
	reply.Network:     {5 * time.Second, 15 * time.Second, 45 * time.Second, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute},
	reply.Temporary:   {5 * time.Second, 15 * time.Second, 45 * time.Second, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute},
	reply.Full:        {time.Minute, 5 * time.Minute, 15 * time.Minute},
	reply.Limit:       {15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour},
	reply.TLS:         {time.Minute, 15 * time.Minute, time.Hour},
	reply.Config:      {5 * time.Minute, 15 * time.Minute, time.Hour},
	reply.Credentials: {time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 4 * time.Hour},
	reply.IO:          {time.Minute, 5 * time.Minute, 15 * time.Minute},
	reply.Bug:         {time.Minute, 15 * time.Minute, time.Hour},
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
// class c; 0 where the schedule alone decides.
func backoff(c reply.Class, failures int) time.Duration {
	l := ladders[c]
	if len(l) == 0 || failures < 1 {
		return 0
	}
	return l[min(failures, len(l))-1]
}

// jitterMax bounds the jitter of rare schedules.
const jitterMax = time.Minute

// jitter returns a random part of a tenth of d, so that the accounts of a
// process, and many processes, do not knock at the same moment.
func jitter(d time.Duration) time.Duration {
	most := min(d/10, jitterMax)
	if most <= 0 {
		return 0
	}
	return rand.N(most)
}
