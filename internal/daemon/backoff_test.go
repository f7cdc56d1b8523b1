package daemon

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/reply"
)

func TestBackOffByClassAndOverRestarts(t *testing.T) {
	refused := &reply.Error{Protocol: "imap", Command: "LOGIN", Code: "AUTHENTICATIONFAILED"}
	webLogin := &reply.Error{Protocol: "imap", Command: "LOGIN", Code: "ALERT", Text: "Please log in via your web browser (Failure)"}
	for _, c := range []struct {
		err  error
		gaps []time.Duration
	}{
		{syscall.ECONNREFUSED, []time.Duration{10 * time.Second, 30 * time.Second, 90 * time.Second, 4 * time.Minute, 10 * time.Minute, 15 * time.Minute, 15 * time.Minute}},
		{refused, []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 150 * time.Minute, 4 * time.Hour, 4 * time.Hour}},
		{webLogin, []time.Duration{10 * time.Minute, 10 * time.Minute, 30 * time.Minute, 150 * time.Minute}},
		{&reply.Error{Protocol: "pop3", Command: "PASS", Text: "the moon is full"}, []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour}},
		{reply.WithClass(reply.Config, errors.New("no folder")), []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour, time.Hour}},
	} {
		a := account(t, "a", "@every 1m")
		a.Provider.Key = "gmail"
		w := newWorld(t, a)
		w.outcome = func(string, int) error { return c.err }
		w.d.Rand = longest
		got := w.run(2)
		w.reborn(a)
		w.d.Rand = longest
		got = append(got, w.run(len(c.gaps)-1)...)
		within(t, got, c.gaps...)
		// Once it works, the schedule counts again.
		w.outcome = func(string, int) error { return nil }
		w.reborn(a)
		within(t, w.run(3), time.Minute, time.Minute)
	}
}

// Each kind of failure has pauses of its own: what comes behind a night without a
// line begins with the shortest.
func TestAnotherKindOfFailureCountsAnew(t *testing.T) {
	w := newWorld(t, account(t, "a", "@every 1m"))
	w.outcome = func(_ string, n int) error {
		if n < 6 {
			return syscall.ECONNREFUSED
		}
		return reply.WithClass(reply.Full, errors.New("no room"))
	}
	w.run(7)
	if p := w.told[5].Pass; p.Failures != 1 || p.NextTry.Sub(p.At) != time.Minute {
		t.Errorf("%+v", p)
	}
}

// A new password is tried at once; without one a login that was refused is not
// repeated by --once, unless it is forced.
func TestRefusedLogins(t *testing.T) {
	a := account(t, "a", "@every 1m")
	w := newWorld(t, a)
	w.outcome = func(string, int) error {
		return &reply.Error{Protocol: "imap", Command: "LOGIN", Code: "AUTHENTICATIONFAILED", Text: "not you"}
	}
	looks := func(force bool) int {
		t.Helper()
		before := w.total
		if err := w.d.Once(t.Context(), collect.Options{}, force); err != nil {
			t.Fatal(err)
		}
		return w.total - before
	}
	for i, c := range []struct {
		force, changed bool
		want           int
	}{{false, false, 1}, {false, false, 0}, {true, false, 1}, {false, true, 1}, {false, false, 0}} {
		w.changed = c.changed
		if got := looks(c.force); got != c.want {
			t.Errorf("step %d: %d logins, want %d", i, got, c.want)
		}
		out := w.told[len(w.told)-1]
		if err := out.Report.Err(); reply.ClassOf(err) != reply.Credentials {
			t.Errorf("step %d: %v", i, err)
		}
	}
	w.changed = true
	if got := w.run(1); len(got) != 1 || got[0] != 0 {
		t.Errorf("with a new password: looked at %v", got)
	}
}

// Only refused logins count for the pauses between them: a line that was broken all
// night makes nobody wait for hours, and one that breaks now and then does not let
// a wrong secret be tried more often.
func TestRefusedLoginsCountAlone(t *testing.T) {
	refused := &reply.Error{Protocol: "imap", Command: "LOGIN", Code: "AUTHENTICATIONFAILED"}
	outcomes := append(slices.Repeat([]error{syscall.ECONNREFUSED}, 20), refused, refused, syscall.ECONNREFUSED, refused, nil, refused)
	a := account(t, "a", "@every 1m")
	w := newWorld(t, a)
	w.outcome = func(string, int) error { return outcomes[len(w.told)] }
	w.run(22)
	w.reborn(a) // a restart forgets nothing
	w.run(len(outcomes) - 22)
	var pauses []time.Duration
	for _, out := range w.told[20:] {
		if out.Pass.Class == string(reply.Credentials) {
			pauses = append(pauses, out.Pass.NextTry.Sub(out.Pass.At))
		}
	}
	if want := []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, time.Minute}; !slices.Equal(pauses, want) {
		t.Errorf("pauses %v, want %v", pauses, want)
	}
	if left := TriesLeft(w.told[23].Pass, w.told[23].Pass.At); left != TriesADay-3 {
		t.Errorf("after three refusals %d tries are left", left)
	}
}

// Another secret begins with the shortest pause, also when it is wrong, too.
func TestAnotherSecretCountsAnew(t *testing.T) {
	refused := &reply.Error{Protocol: "imap", Command: "LOGIN", Code: "AUTHENTICATIONFAILED"}
	w := newWorld(t, account(t, "a", "@every 1m"))
	w.outcome = func(string, int) error {
		w.changed = len(w.told) == 3
		return refused
	}
	w.run(4)
	if p := w.told[3].Pass; p.Refused != 1 || p.NextTry.Sub(p.At) != time.Minute {
		t.Errorf("%+v", p)
	}
}

// A day's limit says itself when it is over, and is no failure.
func TestDailyLimitSaysWhen(t *testing.T) {
	a := account(t, "a", "@every 1m")
	w := newWorld(t, a)
	w.outcome = func(_ string, n int) error {
		if n > 1 {
			return nil
		}
		return fmt.Errorf("home: %w", &collect.LimitError{Until: noon.Add(9 * time.Hour)})
	}
	within(t, w.run(2), 9*time.Hour)
	if p := w.told[0].Pass; p.Failures != 0 || p.Class != string(reply.Limit) {
		t.Errorf("%+v", p)
	}
}

// A login that was refused while the clock was years ahead bars nobody for years.
func TestRefusalOfTheFuture(t *testing.T) {
	w := newWorld(t, account(t, "a", "@every 10m"))
	refused := true
	w.outcome = func(string, int) error {
		if refused {
			return &reply.Error{Protocol: "imap", Command: "LOGIN", Code: "AUTHENTICATIONFAILED"}
		}
		return nil
	}
	w.now = noon.AddDate(10, 0, 0)
	for _, want := range []int{1, 2} {
		if err := w.d.Once(t.Context(), collect.Options{}, false); err != nil || w.total != want {
			t.Fatalf("%d logins, want %d: %v", w.total, want, err)
		}
		w.now, refused = noon, false
	}
}
