package daemon

import (
	"context"
	"time"

	"mailrill/internal/push"
	"mailrill/internal/reply"
)

const (
	// idleFor is how long a session rests in one IDLE: middleboxes forget silent
	// connections, and servers end them after half an hour (RFC 2177).
	idleFor = 9 * time.Minute
	// settledFor is how long a session must have rested before its end counts for
	// nothing.
	settledFor = 10 * time.Minute
	// fruitlessMax is the longest pause before a push is followed that is one of many
	// behind which there was nothing.
	fruitlessMax = time.Minute
)

// A watch is a session that rests in IDLE on one folder. All but the goroutine in
// rest is its loop's.
type watch struct {
	p      *pusher
	folder string
	line   *push.Line

	stop context.CancelFunc // of the rest that is going on; nil: none is
	done chan error         // its end

	news      bool      // the folder may have changed
	since     time.Time // it rests, but for passes
	retry     time.Time // it is not connected before
	crowded   bool      // it was given up for another login, and is not connected before the next pass over all folders
	flaps     int       // how often in a row it did not rest for long
	fruitless int       // how often in a row there was nothing behind a push
	ready     time.Time // a push is not followed before
	announced int64     // of the line, when it came to rest
}

// watch returns a watch of a folder, which is not connected yet.
func (p *pusher) watch(folder string) *watch {
	return &watch{p: p, folder: folder, line: push.New(p.life, p.built.Source, folder)}
}

// rest has the session wait for news, if it is connected and does not rest.
func (w *watch) rest(now time.Time) {
	if w.stop != nil || !w.line.Connected() {
		return
	}
	if w.since.IsZero() {
		w.since = now
	}
	ctx, stop := context.WithCancel(w.p.life)
	w.stop, w.done, w.news, w.announced = stop, make(chan error, 1), false, w.line.Announced()
	go func(done chan<- error) {
		done <- w.idle(ctx)
		w.p.l.wake()
	}(w.done)
}

// idle waits until the folder may have changed, in one IDLE after the other.
func (w *watch) idle(ctx context.Context) error {
	for {
		turn, cancel := context.WithTimeout(ctx, idleFor)
		err := w.line.Wait(turn)
		over := turn.Err() != nil && ctx.Err() == nil && w.line.Connected()
		cancel()
		if err == nil || !over {
			return err
		}
	}
}

// result returns how the rest has ended, if it has.
func (w *watch) result() (ended bool, err error) {
	if w.stop == nil {
		return false, nil
	}
	select {
	case err := <-w.done:
		w.awake(err)
		return true, err
	default:
		return false, nil
	}
}

// interrupt ends the rest, so that the session can be used. rested says that there was
// one, announced that the server has told of something in it. A server that gives no
// sign of life is waited for until its timeout, or the end of ctx.
func (w *watch) interrupt(ctx context.Context) (rested, announced bool) {
	if w.stop != nil {
		defer context.AfterFunc(ctx, w.line.End)()
		w.stop()
		w.awake(<-w.done)
		rested = w.line.Connected()
	}
	announced = w.news || w.line.Announced() != w.announced
	w.news = false
	return rested, announced
}

// awake notes the end of a rest.
func (w *watch) awake(err error) {
	w.stop()
	w.stop = nil
	w.news = w.news || err == nil
}

// resting reports whether the session rests, but for the passes that it serves.
func (w *watch) resting() bool { return w.stop != nil || w.news }

// used notes a pass that has used the session. One that went well and has lost it is
// to be followed as if it had rested; one that failed has a back-off of its own.
func (w *watch) used(out *Outcome, now time.Time, rand func(time.Duration) time.Duration) {
	switch {
	case w.line.Connected() || w.line.GivenUp():
	case out.Report.Err() == nil:
		w.broke(now, rand)
	default:
		w.settle(now)
	}
}

// broke notes that the connection was lost while it rested. Where that happens again
// and again it is made anew less and less often.
func (w *watch) broke(now time.Time, rand func(time.Duration) time.Duration) {
	w.settle(now)
	w.flaps++
	w.end()
	w.retry = now.Add(backoff(reply.Network, w.flaps, rand))
}

// settle notes that the session is no more, and forgets how often that has happened
// if it had rested for long.
func (w *watch) settle(now time.Time) {
	if !w.since.IsZero() && now.Sub(w.since) >= settledFor {
		w.flaps = 0
	}
	w.since = time.Time{}
}

// giveWay notes that the connection was given up for another to the same login. To
// make it anew at once would take the place away from that.
func (w *watch) giveWay() {
	w.end()
	w.crowded = true
}

// end drops the connection. It waits for no sign of life.
func (w *watch) end() {
	w.line.End()
	if w.stop != nil {
		w.stop()
		w.awake(<-w.done)
	}
	w.news, w.since = false, time.Time{}
}

// wanted says from when on a pass over the folder is wanted: after a push, and to
// connect the session, which for the main one is the business of the next pass over
// all folders.
func (w *watch) wanted(main bool) (from time.Time, ok bool) {
	switch {
	case w.news:
		return w.ready, true
	case main || w.stop != nil || w.crowded:
		return from, false
	}
	return w.retry, true
}

// pace makes the next push wait a little if there was nothing behind this one, and
// longer each time: a server may announce the same for ever.
func (w *watch) pace(found bool, now time.Time) {
	if found {
		w.fruitless, w.ready = 0, time.Time{}
		return
	}
	w.fruitless++
	if w.fruitless > 1 {
		w.ready = now.Add(min(time.Second<<min(w.fruitless-2, 10), fruitlessMax))
	}
}
