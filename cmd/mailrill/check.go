package main

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"mailrill/internal/config"
	"mailrill/internal/doctor"
	"mailrill/internal/reply"
)

// checkFlags are the flags of check.
type checkFlags struct {
	offline, deliver, discover, json bool
}

func newCheck(a *app) *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [NAME…]",
		Short: "is the config right, do the logins work, what would be collected?",
		Long: `For each account and each destination, or those that are named: secret, name, connection,
TLS, login, folders, and what would be collected. It changes nothing, but for --deliver.`,
		RunE: func(cmd *cobra.Command, names []string) error { return a.check(cmd.Context(), f, names) },
	}
	cmd.Flags().BoolVar(&f.offline, "offline", false, "connect to nothing: the config and its secrets")
	cmd.Flags().BoolVar(&f.deliver, "deliver", false, "deliver a test message, read it back, compare and remove it")
	cmd.Flags().BoolVar(&f.discover, "discover", false, "ask which servers the named domains have, or those of accounts at no known provider")
	cmd.Flags().BoolVar(&f.json, "json", false, "one JSON object a line for each account and destination")
	return cmd
}

// check examines accounts, then the destinations that their mail goes to.
func (a *app) check(ctx context.Context, f checkFlags, names []string) error {
	switch {
	case f.offline && (f.deliver || f.discover):
		return usage("--offline connects to nothing, --deliver and --discover have to")
	case f.deliver && f.discover:
		return usage("--discover asks about domains, --deliver tries destinations: one at a time")
	case f.discover:
		return a.discover(ctx, f, names)
	}
	if err := a.peek(); err != nil {
		return err
	}
	accounts, targets, err := a.chosen(names)
	if err != nil {
		return err
	}
	p := a.newCheckPrinter(f, len(accounts), len(targets))
	env := a.env()
	env.StateDir = os.TempDir() // a check makes no state
	d := &doctor.Doctor{
		Env: env, Ledger: a.ledger, Now: a.now, Sleep: a.sleep,
		Offline: f.offline, Deliver: f.deliver, Begin: p.begin, Done: p.step,
	}
	logins := a.logins()
	for _, acct := range accounts {
		r := d.Account(ctx, acct)
		collectInto(targets, acct, r)
		p.end(r, logins.of(ctx, r, acct))
	}
	for _, t := range targets {
		r := d.Destination(ctx, t.dst, t.forAccount, t.folders)
		p.end(r, logins.of(ctx, r, t.users...))
	}
	if !f.offline && ctx.Err() == nil {
		said, err := a.settle(ctx, logins)
		if err != nil {
			return err
		}
		p.say(said)
	}
	if code := reply.WorstExit(p.codes...); code != 0 {
		return &exitError{code: code}
	}
	return nil
}

// A target is a destination with all values in place, and who delivers to it.
type target struct {
	dst        *config.Destination
	forAccount string // where the values are those of one account
	users      []*config.Account
	folders    []string
}

// chosen returns what names mean: accounts with their destinations, destinations
// by themselves; without names, all that is enabled.
func (a *app) chosen(names []string) (accounts []*config.Account, targets []*target, err error) {
	var named []string
	for _, name := range names {
		switch {
		case a.cfg.Account(name) != nil:
			named = append(named, name)
		case a.cfg.Destinations[name] != nil:
			if targets, err = a.addDestination(targets, name); err != nil {
				return nil, nil, err
			}
		default:
			return nil, nil, usage("no account and no destination is called %q in %s", name, a.cfg.Path)
		}
	}
	if len(names) == 0 || len(named) > 0 {
		if accounts, err = a.accounts(named); err != nil {
			return nil, nil, err
		}
	}
	for _, acct := range accounts {
		targets = addTarget(targets, acct)
	}
	return accounts, nameTargets(targets), nil
}

// addDestination adds a destination as the accounts that deliver to it have it.
func (a *app) addDestination(targets []*target, name string) ([]*target, error) {
	before := len(targets)
	for _, acct := range a.cfg.Accounts {
		if acct.Enabled && acct.To == name {
			targets = addTarget(targets, acct)
		}
	}
	if len(targets) == before {
		return nil, usage("no account that is enabled delivers to %q", name)
	}
	return targets, nil
}

func addTarget(targets []*target, acct *config.Account) []*target {
	for _, t := range targets {
		if samePlace(t.dst, acct.Destination) {
			t.users = append(t.users, acct)
			return targets
		}
	}
	return append(targets, &target{dst: acct.Destination, users: []*config.Account{acct}})
}

// samePlace reports whether two accounts have one destination with the same
// values in it: then a single check does for both.
func samePlace(a, b *config.Destination) bool {
	values := func(d *config.Destination) string {
		secret := ""
		if d.Secret != nil {
			secret = d.Secret.String()
		}
		return strings.Join(append([]string{d.Name, d.User, secret, d.Recipient, d.Path}, d.Argv...), "\x00")
	}
	return values(a) == values(b)
}

// nameTargets says for which account a destination is where it differs by account.
func nameTargets(targets []*target) []*target {
	count := map[string]int{}
	for _, t := range targets {
		count[t.dst.Name]++
	}
	for _, t := range targets {
		if count[t.dst.Name] > 1 {
			t.forAccount = t.users[0].Name
		}
	}
	return targets
}

// collectInto tells the target of an account which folders its mail goes to: those
// that its check found, or that of INBOX where it did not come so far.
func collectInto(targets []*target, acct *config.Account, r *doctor.Report) {
	into := r.Into
	if len(into) == 0 {
		into = []string{acct.Into("INBOX", "/")}
	}
	for _, t := range targets {
		if !samePlace(t.dst, acct.Destination) {
			continue
		}
		for _, folder := range into {
			t.add(folder)
		}
	}
}

func (t *target) add(folder string) {
	for _, f := range t.folders {
		if f == folder {
			return
		}
	}
	t.folders = append(t.folders, folder)
}
