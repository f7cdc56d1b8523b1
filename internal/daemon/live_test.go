package daemon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// live runs f beside a daemon that serves accounts, on a clock that only moves when
// everybody waits.
func live(t *testing.T, accounts func(t *testing.T) []*config.Account, f func(t *testing.T, w *world), ready ...func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, accounts(t)...)
		w.d.Now, w.d.Collector.Now = time.Now, time.Now
		w.wall, w.doze = time.Now, doze
		w.d.Sleep = func(ctx context.Context, d time.Duration) error {
			w.mu.Lock()
			sleep := w.doze
			w.mu.Unlock()
			return sleep(ctx, d)
		}
		for _, f := range ready {
			f(w)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.d.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(started)
		f(t, w)
	})
}

// started is when every account of a bubble has been looked at once.
const started = 5 * time.Second

// doze sleeps on the clock of the bubble.
func doze(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// named returns accounts on a schedule.
func named(schedule string, names ...string) func(t *testing.T) []*config.Account {
	return func(t *testing.T) (as []*config.Account) {
		for _, n := range names {
			as = append(as, account(t, n, schedule))
		}
		return as
	}
}

// looks is how often an account was looked at so far.
func (w *world) looks(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.passes[name])
}

// setSleep has loops wait by another clock.
func (w *world) setSleep(sleep func(context.Context, time.Duration) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.doze = sleep
}

// states are the states of the accounts, in the config's order.
func (w *world) states() (all []State) {
	for _, s := range w.d.States() {
		all = append(all, s.State)
	}
	return all
}

func TestRequestedPass(t *testing.T) {
	live(t, named("@every 1h", "a", "b"), func(t *testing.T, w *world) {
		var told []string
		tell := func(out *Outcome) { told = append(told, out.Account.Name) }
		if err := w.d.Collect(t.Context(), []string{"a", "b"}, collect.Options{}, false, tell); err != nil {
			t.Fatal(err)
		}
		slices.Sort(told)
		if !slices.Equal(told, []string{"a", "b"}) || w.looks("a") != 2 || w.looks("b") != 2 {
			t.Errorf("told of %v, looked %d and %d times", told, w.looks("a"), w.looks("b"))
		}
		err := w.d.Collect(t.Context(), []string{"nobody", "a"}, collect.Options{}, false, tell)
		if !errors.Is(err, ErrUnknown) || w.looks("a") != 3 {
			t.Errorf("%v, looked %d times", err, w.looks("a"))
		}
	})
}

// A request for a pass that a refused login bars brings no login, unless it insists.
func TestRequestedPassIsBarred(t *testing.T) {
	live(t, named("@every 1h", "a"), func(t *testing.T, w *world) {
		w.mu.Lock()
		w.outcome = func(string, int) error {
			return &reply.Error{Protocol: "imap", Command: "LOGIN", Code: "AUTHENTICATIONFAILED"}
		}
		w.mu.Unlock()
		for i, force := range []bool{false, false, true} {
			var class reply.Class
			err := w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, force, func(out *Outcome) { class = reply.ClassOf(out.Report.Err()) })
			if err != nil || class != reply.Credentials {
				t.Fatalf("request %d: %v, class %q", i, err, class)
			}
		}
		if w.looks("a") != 3 {
			t.Errorf("looked %d times", w.looks("a"))
		}
		if got := w.states(); got[0] != NeedsYou {
			t.Errorf("state %q", got[0])
		}
	})
}

// What is done between two passes is done beside none.
func TestDoRunsBesideNoPass(t *testing.T) {
	live(t, named("@every 1h", "a"), func(t *testing.T, w *world) {
		enter, leave := make(chan struct{}), make(chan struct{})
		w.mu.Lock()
		w.outcome = func(string, int) error {
			w.mu.Unlock()
			close(enter)
			<-leave
			w.mu.Lock()
			return nil
		}
		w.mu.Unlock()
		go w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, func(*Outcome) {})
		<-enter
		if got := w.states(); got[0] != Collecting {
			t.Errorf("state %q", got[0])
		}
		var did atomic.Bool
		oops := errors.New("oops")
		result := make(chan error)
		go func() {
			result <- w.d.Do(t.Context(), "a", func(context.Context) error {
				did.Store(true)
				return oops
			})
		}()
		synctest.Wait()
		if did.Load() {
			t.Error("done beside a pass")
		}
		close(leave)
		if err := <-result; err != oops || !did.Load() {
			t.Errorf("%v, %v", err, did.Load())
		}
	})
}

// Who asks may go away: what he waits for is not begun any more, or goes on.
func TestWhoAsksGoesAway(t *testing.T) {
	live(t, named("@every 1h", "a"), func(t *testing.T, w *world) {
		hold, held := make(chan struct{}), make(chan struct{})
		go w.d.Do(t.Context(), "a", func(context.Context) error {
			close(held)
			<-hold
			return nil
		})
		<-held
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() {
			gone <- w.d.Collect(ctx, []string{"a"}, collect.Options{}, false, func(*Outcome) { t.Error("told") })
		}()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		close(hold)
		synctest.Wait()
		if w.looks("a") != 1 {
			t.Errorf("looked %d times", w.looks("a"))
		}
	})
}

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
		enter, leave := make(chan struct{}, 2), make(chan struct{})
		w.mu.Lock()
		w.outcome = func(name string, _ int) error {
			if name == "a" {
				w.mu.Unlock()
				enter <- struct{}{}
				<-leave
				w.mu.Lock()
			}
			return nil
		}
		w.mu.Unlock()
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
		enter, leave := make(chan struct{}, 100), make(chan struct{})
		w.mu.Lock()
		w.outcome = func(name string, _ int) error {
			if name == "a" {
				w.mu.Unlock()
				enter <- struct{}{}
				<-leave
				w.mu.Lock()
			}
			return nil
		}
		w.mu.Unlock()
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

// What is switched off waits for requests only.
func TestAccountThatIsOff(t *testing.T) {
	off := func(t *testing.T) []*config.Account {
		a := account(t, "a", "@every 1m")
		a.Enabled = false
		return []*config.Account{a}
	}
	live(t, off, func(t *testing.T, w *world) {
		time.Sleep(time.Hour)
		if got := w.states(); w.looks("a") != 0 || got[0] != Off {
			t.Errorf("%d looks, state %q", w.looks("a"), got[0])
		}
		if err := w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, func(*Outcome) {}); err != nil || w.looks("a") != 1 {
			t.Errorf("%v, %d looks", err, w.looks("a"))
		}
	})
}

// An account whose server comes back is looked at when another has found it so, not
// after the rest of its pause.
func TestRecoveryIsShared(t *testing.T) {
	at := func(t *testing.T) []*config.Account {
		as := named("@every 1h", "a", "b", "c")(t)
		as[0].Host, as[1].Host, as[2].Host = "mail.example", "mail.example", "other.example"
		return as
	}
	live(t, at, func(t *testing.T, w *world) {
		var down atomic.Bool
		down.Store(true)
		w.mu.Lock()
		w.outcome = func(string, int) error {
			if down.Load() {
				return reply.WithClass(reply.Network, errors.New("down"))
			}
			return nil
		}
		w.mu.Unlock()
		time.Sleep(4 * time.Hour)
		down.Store(false)
		before := []int{w.looks("b"), w.looks("c")}
		if err := w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, func(*Outcome) {}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if w.looks("b") != before[0]+1 || w.looks("c") != before[1] {
			t.Errorf("b was looked at %d times, c %d, before %v", w.looks("b"), w.looks("c"), before)
		}
		// That a is well, as it was before, is no news for c on the same server.
		down.Store(true)
		if err := w.d.Collect(t.Context(), []string{"b"}, collect.Options{}, false, func(*Outcome) {}); err != nil {
			t.Fatal(err)
		}
		down.Store(false)
		failed := w.looks("b")
		for range 2 {
			if err := w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, func(*Outcome) {}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		if w.looks("b") != failed {
			t.Error("an account that was well all the time has ended the pause of another")
		}
	}, func(w *world) { w.d.Rand = longest })
}

// A thousand accounts that are due at once do not knock at once.
func TestConnectsAreSpaced(t *testing.T) {
	var names []string
	for i := range 200 {
		names = append(names, strings.Repeat("x", i+1))
	}
	live(t, named("@every 1h", names...), func(t *testing.T, w *world) {
		w.mu.Lock()
		defer w.mu.Unlock()
		var times []time.Duration
		for _, n := range names {
			times = append(times, since(w.passes[n])...)
		}
		slices.Sort(times)
		if len(times) != 200 {
			t.Fatalf("%d passes", len(times))
		}
		for i := range times[50:] {
			if times[i+50]-times[i] < time.Second {
				t.Fatalf("51 connects within %v", times[i+50]-times[i])
			}
		}
	})
}

// An account that hangs while it connects keeps nobody else from collecting.
func TestDeadServersTakeNoPlace(t *testing.T) {
	live(t, named("@every 1h", "good", "dead"), func(t *testing.T, w *world) {
		w.mu.Lock()
		w.outcome = func(name string, _ int) error {
			if name == "dead" {
				w.mu.Unlock()
				_ = doze(t.Context(), 5*time.Minute)
				w.mu.Lock()
			}
			return nil
		}
		w.mu.Unlock()
		go w.d.Collect(t.Context(), []string{"dead"}, collect.Options{}, false, func(*Outcome) {})
		synctest.Wait()
		began := time.Now()
		if err := w.d.Collect(t.Context(), []string{"good"}, collect.Options{}, false, func(*Outcome) {}); err != nil || time.Since(began) > time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		time.Sleep(10 * time.Minute)
	}, func(w *world) { w.d.Workers = 1 })
}

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

// refuseFor has an account rest as after a failure.
func refuseFor(d time.Duration) func(context.Context, *loop) error {
	return func(_ context.Context, l *loop) error {
		l.last = ledger.Pass{At: time.Now(), Class: string(reply.Temporary), NextTry: time.Now().Add(d)}
		return nil
	}
}

// In its quiet hours an account is looked at by request only, and right after them.
func TestQuietHours(t *testing.T) {
	quiet := func(t *testing.T) []*config.Account {
		a := account(t, "a", "@every 5m")
		q, err := config.ParseQuiet([]string{"01:00-02:00"}, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		a.Quiet = q
		return []*config.Account{a}
	}
	live(t, quiet, func(t *testing.T, w *world) { // from midnight on
		time.Sleep(61*time.Minute - started)
		before := w.looks("a")
		time.Sleep(58 * time.Minute)
		if n := w.looks("a") - before; n != 0 {
			t.Errorf("looked at %d times in quiet hours", n)
		}
		if err := w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, func(*Outcome) {}); err != nil || w.looks("a") != before+1 {
			t.Errorf("by request: %v, looked %d times", err, w.looks("a")-before)
		}
		time.Sleep(10 * time.Minute)
		if w.looks("a") < before+2 {
			t.Error("not looked at after them")
		}
	})
}
