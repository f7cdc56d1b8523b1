package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mailrill/internal/control"
	"mailrill/internal/ledger"
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

// forget has the messages be new again.
func (a *app) forget(ctx context.Context, name, folder, since string) error {
	day, err := parseDay("since", since)
	if err != nil {
		return err
	}
	if err := a.load(); err != nil {
		return err
	}
	var n int64
	_, err = a.askService(ctx, control.Request{Do: control.Forget, Accounts: []string{name}, Folder: folder, Day: day}, func(e *control.Event) {
		if e.Count != nil {
			n = *e.Count
		}
	})
	if errors.Is(err, control.ErrNoService) {
		if err = a.open(); err == nil {
			n, err = forgetRows(ctx, a.ledger, name, folder, day)
		}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s: forgot %s; what is still at the source is collected again in the next pass\n", name, number(n, "message"))
	return nil
}

// forgetRows removes the rows of an account, or of one folder of it, that are of
// day or later, and returns how many they were.
func forgetRows(ctx context.Context, l *ledger.Ledger, name, folder string, day time.Time) (total int64, err error) {
	row, ok, err := known(ctx, l, name)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, usage("nothing was ever collected for an account called %q", name)
	}
	folders, err := l.Folders(ctx, row.ID)
	if err != nil {
		return 0, err
	}
	found := folder == ""
	for _, f := range folders {
		if folder != "" && f.Name != folder {
			continue
		}
		found = true
		n, err := l.ForgetRows(ctx, f.ID, day)
		if err != nil {
			return total, err
		}
		total += n
	}
	if !found {
		return 0, usage("nothing was ever collected from a folder called %q of %s", folder, name)
	}
	return total, nil
}
