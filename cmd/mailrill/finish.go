package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mailrill/internal/collect"
	"mailrill/internal/config"
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

// finish marks what was delivered for the account's after-action, and makes a
// pass that does it, however many they are: their number was shown.
func (a *app) finish(ctx context.Context, name, before string, yes bool) error {
	day, err := parseDay("before", before)
	if err != nil {
		return err
	}
	if err := a.open(); err != nil {
		return err
	}
	acct, err := a.account(name)
	if err != nil {
		return err
	}
	if acct.After == config.Keep {
		return usage("account %s has after = \"keep\": there is nothing to do at its source", name)
	}
	c := a.collector()
	n, err := c.ApplyAfter(ctx, a.env().Account(acct), day, !yes)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s: %d messages at the source, delivered to %s: %s\n", name, n, acct.To, acct.After)
	if n == 0 {
		return nil
	}
	if !yes {
		fmt.Fprintf(a.stdout, "nothing was changed: add --yes to do it\n")
		return nil
	}
	code := 0
	d := a.daemon([]*config.Account{acct}, c, func(out *daemon.Outcome) { code = a.printPass(passOf(out), passFlags{}) })
	if err := d.Once(ctx, collect.Options{Unlimited: true}, true); err != nil {
		return err
	}
	return exitWith(code)
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
