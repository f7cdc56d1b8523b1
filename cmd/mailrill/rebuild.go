package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newRebuild(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "rebuild NAME", Short: "read the destination's trace lines into the ledger", Args: exactly("an account's name"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.rebuild(cmd.Context(), args[0]) },
	}
}

func (a *app) rebuild(ctx context.Context, name string) error {
	if err := a.open(); err != nil {
		return err
	}
	acct, err := a.account(name)
	if err != nil {
		return err
	}
	n, err := a.collector().Rebuild(ctx, a.env().Account(acct))
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s: %d copies found at %s; none of them is delivered again\n", name, n, acct.To)
	return nil
}
