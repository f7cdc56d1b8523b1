package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/daemon"
	"mailrill/internal/notice"
	"mailrill/internal/systemd"
	"mailrill/internal/web"
)

// A service is the program as it runs for years: the daemon, and what stands
// around it. It is the app that was started; what depends on the config goes
// through present, which a reload replaces.
type service struct {
	*app
	present  atomic.Pointer[app]
	daemon   *daemon.Daemon
	web      *web.Server // nil: the service does not listen
	only     []string    // accounts that were named; empty: all
	outcomes outcomeLog
	notices  *notice.Post
	systemd  *systemd.Service

	reloading sync.Mutex
}

// serve runs until ctx ends, which is a success.
func (a *app) serve(ctx context.Context, flags passFlags) error {
	if err := a.open(); err != nil {
		return err
	}
	s := &service{app: a, only: flags.accounts, systemd: systemd.New(a.log, a.sleep)}
	s.present.Store(a)
	accounts, err := a.served(s.only)
	if err != nil {
		return err
	}
	s.daemon = s.newDaemon(accounts)
	unlisten, err := s.listen(ctx)
	if err != nil {
		return err
	}
	defer unlisten()
	if s.web, err = s.newWeb(); err != nil {
		return err
	}
	defer s.web.Close()
	go s.web.Serve()
	stopNotices, err := s.startNotices(ctx)
	if err != nil {
		return err
	}
	defer stopNotices()
	stop := s.onHangup(ctx)
	defer stop()
	defer s.underSystemd(ctx)()
	a.log.Info("collecting", "accounts", len(accounts), "config", a.cfg.Path, "state", a.state, "version", version())
	a.warnOfShapes(ctx, accounts)
	err = s.daemon.Run(ctx)
	a.log.Info("stopped")
	return err
}

// served returns the accounts that a service is for: those that are not enabled wait
// for requests.
func (a *app) served(only []string) ([]*config.Account, error) {
	if len(only) == 0 {
		return a.cfg.Accounts, nil
	}
	return a.accounts(only)
}

// newDaemon returns the loop over accounts, which asks the config of the moment.
func (s *service) newDaemon(accounts []*config.Account) *daemon.Daemon {
	d := s.app.daemon(accounts, s.collector(), s.done)
	d.Build = func(acct *config.Account, beat func()) *collect.Account { return s.present.Load().build(acct, beat) }
	d.Changed = func(acct *config.Account, since time.Time) bool { return s.present.Load().changed(acct, since) }
	return d
}

// done is told of each pass.
func (s *service) done(out *daemon.Outcome) {
	s.outcomes.pass(s.present.Load(), out)
	s.web.Done(out)
	s.notice(out)
}

// onHangup reads the config again whenever SIGHUP asks for it, until stop.
func (s *service) onHangup(ctx context.Context) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-hangups:
				_, _ = s.reload() // it has said what is wrong
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { signal.Stop(hangups) }
}
