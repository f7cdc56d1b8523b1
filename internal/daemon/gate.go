package daemon

import (
	"context"
	"errors"
	"time"

	"mailrill/internal/config"
	"mailrill/internal/ledger"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// takenFor is for how long a login that was taken needs no trial: until then as many
// go side by side as there may be connections.
const takenFor = time.Minute

// besideFor is for how long a refusal is in doubt that came beside logins which were
// taken.
const besideFor = time.Hour

// A Gate is what an account passes before a login.
type Gate struct {
	all     *Logins
	name    string // of the login's note
	advise  func(error) provider.Advice
	changed func(since time.Time) bool
}

// Gate returns the gate of a login. name is that of the section of the config that
// says how to log in; changed reports whether what it says may have changed since a
// time.
func (l *Logins) Gate(name, protocol string, s *config.Server, changed func(since time.Time) bool) *Gate {
	return &Gate{l, loginNote(name, protocol, s), func(err error) provider.Advice { return adviseAt(s, protocol, err) }, changed}
}

// Enter implements sasl.Gate. While nobody knows whether the login is taken one tries,
// and the others wait for that.
func (g *Gate) Enter(ctx context.Context) (sasl.Pass, error) {
	for {
		e, going, err := g.try()
		switch {
		case err != nil:
			return nil, err
		case e != nil:
			return e, nil
		}
		select {
		case <-going.ended:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if going.err != nil {
			return nil, going.err
		}
	}
}

// errRenewing ends the wait for a trial that gets another token: who waits may have
// the place of the connection that it needs.
var errRenewing = reply.WithClass(reply.Temporary, errors.New("the sign-in is being renewed for another account"))

// try is Enter for who is first; going is the trial of another.
func (g *Gate) try() (e *entry, going *trial, err error) {
	g.all.mu.Lock()
	defer g.all.mu.Unlock()
	l, now := g.all.login(g.name), g.all.Now()
	g.refresh(l, now)
	switch {
	case now.Before(l.last.Until):
		return nil, nil, l.last.repeated()
	case l.renewing > 0:
		return nil, nil, errRenewing
	case l.trial != nil:
		return nil, l.trial, nil
	case now.Sub(l.taken) < takenFor:
		return &entry{g: g}, nil, nil
	}
	l.trial = &trial{ended: make(chan struct{})}
	return &entry{g: g, alone: true, trial: l.trial}, nil, nil
}

// refresh forgets what was seen by a clock that was wrong, or with another secret.
func (g *Gate) refresh(l *login, now time.Time) {
	of := func(at time.Time) bool { return !at.IsZero() && !now.Before(at) && !g.changed(at) }
	if !l.last.At.IsZero() && !of(l.last.At) {
		g.all.remember(g.name, l, refusedLogin{})
	}
	if !of(l.taken) {
		l.taken = time.Time{}
	}
	if !of(l.besideAt) || now.Sub(l.besideAt) >= besideFor {
		l.beside = 0
	}
}

// An entry is a login that was let through.
type entry struct {
	g       *Gate
	alone   bool   // others wait for it, or did
	trial   *trial // for which they wait
	renewed bool
}

// Renew implements sasl.Pass. Who was refused with another token too need not get one
// each time.
func (e *entry) Renew(err error) error {
	e.g.all.mu.Lock()
	defer e.g.all.mu.Unlock()
	l := e.g.all.login(e.g.name)
	if l.last.Refused > 0 {
		return err
	}
	e.end(l, nil)
	e.renewed = true
	l.renewing++
	return nil
}

// Leave implements sasl.Pass.
func (e *entry) Leave(err error) error {
	said, freed := e.leave(err)
	if freed {
		e.g.all.tell(e.g.name)
	}
	return said
}

func (e *entry) leave(err error) (said error, freed bool) {
	e.g.all.mu.Lock()
	defer e.g.all.mu.Unlock()
	l, now := e.g.all.login(e.g.name), e.g.all.Now().Truncate(time.Millisecond)
	if e.renewed {
		l.renewing--
	}
	e.end(l, err)
	advice := e.g.advise(err)
	switch {
	case err == nil:
		l.taken, l.beside = now, 0
		return nil, e.g.all.free(e.g.name, l, now)
	case !e.refused(err, advice):
		return err, false
	case !e.alone: // it may be one too many beside the others: let the next one show it
		l.taken, l.beside, l.besideAt = time.Time{}, max(l.beside, e.logins()), now
		return err, false
	}
	e.g.all.remember(e.g.name, l, l.last.again(err, advice, e.logins()+l.beside, now, e.g.all.random()))
	l.beside = 0
	return &refusal{err, l.last, false}, false
}

// end ends the trial, if there is one. What the line does, it does to all.
func (e *entry) end(l *login, err error) {
	if e.trial == nil {
		return
	}
	if reply.ClassOf(err) == reply.Network {
		e.trial.err = err
	}
	l.trial = nil
	close(e.trial.ended)
	e.trial = nil
}

// refused reports whether a login was refused, or a sign-in that it needs.
func (e *entry) refused(err error, advice provider.Advice) bool {
	said, ok := errors.AsType[*reply.Error](err)
	return ok && said.Login() || e.renewed && advice.Class == reply.Credentials
}

// logins is how many logins were made.
func (e *entry) logins() int {
	if e.renewed {
		return 2
	}
	return 1
}

// A trial is a login that is to show whether it is taken.
type trial struct {
	ended chan struct{} // closed at its end
	err   error         // of the line, which is everybody's; nil: it is to be tried again
}

// A refusal is a login that was refused; or, barred, that was not made, for one before
// it was.
type refusal struct {
	error
	last   refusedLogin
	barred bool
}

// after is the state of an account whose pass it has ended. The pause is the login's,
// for all that need it, or longer where the account knows of more refusals: those that
// a check has met.
func (r *refusal) after(before, p ledger.Pass, failures int, rand func(time.Duration) time.Duration) ledger.Pass {
	p.Failures, p.NextTry = failures, r.last.Until
	p.Refused = max(before.Refused, r.last.Refused)
	if !r.barred && r.last.Class == reply.Credentials && before.Refused >= r.last.Refused {
		p.Refused = before.Refused + 1
		p.NextTry = later(p.NextTry, p.At.Add(backoff(r.last.Class, p.Refused, rand)))
	}
	return p
}

// Unwrap gives what the server has said.
func (r *refusal) Unwrap() error { return r.error }
