package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"mailrill/internal/config"
	"mailrill/internal/reply"
)

func newCheck(a *app) *cobra.Command {
	var offline bool
	cmd := &cobra.Command{
		Use:   "check [NAME…] --offline",
		Short: "is the config right, and can its secrets be read?",
		RunE: func(cmd *cobra.Command, names []string) error {
			if !offline {
				return usage("only the check without connections is built yet: mailrill check --offline; `mailrill --dry-run` logs in and lists")
			}
			return a.checkOffline(cmd, names)
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "connect to nothing")
	return cmd
}

// checkOffline reads the config and every secret, and says what it found.
func (a *app) checkOffline(cmd *cobra.Command, names []string) error {
	if err := a.load(); err != nil {
		return err
	}
	accounts, err := a.accounts(names)
	if err != nil {
		return err
	}
	var codes []int
	check := func(name string, s config.Server) {
		if s.Secret == nil {
			return
		}
		_, err := s.Secret.Read(cmd.Context())
		if err != nil {
			fmt.Fprintf(a.stdout, "✗ %s: %s\n", name, reply.Clean(err.Error()))
		} else {
			fmt.Fprintf(a.stdout, "✓ %s: the secret can be read\n", name)
		}
		codes = append(codes, reply.ClassOf(err).ExitCode())
	}
	fmt.Fprintf(a.stdout, "✓ %s: %d accounts, %d destinations; state in %s\n", a.cfg.Path, len(a.cfg.Accounts), len(a.cfg.Destinations), a.state)
	for _, acct := range accounts {
		check("account "+acct.Name, acct.Server)
		check("destination "+acct.To+" for "+acct.Name, acct.Destination.Server)
	}
	if code := reply.WorstExit(codes...); code != 0 {
		return &exitError{code: code}
	}
	return nil
}
