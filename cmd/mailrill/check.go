package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

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
	if err := a.canMakeState(); err != nil {
		return err
	}
	accounts, outlets, err := a.chosen(names)
	if err != nil {
		return err
	}
	r := a.newRound(f, len(accounts), len(outlets))
	r.accounts(ctx, accounts, outlets)
	r.destinations(ctx, outlets)
	return r.end(ctx)
}

// canMakeState refuses a state_dir that is not there and cannot be made by us. A
// service's own folder is made for it.
func (a *app) canMakeState() error {
	if a.cfg.StateDir == "" || exists(a.state) {
		return nil
	}
	above := filepath.Dir(a.state)
	for !exists(above) {
		above = filepath.Dir(above)
	}
	if err := unix.Faccessat(unix.AT_FDCWD, above, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return reply.WithClass(reply.Config, fmt.Errorf("state_dir %s is not there and cannot be made in %s: %w", a.state, above, err))
	}
	return nil
}

// A round is one run of check over accounts and destinations.
type round struct {
	a      *app
	flags  checkFlags
	doctor *doctor.Doctor
	print  *checkPrinter
	logins *logins
}

func (a *app) newRound(f checkFlags, accounts, destinations int) *round {
	p := a.newCheckPrinter(f, accounts, destinations)
	return &round{a: a, flags: f, print: p, logins: a.logins(), doctor: &doctor.Doctor{
		Env: a.env(), Ledger: a.ledger, Now: a.now, Sleep: a.sleep,
		Offline: f.offline, Deliver: f.deliver, Begin: p.begin, Done: p.step,
	}}
}

// accounts examines accounts until it is told to stop, and tells their outlets
// where their mail goes.
func (r *round) accounts(ctx context.Context, accounts []*config.Account, outlets []*outlet) {
	for _, acct := range accounts {
		if ctx.Err() != nil {
			return
		}
		report := r.doctor.Account(ctx, acct)
		collectInto(outlets, acct, report)
		r.print.end(report, r.logins.of(ctx, report, acct))
	}
}

func (r *round) destinations(ctx context.Context, outlets []*outlet) {
	for _, o := range outlets {
		if ctx.Err() != nil {
			return
		}
		report := r.doctor.Destination(ctx, o.dst, o.forAccount, o.folders)
		r.print.end(report, r.logins.of(ctx, report, o.users...))
	}
}

// end writes down what the logins mean, and returns the exit status.
func (r *round) end(ctx context.Context) error {
	if !r.flags.offline && ctx.Err() == nil {
		said, err := r.a.settle(ctx, r.logins)
		if err != nil {
			return err
		}
		r.print.say(said)
	}
	return r.print.status()
}

// An outlet is a destination with all values in place, and who delivers to it.
type outlet struct {
	dst        *config.Destination
	forAccount string // where the values are those of one account
	users      []*config.Account
	folders    []string
}

// chosen returns what names mean: accounts with their destinations, destinations
// by themselves; without names, all that is enabled.
func (a *app) chosen(names []string) (accounts []*config.Account, outlets []*outlet, err error) {
	var named []string
	for _, name := range names {
		switch {
		case a.cfg.Account(name) != nil:
			named = append(named, name)
		case a.cfg.Destinations[name] != nil:
			if outlets, err = a.addDestination(outlets, name); err != nil {
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
		outlets = addOutlet(outlets, acct)
	}
	return accounts, nameOutlets(outlets), nil
}

// addDestination adds a destination as the accounts that deliver to it have it.
func (a *app) addDestination(outlets []*outlet, name string) ([]*outlet, error) {
	before := len(outlets)
	for _, acct := range a.cfg.Accounts {
		if acct.Enabled && acct.To == name {
			outlets = addOutlet(outlets, acct)
		}
	}
	if len(outlets) == before {
		return nil, usage("no account that is enabled delivers to %q", name)
	}
	return outlets, nil
}

func addOutlet(outlets []*outlet, acct *config.Account) []*outlet {
	for _, o := range outlets {
		if samePlace(o.dst, acct.Destination) {
			o.users = append(o.users, acct)
			return outlets
		}
	}
	return append(outlets, &outlet{dst: acct.Destination, users: []*config.Account{acct}})
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

// nameOutlets says for which account a destination is where it differs by account.
func nameOutlets(outlets []*outlet) []*outlet {
	count := map[string]int{}
	for _, o := range outlets {
		count[o.dst.Name]++
	}
	for _, o := range outlets {
		if count[o.dst.Name] > 1 {
			o.forAccount = o.users[0].Name
		}
	}
	return outlets
}

// collectInto tells the outlet of an account which folders its mail goes to: those
// that its check found, or that of INBOX where it did not come so far.
func collectInto(outlets []*outlet, acct *config.Account, r *doctor.Report) {
	into := r.Into
	if len(into) == 0 {
		into = []string{acct.Into("INBOX", "/")}
	}
	for _, o := range outlets {
		if !samePlace(o.dst, acct.Destination) {
			continue
		}
		for _, folder := range into {
			o.add(folder)
		}
	}
}

func (o *outlet) add(folder string) {
	for _, f := range o.folders {
		if f == folder {
			return
		}
	}
	o.folders = append(o.folders, folder)
}
