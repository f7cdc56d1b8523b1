package main

import (
	"os"

	"github.com/spf13/cobra"
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
