package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailrill/internal/config"
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
}

// status works on the ledger, beside a running service too.
func (a *app) status(ctx context.Context, asJSON bool) error {
	if err := a.peek(); err != nil {
		return err
	}
	var codes []int
	for _, acct := range a.cfg.Accounts {
		s, err := a.accountStatus(ctx, acct)
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
	if code := reply.WorstExit(codes...); code != 0 {
		return &exitError{code: code}
	}
	return nil
}

func (a *app) accountStatus(ctx context.Context, acct *config.Account) (s accountStatus, err error) {
	s = accountStatus{V: 1, Account: acct.Name, To: acct.To, Enabled: acct.Enabled, Warnings: []string{}}
	for _, w := range a.signInWarnings(acct) {
		s.Warnings = append(s.Warnings, w.In(a.lang()))
	}
	held, err := a.env().Hold().List(acct.Name)
	if err != nil || a.ledger == nil {
		return s, err
	}
	s.Held = len(held)
	row, ok, err := a.known(ctx, acct.Name)
	if err != nil || !ok {
		return s, err
	}
	counts, err := a.ledger.Counts(ctx, row.ID)
	if err != nil {
		return s, err
	}
	s.Delivered = counts[ledger.Delivered] + counts[ledger.Finished]
	s.Doubts, s.Failed, s.TooLarge, s.Lost = counts[ledger.Intent], counts[ledger.Failed], counts[ledger.TooLarge], counts[ledger.Lost]
	s.pass(row.Pass, acct, a.lang())
	d, err := a.ledger.Destination(ctx, acct.Destination.Place())
	if d.Verifiable != 0 {
		shows := d.Verifiable > 0
		s.Verifiable = &shows
	}
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

// known returns an account's row without making one.
func (a *app) known(ctx context.Context, name string) (ledger.Account, bool, error) {
	rows, err := a.ledger.Accounts(ctx)
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

func (a *app) printStatus(s accountStatus) {
	state := "all is well"
	switch {
	case !s.Enabled:
		state = "switched off"
	case s.LastPass == nil:
		state = "not collected yet"
	case s.Error != nil:
		state = fmt.Sprintf("%s: %s", s.Error.Class, s.Error.Text)
	}
	fmt.Fprintf(a.stdout, "%s → %s: %s\n", s.Account, s.To, state)
	if s.Error != nil && s.Error.Hint != "" {
		fmt.Fprintf(a.stdout, "  what to do: %s\n", strings.TrimSpace(s.Error.Hint+" "+s.Error.URL))
	}
	for _, w := range s.Warnings {
		fmt.Fprintf(a.stdout, "  %s\n", w)
	}
	if s.LastPass != nil {
		fmt.Fprintf(a.stdout, "  last pass %s, last good one %s, next %s\n", local(s.LastPass), local(s.LastOK), local(s.Next))
	}
	fmt.Fprintf(a.stdout, "  %d delivered, %d in doubt, %d to be tried again, %d too large, %d held\n", s.Delivered, s.Doubts, s.Failed, s.TooLarge, s.Held)
	if s.Lost > 0 {
		fmt.Fprintf(a.stdout, "  %d disappeared from the source while their delivery was in doubt\n", s.Lost)
	}
	if s.Verifiable != nil && !*s.Verifiable {
		fmt.Fprintln(a.stdout, "  the destination hides the trace line: doubts may arrive twice, and nothing is removed from the source")
	}
}

func local(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Local().Format(time.DateTime)
}
