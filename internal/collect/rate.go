package collect

import (
	"context"
	"fmt"
	"time"

	"mailrill/internal/ledger"
)

// A Rate is how many messages a login may move in a while: a minute, an hour or a
// day. The zero Rate has no limit.
type Rate struct {
	Messages int
	Per      time.Duration
}

// rateSlots are the times that a rate can be for, and in which steps each is
// counted.
var rateSlots = map[time.Duration]time.Duration{time.Minute: time.Second, time.Hour: time.Minute, aDay: time.Hour}

func (r Rate) String() string {
	return fmt.Sprintf("%d/%s", r.Messages, map[time.Duration]string{time.Minute: "m", time.Hour: "h", aDay: "d"}[r.Per])
}

// rest is how long a login rests at least when its rate is used up: one that may
// move a message a second is not to log in each second.
func (r Rate) rest() time.Duration { return max(time.Minute, r.Per/24) }

// A tally counts what was within the last span, in slots. A slot counts until all
// of it is older than that; one that lies ahead was written by a clock that was
// wrong.
type tally struct {
	slot  time.Duration
	slots int64           // that count, that of now among them
	n     map[int64]int64 // by slots since 1970
}

func newTally(span, slot time.Duration) *tally {
	return &tally{slot: slot, slots: int64(span/slot) + 1, n: map[int64]int64{}}
}

func (t *tally) at(now time.Time) int64 { return now.Unix() / int64(t.slot/time.Second) }

func (t *tally) counts(slot int64, now time.Time) bool {
	return slot > t.at(now)-t.slots && slot <= t.at(now)
}

func (t *tally) used(now time.Time) (n int64) {
	for slot, k := range t.n {
		if t.counts(slot, now) {
			n += k
		}
	}
	return n
}

// add counts n more, and forgets what is old once there is much of it: a clock that
// is wrong for a moment takes nothing away.
func (t *tally) add(now time.Time, n int64) {
	t.n[t.at(now)] += n
	if int64(len(t.n)) <= 2*t.slots {
		return
	}
	for slot := range t.n {
		if slot <= t.at(now)-t.slots {
			delete(t.n, slot)
		}
	}
}

// frees returns when the oldest of what counts now, or is about to, counts no more.
func (t *tally) frees(now time.Time) time.Time {
	first := t.at(now)
	for slot, n := range t.n {
		if n > 0 && t.counts(slot, now) {
			first = min(first, slot)
		}
	}
	return time.Unix((first+t.slots)*int64(t.slot/time.Second), 0)
}

// Left is what a login may still move, by its limits.
type Left struct {
	Octets   int64     // within 24 hours; -1: no limit
	Messages int64     // within the rate's time; -1: no limit
	Back     time.Time // when some of what is used comes back; zero when nothing is used
}

// Left returns what a login may still move, as the passes of this process reckon.
func (c *Collector) Left(ctx context.Context, d Daily) (Left, error) {
	m, err := c.meter(ctx, d)
	if err != nil || m == nil {
		return Left{-1, -1, time.Time{}}, err
	}
	return m.remains(c.Now()), nil
}

// LeftOf is Collector.Left for who only has the ledger. It knows nothing of the last
// seconds of a pass that runs, nor of the last minute of a rate by the minute.
func LeftOf(ctx context.Context, l *ledger.Ledger, d Daily, now time.Time) (Left, error) {
	t, err := loadTraffic(ctx, l, d.Login, now)
	if err != nil {
		return Left{}, err
	}
	return (&meter{d, t}).remains(now), nil
}

func (m *meter) remains(now time.Time) Left {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := Left{-1, -1, time.Time{}}
	if m.Limit > 0 {
		l.Octets = l.after(m.octets, m.Limit, m.reserved.octets, now)
	}
	if m.Rate.Messages > 0 {
		l.Messages = l.after(m.messages[m.Rate.Per], int64(m.Rate.Messages), m.reserved.messages, now)
	}
	return l
}

// after returns what t leaves of a limit, and notes when some of it comes back.
func (l *Left) after(t *tally, limit, reserved int64, now time.Time) int64 {
	used := t.used(now)
	if back := t.frees(now); used > 0 && (l.Back.IsZero() || back.Before(l.Back)) {
		l.Back = back
	}
	return max(0, limit-used-reserved)
}
