package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newForget(a *app) *cobra.Command {
	var folder, since string
	cmd := &cobra.Command{
		Use: "forget NAME", Short: "collect an account's mail again", Args: exactly("an account's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.forget(cmd.Context(), args[0], folder, since)
		},
	}
	cmd.Flags().StringVar(&folder, "folder", "", "only this folder of the source")
	cmd.Flags().StringVar(&since, "since", "", "only what was collected since this day (2026-01-31)")
	return cmd
}

// forget removes rows, so that the messages are new again.
func (a *app) forget(ctx context.Context, name, folder, since string) error {
	day, err := parseDay("since", since)
	if err != nil {
		return err
	}
	if err := a.open(); err != nil {
		return err
	}
	row, ok, err := a.known(ctx, name)
	if err != nil {
		return err
	}
	if !ok {
		return usage("nothing was ever collected for an account called %q", name)
	}
	folders, err := a.ledger.Folders(ctx, row.ID)
	if err != nil {
		return err
	}
	var total int64
	found := folder == ""
	for _, f := range folders {
		if folder != "" && f.Name != folder {
			continue
		}
		found = true
		n, err := a.ledger.ForgetRows(ctx, f.ID, day)
		if err != nil {
			return err
		}
		total += n
	}
	if !found {
		return usage("nothing was ever collected from a folder called %q of %s", folder, name)
	}
	fmt.Fprintf(a.stdout, "%s: forgot %d messages; what is still at the source is collected again in the next pass\n", name, total)
	return nil
}
