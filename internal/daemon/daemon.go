// Package daemon decides when passes are made: once for each account, or for
// ever, by the clock and the back-off.
//
// One goroutine owns an account. It makes a pass, writes the outcome into the
// ledger, works out when the next one is due, and waits. So no two passes of an
// account ever overlap, a tick that was missed (the machine slept, the pass took
// long) runs once, and one account never delays another but for the bound on
// passes at a time.
package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// A Daemon makes the passes of a config's accounts.
type Daemon struct {
	Accounts  []*config.Account
	Build     func(*config.Account) *collect.Account
	Collector *collect.Collector
	Ledger    *ledger.Ledger
	Log       *slog.Logger
	Now       func() time.Time
	Sleep     func(ctx context.Context, d time.Duration) error
	// Workers is how many passes run at a time; 0 means 48.
	Workers int
	// Changed reports whether what an account logs in with may have changed since
	// a time: then a refusal of before says nothing any more.
	Changed func(a *config.Account, since time.Time) bool
	// Done is told of each pass, one at a time.
	Done func(*Outcome)

	mu    sync.Mutex
	slots chan struct{}
	stop  context.CancelCauseFunc
}

// An Outcome is a pass as people are told of it.
type Outcome struct {
	Account *config.Account
	Report  *collect.Report
	Pass    ledger.Pass
}

// defaultWorkers is that of Daemon.Workers. A pass mostly waits for round trips,
// so that many fit beside one another; a pass that waits for a dead server takes
// the place of one until its timeout. 500 accounts with 20 messages each, 40 ms
// away, from POP3 to a Maildir, take 34, 17, 14, 12, 11 s with 8, 16, 24, 32, 48
// workers, and 35, 33, 37, 39, 43 MiB; from there on the processor is the bound.
const defaultWorkers = 48

// start readies the daemon. The context that it returns ends with ctx, and when
// the ledger's disk has failed: what is on it then, only a new process can tell.
func (d *Daemon) start(ctx context.Context) context.Context {
	if d.Workers == 0 {
		d.Workers = defaultWorkers
	}
	d.slots = make(chan struct{}, d.Workers)
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
	var all sync.WaitGroup
	for _, a := range d.Accounts {
		all.Go(func() {
			last, err := d.last(ctx, a)
			if err == nil && !force && d.barred(a, last) {
				d.tell(&Outcome{Account: a, Report: barredReport(a, last, d.Now()), Pass: last})
				return
			}
			d.pass(ctx, a, o, last)
		})
	}
	all.Wait()
	return d.end(ctx)
}

// barred reports whether another login would only bring a lock-out nearer. What
// lies in the future was written by a clock that was wrong.
func (d *Daemon) barred(a *config.Account, last ledger.Pass) bool {
	now := d.Now()
	return last.Class == string(reply.Credentials) && !last.At.After(now) && now.Before(last.NextTry) && !d.Changed(a, last.At)
}

func barredReport(a *config.Account, last ledger.Pass, now time.Time) *collect.Report {
	err := fmt.Errorf("not tried again before %s (--force does): %s", last.NextTry.Local().Format(time.DateTime), last.Text)
	return &collect.Report{Account: a.Name, To: a.To, Start: now, Results: []*collect.Result{{Err: &barredError{err, last}}}}
}

// Run serves the accounts until ctx ends, and returns when what had begun has
// finished. Once a day it has the ledger copy itself. When the ledger's disk
// fails it ends with that error, for a new process to begin with what is there.
func (d *Daemon) Run(ctx context.Context) error {
	ctx = d.start(ctx)
	var all sync.WaitGroup
	for _, a := range d.Accounts {
		all.Go(func() { d.serve(ctx, a) })
	}
	all.Wait()
	return d.end(ctx)
}

// serve is the loop of one account.
func (d *Daemon) serve(ctx context.Context, a *config.Account) {
	last, err := d.last(ctx, a)
	if err != nil {
		d.Log.Error("read the ledger", "account", a.Name, "err", err)
	}
	for {
		if d.wait(ctx, func(now time.Time) time.Time { return d.due(a, last, now) }) != nil {
			return
		}
		if out := d.pass(ctx, a, collect.Options{}, last); out != nil {
			last = out.Pass
		}
		if ctx.Err() != nil {
			return
		}
	}
}

func (d *Daemon) last(ctx context.Context, a *config.Account) (ledger.Pass, error) {
	row, err := d.Ledger.Account(ctx, a.Name)
	return row.Pass, err
}

// due is when an account is to be looked at next: at once if it never was, else
// by its schedule, but after a failure as the back-off says. A pass that lies in
// the future says that the clock was wrong then.
func (d *Daemon) due(a *config.Account, last ledger.Pass, now time.Time) time.Time {
	switch {
	case last.At.IsZero(), last.At.After(now):
		return now
	case last.Class == string(reply.Credentials) && d.Changed(a, last.At):
		return now
	case !last.NextTry.IsZero():
		return last.NextTry
	}
	return a.Schedule.Next(last.At)
}

// tick is how often the clock is looked at while waiting: timers stand still
// while a machine sleeps, and a clock can be set.
const tick = 30 * time.Second

// wait sleeps until what due says has come. Setting the clock back makes due say
// something else, so it is asked again each time.
func (d *Daemon) wait(ctx context.Context, due func(now time.Time) time.Time) error {
	start := d.Now()
	at := due(start)
	if at.IsZero() {
		<-ctx.Done()
		return ctx.Err()
	}
	at = at.Add(jitter(at.Sub(start)))
	for now := start; ; now = d.Now() {
		if now.Before(start) {
			start, at = now, due(now)
		}
		if !now.Before(at) {
			return ctx.Err()
		}
		if err := d.Sleep(ctx, min(at.Sub(now), tick)); err != nil {
			return err
		}
	}
}

// pass makes one pass when there is a slot for it, and records how it ended.
func (d *Daemon) pass(ctx context.Context, a *config.Account, o collect.Options, last ledger.Pass) *Outcome {
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-ctx.Done():
		return nil
	}
	out := &Outcome{Account: a}
	out.Report = d.guarded(ctx, a, o)
	err := d.record(out, o, last)
	if err != nil {
		d.Log.Error("write the ledger", "account", a.Name, "err", err)
	}
	if err = cmp.Or(err, out.Report.Err()); errors.Is(err, ledger.ErrBroken) {
		d.stop(err)
	}
	d.tell(out)
	return out
}

func (d *Daemon) tell(out *Outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Done(out)
}

// guarded makes a pass. A bug that panics costs this account its pass, and the
// others nothing.
func (d *Daemon) guarded(ctx context.Context, a *config.Account, o collect.Options) (rep *collect.Report) {
	start := d.Now()
	defer func() {
		if p := recover(); p != nil {
			d.Log.Error("a bug in mailrill ended this pass; please report it", "account", a.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err := reply.WithClass(reply.Bug, fmt.Errorf("a bug in mailrill: %v", p))
			rep = &collect.Report{Account: a.Name, To: a.To, Start: start, Results: []*collect.Result{{Err: err}}}
		}
	}()
	return d.Collector.Pass(ctx, d.Build(a), o)
}

// record writes the outcome into the ledger, so that a restart changes nothing
// in the back-off. Where the ledger cannot be read it goes on from last.
func (d *Daemon) record(out *Outcome, o collect.Options, last ledger.Pass) error {
	ctx := context.Background()
	row, err := d.Ledger.Account(ctx, out.Account.Name)
	if err == nil {
		last = row.Pass
	}
	if d.Changed(out.Account, last.At) {
		last.Failures, last.Refused = 0, 0 // another login than that which was refused
	}
	out.Pass = after(last, out, d.Now())
	if err == nil && !o.DryRun {
		err = d.Ledger.Commit(ctx, ledger.PassOf{Account: row.ID, Pass: out.Pass})
	}
	if err == nil && !o.DryRun {
		err = d.Ledger.Backup(ctx, d.Now())
	}
	return err
}

// after returns the state of an account after a pass.
func after(before ledger.Pass, out *Outcome, now time.Time) ledger.Pass {
	now = now.Truncate(time.Millisecond)
	err := out.Report.Err()
	if out.Report.Stopped && err == nil {
		return before
	}
	advice := Advise(out.Account, err)
	p := ledger.Pass{At: now, OK: before.OK, Class: string(advice.Class), Refused: before.Refused}
	step := before.Failures + 1
	switch {
	case err == nil || advice.Class == reply.Refused:
		p.OK, p.Refused = now, 0
	case advice.Class == reply.Credentials: // a line that broke before says nothing of the secret
		p.Refused++
		step = p.Refused
	}
	if err != nil {
		p.Text, p.Hint, p.URL = reply.Clean(err.Error()), advice.Hint.EN, advice.URL
	}
	if limit, own := errors.AsType[*collect.LimitError](err); own {
		p.NextTry = limit.Until // it is known, and no failure
		return p
	}
	pause := max(advice.Retry, backoff(ladderOf(err, advice.Class), step))
	if pause > 0 {
		p.Failures = before.Failures + 1
		p.NextTry = now.Add(pause)
	}
	return p
}
