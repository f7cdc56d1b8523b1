package daemon

import (
	"errors"
	"testing"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/reply"
)

// A login that is taken again is tried by all that were refused it.
func TestTakenLoginIsToldToAll(t *testing.T) {
	for name, mend := range map[string]func(w *world, d *door){
		"by hand": func(w *world, _ *door) {
			if err := w.d.Collect(w.t.Context(), []string{"a"}, collect.Options{}, true, func(*Outcome) {}); err != nil {
				t.Error(err)
			}
		},
		"a check": func(w *world, d *door) { d.logins.Taken(w.d.Accounts[0]) },
	} {
		var d *door
		accounts := func(t *testing.T) []*config.Account {
			as := named("@every 24h", "a", "b", "other")(t)
			as[0].Protocol, as[0].Server = config.IMAP, *doorServer
			as[1].Protocol, as[1].Server = config.IMAP, *doorServer
			return as
		}
		live(t, accounts, func(t *testing.T, w *world) {
			time.Sleep(4 * time.Hour)
			d.mu.Lock()
			d.says = nil
			d.mu.Unlock()
			mend(w, d)
			time.Sleep(time.Second)
			if got := w.states(); got[1] != Waiting || got[2] != NeedsYou {
				t.Errorf("%s: %v", name, got)
			}
		}, func(w *world) {
			d = newDoor(w.t)
			d.refuses(w)
			w.outcome = func(name string, _ int) error {
				if name == "other" {
					return reply.WithClass(reply.Credentials, errors.New("another login"))
				}
				w.mu.Unlock()
				defer w.mu.Lock()
				_, err := d.login(name)
				return err
			}
			w.d.Logins = d.logins
		})
	}
}

// In the rush after that one login is refused as one too many: its account begins anew,
// and does not go on where all of them were.
func TestOneTooManyInTheRush(t *testing.T) {
	var d *door
	freed, refusedOnce := false, false
	live(t, named("@every 24h", "a", "b"), func(t *testing.T, w *world) {
		time.Sleep(49 * time.Hour)
		d.mu.Lock()
		d.says, freed = nil, true
		d.mu.Unlock()
		if err := w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, true, func(*Outcome) {}); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Minute)
		if got := w.states(); got[1] != Waiting || !refusedOnce {
			t.Errorf("%v; refused beside: %v", got, refusedOnce)
		}
	}, func(w *world) {
		d = newDoor(w.t)
		d.refuses(w)
		w.outcome = func(name string, _ int) error {
			w.mu.Unlock()
			defer w.mu.Lock()
			d.mu.Lock()
			beside := name == "b" && freed && !refusedOnce
			refusedOnce = refusedOnce || beside
			d.mu.Unlock()
			if !beside {
				_, err := d.login(name)
				return err
			}
			pass, err := d.gate(name).Enter(w.t.Context())
			if err != nil {
				return err
			}
			return pass.Leave(wrongPassword)
		}
		for _, a := range w.d.Accounts {
			a.Protocol, a.Server = config.IMAP, *doorServer
		}
		w.d.Logins = d.logins
	})
}

// Who asks right then is let in, too.
func TestRequestAfterALoginIsTaken(t *testing.T) {
	var d *door
	live(t, named("@every 24h", "a"), func(t *testing.T, w *world) {
		time.Sleep(4 * time.Hour)
		d.mu.Lock()
		d.says = nil
		d.mu.Unlock()
		d.logins.Taken(w.d.Accounts[0])
		if err := w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, func(out *Outcome) {
			if err := out.Report.Err(); err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Error(err)
		}
	}, func(w *world) {
		d = newDoor(w.t)
		d.refuses(w)
		w.d.Logins = d.logins
		w.d.Accounts[0].Protocol, w.d.Accounts[0].Server = config.IMAP, *doorServer
	})
}

// A clock that was ahead when a login was taken ends no pause over and over.
func TestTakenByAWrongClock(t *testing.T) {
	d := newDoor(t)
	a := &config.Account{Name: "a", Protocol: config.IMAP, Server: *doorServer, Destination: &config.Destination{Name: "home"}}
	d.says = wrongPassword
	d.login("a")
	d.now = noon.Add(time.Hour)
	d.logins.Taken(a)
	if !d.logins.freedSince(a, noon) || d.logins.freedSince(a, d.now) {
		t.Error("nobody knows when it was taken")
	}
	d.now = noon.Add(time.Minute)
	if d.logins.freedSince(a, noon) {
		t.Error("it was taken in the future")
	}
}
