package main

import (
	"errors"
	"fmt"
	"reflect"

	"mailrill/internal/config"
	"mailrill/internal/daemon"
	"mailrill/internal/reply"
)

// reload reads the config again. One that is wrong changes nothing: the old one goes
// on, and the error says why. Secrets are read at each login anyway, but for those of
// systemd's credentials, which it writes anew only when the service starts.
func (s *service) reload() (daemon.Changes, error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	s.systemd.Reloading("reading the config again")
	defer func() { s.systemd.Ready(s.summary()) }()
	old := s.present.Load()
	next, accounts, err := s.reread(old)
	if err != nil {
		err = fmt.Errorf("the config was not taken over, the old one goes on: %w", err)
		s.log.Error(err.Error())
		return daemon.Changes{}, err
	}
	s.present.Store(next)
	sameSignIns := reflect.DeepEqual(old.cfg.OAuth, next.cfg.OAuth)
	c := s.daemon.Reload(accounts, func(was, is *config.Account) bool {
		return reflect.DeepEqual(was, is) && (sameSignIns || !signsIn(is))
	})
	s.serveNotices()
	s.log.Info("the config was read again", "added", c.Added, "changed", c.Changed, "removed", c.Removed, "unchanged", len(c.Same))
	if old.cfg.Web.Listen != next.cfg.Web.Listen {
		s.log.Warn("[web] listen takes effect when the service is started again")
	}
	s.web.Reload(next.cfg.Web)
	return c, nil
}

// reread returns what follows old, and the accounts that it is to serve.
func (s *service) reread(old *app) (*app, []*config.Account, error) {
	next, err := old.reread()
	if err != nil {
		return nil, nil, err
	}
	accounts, err := next.served(s.only)
	return next, accounts, err
}

// reread returns the app with the config as it is now.
func (a *app) reread() (*app, error) {
	read := a.now()
	cfg, err := config.Load(a.cfg.Path)
	if err != nil {
		return nil, err
	}
	state, err := cfg.State(a.getenv)
	if err != nil {
		return nil, err
	}
	if state != a.state {
		return nil, reply.WithClass(reply.Config, errors.New("state_dir cannot change while the service runs: start it again"))
	}
	for _, w := range cfg.Warnings {
		a.log.Warn(w.Error())
	}
	next := *a
	next.cfg, next.read = cfg, read
	return &next, nil
}

// signsIn reports whether an account needs a sign-in at one of its ends.
func signsIn(a *config.Account) bool { return a.OAuth != "" || a.Destination.OAuth != "" }
