package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/control"
	"mailrill/internal/lang"
	"mailrill/internal/ledger"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

func newStatus(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "what each account is doing: last pass, next, counts, last error and what to do", Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line for each account")
	return cmd
}

// An accountStatus is one line of status --json.
type accountStatus struct {
	V          int        `json:"v"`
	Account    string     `json:"account"`
	To         string     `json:"to"`
	Enabled    bool       `json:"enabled"`
	LastPass   *time.Time `json:"last_pass"`
	LastOK     *time.Time `json:"last_ok"`
	Next       *time.Time `json:"next"`
	Failures   int        `json:"failures"`
	Delivered  int64      `json:"delivered"`
	Doubts     int64      `json:"doubts"`
	Failed     int64      `json:"failed"`
	TooLarge   int64      `json:"too_large"`
	Held       int        `json:"held"`
	Lost       int64      `json:"lost"`
	Verifiable *bool      `json:"verifiable"` // whether the destination shows our trace line; null: not known yet
	Warnings   []string   `json:"warnings"`   // of sign-ins that end within days
	Error      *jsonError `json:"error"`
	// Of the service that runs with this state; without one nothing is known of them.
	Service  bool          `json:"service"`
	State    *string       `json:"state"` // null as well while the service has not read the account's config
	Since    *time.Time    `json:"since"`
	Progress *jsonProgress `json:"progress"` // of the pass that runs
	Push     []jsonPush    `json:"push"`     // one for each folder that may be pushed
	Limits   []jsonLimit   `json:"limits"`   // of its logins, at both ends
}

type jsonProgress struct {
	Folder string `json:"folder"`
	Done   int    `json:"done"`
	Wanted int    `json:"wanted"`
	Bytes  int64  `json:"bytes"`
	Total  int64  `json:"total"`
}

type jsonPush struct {
	Folder string    `json:"folder"`
	On     bool      `json:"on"`
	Since  time.Time `json:"since"`
	Why    string    `json:"why"` // not
}

// status shows what the service says of each account, and the ledger: also beside
// a service, and without one.
func (a *app) status(ctx context.Context, asJSON bool) error {
	if err := a.peek(); err != nil {
		return err
	}
	o, err := a.overview(ctx)
	if err != nil {
		return err
	}
	var codes []int
	for _, acct := range a.cfg.Accounts {
		s, err := o.of(ctx, acct)
		if err != nil {
			return err
		}
		if s.Error != nil && s.Enabled {
			codes = append(codes, s.Error.Class.ExitCode())
		}
		if asJSON {
			a.printValue(s)
		} else {
			a.printStatus(s)
		}
	}
	if !asJSON {
		a.printService(o)
	}
	return exitWith(reply.WorstExit(codes...))
}

// An overview is what is known of all accounts, read once: there may be thousands.
type overview struct {
	a       *app
	rows    map[string]ledger.Account
	counts  map[int64]map[ledger.State]int64
	held    map[string][]collect.Entry // the oldest first
	service bool
	silent  bool // one runs, and did not answer
	live    map[string]*control.State
}

func (a *app) overview(ctx context.Context) (*overview, error) {
	o := &overview{a: a, rows: map[string]ledger.Account{}, held: map[string][]collect.Entry{}, live: map[string]*control.State{}}
	// The service first: what it says of a pass is in the ledger a moment later.
	_, err := a.askService(ctx, control.Request{Do: control.Status}, func(e *control.Event) {
		if e.State != nil {
			o.live[e.State.Account] = e.State
		}
	})
	o.service = err == nil
	if err != nil && !errors.Is(err, control.ErrNoService) {
		o.silent = true
		a.log.Warn("ask the service", "err", err)
	}
	entries, err := a.env().Hold().List("")
	for _, e := range entries {
		o.held[e.Account] = append(o.held[e.Account], e)
	}
	if err != nil || a.ledger == nil {
		return o, err
	}
	rows, err := a.ledger.Accounts(ctx)
	for _, r := range rows {
		o.rows[r.Name] = r
	}
	if err == nil {
		o.counts, err = a.ledger.AllCounts(ctx)
	}
	return o, err
}

// of returns the status of an account.
func (o *overview) of(ctx context.Context, acct *config.Account) (s accountStatus, err error) {
	l := o.a.lang()
	s = accountStatus{
		V: 1, Account: acct.Name, To: acct.To, Enabled: acct.Enabled, Held: len(o.held[acct.Name]),
		Warnings: []string{}, Service: o.service, Push: []jsonPush{},
	}
	for _, w := range o.a.signInWarnings(acct) {
		s.Warnings = append(s.Warnings, w.In(l))
	}
	if row, known := o.rows[acct.Name]; known {
		counts := o.counts[row.ID]
		s.Delivered = counts[ledger.Delivered] + counts[ledger.Finished]
		s.Doubts, s.Failed, s.TooLarge, s.Lost = counts[ledger.Intent], counts[ledger.Failed], counts[ledger.TooLarge], counts[ledger.Lost]
		s.pass(row.Pass, acct, l)
		d, err := o.a.ledger.Destination(ctx, acct.Destination.Place())
		if err != nil {
			return s, err
		}
		if d.Verifiable != 0 {
			shows := d.Verifiable > 0
			s.Verifiable = &shows
		}
	}
	s.holds(o.held[acct.Name])
	if live := o.live[acct.Name]; live != nil {
		s.now(live, l)
	}
	s.Limits, err = o.limits(ctx, acct)
	return s, err
}

// pass fills in what the last pass left behind.
func (s *accountStatus) pass(p ledger.Pass, acct *config.Account, l lang.Lang) {
	s.LastPass, s.LastOK, s.Failures = when(p.At), when(p.OK), p.Failures
	next := p.NextTry
	if next.IsZero() && !p.At.IsZero() {
		next = acct.Schedule.Next(p.At)
	}
	s.Next = when(next)
	if p.Class != "" {
		s.Error = &jsonError{reply.Class(p.Class), p.Text, provider.Hint(p.Hint).In(l), p.URL}
	}
}

// holds has what the last pass says of the hold be true still: what it put there may
// have been delivered or dropped since.
func (s *accountStatus) holds(held []collect.Entry) {
	switch {
	case s.Error == nil || s.Error.Class != reply.Refused:
	case len(held) == 0:
		s.Error = nil
	default:
		s.Error.Text = number(len(held), "message") + " in the hold: " + held[len(held)-1].Reason
	}
}

// now fills in what the service says: it knows when it looks next.
func (s *accountStatus) now(live *control.State, l lang.Lang) {
	s.State, s.Since, s.Next = &live.State, when(live.Since), live.Next
	if p := live.Progress; p != nil {
		s.Progress = &jsonProgress{p.Folder, p.Done, p.Wanted, p.Bytes, p.Total}
	}
	for _, p := range live.Push {
		s.Push = append(s.Push, jsonPush{p.Folder, p.On, p.Since, p.Why.In(l)})
	}
}

// known returns an account's row without making one.
func known(ctx context.Context, l *ledger.Ledger, name string) (ledger.Account, bool, error) {
	rows, err := l.Accounts(ctx)
	for _, r := range rows {
		if r.Name == name {
			return r, true, err
		}
	}
	return ledger.Account{}, false, err
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
