package main

import (
	"context"
	"errors"

	"mailrill/internal/config"
	"mailrill/internal/control"
	"mailrill/internal/daemon"
	"mailrill/internal/doctor"
	"mailrill/internal/lang"
	"mailrill/internal/ledger"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// logins are the outcomes of a check that matter to the back-off of refused
// logins, by account: how its source and its destination let it in.
type logins struct {
	a       *app
	reports map[string][]*doctor.Report
}

func (a *app) logins() *logins { return &logins{a, map[string][]*doctor.Report{}} }

// of notes a report that is about accounts. When a login was refused it returns
// how many more are safe. One that several accounts share was tried once, and
// counts for the first of them.
func (l *logins) of(ctx context.Context, r *doctor.Report, accounts ...*config.Account) (tries *int) {
	refused := r.Failure != nil && r.Failure.Login
	for i, acct := range accounts {
		if i == 0 || !refused {
			l.reports[acct.Name] = append(l.reports[acct.Name], r)
		}
	}
	if !refused {
		return nil
	}
	left := max(0, daemon.TriesLeft(l.last(ctx, accounts[0].Name), l.a.now())-1)
	return &left
}

// last is how the last pass of an account ended, as far as that is known.
func (l *logins) last(ctx context.Context, name string) ledger.Pass {
	if l.a.ledger == nil {
		return ledger.Pass{}
	}
	row, _, err := known(ctx, l.a.ledger, name)
	if err != nil {
		return ledger.Pass{}
	}
	return row.Pass
}

// triesWords says how many more refused logins are safe.
func triesWords(left int) doctor.Said {
	return doctor.Said{
		Text: lang.Text{EN: "%s (%d of %d tries a day are left)", ZH: "%s（每天 %[3]d 次为限，今天还剩 %[2]d 次）"},
		Args: []any{doctor.Said{Text: provider.NoteLockout.Text}, left, daemon.TriesADay},
	}
}

// advice sums up what an account's check says of its logins: a refusal if there
// was one, class OK if it got in at both ends, else nothing.
func (l *logins) advice(name string) (advice provider.Advice, words string) {
	ends := map[string]bool{}
	for _, r := range l.reports[name] {
		switch f := r.Failure; {
		case f != nil && f.Login:
			return provider.Advice{Class: f.Class, Hint: f.Hint.Text, URL: f.URL, Retry: f.Retry}, f.Text
		case f == nil:
			ends[r.Kind] = true
		}
	}
	if ends[doctor.KindAccount] && ends[doctor.KindDestination] {
		return provider.Advice{}, ""
	}
	return provider.Advice{Class: reply.Temporary}, ""
}

var (
	cleared = doctor.Said{Text: lang.Text{EN: "logins that were refused before are tried again from now on", ZH: "此前被拒绝的登录从现在起恢复重试"}}
	untold  = doctor.Said{Text: lang.Text{
		EN: "another mailrill is at work with this state and could not be told; a service tries a login that was refused again by itself, at once when the config or the secret's file has changed",
		ZH: "另一个 mailrill 正在使用这个状态目录，无法告知它；服务会自行重试被拒绝的登录：配置或密码文件一有改动就立即重试",
	}}
)

// settle writes into the state what the check means for the back-off, or has the
// service do so, and says what that changes. A state that there is not yet is not
// made for it.
func (a *app) settle(ctx context.Context, l *logins) (said doctor.Said, err error) {
	waiting := l.waiting(ctx)
	if a.ledger == nil || !waiting && !l.refused() {
		return said, nil
	}
	if waiting {
		said = cleared
	}
	_, err = a.askService(ctx, control.Request{Do: control.Checked, Logins: l.told()}, nil)
	if !errors.Is(err, control.ErrNoService) {
		return said, err
	}
	if err := a.ledger.Close(); err != nil {
		return doctor.Said{}, err
	}
	a.ledger = nil
	err = a.open()
	if errors.Is(err, ledger.ErrLocked) {
		return untold, nil
	}
	if err != nil {
		return doctor.Said{}, err
	}
	for name := range l.reports {
		advice, words := l.advice(name)
		if err := daemon.Checked(ctx, a.ledger, name, advice, words, a.now()); err != nil {
			return doctor.Said{}, err
		}
		if acct := a.cfg.Account(name); acct != nil && advice.Class == reply.OK {
			a.gates.Taken(acct)
		}
	}
	return said, nil
}

// told returns what the service is to know.
func (l *logins) told() (all []control.Login) {
	for name := range l.reports {
		switch advice, words := l.advice(name); advice.Class {
		case reply.OK:
			all = append(all, control.Login{Account: name})
		case reply.Credentials:
			why := &control.Failure{Class: advice.Class, Text: words, Hint: advice.Hint, URL: advice.URL}
			all = append(all, control.Login{Account: name, Error: why, Retry: advice.Retry.Seconds()})
		}
	}
	return all
}

// waiting reports whether an account that got in now is held back for a login that
// was refused before.
func (l *logins) waiting(ctx context.Context) bool {
	for name := range l.reports {
		advice, _ := l.advice(name)
		if advice.Class == reply.OK && (l.last(ctx, name).Class == string(reply.Credentials) || l.barred(name)) {
			return true
		}
	}
	return false
}

// barred reports whether a refusal bars a login of an account: it may have come to another
// one, or to a notice.
func (l *logins) barred(name string) bool {
	acct := l.a.cfg.Account(name)
	return acct != nil && l.a.ledger != nil && l.a.newGates(l.a.ledger).Refused(acct)
}

func (l *logins) refused() bool {
	for name := range l.reports {
		if advice, _ := l.advice(name); advice.Class == reply.Credentials {
			return true
		}
	}
	return false
}
