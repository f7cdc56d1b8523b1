package daemon

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/reply"
)

// runFor serves until the clock shows noon + d, with restarts in between where
// restart says so after a pass, and returns when the account called "a" was looked at.
func (w *world) runFor(d time.Duration, restart func() bool, accounts ...*config.Account) []time.Duration {
	w.t.Helper()
	w.passes = map[string][]time.Time{}
	jitter := w.d.Rand
	for w.clock().Before(noon.Add(d)) {
		ctx, cancel := context.WithCancel(w.t.Context())
		w.reborn(accounts...)
		w.d.Rand = jitter
		w.d.Sleep = func(ctx context.Context, pause time.Duration) error {
			if !w.clock().Before(noon.Add(d)) {
				cancel()
			}
			return w.sleep(ctx, pause)
		}
		w.d.Done = func(*Outcome) {
			if restart() {
				cancel()
			}
		}
		if err := w.d.Run(ctx); err != nil {
			w.t.Fatal(err)
		}
		cancel()
	}
	return since(w.passes["a"])
}

// A server that refuses a login sees at most four in the first three hours, and at
// most six a day from then on, however the pauses fall, and across restarts.
func TestARefusingServerSeesFewLogins(t *testing.T) {
	refused := &reply.Error{Protocol: "imap", Command: "LOGIN", Code: "AUTHENTICATIONFAILED"}
	for name, jitter := range map[string]func(time.Duration) time.Duration{"shortest": none, "longest": longest} {
		a := account(t, "a", "@every 1m")
		w := newWorld(t, a)
		w.d.Rand = jitter
		w.outcome = func(string, int) error { return refused }
		logins := w.runFor(10*24*time.Hour, func() bool { return rand.N(2) == 0 }, a)
		if n := most(logins, 3*time.Hour, 0); n > 4 {
			t.Errorf("%s: %d logins in the first three hours", name, n)
		}
		if n := most(logins, 24*time.Hour, 3*time.Hour); n > 6 || n < 5 {
			t.Errorf("%s: %d logins in a later day", name, n)
		}
	}
}

// most is the greatest number of times within a span of the length that begins at
// from or later.
func most(times []time.Duration, length, from time.Duration) (n int) {
	for i, start := range times {
		if start < from {
			continue
		}
		within := 0
		for _, at := range times[i:] {
			if at < start+length {
				within++
			}
		}
		n = max(n, within)
	}
	return n
}

// Cron makes no difference to that: a pass each minute is none while the login rests.
func TestCronDoesNotHammer(t *testing.T) {
	a := account(t, "a", "@every 1m")
	w := newWorld(t, a)
	w.outcome = func(string, int) error {
		return &reply.Error{Protocol: "imap", Command: "LOGIN", Code: "AUTHENTICATIONFAILED"}
	}
	for minute := range 2 * 24 * 60 {
		w.now = noon.Add(time.Duration(minute) * time.Minute)
		w.reborn(a)
		if err := w.d.Once(t.Context(), collect.Options{}, false); err != nil {
			t.Fatal(err)
		}
	}
	logins := since(w.passes["a"])
	if early, late := most(logins, 3*time.Hour, 0), most(logins, 24*time.Hour, 3*time.Hour); early > 4 || late > 6 {
		t.Errorf("%d logins in the first three hours, %d in a later day", early, late)
	}
}

// The clock changes in spring and in autumn, and the machine sleeps for three hours:
// each day has its pass, and none has two.
func TestClockChangesAndSleep(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, day := range []time.Time{time.Date(2026, 3, 27, 12, 0, 0, 0, berlin), time.Date(2026, 10, 23, 12, 0, 0, 0, berlin)} {
		s, err := config.ParseSchedule("30 2 * * *", berlin)
		if err != nil {
			t.Fatal(err)
		}
		a := account(t, "a", "@every 1m")
		a.Schedule = s
		w := newWorld(t, a)
		w.now = day
		w.outcome = func(_ string, n int) error {
			if n == 2 {
				w.jump = 3 * time.Hour
			}
			return nil
		}
		w.run(5)
		dates := map[string]int{}
		for _, at := range w.passes["a"] {
			dates[at.In(berlin).Format(time.DateOnly)]++
		}
		if len(dates) != 5 {
			t.Errorf("passes at %v", w.passes["a"])
		}
	}
}
