package main

import (
	"os"

	"github.com/spf13/cobra"

	"mailrill/internal/daemon"
	"mailrill/internal/reply"
)

func newRun(a *app) *cobra.Command {
	var flags passFlags
	var allowRoot bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "the service: collect on each account's schedule until stopped",
		Args:  atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.once || flags.dryRun {
				return a.once(cmd.Context(), flags)
			}
			if flags.json || flags.force {
				return usage("--json and --force belong to a single pass: add --once")
			}
			if os.Geteuid() == 0 && !allowRoot {
				return usage("the service does not run as root: a mail server's words should not be read with all rights. Run it as a user of its own, or give --allow-root")
			}
			a.root = retained
			return a.serve(cmd.Context(), flags)
		},
	}
	flags.add(cmd.Flags())
	cmd.Flags().BoolVar(&allowRoot, "allow-root", false, "run as root all the same")
	return cmd
}

// logOutcome logs a pass that brought something or failed.
func (a *app) logOutcome(out *daemon.Outcome) {
	a.logSignIns(out.Account)
	for _, r := range out.Report.Results {
		log := a.log.With("account", out.Account.Name, "folder", r.Folder)
		if r.Delivered+r.Held+r.SourceDone > 0 {
			log.Info("collected", "new", r.New, "delivered", r.Delivered, "held", r.Held, "bytes", r.Bytes, "seconds", r.Seconds, "source_done", r.SourceDone)
		}
		if r.Err != nil {
			advice := daemon.Advise(out.Account, r.Err)
			log.Error(reply.Clean(r.Err.Error()), "class", advice.Class, "hint", advice.Hint.In(a.lang()), "url", advice.URL, "next", out.Pass.NextTry)
		}
	}
}
