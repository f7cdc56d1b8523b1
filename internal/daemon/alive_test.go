package daemon

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/reply"
)

// Alive says nil while everything moves, and what stands still.
func TestAlive(t *testing.T) {
	live(t, named("@every 1h", "a"), func(t *testing.T, w *world) {
		for range 300 {
			time.Sleep(time.Minute)
			if err := w.d.Alive(); err != nil {
				t.Fatalf("%v: %v", time.Now(), err)
			}
		}
		held, hold := make(chan struct{}), make(chan struct{})
		w.mu.Lock()
		w.outcome = func(string, int) error {
			w.mu.Unlock()
			close(held)
			<-hold
			w.mu.Lock()
			return nil
		}
		w.mu.Unlock()
		go w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, func(*Outcome) {})
		<-held
		time.Sleep(workLimit - time.Minute)
		if err := w.d.Alive(); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Minute)
		if err := w.d.Alive(); err == nil {
			t.Error("a pass that hangs passes for alive")
		}
		close(hold)
	})
}

// A loop that a reload has begun after days stands not still since the start, and one
// that waits for the pass of before to end neither.
func TestAliveAfterAReload(t *testing.T) {
	live(t, named("@every 1h", "a"), func(t *testing.T, w *world) {
		time.Sleep(48 * time.Hour)
		held, hold := make(chan struct{}), make(chan struct{})
		go w.d.Do(t.Context(), "a", func(context.Context) error {
			close(held)
			<-hold
			return nil
		})
		<-held
		w.d.Reload(named("@every 2h", "a", "b")(t), func(was, is *config.Account) bool { return false })
		if err := w.d.Alive(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if err := w.d.Alive(); err != nil {
			t.Error(err)
		}
		close(hold)
		synctest.Wait()
		if err := w.d.Alive(); err != nil {
			t.Error(err)
		}
	})
}

// A loop that hangs between passes, as on a file that cannot be reached, is noticed.
func TestAliveBetweenPasses(t *testing.T) {
	hang := make(chan struct{})
	var stuck atomic.Bool
	live(t, named("@every 1h", "a"), func(t *testing.T, w *world) {
		stuck.Store(true)
		time.Sleep(dozeLimit + time.Minute)
		if err := w.d.Alive(); err == nil || !strings.Contains(err.Error(), "account a") {
			t.Errorf("%v", err)
		}
		stuck.Store(false)
		close(hang)
	}, func(w *world) {
		hang = make(chan struct{}) // of the bubble
		w.outcome = func(string, int) error {
			return &reply.Error{Protocol: "imap", Command: "LOGIN", Code: "AUTHENTICATIONFAILED"}
		}
		w.d.Changed = func(*config.Account, time.Time) bool {
			if stuck.Load() {
				<-hang
			}
			return false
		}
	})
}

// A pass that asks a dead line for a sign of life, for as long as the account's timeout
// allows, is none that stands still.
func TestAliveBesideADeadLine(t *testing.T) {
	m := newMailbox("INBOX")
	m.mute = true
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		for range 12 {
			time.Sleep(5 * time.Minute)
			if err := w.d.Alive(); err != nil || w.states()[0] != Collecting {
				t.Fatalf("%v: %v; state %q", time.Now(), err, w.states()[0])
			}
		}
		time.Sleep(15 * time.Minute)
		if err := w.d.Alive(); err == nil {
			t.Error("it waits on after the timeout")
		}
	}, func(a *config.Account) {
		a.Schedule, a.Timeout = account(t, "a", "@every 1m").Schedule, time.Hour
	})
}
