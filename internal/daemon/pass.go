package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// pass makes one pass of a, and records how it ended.
func (d *Daemon) pass(ctx context.Context, a *config.Account, built *collect.Account, o collect.Options, last ledger.Pass) *Outcome {
	out := &Outcome{Account: a, Before: last}
	out.Report = d.guarded(ctx, a, built, o)
	err := d.record(out, o)
	if err != nil {
		d.Log.Error("write the ledger", "account", a.Name, "err", err)
	}
	if err = cmp.Or(err, out.Report.Err()); errors.Is(err, ledger.ErrBroken) {
		d.stop(err)
	}
	return out
}

// guarded makes a pass. A bug that panics costs this account its pass, and the
// others nothing.
func (d *Daemon) guarded(ctx context.Context, a *config.Account, built *collect.Account, o collect.Options) (rep *collect.Report) {
	start := d.Now()
	defer func() {
		if p := recover(); p != nil {
			d.Log.Error("a bug in mailrill ended this pass; please report it", "account", a.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err := reply.WithClass(reply.Bug, fmt.Errorf("a bug in mailrill: %v", p))
			rep = &collect.Report{Account: a.Name, To: a.To, Start: start, Results: []*collect.Result{{Err: err}}}
		}
	}()
	return d.Collector.Pass(ctx, built, o)
}

// record writes the outcome into the ledger, so that a restart changes nothing
// in the back-off. Where the ledger cannot be read it goes on from what was known.
func (d *Daemon) record(out *Outcome, o collect.Options) error {
	ctx := context.Background()
	row, err := d.Ledger.Account(ctx, out.Account.Name)
	if err == nil {
		out.Before = row.Pass
	}
	before := out.Before
	if d.renewed(out.Account, before.At) {
		before.Failures, before.Refused = 0, 0
	}
	out.Pass = d.after(before, out)
	if err == nil && !o.DryRun {
		err = d.Ledger.Commit(ctx, ledger.PassOf{Account: row.ID, Pass: out.Pass})
	}
	if err == nil && !o.DryRun {
		err = d.Ledger.Backup(ctx, d.Now())
	}
	return err
}

// after returns the state of an account after a pass.
func (d *Daemon) after(before ledger.Pass, out *Outcome) ledger.Pass {
	now := d.Now().Truncate(time.Millisecond)
	err := out.Report.Err()
	if out.Report.Stopped && err == nil {
		return before
	}
	advice := Advise(out.Account, err)
	p := ledger.Pass{At: now, OK: before.OK, Class: string(advice.Class), Refused: before.Refused}
	failures := 1
	if sameLadder(reply.Class(before.Class), advice.Class) {
		failures += before.Failures
	}
	step := failures
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
	if r, own := errors.AsType[*refusal](err); own {
		return r.after(before, p, failures, d.Rand)
	}
	if limit, own := errors.AsType[*collect.LimitError](err); own {
		p.NextTry = limit.Until // it is known, and no failure
		return p
	}
	if pause := backoff(ladderOf(err, advice.Class), step, d.Rand); pause > 0 {
		p.Failures = failures
		p.NextTry = now.Add(max(advice.Retry, pause))
	}
	return p
}
