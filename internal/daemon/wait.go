package daemon

import (
	"context"
	"time"

	"mailrill/internal/reply"
)

// tick is how often the clock is looked at while waiting: timers stand still
// while a machine sleeps, and a clock can be set.
const tick = 30 * time.Second

// sleptFor is how much more than a tick must have gone by to be taken for a
// machine that slept.
const sleptFor = time.Minute

// work is something that a loop does between two waits.
type work func(l *loop, ctx context.Context)

// wait returns what is to be done next, as soon as there is something; nil when
// ctx ends, or when it is to be asked again.
func (l *loop) wait(ctx context.Context) work {
	now := l.d.Now()
	todo, at := l.next(now)
	if todo != nil {
		return todo
	}
	l.showNext(at)
	l.sleep(ctx, at, now)
	l.moved()
	if l.push != nil {
		l.push.check(onWall(l.d.Now()).Sub(onWall(now)) > tick+sleptFor)
	}
	return nil
}

// next is what is to be done now, or when there will be something; zero: nobody
// knows.
func (l *loop) next(now time.Time) (todo work, at time.Time) {
	if r := l.asked(); r != nil {
		return r.serve, at
	}
	l.hasten(now)
	at = l.notQuiet(l.alarm.at(l.due(now), now, l.d.Rand))
	if !at.IsZero() && !now.Before(at) {
		return (*loop).collectAll, at
	}
	if l.push == nil || !l.mayFollow(now) {
		return nil, at
	}
	todo, soon := l.push.next(now)
	soon = l.notQuiet(soon)
	if !soon.IsZero() && (at.IsZero() || soon.Before(at)) {
		at = soon
	}
	return todo, at
}

// mayFollow reports whether a push may be followed: not while something that
// failed has to rest, and not in the account's quiet hours.
func (l *loop) mayFollow(now time.Time) bool {
	failed := !l.last.NextTry.IsZero() && !l.last.At.After(now)
	return !failed && l.a.Quiet.Until(now).Equal(now)
}

// notQuiet puts at off to the end of the quiet hours that it lies in.
func (l *loop) notQuiet(at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return l.a.Quiet.Until(at)
}

// A moment is when an account is to be looked at, and whether others may be at the
// same one, so that it is to be spread.
type moment struct {
	time.Time
	spread bool
}

// due is when all folders are to be looked at next: at once if they never were,
// else by the schedule, but after a failure as the back-off says. A pass that lies
// in the future says that the clock was wrong then.
func (l *loop) due(now time.Time) moment {
	switch {
	case !l.a.Enabled:
		return moment{}
	case l.last.At.IsZero(), l.last.At.After(now):
		return moment{now, false}
	case l.last.Class == string(reply.Credentials) && l.d.renewed(l.a, l.last.At):
		return moment{now, false}
	case !l.last.NextTry.IsZero():
		return moment{l.last.NextTry, false}
	}
	looked := l.looked
	if looked.IsZero() || looked.After(now) {
		looked = l.last.At
	}
	next := l.a.Schedule.Next(looked)
	if l.push != nil {
		return l.push.due(now, looked, next)
	}
	return moment{next, true}
}

// An alarm remembers by how much a moment was put off, so that asking again gives
// the same.
type alarm struct {
	base time.Time
	put  time.Time
}

// at is when m comes for this account.
func (al *alarm) at(m moment, now time.Time, rand func(time.Duration) time.Duration) time.Time {
	if m.IsZero() || !m.spread {
		return m.Time
	}
	if !al.base.Equal(m.Time) {
		al.base, al.put = m.Time, m.Add(rand(min(m.Sub(now)/10, jitterMax)))
	}
	return al.put
}

// sleep waits until at, but never longer than a tick, or until something happens.
func (l *loop) sleep(ctx context.Context, at, now time.Time) {
	// All loops look at the clock at the same moments: a thousand that woke one after
	// the other would not let the processor rest.
	d := tick - l.d.uptime()%tick
	if !at.IsZero() {
		d = min(d, at.Sub(now))
	}
	l.mu.Lock()
	if l.woken {
		l.woken = false
		l.mu.Unlock()
		return
	}
	doze, wake := context.WithCancel(ctx)
	l.doze = wake
	l.mu.Unlock()
	_ = l.d.Sleep(doze, d) // what has ended it is looked for in any case
	wake()
	l.mu.Lock()
	l.doze, l.woken = nil, false
	l.mu.Unlock()
}

// wake ends the present doze, or the next.
func (l *loop) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.woken = true
	if l.doze != nil {
		l.doze()
	}
}

// onWall is t without the reading of the clock that stands still while the machine
// sleeps.
func onWall(t time.Time) time.Time { return t.Round(0) }
