package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/deliver"
	"mailrill/fetch"
	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/fsx"
	"mailrill/internal/ledger"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A world is a daemon with a clock of its own: sleeping moves it on at once.
type world struct {
	t      *testing.T
	d      *Daemon
	ledger *ledger.Ledger
	stop   context.CancelFunc

	mu      sync.Mutex
	now     time.Time
	wall    func() time.Time // in place of now
	doze    func(context.Context, time.Duration) error
	jump    time.Duration          // added to the next sleep, as when a machine was suspended
	passes  map[string][]time.Time // when each account was looked at
	most    int                    // end the world after so many passes
	total   int
	outcome func(account string, n int) error // of an account's n-th pass, from 1
	changed bool
	told    []*Outcome
}

func newWorld(t *testing.T, accounts ...*config.Account) *world {
	t.Helper()
	w := &world{t: t, now: noon, passes: map[string][]time.Time{}, outcome: func(string, int) error { return nil }}
	l, err := ledger.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w.ledger = l
	w.reborn(accounts...)
	return w
}

// reborn makes a new daemon on the same state, as after a restart.
func (w *world) reborn(accounts ...*config.Account) {
	log := slog.New(slog.DiscardHandler)
	w.d = &Daemon{
		Accounts: accounts, Ledger: w.ledger, Log: log, Now: w.clock, Sleep: w.sleep,
		Changed: func(*config.Account, time.Time) bool { return w.changed },
		Done:    func(o *Outcome) { w.told = append(w.told, o) },
		Rand:    func(time.Duration) time.Duration { return 0 },
		Build: func(a *config.Account, _ func()) *collect.Account {
			return &collect.Account{Name: a.Name, To: "home", Source: source{w, a.Name}, Destination: nowhere{}}
		},
		Collector: &collect.Collector{
			Ledger: w.ledger, Hold: collect.NewHold(fsx.FS{}, w.t.TempDir()), Spool: collect.NewSpool(fsx.FS{}, w.t.TempDir()),
			Log: log, Now: w.clock, Sleep: untilEnd, Started: w.clock(),
		},
	}
}

// run serves until there were most passes, and returns when the account called
// "a" was looked at, counted from noon.
func (w *world) run(most int) []time.Duration {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	w.stop, w.most, w.total, w.passes = cancel, most, 0, map[string][]time.Time{}
	if err := w.d.Run(ctx); err != nil {
		w.t.Fatal(err)
	}
	return since(w.passes["a"])
}

// longest is a jitter that is always as long as it can be.
func longest(d time.Duration) time.Duration { return d }

func since(ts []time.Time) (ds []time.Duration) {
	for _, t := range ts {
		ds = append(ds, t.Sub(noon))
	}
	return ds
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) sleep(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now, w.jump = w.now.Add(d+w.jump), 0
	return ctx.Err()
}

// untilEnd is the grace of a pass that was told to stop: it lasts as long as the
// pass does.
func untilEnd(ctx context.Context, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

// A source is looked at, and has no folders.
type source struct {
	w    *world
	name string
}

func (s source) Connect(context.Context) (fetch.Session, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	now := s.w.now
	if s.w.wall != nil {
		now = s.w.wall()
	}
	s.w.passes[s.name] = append(s.w.passes[s.name], now)
	if s.w.total++; s.w.total == s.w.most {
		s.w.stop()
	}
	return session{}, s.w.outcome(s.name, len(s.w.passes[s.name]))
}

type session struct{ fetch.Session }

func (session) Folders(context.Context) ([]fetch.Folder, error) { return nil, nil }
func (session) Close(bool) error                                { return nil }

type nowhere struct{ deliver.Destination }

func (nowhere) Close() error { return nil }

func account(t *testing.T, name, schedule string) *config.Account {
	t.Helper()
	s, err := config.ParseSchedule(schedule, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return &config.Account{Name: name, Enabled: true, Protocol: config.IMAP, Schedule: s, Poll: s, Destination: &config.Destination{}, Server: config.Server{Provider: provider.Preset{}}}
}

// within checks that looks came at the times wanted, or up to a tenth of their
// wait later: the jitter.
func within(t *testing.T, got []time.Duration, gaps ...time.Duration) {
	t.Helper()
	if len(got) != len(gaps)+1 {
		t.Fatalf("looked at %v", got)
	}
	for i, gap := range gaps {
		if d := got[i+1] - got[i]; d < gap || d > gap+min(gap/10, time.Minute) {
			t.Errorf("look %d came %v after the one before, want %v; all: %v", i+2, d, gap, got)
		}
	}
}

func TestScheduleCollectsAgainAndAgain(t *testing.T) {
	w := newWorld(t, account(t, "a", "@every 10m"))
	got := w.run(4)
	if got[0] != 0 {
		t.Errorf("the first look came after %v", got[0])
	}
	within(t, got, 10*time.Minute, 10*time.Minute, 10*time.Minute)
}

// After a restart the schedule goes on: nothing is collected at once that was
// collected a moment ago.
func TestScheduleSurvivesARestart(t *testing.T) {
	a := account(t, "a", "0 * * * *")
	w := newWorld(t, a)
	w.run(1)
	w.now = noon.Add(20 * time.Minute)
	// The pass that was stopped at its beginning counts as none, so one comes now.
	w.reborn(a)
	got := w.run(2)
	if got[0] != 20*time.Minute || got[1] < time.Hour || got[1] > 61*time.Minute {
		t.Errorf("looked at %v", got)
	}
}

func TestMissedTicksRunOnce(t *testing.T) {
	w := newWorld(t, account(t, "a", "@every 10m"))
	w.outcome = func(_ string, n int) error {
		if n == 2 {
			w.jump = 5 * time.Hour // the machine sleeps
		}
		return nil
	}
	got := w.run(4)
	if gap := got[2] - got[1]; gap < 5*time.Hour || gap > 5*time.Hour+tick {
		t.Errorf("looked at %v", got)
	}
	within(t, got[2:], 10*time.Minute)
}

// A clock that was wrong by years, and is set right, stops nobody.
func TestClockIsSetBack(t *testing.T) {
	w := newWorld(t, account(t, "a", "@every 10m"))
	w.outcome = func(_ string, n int) error {
		if n == 2 {
			w.jump = -3 * 365 * 24 * time.Hour
		}
		return nil
	}
	got := w.run(4)
	if got[2] > -2*365*24*time.Hour || got[3]-got[2] > 12*time.Minute {
		t.Errorf("looked at %v", got)
	}
}

// A bug that panics costs its account the pass, the others nothing.
func TestPanicIsOneAccounts(t *testing.T) {
	w := newWorld(t, account(t, "a", "@every 1m"), account(t, "b", "@every 1m"))
	w.outcome = func(name string, _ int) error {
		if name == "b" {
			panic("oh")
		}
		return nil
	}
	if err := w.d.Once(t.Context(), collect.Options{}, false); err != nil {
		t.Fatal(err)
	}
	classes := map[string]reply.Class{}
	for _, o := range w.told {
		classes[o.Account.Name] = reply.ClassOf(o.Report.Err())
	}
	if classes["a"] != reply.OK || classes["b"] != reply.Bug {
		t.Errorf("%v", classes)
	}
}

// When the disk fails under the ledger the daemon ends: only a new process can
// tell what is there.
func TestBrokenLedgerEndsTheDaemon(t *testing.T) {
	a, b := account(t, "a", "@every 1m"), account(t, "b", "@every 1m")
	w := newWorld(t, a, b)
	dir, broken := t.TempDir(), false
	l, err := ledger.OpenFS(dir, fsx.FS{Fault: func(op, _ string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if op == "commit" && broken {
			return ledger.ErrBroken
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w.ledger = l
	w.reborn(a, b)
	w.outcome = func(_ string, n int) error {
		broken = broken || n == 3
		return nil
	}
	if err := w.d.Run(t.Context()); !errors.Is(err, ledger.ErrBroken) {
		t.Errorf("Run: %v", err)
	}
	if err := w.d.Once(t.Context(), collect.Options{}, false); !errors.Is(err, ledger.ErrBroken) {
		t.Errorf("Once: %v", err)
	}
}

// However many accounts there are, only so many passes run at a time, and each
// account has its turn.
func TestWorkersBoundPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var accounts []*config.Account
		for _, n := range []string{"a", "b", "c", "d", "e", "f"} {
			accounts = append(accounts, account(t, n, "@every 1m"))
		}
		w := newWorld(t, accounts...)
		w.d.Workers = 2
		var running atomic.Int32
		release, build := make(chan struct{}), w.d.Build
		w.d.Build = func(a *config.Account, beat func()) *collect.Account {
			running.Add(1)
			<-release
			return build(a, beat)
		}
		ended := make(chan error)
		go func() { ended <- w.d.Once(t.Context(), collect.Options{}, false) }()
		synctest.Wait()
		if n := running.Load(); n != 2 {
			t.Errorf("%d passes at a time", n)
		}
		close(release)
		if err := <-ended; err != nil || w.total != 6 {
			t.Errorf("%d passes, %v", w.total, err)
		}
	})
}

// A state that cannot be read is looked at again by the back-off, not at once.
func TestUnreadableLedgerIsNotHammered(t *testing.T) {
	w := newWorld(t, account(t, "a", "@every 10m"))
	w.outcome = func(string, int) error {
		w.ledger.Close()
		return nil
	}
	w.d.Rand = longest
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.d.Done = func(*Outcome) {
		if w.total++; w.total > 1000 || w.clock().After(noon.Add(2*time.Hour)) {
			cancel()
		}
	}
	if err := w.d.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if w.total > 1000 {
		t.Errorf("%d passes by %v", w.total, w.clock())
	}
}
