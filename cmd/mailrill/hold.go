package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/control"
	"mailrill/internal/lang"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

func newHold(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hold",
		Short: "messages that their destination refused",
	}
	var asJSON, all, yes bool
	list := &cobra.Command{
		Use: "list [NAME]", Short: "what is held, and why", Args: atMost(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.holdList(args, asJSON) },
	}
	list.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	show := &cobra.Command{
		Use: "show ID", Short: "everything known of a held message", Args: exactly("an ID"),
		RunE: func(_ *cobra.Command, args []string) error { return a.holdShow(args[0]) },
	}
	export := &cobra.Command{
		Use: "export ID", Short: "the message itself, on stdout", Args: exactly("an ID"),
		RunE: func(_ *cobra.Command, args []string) error { return a.holdExport(args[0]) },
	}
	retry := &cobra.Command{
		Use: "retry ID|--all", Short: "offer it to the destination again", Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.holdRetry(cmd.Context(), args, all) },
	}
	retry.Flags().BoolVar(&all, "all", false, "all held messages")
	drop := &cobra.Command{
		Use: "drop ID", Short: "give a held message up", Args: exactly("an ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.holdDrop(cmd.Context(), args[0], yes) },
	}
	drop.Flags().BoolVar(&yes, "yes", false, "really")
	cmd.AddCommand(list, show, export, retry, drop)
	return cmd
}

// held returns the entry with that ID, of whichever account.
func (a *app) held(id string) (collect.Entry, error) {
	entries, err := a.env().Hold().List("")
	if err != nil {
		return collect.Entry{}, err
	}
	for _, e := range entries {
		if e.ID == id {
			return e, nil
		}
	}
	return collect.Entry{}, usage("no held message %q; `mailrill hold list` shows them", id)
}

func (a *app) holdList(args []string, asJSON bool) error {
	if err := a.load(); err != nil {
		return err
	}
	name := ""
	if len(args) > 0 {
		acct, err := a.account(args[0])
		if err != nil {
			return err
		}
		name = acct.Name
	}
	entries, err := a.env().Hold().List(name)
	if err != nil {
		return err
	}
	if asJSON {
		for _, e := range entries {
			a.printValue(e)
		}
		return nil
	}
	if len(entries) == 0 {
		fmt.Fprintln(a.stdout, "nothing is held")
		return nil
	}
	rows := [][]string{{"ID", "ACCOUNT", "HELD", "SIZE", "SUBJECT", "REASON"}}
	for _, e := range entries {
		rows = append(rows, []string{e.ID, e.Account, e.Held.Local().Format(time.DateTime), lang.Size(e.Size), short(decodeWords(e.Subject), 40), e.Reason})
	}
	return printTable(a.stdout, rows)
}

func (a *app) holdShow(id string) error {
	if err := a.load(); err != nil {
		return err
	}
	e, err := a.held(id)
	if err != nil {
		return err
	}
	a.printValue(e)
	return nil
}

func (a *app) holdExport(id string) error {
	if err := a.load(); err != nil {
		return err
	}
	e, err := a.held(id)
	if err != nil {
		return err
	}
	f, err := a.env().Hold().Open(e.Account, e.ID)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(a.stdout, f)
	return err
}

func (a *app) holdRetry(ctx context.Context, args []string, all bool) error {
	if all == (len(args) > 0) {
		return usage("hold retry needs an ID or --all")
	}
	if err := a.load(); err != nil {
		return err
	}
	entries, err := a.env().Hold().List("")
	if err != nil {
		return err
	}
	if !all {
		e, err := a.held(args[0])
		if err != nil {
			return err
		}
		entries = []collect.Entry{e}
	}
	if len(entries) == 0 {
		fmt.Fprintln(a.stdout, "nothing is held")
		return nil
	}
	byAccount := map[string][]string{}
	for _, e := range entries {
		byAccount[e.Account] = append(byAccount[e.Account], e.ID)
	}
	var codes []int
	for _, name := range slices.Sorted(maps.Keys(byAccount)) {
		err := a.retryAccount(ctx, name, byAccount[name])
		if errors.Is(err, ledger.ErrLocked) { // nor will the next be
			return err
		}
		codes = append(codes, a.exit(err))
	}
	return exitWith(reply.WorstExit(codes...))
}

func (a *app) retryAccount(ctx context.Context, name string, ids []string) error {
	acct, err := a.account(name)
	if err != nil {
		return err
	}
	n, err := a.retryHeld(ctx, acct, ids)
	if errors.Is(err, ledger.ErrLocked) {
		return err
	}
	fmt.Fprintf(a.stdout, "%s: %d of %s delivered to %s\n", name, n, number(len(ids), "held message"), acct.To)
	if err == nil && n < len(ids) {
		err = reply.WithClass(reply.Refused, fmt.Errorf("refused still: %s, `mailrill hold list %s` says why", number(len(ids)-n, "message"), name))
	}
	return err
}

// retryHeld offers held messages again, between two passes of the account: where
// a service runs, that is its business.
func (a *app) retryHeld(ctx context.Context, acct *config.Account, ids []string) (delivered int, err error) {
	_, err = a.askService(ctx, control.Request{Do: control.Retry, Accounts: []string{acct.Name}, IDs: ids}, func(e *control.Event) {
		if e.Retried != nil {
			delivered = e.Retried.Delivered
		}
	})
	if !errors.Is(err, control.ErrNoService) {
		return delivered, err
	}
	if a.ledger == nil {
		if err := a.open(); err != nil {
			return 0, err
		}
	}
	return a.collector().RetryHeld(ctx, a.gated().Account(acct), ids)
}

// holdDrop gives a message up.
func (a *app) holdDrop(ctx context.Context, id string, yes bool) error {
	if err := a.load(); err != nil {
		return err
	}
	e, err := a.held(id)
	if err != nil {
		return err
	}
	if !yes {
		return usage("hold drop removes the held copy of %q for good; its source is not touched: add --yes", short(decodeWords(e.Subject), 60))
	}
	_, err = a.askService(ctx, control.Request{Do: control.Drop, Accounts: []string{e.Account}, IDs: []string{e.ID}}, nil)
	if errors.Is(err, control.ErrNoService) {
		if err = a.open(); err == nil {
			err = dropHeld(ctx, a.ledger, a.env().Hold(), e.Account, e.ID, a.now())
		}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "dropped %s\n", e.ID)
	return nil
}

// dropHeld has the rows of a held message say that it is not wanted, and removes
// it from the hold.
func dropHeld(ctx context.Context, l *ledger.Ledger, hold *collect.Hold, account, id string, now time.Time) error {
	rows, err := l.ByID(ctx, id)
	if err != nil {
		return err
	}
	var changes []ledger.Change
	for _, r := range rows {
		r.State, r.At, r.Receipt = ledger.Seen, now, "dropped from the hold"
		changes = append(changes, r)
	}
	if err := l.Commit(ctx, changes...); err != nil {
		return err
	}
	if err := hold.Remove(account, id); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
