package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/control"
	"mailrill/internal/daemon"
)

func newFinish(a *app) *cobra.Command {
	var before string
	var yes bool
	cmd := &cobra.Command{
		Use: "finish NAME", Short: "apply `after` to mail collected earlier; shows the number first", Args: exactly("an account's name"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.finish(cmd.Context(), args[0], before, yes) },
	}
	cmd.Flags().StringVar(&before, "before", "", "only mail delivered before this day (2026-01-31)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

// finish marks what was delivered for the account's after-action, and has a pass
// made that does it, however many they are: their number was shown.
func (a *app) finish(ctx context.Context, name, before string, yes bool) error {
	day, err := parseDay("before", before)
	if err != nil {
		return err
	}
	if err := a.load(); err != nil {
		return err
	}
	acct, err := a.account(name)
	if err != nil {
		return err
	}
	if err := finishes(acct); err != nil {
		return err
	}
	exit, err := a.askService(ctx, control.Request{Do: control.Finish, Accounts: []string{name}, Day: day, Yes: yes}, func(e *control.Event) {
		switch {
		case e.Count != nil:
			a.printDue(acct, *e.Count, yes)
		case e.Pass != nil:
			a.printPass(e.Pass, passFlags{})
		}
	})
	switch {
	case errors.Is(err, control.ErrNoService):
		return a.finishHere(ctx, acct, day, yes)
	case err != nil:
		return err
	}
	return exitWith(exit)
}

// finishes refuses an account that has nothing to be done at its source.
func finishes(acct *config.Account) error {
	if acct.After == config.Keep {
		return usage("account %s has after = \"keep\": there is nothing to do at its source", acct.Name)
	}
	return nil
}

func (a *app) finishHere(ctx context.Context, acct *config.Account, day time.Time, yes bool) error {
	if err := a.open(); err != nil {
		return err
	}
	c := a.collector()
	n, err := c.ApplyAfter(ctx, a.env().Account(acct), day, !yes)
	if err != nil {
		return err
	}
	if a.printDue(acct, int64(n), yes); n == 0 || !yes {
		return nil
	}
	code := 0
	d := a.daemon([]*config.Account{acct}, c, func(out *daemon.Outcome) { code = a.printPass(passOf(out), passFlags{}) })
	if err := d.Once(ctx, collect.Options{Unlimited: true}, true); err != nil {
		return err
	}
	return exitWith(code)
}

// printDue says how many messages there is something to do about.
func (a *app) printDue(acct *config.Account, n int64, yes bool) {
	fmt.Fprintf(a.stdout, "%s: %s at the source, delivered to %s: %s\n", acct.Name, number(n, "message"), acct.To, acct.After)
	if n > 0 && !yes {
		fmt.Fprintf(a.stdout, "nothing was changed: add --yes to do it\n")
	}
}

// parseDay reads a date flag; "" gives the zero time.
func parseDay(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, s, time.Local)
	if err != nil {
		return t, usage("--%s must be a day like 2026-01-31", flag)
	}
	return t, nil
}
