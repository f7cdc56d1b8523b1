package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/pflag"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/control"
	"mailrill/internal/daemon"
	"mailrill/internal/lang"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// passFlags are the flags of a single pass.
type passFlags struct {
	once     bool
	accounts []string
	dryRun   bool
	json     bool
	force    bool
}

func (p *passFlags) add(f *pflag.FlagSet) {
	f.BoolVar(&p.once, "once", false, "one pass of each account, then exit")
	f.StringArrayVar(&p.accounts, "account", nil, "only this account (may be repeated)")
	f.BoolVar(&p.dryRun, "dry-run", false, "show what a pass would collect; change nothing (implies --once)")
	f.BoolVar(&p.json, "json", false, "one JSON object a line for each account and folder")
	f.BoolVar(&p.force, "force", false, "also log in where the login was refused lately")
}

func (p *passFlags) isSet() bool {
	return len(p.accounts) > 0 || p.json || p.force
}

// once has one pass of each account made: by the service where one runs with this
// state, else here.
func (a *app) once(ctx context.Context, p passFlags) error {
	if p.dryRun {
		cleanup, err := a.openCopy(ctx)
		if err != nil {
			return err
		}
		defer cleanup()
		return a.onceHere(ctx, p)
	}
	err := a.onceThere(ctx, p)
	if !errors.Is(err, control.ErrNoService) {
		return err
	}
	if err = a.open(); errors.Is(err, ledger.ErrLocked) { // perhaps by a service that has just begun
		if there := a.onceThere(ctx, p); !errors.Is(there, control.ErrNoService) {
			return there
		}
	}
	if err != nil {
		return err
	}
	return a.onceHere(ctx, p)
}

var goesOn = lang.Text{
	EN: "the service goes on with it: `mailrill status` shows how far it is",
	ZH: "服务会继续收取：用 mailrill status 查看进度",
}

var olderConfig = lang.Text{
	EN: "the service runs with an older config: `mailrill reload` has it take over what has changed since",
	ZH: "服务使用的仍是修改前的配置：执行 mailrill reload 使修改生效",
}

// onceThere asks the service for the passes, and prints them as if they were ours.
// Its error is control.ErrNoService where none runs.
func (a *app) onceThere(ctx context.Context, p passFlags) error {
	if err := a.load(); err != nil {
		return err
	}
	accounts, err := a.accounts(p.accounts)
	if err != nil {
		return err
	}
	live := a.newProgress()
	exit, err := a.askService(ctx, control.Request{Do: control.Collect, Accounts: accountNames(accounts), Force: p.force}, func(e *control.Event) {
		if e.Config != nil && e.Config.Path == a.cfg.Path && a.written(a.cfg.Files, e.Config.Read) {
			a.printHint(olderConfig, "")
		}
		if e.Progress != nil {
			live.update(collect.Progress(*e.Progress))
		}
		if e.Pass != nil {
			live.clear()
			if acct := a.cfg.Account(e.Pass.Account); acct != nil && e.Pass.To == "" { // the service does not know it
				e.Pass.To = acct.To
			}
			a.printPass(e.Pass, p)
		}
	})
	live.clear()
	if ctx.Err() != nil {
		a.printHint(goesOn, "")
		return nil
	}
	if err != nil {
		return err
	}
	return exitWith(exit)
}

func accountNames(accounts []*config.Account) (names []string) {
	for _, acct := range accounts {
		names = append(names, acct.Name)
	}
	return names
}

// onceHere makes the passes in this process.
func (a *app) onceHere(ctx context.Context, p passFlags) error {
	accounts, err := a.accounts(p.accounts)
	if err != nil {
		return err
	}
	first := a.firstToday(ctx, accounts)
	a.warnOfShapes(ctx, accounts)
	var codes []int
	live := a.newProgress()
	c := a.collector()
	c.Progress = live.update
	d := a.daemon(accounts, c, func(out *daemon.Outcome) {
		live.clear()
		if first[out.Account.Name] {
			a.logSignIns(out.Account)
		}
		codes = append(codes, a.printPass(passOf(out), p))
	})
	err = d.Once(ctx, collect.Options{DryRun: p.dryRun}, p.force)
	live.clear()
	if err != nil {
		return err
	}
	return exitWith(reply.WorstExit(codes...))
}

// exitWith ends the process with a status for what has been told already.
func exitWith(code int) error {
	if code == 0 {
		return nil
	}
	return &exitError{code: code}
}

// firstToday says which accounts have had no pass today: cron is not to tell every
// few minutes what is to be told for days.
func (a *app) firstToday(ctx context.Context, accounts []*config.Account) map[string]bool {
	today, first := a.now().Local().Format(time.DateOnly), map[string]bool{}
	for _, acct := range accounts {
		row, err := a.ledger.Account(ctx, acct.Name)
		first[acct.Name] = err != nil || row.Pass.At.Local().Format(time.DateOnly) != today
	}
	return first
}

// openCopy opens a copy of the state, for a pass that must change nothing.
func (a *app) openCopy(ctx context.Context) (cleanup func(), err error) {
	if err := a.peek(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mailrill-dry-run-")
	if err != nil {
		return nil, err
	}
	cleanup = func() { os.RemoveAll(dir) }
	if a.ledger != nil {
		if err = a.ledger.CopyTo(ctx, dir); err == nil {
			err = a.ledger.Close()
		}
	}
	if err == nil {
		a.ledger, err = ledger.Open(dir)
		a.gates = a.newGates(a.ledger)
	}
	if err != nil {
		cleanup()
		return nil, err
	}
	return cleanup, nil
}
