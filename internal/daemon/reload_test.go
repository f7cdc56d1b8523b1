package daemon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/fetch"
	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/reply"
)

func same(was, is *config.Account) bool { return was == is || was.ScheduleText == is.ScheduleText }

// A reload leaves alone what has not changed, ends what is gone, and begins what is new.
func TestReload(t *testing.T) {
	live(t, named("@every 1h", "kept", "changed", "gone"), func(t *testing.T, w *world) {
		before := w.d.States()
		accounts := named("@every 1m", "kept", "changed", "new")(t)
		accounts[1].ScheduleText, accounts[0] = "other", before[0].Account
		c := w.d.Reload(accounts, same)
		got := []string{strings.Join(c.Same, " "), strings.Join(c.Changed, " "), strings.Join(c.Removed, " "), strings.Join(c.Added, " ")}
		if want := []string{"kept", "changed", "gone", "new"}; !slices.Equal(got, want) {
			t.Errorf("%v", got)
		}
		time.Sleep(70 * time.Minute)
		synctest.Wait()
		if w.looks("kept") != 2 || w.looks("gone") != 1 || w.looks("changed") < 60 || w.looks("new") < 60 {
			t.Errorf("looked %v", []int{w.looks("kept"), w.looks("changed"), w.looks("gone"), w.looks("new")})
		}
		if err := w.d.Do(t.Context(), "gone", func(context.Context) error { return nil }); !errors.Is(err, ErrUnknown) {
			t.Errorf("what is gone: %v", err)
		}
	})
}

// A reload may come as soon as systemd knows of the service, a moment before it runs.
func TestReloadBeforeRun(t *testing.T) {
	live(t, named("@every 1h", "old"), func(t *testing.T, w *world) {
		if w.looks("old") != 0 || w.looks("new") != 1 {
			t.Errorf("looked at the old one %d times, at the new one %d", w.looks("old"), w.looks("new"))
		}
	}, func(w *world) { w.d.Reload(named("@every 1h", "new")(t), same) })
}

// The pass of an account that a reload has changed ends before the next begins, and
// others do not wait for that. Requests that were too late are refused.
func TestReloadDuringAPass(t *testing.T) {
	live(t, named("@every 1h", "a", "b"), func(t *testing.T, w *world) {
		enter, leave := w.stall("a")
		ignore := func(*Outcome) {}
		go w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, ignore)
		<-enter
		late := make(chan error)
		go func() { late <- w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, ignore) }()
		synctest.Wait()
		w.d.Reload(named("@every 1m", "a", "b")(t), func(was, is *config.Account) bool { return false })
		if err := w.d.Collect(t.Context(), []string{"b"}, collect.Options{}, false, ignore); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Minute)
		if n := w.looks("a"); n != 2 {
			t.Errorf("a was looked at %d times while its pass ran", n)
		}
		close(leave)
		if err := <-late; reply.ClassOf(err) != reply.Temporary {
			t.Errorf("a request of before: %v", err)
		}
		synctest.Wait()
		if err := w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, ignore); err != nil {
			t.Error(err)
		}
	})
}

// An account that is taken out of the config and put back, while the pass of before
// still comes to its end, is not looked at beside it.
func TestReloadRemovesAndRestores(t *testing.T) {
	live(t, named("@every 1h", "a", "b"), func(t *testing.T, w *world) {
		enter, leave := w.stall("a")
		go w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, func(*Outcome) {})
		<-enter
		for _, accounts := range [][]string{{"b"}, {"b", "a"}, {"b"}, {"a", "b"}} {
			w.d.Reload(named("@every 1m", accounts...)(t), same)
		}
		time.Sleep(10 * time.Minute)
		if n := w.looks("a"); n != 2 {
			t.Errorf("a was looked at %d times while its pass ran", n)
		}
		close(leave)
		time.Sleep(3 * time.Minute)
		if n := w.looks("a"); n < 4 {
			t.Errorf("a was looked at %d times, also after that", n)
		}
	})
}

// Of a pass that a reload ends, who asked for it is told what it has collected.
func TestReloadDuringADelivery(t *testing.T) {
	m := newMailbox("INBOX")
	var entered, leave chan struct{}
	live(t, named("@every 1h", "a"), func(t *testing.T, w *world) {
		m.arrive("INBOX")
		var delivered int
		asked := make(chan error)
		go func() {
			asked <- w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, func(out *Outcome) {
				delivered = out.Report.Results[0].Delivered
			})
		}()
		<-entered
		w.d.Reload(nil, same)
		close(leave)
		if err := <-asked; err != nil || delivered != 1 {
			t.Errorf("told of %d copies, %v", delivered, err)
		}
	}, func(w *world) {
		entered, leave = make(chan struct{}), make(chan struct{})
		h := &home{takes: func() { close(entered); <-leave }}
		w.d.Build = func(a *config.Account, _ func()) *collect.Account {
			return &collect.Account{Name: a.Name, To: "home", Source: m, Destination: h, Into: func(fetch.Folder) string { return "" }, MaxDelete: 500}
		}
	})
}
