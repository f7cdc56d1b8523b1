package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/control"
	"mailrill/internal/daemon"
	"mailrill/internal/lang"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// An answerer does what clients ask of the service at its control socket.
type answerer struct {
	daemon *daemon.Daemon
	// reload reads the config again.
	reload func() (daemon.Changes, error)
	// config is the one of the moment.
	config func() *control.Config
}

// handlers are all that can be asked for.
func (s *answerer) handlers() map[control.Verb]control.Handler {
	return map[control.Verb]control.Handler{
		control.Status: s.status, control.Collect: s.collect, control.Reload: s.reloadConfig,
		control.Retry: s.retry, control.Drop: s.drop, control.Finish: s.finish, control.Forget: s.forget,
		control.Checked: s.checked, control.Recheck: s.recheck,
	}
}

func (s *answerer) status(_ context.Context, _ *control.Request, tell func(*control.Event)) error {
	for _, st := range s.daemon.States() {
		tell(&control.Event{State: stateOf(&st)})
	}
	return nil
}

func stateOf(st *daemon.Status) *control.State {
	out := &control.State{
		Account: st.Account.Name, State: string(st.State), Since: st.Since.UTC(), Next: when(st.Next),
		Progress: progressOf(st.Progress), Push: []control.Push{},
	}
	for _, p := range st.Push {
		out.Push = append(out.Push, control.Push{Folder: p.Folder, On: p.On, Since: p.Since.UTC(), Why: p.Why})
	}
	if p := st.Pass; p.Class != "" {
		out.Error = &control.Failure{Class: reply.Class(p.Class), Text: p.Text, Hint: provider.Hint(p.Hint), URL: p.URL}
	}
	return out
}

func progressOf(p *collect.Progress) *control.Progress {
	if p == nil {
		return nil
	}
	out := control.Progress(*p)
	return &out
}

// collect has passes made. What keeps one from being made is told like the outcome
// of a pass that failed.
func (s *answerer) collect(ctx context.Context, r *control.Request, tell func(*control.Event)) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	tell(&control.Event{Config: s.config()})
	go s.progress(ctx, r.Accounts, tell)
	var all sync.WaitGroup
	defer all.Wait()
	for _, name := range r.Accounts {
		all.Go(func() { s.pass(ctx, name, collect.Options{}, r.Force, tell) })
	}
	return nil
}

// pass has one pass made, and tells how it ended.
func (s *answerer) pass(ctx context.Context, name string, o collect.Options, force bool, tell func(*control.Event)) {
	err := s.daemon.Collect(ctx, []string{name}, o, force, func(out *daemon.Outcome) {
		tell(&control.Event{Pass: passOf(out)})
	})
	if err != nil {
		tell(&control.Event{Pass: s.unmade(ctx, name, err)})
	}
}

func (s *answerer) unmade(ctx context.Context, name string, err error) *control.Pass {
	acct := s.account(name)
	p := &control.Pass{Account: name, Results: []control.Result{{Error: failure(ctx, acct, err)}}}
	if acct != nil {
		p.To = acct.To
	}
	return p
}

// account returns the config of an account that is served.
func (s *answerer) account(name string) *config.Account {
	for _, st := range s.daemon.States() {
		if st.Account.Name == name {
			return st.Account
		}
	}
	return nil
}

// glance is how often the progress of passes is looked at for those who asked for
// them.
const glance = 200 * time.Millisecond

// progress tells how far the passes of accounts are, until ctx ends.
func (s *answerer) progress(ctx context.Context, names []string, tell func(*control.Event)) {
	told := map[string]collect.Progress{}
	for _, name := range names {
		told[name] = collect.Progress{}
	}
	next := time.NewTicker(glance)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		for _, st := range s.daemon.States() {
			before, asked := told[st.Account.Name]
			if asked && st.Progress != nil && *st.Progress != before {
				told[st.Account.Name] = *st.Progress
				tell(&control.Event{Progress: progressOf(st.Progress)})
			}
		}
	}
}

func (s *answerer) reloadConfig(_ context.Context, _ *control.Request, tell func(*control.Event)) error {
	c, err := s.reload()
	if err != nil { // all that is wrong with a config, a line each
		return &control.Failure{Class: reply.ClassOf(err), Text: err.Error()}
	}
	changes := control.Changes(c)
	tell(&control.Event{Changes: &changes})
	return nil
}

// retry offers held messages of an account again.
func (s *answerer) retry(ctx context.Context, r *control.Request, tell func(*control.Event)) error {
	acct, err := s.one(r)
	if err != nil {
		return err
	}
	if err := heldNames(r.IDs); err != nil {
		return err
	}
	told := &control.Retried{Account: acct.Name, Of: len(r.IDs)}
	err = s.daemon.Do(ctx, acct.Name, func(ctx context.Context) (err error) {
		told.Delivered, err = s.daemon.Collector.RetryHeld(ctx, s.daemon.Build(acct, func() {}), r.IDs)
		return err
	})
	if ctx.Err() != nil { // it may go on
		return failure(ctx, acct, err)
	}
	tell(&control.Event{Retried: told})
	if err != nil {
		return failure(ctx, acct, err)
	}
	return nil
}

// drop gives held messages up.
func (s *answerer) drop(ctx context.Context, r *control.Request, _ func(*control.Event)) error {
	if err := heldNames(r.IDs); err != nil {
		return err
	}
	c := s.daemon.Collector
	return s.between(ctx, r, func(ctx context.Context, name string) error {
		for _, id := range r.IDs {
			held, err := c.Hold.Has(name, id)
			if err == nil && held {
				err = dropHeld(ctx, c.Ledger, c.Hold, name, id, c.Now())
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// heldNames refuses IDs that would lead out of an account's hold: they name its files.
func heldNames(ids []string) error {
	for _, id := range ids {
		if filepath.Base(id) != id {
			return usage("no held message has such an ID")
		}
	}
	return nil
}

// forget has messages of an account be collected again.
func (s *answerer) forget(ctx context.Context, r *control.Request, tell func(*control.Event)) error {
	return s.between(ctx, r, func(ctx context.Context, name string) error {
		n, err := forgetRows(ctx, s.daemon.Ledger, name, r.Folder, r.Day)
		if err == nil {
			tell(&control.Event{Count: &n})
		}
		return err
	})
}

// between does something to what is known of one account, between two of its
// passes. One that is not served has none.
func (s *answerer) between(ctx context.Context, r *control.Request, do func(ctx context.Context, name string) error) error {
	if len(r.Accounts) != 1 || !config.ValidName(r.Accounts[0]) {
		return usage("name one account")
	}
	name := r.Accounts[0]
	err := s.daemon.Do(ctx, name, func(ctx context.Context) error { return do(ctx, name) })
	if errors.Is(err, daemon.ErrUnknown) {
		err = do(ctx, name)
	}
	if err != nil {
		return failure(ctx, nil, err)
	}
	return nil
}

// finish marks mail that was collected earlier for the account's after-action, and
// has a pass made that does it.
func (s *answerer) finish(ctx context.Context, r *control.Request, tell func(*control.Event)) error {
	acct, err := s.one(r)
	if err != nil {
		return err
	}
	if err := finishes(acct); err != nil {
		return failure(ctx, nil, err)
	}
	var n int64
	err = s.daemon.Do(ctx, acct.Name, func(ctx context.Context) error {
		due, err := s.daemon.Collector.ApplyAfter(ctx, s.daemon.Build(acct, func() {}), r.Day, !r.Yes)
		n = int64(due)
		return err
	})
	if err != nil {
		return failure(ctx, acct, err)
	}
	if tell(&control.Event{Count: &n}); n == 0 || !r.Yes {
		return nil
	}
	s.pass(ctx, acct.Name, collect.Options{Unlimited: true}, true, tell)
	return nil
}

// one returns the account that a request is about.
func (s *answerer) one(r *control.Request) (*config.Account, error) {
	if len(r.Accounts) != 1 {
		return nil, usage("name one account")
	}
	if acct := s.account(r.Accounts[0]); acct != nil {
		return acct, nil
	}
	return nil, failure(context.Background(), nil, fmt.Errorf("%w: %s", daemon.ErrUnknown, reply.Clean(r.Accounts[0])))
}

// checked notes what a check has found of logins, and looks at their accounts
// again. Those that the service does not know are none of its business.
func (s *answerer) checked(ctx context.Context, r *control.Request, _ func(*control.Event)) error {
	var all sync.WaitGroup
	errs := make([]error, len(r.Logins))
	for i, l := range r.Logins {
		all.Go(func() {
			errs[i] = s.daemon.Do(ctx, l.Account, func(ctx context.Context) error { return s.note(ctx, l) })
			s.daemon.Recheck(l.Account)
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, daemon.ErrUnknown) {
			return failure(ctx, nil, err)
		}
	}
	return nil
}

func (s *answerer) note(ctx context.Context, l control.Login) error {
	var advice provider.Advice
	var words string
	if f := l.Error; f != nil {
		if f.Class != reply.Credentials {
			return nil
		}
		retry := time.Duration(min(max(l.Retry, 0), retryMax.Seconds()) * float64(time.Second))
		advice = provider.Advice{Class: f.Class, Hint: f.Hint, URL: reply.Clean(f.URL), Retry: retry}
		words = reply.Clean(f.Text)
	}
	if acct := s.account(l.Account); acct != nil && l.Error == nil {
		s.daemon.Logins.Taken(acct)
	}
	return daemon.Checked(ctx, s.daemon.Ledger, l.Account, advice, words, s.daemon.Now())
}

// retryMax bounds for how long a server may have a client say that it is not to be
// asked.
const retryMax = 24 * time.Hour

func (s *answerer) recheck(_ context.Context, r *control.Request, _ func(*control.Event)) error {
	for _, name := range r.Accounts {
		s.daemon.Recheck(name)
	}
	return nil
}

var (
	unknownHere = lang.Text{
		EN: "the config was changed since the service read it: mailrill reload",
		ZH: "服务读取配置之后，配置有改动：请执行 mailrill reload",
	}
	stopsHere = lang.Text{
		EN: "what it had begun is in order and goes on with its next start",
		ZH: "已开始的工作不会出错，服务下次启动后继续",
	}
)

// failure words an error of the daemon for clients; acct may be nil.
func failure(ctx context.Context, acct *config.Account, err error) *control.Failure {
	switch {
	case errors.Is(err, daemon.ErrUnknown):
		return &control.Failure{Class: reply.Config, Text: reply.Clean(err.Error()), Hint: unknownHere}
	case ctx.Err() != nil:
		return &control.Failure{Class: reply.Temporary, Text: "the service was told to stop", Hint: stopsHere}
	}
	if reply.ClassOf(err) == reply.Usage {
		return &control.Failure{Class: reply.Usage, Text: err.Error()}
	}
	advice := provider.Advise(err, provider.Situation{})
	if acct != nil {
		advice = daemon.Advise(acct, err)
	}
	return &control.Failure{Class: advice.Class, Text: reply.Clean(err.Error()), Hint: advice.Hint, URL: advice.URL}
}
