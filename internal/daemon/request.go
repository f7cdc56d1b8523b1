package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"mailrill/internal/collect"
	"mailrill/internal/reply"
)

// A request is something that a loop is asked to do between two passes.
type request struct {
	ctx  context.Context // of who asks; nil: nobody waits
	do   func(context.Context, *loop) error
	done chan struct{} // closed when it was done, or never will be; nil: nobody waits
	did  bool
	err  error // of do
}

// serve does what is asked for, unless who asked has gone.
func (r *request) serve(l *loop, ctx context.Context) {
	defer r.finish()
	if r.ctx == nil || r.ctx.Err() == nil {
		r.err, r.did = r.do(ctx, l), true
	}
}

func (r *request) finish() {
	if r.done != nil {
		close(r.done)
	}
}

// ask hands a request to the loop.
func (l *loop) ask(r *request) {
	l.mu.Lock()
	l.requests = append(l.requests, r)
	l.mu.Unlock()
	l.wake()
}

// asked returns the next request, nil when there is none.
func (l *loop) asked() *request {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.requests) == 0 {
		return nil
	}
	r := l.requests[0]
	l.requests = slices.Delete(l.requests, 0, 1)
	return r
}

// refuse ends the requests that came too late. Whoever asks afterwards is told by
// the loop's end.
func (l *loop) refuse() {
	for r := l.asked(); r != nil; r = l.asked() {
		r.finish()
	}
}

// ErrUnknown says that the daemon does not serve an account of that name.
var ErrUnknown = errors.New("the running service does not know this account")

// errEnded says that a loop has ended before it came to a request.
var errEnded = reply.WithClass(reply.Temporary, errors.New("the service has stopped, or was reconfigured, before it came to that; try again"))

// Do runs f on an account's goroutine, so beside no pass of it, and returns f's
// error.
func (d *Daemon) Do(ctx context.Context, name string, f func(context.Context) error) error {
	return d.on(ctx, name, func(ctx context.Context, l *loop) error {
		l.busy()
		defer func() { l.show(stateAfter(l.last, d.Now())) }()
		return f(ctx)
	})
}

// on runs f on the loop of an account.
func (d *Daemon) on(ctx context.Context, name string, f func(context.Context, *loop) error) error {
	l, err := d.loop(name)
	if err != nil {
		return err
	}
	r := &request{ctx: ctx, do: f, done: make(chan struct{})}
	l.ask(r)
	select {
	case <-r.done:
	case <-l.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	if !r.did {
		return errEnded
	}
	return r.err
}

// Collect has one pass made of each account that is named, as soon as its loop can,
// and returns after the last. A login that was refused lately is not repeated
// unless force is set. tell is told of each pass, one at a time; the error is that
// of those which could not be made. When ctx ends, what has begun goes on.
func (d *Daemon) Collect(ctx context.Context, names []string, o collect.Options, force bool, tell func(*Outcome)) error {
	var all sync.WaitGroup
	var telling sync.Mutex
	errs := make([]error, len(names))
	for _, name := range names {
		if l, err := d.loop(name); err == nil {
			d.Logins.Again(l.a, force)
		}
	}
	for i, name := range names {
		all.Go(func() {
			var out *Outcome
			err := d.on(ctx, name, func(ctx context.Context, l *loop) (err error) {
				out, err = l.requested(ctx, o, force)
				return err
			})
			if err != nil {
				errs[i] = err
				return
			}
			telling.Lock()
			defer telling.Unlock()
			tell(out)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// requested makes the pass of a request. One that was stopped before it came to
// anything is none: to tell of it would say that there is no new mail.
func (l *loop) requested(ctx context.Context, o collect.Options, force bool) (*Outcome, error) {
	if !force && l.d.barred(l.a, l.last) {
		return l.d.barredOutcome(l.a, l.last), nil
	}
	out := l.make(ctx, o)
	if out.Report.Stopped && !tells(out.Report) {
		return nil, errEnded
	}
	return out, nil
}

// tells reports whether there is something to tell of a pass, be it a failure.
func tells(r *collect.Report) bool {
	return slices.ContainsFunc(r.Results, func(f *collect.Result) bool {
		return f.Err != nil || f.Listed+f.Delivered+f.AlreadyThere+f.Held+f.SourceDone > 0
	})
}

// Recheck looks again at an account of which the ledger, or the secret, has been
// changed by others: the back-off may be over.
func (d *Daemon) Recheck(name string) {
	l, err := d.loop(name)
	if err != nil {
		return
	}
	l.ask(&request{do: func(ctx context.Context, l *loop) error {
		l.recall(ctx)
		l.show(stateAfter(l.last, d.Now()))
		return nil
	}})
}

// loop returns the loop of an account.
func (d *Daemon) loop(name string) (*loop, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.loops {
		if l.a.Name == name {
			return l, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrUnknown, name)
}
