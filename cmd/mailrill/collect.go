package main

import "github.com/spf13/cobra"

func newCollect(a *app) *cobra.Command {
	flags := passFlags{force: true}
	cmd := &cobra.Command{
		Use: "collect NAME", Short: "a pass of one account now, also where its login was refused lately", Args: exactly("an account's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.accounts = args
			return a.once(cmd.Context(), flags)
		},
	}
	cmd.Flags().BoolVar(&flags.json, "json", false, "one JSON object a line for each folder")
	return cmd
}
