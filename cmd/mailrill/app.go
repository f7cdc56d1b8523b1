package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/daemon"
	"mailrill/internal/discover"
	"mailrill/internal/fsx"
	"mailrill/internal/lang"
	"mailrill/internal/ledger"
	"mailrill/internal/oauth"
	"mailrill/internal/reply"
	"mailrill/internal/sasl"
	"mailrill/internal/secret"
	"mailrill/internal/wire"
)

// An app is one run of the program: what its commands share, opened when first
// needed and closed at the end.
type app struct {
	stdin          io.Reader // nil: nobody enters anything
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	sleep          func(context.Context, time.Duration) error
	// What tests put between the program and its machine: files that fail,
	// connections that break, providers that are played. Without them there is
	// nothing between.
	fs        fsx.FS
	wrap      func(end string, conn net.Conn) net.Conn
	endpoints map[string]oauth.Endpoints
	find      func(context.Context, string, discover.Options) ([]discover.Candidate, error)
	globals   globals
	root      rootRights

	owner  *owner // whom we have become, when root has started us
	log    *slog.Logger
	cfg    *config.Config
	read   time.Time // when cfg was read
	shared *wire.Shared
	state  string
	tokens *oauth.Store
	warned map[string]time.Time // when a sign-in that ends was last logged, by account
	ledger *ledger.Ledger
	gates  *daemon.Logins // of the ledger, if it is open for writing
}

// load finds and reads the config.
func (a *app) load() error {
	if a.cfg != nil {
		return nil
	}
	a.shared = &wire.Shared{}
	if err := a.startLog(); err != nil {
		return err
	}
	path, err := config.Find(a.globals.config, a.getenv)
	if err != nil {
		return err
	}
	if err := a.becomeOwner(path); err != nil {
		return err
	}
	a.read = a.now()
	if a.cfg, err = config.Load(path); err != nil {
		return a.unread(path, err)
	}
	for _, w := range a.cfg.Warnings {
		a.log.Warn(w.Error())
	}
	if a.state, err = a.cfg.State(a.getenv); err != nil {
		return err
	}
	a.tokens = &oauth.Store{FS: a.fs, Dir: filepath.Join(a.state, "tokens"), Sleep: a.sleep}
	return nil
}

// lang is the language of hints.
func (a *app) lang() lang.Lang {
	config := ""
	if a.cfg != nil {
		config = a.cfg.Lang
	}
	return lang.Pick(config, a.globals.lang, a.getenv)
}

// open reads the config and opens the state for writing: no other mailrill runs
// with it until close.
func (a *app) open() error {
	if err := a.load(); err != nil {
		return err
	}
	if err := secret.CheckFolder(a.state); err != nil {
		return reply.WithClass(reply.Config, fmt.Errorf("state folder: %w", err))
	}
	l, err := ledger.OpenFS(a.state, a.fs)
	if errors.Is(err, ledger.ErrLocked) {
		return reply.WithClass(reply.Temporary, fmt.Errorf("%w (%s): %s", ledger.ErrLocked, a.state, a.unlock().In(a.lang())))
	}
	if errors.Is(err, ledger.ErrCorrupt) || errors.Is(err, ledger.ErrNewer) {
		return reply.WithClass(reply.IO, err)
	}
	a.ledger, a.gates = l, a.newGates(l)
	return err
}

// peek opens the state for reading, also beside a running service. Without a
// state it leaves the ledger nil.
func (a *app) peek() error {
	if err := a.load(); err != nil {
		return err
	}
	l, err := ledger.OpenReadOnly(a.state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	a.ledger = l
	return err
}

func (a *app) close() {
	if a.ledger != nil {
		if err := a.ledger.Close(); err != nil {
			a.log.Error("close the ledger", "err", err)
		}
	}
}

// account returns the config of the account called name.
func (a *app) account(name string) (*config.Account, error) {
	if acct := a.cfg.Account(name); acct != nil {
		return acct, nil
	}
	return nil, usage("no account is called %q in %s", name, a.cfg.Path)
}

// accounts returns the accounts called names, each once, or all that are enabled.
func (a *app) accounts(names []string) (out []*config.Account, err error) {
	for _, name := range names {
		acct, err := a.account(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, acct) {
			out = append(out, acct)
		}
	}
	if len(names) > 0 {
		return out, nil
	}
	for _, acct := range a.cfg.Accounts {
		if acct.Enabled {
			out = append(out, acct)
		}
	}
	return out, nil
}

// env returns what sources and destinations need.
func (a *app) env() wire.Env {
	return wire.Env{
		FS: a.fs, Wrap: a.wrap, StateDir: a.state, Version: version(), Log: a.log, Shared: a.shared,
		OAuth: a.cfg.OAuth, Tokens: a.tokens, Now: a.now, Endpoints: a.endpoints,
	}
}

// gated is env for logins that are not to be repeated too soon once they were refused.
func (a *app) gated() wire.Env {
	env := a.env()
	env.Gate = func(name, protocol string, s *config.Server) sasl.Gate {
		return a.gates.Gate(name, protocol, s, func(since time.Time) bool { return a.changedAt(since, end{name, *s}) })
	}
	return env
}

// newGates returns what keeps refused logins from being repeated, over a state.
func (a *app) newGates(l *ledger.Ledger) *daemon.Logins {
	return &daemon.Logins{Ledger: l, Log: a.log, Now: a.now}
}

// collector returns the engine over the open state.
func (a *app) collector() *collect.Collector {
	env := a.env()
	return &collect.Collector{
		Ledger: a.ledger, Hold: env.Hold(), Spool: collect.NewSpool(a.fs, a.state),
		Log: a.log, Now: a.now, Sleep: a.sleep, Started: a.now(),
	}
}

// daemon returns the loop over accounts.
func (a *app) daemon(accounts []*config.Account, c *collect.Collector, done func(*daemon.Outcome)) *daemon.Daemon {
	return &daemon.Daemon{
		Accounts: accounts, Build: a.build, Collector: c, Ledger: a.ledger, Logins: a.gates,
		Log: a.log, Now: a.now, Sleep: a.sleep, Changed: a.changed, Done: done,
	}
}

// build returns what a pass over acct needs. Its connections call beat whenever
// something moves on them.
func (a *app) build(acct *config.Account, beat func()) *collect.Account {
	env := a.gated()
	wrap := env.Wrap
	env.Wrap = func(end string, conn net.Conn) net.Conn {
		if wrap != nil {
			conn = wrap(end, conn)
		}
		return beating{conn, beat}
	}
	return env.Account(acct)
}

// A beating connection tells when something moves on it.
type beating struct {
	net.Conn
	beat func()
}

func (b beating) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	b.beat()
	return n, err
}

func (b beating) Write(p []byte) (int, error) {
	b.beat()
	return b.Conn.Write(p)
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// changed reports whether the config, or a file with a secret of acct, was
// written after since, or somebody has signed in. Nothing of a secret is kept to
// find that out.
func (a *app) changed(acct *config.Account, since time.Time) bool {
	return a.changedAt(since, ends(acct)...)
}

func (a *app) changedAt(since time.Time, ends ...end) bool {
	files := slices.Clone(a.cfg.Files)
	for _, end := range ends {
		if end.OAuth != "" && a.isNews(a.tokens.SignedIn(end.name), since) {
			return true
		}
		files = append(files, a.secretFiles(end.Server)...)
	}
	return a.written(files, since)
}

// written reports whether one of files was written after since.
func (a *app) written(files []string, since time.Time) bool {
	return slices.ContainsFunc(files, func(f string) bool {
		info, err := os.Stat(f)
		return err == nil && a.isNews(info.ModTime(), since)
	})
}

// isNews reports whether t is after since. What lies in the future was written by a
// clock that was wrong, and would be news each time.
func (a *app) isNews(t, since time.Time) bool { return t.After(since) && !t.After(a.now()) }

// An end is a server that an account needs, by the name of its sign-in.
type end struct {
	name string
	config.Server
}

func ends(acct *config.Account) []end {
	return []end{{acct.Name, acct.Server}, {acct.To, acct.Destination.Server}}
}

// secretFiles returns the files that a login to s depends on. The file of a
// sign-in is none of them: it is written with every renewal.
func (a *app) secretFiles(s config.Server) (files []string) {
	secrets := []*secret.Source{s.Secret}
	if s.OAuth == oauth.GoogleKey {
		secrets = append(secrets, a.cfg.OAuth.Google.ClientSecret)
	}
	for _, from := range secrets {
		if from != nil && from.File != "" {
			files = append(files, from.File)
		}
	}
	return files
}
