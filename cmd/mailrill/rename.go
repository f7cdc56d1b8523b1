package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"
)

func newRename(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "rename OLD NEW", Short: "give an account another name, keeping what it has collected", Args: exactly("the old name", "the new name"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.rename(cmd.Context(), args[0], args[1]) },
	}
}

// rename works before or after the config was edited.
func (a *app) rename(ctx context.Context, old, new string) error {
	if err := a.open(); err != nil {
		return err
	}
	err := a.ledger.Rename(ctx, old, new)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usage("nothing was ever collected for an account called %q", old)
	case errors.Is(err, fs.ErrExist):
		return usage("an account called %q has collected mail already", new)
	case err != nil:
		return err
	}
	if err := a.env().Hold().Rename(old, new); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s is %s now\n", old, new)
	if a.cfg.Account(new) == nil {
		fmt.Fprintf(a.stdout, "next: name = %q in %s\n", new, a.cfg.Path)
	}
	return nil
}
