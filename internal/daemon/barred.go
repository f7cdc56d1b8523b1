package daemon

import (
	"fmt"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/ledger"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// barred reports whether another login would only bring a lock-out nearer. What
// lies in the future was written by a clock that was wrong.
func (d *Daemon) barred(a *config.Account, last ledger.Pass) bool {
	now := d.Now()
	return last.Class == string(reply.Credentials) && !last.At.After(now) && now.Before(last.NextTry) && !d.renewed(a, last.At)
}

// renewed reports whether a refusal of a time says nothing any more of the logins of an
// account: another secret may be there, or one that was refused is taken again.
func (d *Daemon) renewed(a *config.Account, at time.Time) bool {
	return d.Changed(a, at) || d.Logins.freedSince(a, at)
}

// barredOutcome is the outcome of a pass that was not made.
func (d *Daemon) barredOutcome(a *config.Account, last ledger.Pass) *Outcome {
	err := fmt.Errorf("not tried again before %s (--force does): %s", last.NextTry.Local().Format(time.DateTime), last.Text)
	report := &collect.Report{Account: a.Name, To: a.To, Start: d.Now(), Results: []*collect.Result{{Err: &barredError{err, last}}}}
	return &Outcome{Account: a, Report: report, Before: last, Pass: last}
}

// A barredError is a login that was not tried, for one before it was refused.
type barredError struct {
	error
	last ledger.Pass
}

// Class implements reply.Classed.
func (*barredError) Class() reply.Class { return reply.Credentials }

// advice is what was said of the refusal: its words are all that is left of it,
// and they do not tell which of the two ends it came from.
func (e *barredError) advice() provider.Advice {
	return provider.Advice{Class: reply.Credentials, Hint: provider.Hint(e.last.Hint), URL: e.last.URL}
}
