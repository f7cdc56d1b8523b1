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

	"mailrill/fetch"
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

// stall has the passes of an account wait until leave is closed. enter tells of each.
func (w *world) stall(account string) (enter <-chan struct{}, leave chan struct{}) {
	entered, leave := make(chan struct{}, 100), make(chan struct{})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcome = func(name string, _ int) error {
		if name == account {
			w.mu.Unlock()
			entered <- struct{}{}
			<-leave
			w.mu.Lock()
		}
		return nil
	}
	return entered, leave
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
				return errDown
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

// blocked is a source whose sessions do not get on until they are let.
type blocked struct {
	fetch.Session
	entered, leave chan struct{}
	connected      bool
	closed         bool
}

func newBlocked() *blocked {
	return &blocked{entered: make(chan struct{}, 10), leave: make(chan struct{})}
}

func (b *blocked) Connect(context.Context) (fetch.Session, error) {
	b.connected = true
	return b, nil
}

func (b *blocked) Folders(context.Context) ([]fetch.Folder, error) {
	b.entered <- struct{}{}
	<-b.leave
	return nil, nil
}

func (b *blocked) Close(bool) error {
	b.closed = true
	return nil
}

// A pass that waits has begun nothing: it ends with its loop, and is no failure.
func TestStopEndsAWait(t *testing.T) {
	t.Run("for its turn to connect", func(t *testing.T) { stopsWaiting(t, 0) })
	t.Run("for a worker's place", func(t *testing.T) { stopsWaiting(t, time.Second) })
}

// stopsWaiting stops a loop that has waited for so long beside one that has the only
// place.
func stopsWaiting(t *testing.T, waited time.Duration) {
	sessions := map[string]*blocked{}
	live(t, named("@every 1h", "busy", "waits"), func(t *testing.T, w *world) {
		go w.d.Collect(t.Context(), []string{"busy"}, collect.Options{}, false, func(*Outcome) {})
		<-sessions["busy"].entered
		asked := make(chan error, 1)
		go func() {
			asked <- w.d.Collect(t.Context(), []string{"waits"}, collect.Options{}, false, func(*Outcome) { t.Error("told as a pass") })
		}()
		time.Sleep(waited)
		synctest.Wait()
		waits, err := w.d.loop("waits")
		if err != nil {
			t.Fatal(err)
		}
		w.d.Reload(named("@every 1h", "busy")(t), func(_, _ *config.Account) bool { return true })
		synctest.Wait()
		select {
		case <-waits.ended:
		default:
			t.Error("it waits on")
		}
		if p := waits.last; p.Class != "" || p.Failures != 0 {
			t.Errorf("its stop counts as a failure: %+v", p)
		}
		if err := <-asked; reply.ClassOf(err) != reply.Temporary {
			t.Errorf("who asked for it is told %v", err)
		}
		if s := sessions["waits"]; s.connected != s.closed {
			t.Errorf("connected %v, closed %v", s.connected, s.closed)
		}
		close(sessions["busy"].leave)
	}, func(w *world) {
		w.d.Workers, sessions["busy"], sessions["waits"] = 1, newBlocked(), newBlocked()
		build := w.d.Build
		w.d.Build = func(a *config.Account, beat func()) *collect.Account {
			built := build(a, beat)
			if w.looks(a.Name) > 0 {
				built.Source = sessions[a.Name]
			}
			return built
		}
	})
}

// A server comes back while a pass finds it away: the account looks again at once,
// however often it was told.
func TestRecoveryDuringAPass(t *testing.T) {
	at := func(t *testing.T) []*config.Account {
		as := named("@every 1h", "a", "b")(t)
		as[0].Host, as[1].Host = "mail.example", "mail.example"
		return as
	}
	live(t, at, func(t *testing.T, w *world) {
		down := errDown
		entered, leave := make(chan struct{}), make(chan struct{})
		w.mu.Lock()
		w.outcome = func(name string, look int) error {
			if name == "b" && look == 2 {
				w.mu.Unlock()
				entered <- struct{}{}
				<-leave
				w.mu.Lock()
				return errDown
			}
			return down
		}
		w.mu.Unlock()
		collectA := func(err error) {
			w.mu.Lock()
			down = err
			w.mu.Unlock()
			if err := w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, func(*Outcome) {}); err != nil {
				t.Error(err)
			}
		}
		go w.d.Collect(t.Context(), []string{"b"}, collect.Options{}, false, func(*Outcome) {})
		<-entered
		for range 3 {
			collectA(errDown)
			collectA(nil)
		}
		b, err := w.d.loop("b")
		if err != nil {
			t.Fatal(err)
		}
		b.mu.Lock()
		if len(b.requests) > 0 {
			t.Errorf("%d requests wait for the end of a pass", len(b.requests))
		}
		b.mu.Unlock()
		close(leave)
		time.Sleep(time.Second)
		if n := w.looks("b"); n != 3 {
			t.Errorf("%d passes, want the first, the one that failed, and one more", n)
		}
	}, func(w *world) { w.d.Rand = longest })
}

var errDown = reply.WithClass(reply.Network, errors.New("down"))

// That a server answers again says nothing of the pause that another of its accounts
// was asked to make, or of a secret that it refuses.
func TestRecoveryEndsNoOtherPause(t *testing.T) {
	for _, class := range []reply.Class{reply.Limit, reply.Credentials} {
		at := func(t *testing.T) []*config.Account {
			as := named("@every 1h", "a", "b")(t)
			as[0].Host, as[1].Host = "mail.example", "mail.example"
			return as
		}
		live(t, at, func(t *testing.T, w *world) {
			of := map[string]error{"a": errDown, "b": reply.WithClass(class, errors.New("no"))}
			w.mu.Lock()
			w.outcome = func(name string, _ int) error { return of[name] }
			w.mu.Unlock()
			collectNow := func(name string) {
				if err := w.d.Collect(t.Context(), []string{name}, collect.Options{}, false, func(*Outcome) {}); err != nil {
					t.Error(err)
				}
			}
			collectNow("b")
			collectNow("a")
			w.mu.Lock()
			delete(of, "a")
			w.mu.Unlock()
			looks := w.looks("b")
			collectNow("a")
			time.Sleep(50 * time.Second)
			if w.looks("b") != looks {
				t.Errorf("%s: its pause has ended", class)
			}
		}, func(w *world) { w.d.Rand = longest })
	}
}
