// Package daemon decides when passes are made: once for each account, or for
// ever, by the clock, by push, on request, and by the back-off.
//
// One goroutine owns an account: its loop (loop.go). It makes a pass (pass.go),
// writes the outcome into the ledger, works out when the next one is due, and
// waits (wait.go), with a session in IDLE for each folder that the server pushes
// (push.go). So no two passes of an account ever overlap, a tick that was missed
// (the machine slept, the pass took long) runs once, and one account never delays
// another but for the bounds on passes and connects at a time (workers.go).
package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/ledger"
)

// A Daemon makes the passes of a config's accounts. Once or Run is called, and
// that once; the other methods may be called from any goroutine while Run runs.
type Daemon struct {
	Accounts []*config.Account // those that are not enabled wait for requests only
	// Build returns what a pass over an account needs. Its connections call beat
	// whenever something moves on them.
	Build     func(a *config.Account, beat func()) *collect.Account
	Collector *collect.Collector
	Ledger    *ledger.Ledger
	Log       *slog.Logger
	Now       func() time.Time
	Sleep     func(ctx context.Context, d time.Duration) error
	// Rand returns a random part of d; nil means a good one.
	Rand func(d time.Duration) time.Duration
	// Workers is how many passes run at a time; 0 means 48.
	Workers int
	// Changed reports whether what an account logs in with may have changed since
	// a time: then a refusal of before says nothing any more.
	Changed func(a *config.Account, since time.Time) bool
	// Logins are those of all accounts; nil: each account is alone with its own.
	Logins *Logins
	// Done is told of each pass, one at a time.
	Done func(*Outcome)
	// Began is told, when it is set, that Run serves the accounts.
	Began func()

	telling sync.Mutex // around Done
	workers *workers
	spacing *spacing // nil: connects are not spaced
	stop    context.CancelCauseFunc

	born  time.Time
	mu    sync.Mutex
	ctx   context.Context // of Run; nil before
	loops []*loop         // in the config's order
	all   sync.WaitGroup  // of loops, those that were replaced too

	removed map[string]*loop // the last one of each account that a reload has removed
}

// An Outcome is a pass as people are told of it.
type Outcome struct {
	Account      *config.Account
	Folder       string // the only one that was looked at, after a push; "": all were
	Report       *collect.Report
	Before, Pass ledger.Pass // the account's state before and after it
}

// start readies the daemon. The context that it returns ends with ctx, and when
// the ledger's disk has failed: what is on it then, only a new process can tell.
func (d *Daemon) start(ctx context.Context) context.Context {
	d.workers = newWorkers(d.Workers)
	if d.Rand == nil {
		d.Rand = random
	}
	d.mu.Lock() // Alive may be asked already
	d.born = d.Now()
	d.mu.Unlock()
	ctx, d.stop = context.WithCancelCause(ctx)
	return ctx
}

// end returns what has ended the daemon before its time.
func (d *Daemon) end(ctx context.Context) error {
	d.stop(nil)
	if cause := context.Cause(ctx); errors.Is(cause, ledger.ErrBroken) {
		return cause
	}
	return nil
}

// Once makes one pass of each account, several at a time, and returns when the
// last has ended. Its error is that of the ledger's disk; those of accounts are
// in their outcomes.
//
// An account whose login was refused lately is left alone, so that cron does not
// lock it, unless force is set or its secret has changed.
func (d *Daemon) Once(ctx context.Context, o collect.Options, force bool) error {
	ctx = d.start(ctx)
	for _, a := range d.Accounts {
		d.Logins.Again(a, force)
	}
	var all sync.WaitGroup
	for _, a := range d.Accounts {
		all.Go(func() {
			last, err := d.last(ctx, a)
			if err == nil && !force && d.barred(a, last) {
				d.tell(d.barredOutcome(a, last))
				return
			}
			if leave, err := d.workers.enter(ctx, a); err == nil {
				defer leave()
				d.tell(d.pass(ctx, a, d.Build(a, func() {}), o, last))
			}
		})
	}
	all.Wait()
	return d.end(ctx)
}

// Run serves the accounts until ctx ends, and returns when what had begun has
// finished. Once a day it has the ledger copy itself. When the ledger's disk
// fails it ends with that error, for a new process to begin with what is there.
func (d *Daemon) Run(ctx context.Context) error {
	ctx = d.start(ctx)
	d.spacing = &spacing{now: d.Now, sleep: d.Sleep}
	d.Logins.listen(d.taken)
	told := d.Collector.Progress
	d.Collector.Progress = func(p collect.Progress) {
		if told != nil {
			told(p)
		}
		d.progress(p)
	}
	d.mu.Lock()
	d.ctx, d.removed = ctx, map[string]*loop{}
	for _, a := range d.Accounts {
		d.loops = append(d.loops, d.begin(a, nil))
	}
	d.mu.Unlock()
	if d.Began != nil {
		d.Began()
	}
	<-ctx.Done()
	d.all.Wait()
	return d.end(ctx)
}

// tell hands an outcome to Done.
func (d *Daemon) tell(out *Outcome) {
	d.telling.Lock()
	defer d.telling.Unlock()
	d.Done(out)
}

// last returns how the last pass of an account ended.
func (d *Daemon) last(ctx context.Context, a *config.Account) (ledger.Pass, error) {
	row, err := d.Ledger.Account(ctx, a.Name)
	return row.Pass, err
}
