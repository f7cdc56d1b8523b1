package daemon

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"mailrill/fetch"
	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// A loop owns one account: whatever is done for it, its goroutine does.
type loop struct {
	d     *Daemon
	a     *config.Account
	ctx   context.Context // of its life: what waits for a turn ends with it, what has begun may finish
	stop  context.CancelFunc
	ended chan struct{}

	// The goroutine's own.
	last   ledger.Pass
	looked time.Time // when all folders were last looked at
	push   *pusher   // nil: push is not wanted
	alarm  alarm

	beat atomic.Int64 // when something last moved, since Daemon.born

	mu       sync.Mutex
	requests []*request
	hurried  bool               // its server is back: a pause that a broken line has led to is over
	woken    bool               // something has happened since the last doze
	doze     context.CancelFunc // ends it
	status   Status
	rest     Status // before the pass that runs, or ran last
}

// begin starts the loop of a, when the one before it, if any, has ended. It is
// called under d.mu.
func (d *Daemon) begin(a *config.Account, before *loop) *loop {
	ctx, stop := context.WithCancel(d.ctx)
	l := &loop{d: d, a: a, ctx: ctx, stop: stop, ended: make(chan struct{})}
	l.status = Status{Account: a, State: Waiting, Since: d.Now(), Push: unpushed(a, d.Now())}
	if !a.Enabled {
		l.status.State = Off
	}
	if before != nil {
		l.status.Pass = before.shown().Pass
	}
	l.moved()
	d.all.Go(func() {
		defer close(l.ended)
		defer stop()
		if before != nil {
			<-before.ended
			l.moved()
		}
		l.serve()
	})
	return l
}

// serve is the life of an account: wait for something to do, and do it.
func (l *loop) serve() {
	ctx := l.ctx
	defer l.refuse()
	l.recall(ctx)
	if l.a.Push && l.a.Enabled {
		l.push = newPusher(l)
		defer l.push.end()
	}
	for ctx.Err() == nil {
		if todo := l.wait(ctx); todo != nil {
			todo(l, ctx)
		}
	}
}

// recall reads how the last pass ended.
func (l *loop) recall(ctx context.Context) {
	last, err := l.d.last(ctx, l.a)
	if err != nil {
		l.d.Log.Error("read the ledger", "account", l.a.Name, "err", err)
		return
	}
	l.last = last
	l.show(stateAfter(last, l.d.Now()))
}

// collectAll looks at all folders.
func (l *loop) collectAll(ctx context.Context) { l.make(ctx, collect.Options{}) }

// make makes a pass over all folders, and returns its outcome.
func (l *loop) make(ctx context.Context, o collect.Options) *Outcome {
	if l.push != nil {
		return l.push.collectAll(ctx, o)
	}
	built := l.d.Build(l.a, l.moved)
	built.Source = l.spaced(built.Source)
	out := l.pass(ctx, built, "", o)
	l.looked = out.Pass.At
	return out
}

// pass makes a pass over what is built, once there is a place for it. Who is not
// connected to the source needs none: a dead server takes nobody's place. folder is
// the only one that is built, "" where all are.
func (l *loop) pass(ctx context.Context, built *collect.Account, folder string, o collect.Options) *Outcome {
	l.busy()
	var leave func()
	built.Source = &entrance{built.Source, func() (err error) {
		if leave == nil {
			leave, err = l.d.workers.enter(l.ctx, l.a)
		}
		return err
	}}
	out := l.d.pass(ctx, l.a, built, o, l.last)
	out.Folder = folder
	if leave != nil {
		leave()
	}
	l.last = out.Pass
	l.show(stateAfter(l.last, l.d.Now()))
	l.d.tell(out)
	l.d.recovered(l, out)
	return out
}

// An entrance is a source whose sessions need a place.
type entrance struct {
	fetch.Source
	enter func() error
}

// Connect implements fetch.Source.
func (e *entrance) Connect(ctx context.Context) (fetch.Session, error) {
	s, err := e.Source.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.enter(); err != nil {
		_ = s.Close(false)
		return nil, err
	}
	return s, nil
}

// spaced returns source with its logins spaced from those of others.
func (l *loop) spaced(source fetch.Source) fetch.Source {
	return &timely{source, func() error { return l.d.spacing.turn(l.ctx) }}
}

// A timely source connects when its turn has come.
type timely struct {
	fetch.Source
	turn func() error
}

// Connect implements fetch.Source.
func (t *timely) Connect(ctx context.Context) (fetch.Session, error) {
	if err := t.turn(); err != nil {
		return nil, err
	}
	return t.Source.Connect(ctx)
}

// recovered looks again at the accounts whose source is the server that has just come
// back: without that they would wait for the rest of their pauses.
func (d *Daemon) recovered(back *loop, out *Outcome) {
	if !offline(out.Before) || offline(out.Pass) || back.a.Host == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.loops {
		if l != back && l.a.Host == back.a.Host && l.a.Port == back.a.Port {
			l.hurry()
		}
	}
}

// taken wakes the accounts whose login, by the name of its note, is taken again: they
// are due.
func (d *Daemon) taken(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.loops {
		if notes := loginNotes(l.a); notes[0] == name || notes[1] == name {
			l.wake()
		}
	}
}

// offline reports whether a pass failed because the line did.
func offline(p ledger.Pass) bool { return p.Class == string(reply.Network) && !p.NextTry.IsZero() }

// hurry ends the pause of a loop whose line broke, also that with which the pass ends
// that runs now. When a server comes back each of its accounts says so to all others:
// once is enough.
func (l *loop) hurry() {
	l.mu.Lock()
	rests := l.status.State == BackingOff && !l.hurried
	l.hurried = true
	l.mu.Unlock()
	if rests {
		l.wake()
	}
}

// hasten does what hurry has asked for.
func (l *loop) hasten(now time.Time) {
	l.mu.Lock()
	hurried := l.hurried
	l.hurried = false
	l.mu.Unlock()
	if hurried && offline(l.last) {
		l.last.NextTry = now
	}
}
