package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

func newTrace(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "trace MESSAGE-ID", Short: "where is my mail: key, state, receipt", Args: exactly("a Message-ID, or the ID of a trace line"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.trace(cmd.Context(), args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

// stateNames word the states for people.
var stateNames = map[ledger.State]string{
	ledger.Seen: "not wanted", ledger.Old: "waiting", ledger.Failed: "failed, to be tried again", ledger.TooLarge: "too large",
	ledger.Intent: "in doubt", ledger.Delivered: "delivered", ledger.Finished: "delivered, done at the source",
	ledger.Held: "held", ledger.Lost: "lost",
}

// A traced is one line of trace --json.
type traced struct {
	V       int        `json:"v"`
	Account string     `json:"account"`
	Folder  string     `json:"folder"`
	Key     string     `json:"key"`
	ID      string     `json:"id"`
	State   string     `json:"state"`
	At      time.Time  `json:"at"`
	Receipt string     `json:"receipt"`
	Next    *time.Time `json:"next"`
}

func (a *app) trace(ctx context.Context, id string, asJSON bool) error {
	if err := a.peek(); err != nil {
		return err
	}
	if a.ledger == nil {
		return usage("nothing was ever collected")
	}
	bare := strings.Trim(id, "<> ")
	rows, err := a.ledger.Trace(ctx, ledger.MessageHash("<"+bare+">"), id)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return usage("no message %s was met so far", id)
	}
	for _, r := range rows {
		if asJSON {
			a.printValue(traced{1, r.Account, r.Folder, r.Key, r.ID, stateNames[r.State], r.At.UTC(), r.Receipt, when(r.NextTry)})
			continue
		}
		fmt.Fprintf(a.stdout, "%s %s: %s since %s\n  key %s, id %s\n", r.Account, reply.Clean(r.Folder), stateNames[r.State], r.At.Local().Format(time.DateTime), reply.Clean(r.Key), r.ID)
		if r.Receipt != "" {
			fmt.Fprintf(a.stdout, "  %s\n", reply.Clean(r.Receipt))
		}
	}
	return nil
}
