package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"mailrill/internal/config"
)

func newRename(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "rename OLD NEW", Short: "give an account another name, keeping what it has collected", Args: exactly("the old name", "the new name"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.rename(cmd.Context(), args[0], args[1]) },
	}
}

// rename works before or after the config was edited.
func (a *app) rename(ctx context.Context, old, new string) error {
	if !config.ValidName(new) {
		return usage("an account's name is 1 to 64 of a-z, 0-9, dot, - and _, and begins with a letter or digit")
	}
	if err := a.open(); err != nil {
		return err
	}
	_, met, err := known(ctx, a.ledger, old)
	if err == nil && !met {
		err = usage("nothing was ever collected for an account called %q", old)
	}
	_, taken, err2 := known(ctx, a.ledger, new)
	if err2 == nil && taken {
		err2 = usage("an account called %q has collected mail already", new)
	}
	signIn, err3 := a.signInMoves(old, new)
	if err := cmp.Or(err, err2, err3); err != nil {
		return err
	}
	// The ledger is last: cut short before it, the command can be given again.
	if err := a.env().Hold().Rename(old, new); err != nil {
		return err
	}
	if signIn {
		if err := a.tokens.Rename(old, new); err != nil {
			return err
		}
	}
	if err := a.ledger.Rename(ctx, old, new); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s is %s now\n", old, new)
	if a.cfg.Account(new) == nil {
		fmt.Fprintf(a.stdout, "next: name = %q in %s\n", new, a.cfg.Path)
	}
	return nil
}

// signInMoves reports whether the sign-in of old is to be that of new. Where the
// config has the new name somebody may have signed in under it: that is newer.
// Where it has not, one of that name is of an account that is gone.
func (a *app) signInMoves(old, new string) (bool, error) {
	both := a.tokens.Has(old) && a.tokens.Has(new)
	switch {
	case a.signsIn(new):
		return !both, nil
	case a.signsIn(old) && both:
		return false, usage("there is a sign-in called %q of before: remove %s", new, filepath.Join(a.tokens.Dir, new))
	}
	return a.signsIn(old), nil
}

// signsIn reports whether the config has an account of that name that signs in
// with OAuth.
func (a *app) signsIn(name string) bool {
	acct := a.cfg.Account(name)
	return acct != nil && acct.OAuth != ""
}
