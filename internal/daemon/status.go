package daemon

import (
	"slices"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/lang"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// State is what an account is doing.
type State string

// The states of an account.
const (
	Waiting    State = "waiting"     // for its next time, or for push
	Collecting State = "collecting"  // a pass runs, or waits for its turn
	BackingOff State = "backing off" // something failed that mends itself; it is tried again at Next
	NeedsYou   State = "needs you"   // something failed that its owner has to mend; it is tried again, seldom
	Off        State = "off"         // it is not enabled
)

// A Status is what an account is doing at a moment.
type Status struct {
	Account  *config.Account
	State    State
	Since    time.Time         // of State; all but Waiting go on over a pass that changes nothing of them
	Next     time.Time         // when it is looked at next by itself; zero: only by push or on request
	Pass     ledger.Pass       // how the last pass ended
	Progress *collect.Progress // of the pass that runs; nil: none, or nothing to tell yet
	Push     []Push            // one for each folder that may be pushed; nil where push is not wanted
	Moved    time.Time         // when something last moved in the pass that runs; zero: none runs
}

// A Push says whether the server announces new mail in a folder.
type Push struct {
	Folder string
	On     bool
	Since  time.Time // of On, or of its absence
	Why    lang.Text // why it is not on
	Unable bool      // it cannot be on: polling is all there is
}

// unpushed says of each folder of an account that its provider is known not to push.
func unpushed(a *config.Account, now time.Time) (all []Push) {
	if !a.Enabled || a.Protocol != config.IMAP || !a.Provider.Quirks.SilentIdle {
		return nil
	}
	for _, f := range a.Folders {
		all = append(all, Push{Folder: f, Why: silent, Since: now, Unable: true})
	}
	return all
}

// States returns what each account is doing, in the config's order.
func (d *Daemon) States() []Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Status, 0, len(d.loops))
	for _, l := range d.loops {
		all = append(all, l.shown())
	}
	return all
}

// stateAfter is the state of an account that waits, by how its last pass ended.
func stateAfter(p ledger.Pass, now time.Time) State {
	switch {
	case p.NextTry.IsZero() || p.At.After(now):
		return Waiting
	case needsOwner[reply.Class(p.Class)]:
		return NeedsYou
	}
	return BackingOff
}

// needsOwner names the classes of which nothing mends itself.
var needsOwner = map[reply.Class]bool{reply.Credentials: true, reply.Config: true, reply.TLS: true, reply.Bug: true}

// shown returns what the account is doing.
func (l *loop) shown() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.status
	s.Push = slices.Clone(s.Push)
	if s.State == Collecting {
		s.Moved = l.d.born.Add(time.Duration(l.beat.Load()))
	}
	return s
}

// show sets what the account is doing from now on. A wait begins anew after each pass;
// what else a pass has not changed goes on.
func (l *loop) show(s State) {
	if !l.a.Enabled && s != Collecting {
		s = Off
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.status.State != Collecting {
		l.rest = l.status
	}
	switch {
	case s == l.status.State:
	case s == l.rest.State && s != Waiting:
		l.status.State, l.status.Since = s, l.rest.Since
	default:
		l.status.State, l.status.Since = s, l.d.Now()
	}
	l.status.Pass = l.last
	l.status.Progress = nil
}

// busy notes that something is begun for the account.
func (l *loop) busy() {
	l.moved()
	l.show(Collecting)
}

// showNext sets when it is looked at next.
func (l *loop) showNext(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.Next = at
}

// progress notes how far a pass is.
func (d *Daemon) progress(p collect.Progress) {
	l, err := d.loop(p.Account)
	if err != nil {
		return
	}
	l.moved()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.Progress = &p
}

// showPush sets which folders are pushed.
func (l *loop) showPush(all []Push) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, now := range all {
		for _, before := range l.status.Push {
			if before.Folder == now.Folder && before.On == now.On && before.Why == now.Why {
				all[i].Since = before.Since
			}
		}
	}
	l.status.Push = all
}
