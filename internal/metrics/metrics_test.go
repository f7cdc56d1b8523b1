package metrics

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/daemon"
	"mailrill/internal/ledger"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// A service is played: what it says of itself is what the test has put there.
type service struct {
	states    []daemon.Status
	unsettled map[string]ledger.Unsettled
	held      map[string]int
	limits    map[string][]Limit
	healthy   bool
	err       error
}

func (s *service) metrics() *Metrics {
	return New(Source{
		States:    func() []daemon.Status { return s.states },
		Healthy:   func() bool { return s.healthy },
		Unsettled: func(context.Context) (map[string]ledger.Unsettled, error) { return s.unsettled, s.err },
		Held:      func() (map[string]int, error) { return s.held, nil },
		Limits:    func(_ context.Context, a *config.Account) ([]Limit, error) { return s.limits[a.Name], nil },
	}, "1.2.3")
}

func account(name, to string) *config.Account { return &config.Account{Name: name, To: to} }

// text returns our own figures, without what differs from machine to machine.
func text(t *testing.T, m *Metrics) string {
	t.Helper()
	all, err := m.Text()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(all)) {
		if strings.Contains(line, "mailrill_") && !strings.HasPrefix(line, "mailrill_build_info") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// pass is a pass that took seconds and left the account in after.
func pass(a *config.Account, seconds float64, after ledger.Pass, results ...*collect.Result) *daemon.Outcome {
	after.At = noon
	start := noon.Add(-time.Duration(seconds * float64(time.Second)))
	return &daemon.Outcome{
		Account: a, Pass: after, Before: ledger.Pass{At: noon.Add(-time.Hour)},
		Report: &collect.Report{Account: a.Name, To: a.To, Start: start, Results: results},
	}
}

// TestText plays a service with an account that is well, one that needs its
// owner, and one that was never looked at.
func TestText(t *testing.T) {
	gmail, mine, new := account("gmail", "qq"), account("163", "archive"), account("new", "qq")
	well, refused := ledger.Pass{At: noon, OK: noon}, ledger.Pass{Class: "credentials", Failures: 2, NextTry: noon.Add(5 * time.Minute), OK: noon.Add(-24 * time.Hour)}
	s := &service{
		healthy: true,
		states: []daemon.Status{
			{Account: gmail, State: daemon.Waiting, Since: noon, Next: noon.Add(15 * time.Minute), Pass: well,
				Push: []daemon.Push{{Folder: "INBOX", On: true}, {Folder: "me@example.org"}}},
			{Account: mine, State: daemon.NeedsYou, Since: noon.Add(-90 * time.Second), Pass: refused},
			{Account: new, State: daemon.Collecting},
		},
		unsettled: map[string]ledger.Unsettled{"gmail": {Doubts: 2, Failed: 1}, "gone": {Doubts: 7}},
		held:      map[string]int{"gmail": 3},
		limits:    map[string][]Limit{"gmail": {{"reading", 2e9, 1500, 0, 0}, {"writing", 0, 0, 60, 59}}},
	}
	m := s.metrics()
	m.Done(pass(gmail, 1.5, well, &collect.Result{Folder: "INBOX", Delivered: 3, Bytes: 4000, AlreadyThere: 1, SkippedBacklog: 5, SourceDone: 2}, &collect.Result{Folder: "Work", Delivered: 1, Bytes: 96}))
	m.Done(pass(gmail, 0.5, ledger.Pass{Class: "refused"}, &collect.Result{Held: 1, SkippedSize: 2}))
	m.Done(pass(mine, 60, refused, &collect.Result{Err: errors.New("LOGIN refused: me@163.com")}))
	m.Done(pass(account("gone", "qq"), 1, well, &collect.Result{Delivered: 1}))
	for _, seconds := range []time.Duration{-3, 0, 1, 2, 4000, 100_000} {
		m.Delivered(collect.Delivery{Account: "gmail", To: "qq", Received: noon, At: noon.Add(seconds * time.Second), CaughtUp: noon.Add(-time.Hour)})
	}
	golden(t, "metrics.txt", text(t, m))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%v; run with -update and look at the difference; got:\n%s", err, got)
	}
}

// A pass that was not made, or was stopped, counts for its messages only.
func TestPassesThatWereStopped(t *testing.T) {
	a := account("a", "b")
	s := &service{states: []daemon.Status{{Account: a}}}
	m := s.metrics()
	out := pass(a, 5, ledger.Pass{}, &collect.Result{Delivered: 4})
	out.Pass = out.Before
	m.Done(out)
	wantLines(t, text(t, m), `mailrill_messages_total{account="a",result="delivered",to="b"} 4`, `mailrill_passes_total{account="a",class="ok",to="b"} 0`, `mailrill_pass_seconds_total{account="a",to="b"} 0`)
}

func wantLines(t *testing.T, got string, lines ...string) {
	t.Helper()
	all := strings.Split(got, "\n")
	for _, l := range lines {
		if !slices.Contains(all, l) {
			t.Errorf("no line %s in\n%s", l, got)
		}
	}
}

// Only mail that came after the account was up with its source tells how fast
// mail comes. How long a failure has kept it waiting counts.
func TestDelaysLeaveOutTheBacklog(t *testing.T) {
	a := account("a", "b")
	s := &service{states: []daemon.Status{{Account: a}}}
	m := s.metrics()
	deliver := func(received, at, caughtUp time.Time) {
		m.Delivered(collect.Delivery{Account: "a", To: "b", Received: received, At: at, CaughtUp: caughtUp})
	}
	deliver(noon, noon.Add(time.Minute), time.Time{})           // the first pass of all
	deliver(noon.Add(-time.Hour), noon, noon.Add(-time.Minute)) // old when the account was up first
	deliver(time.Time{}, noon, noon.Add(-time.Minute))          // nobody knows
	if got := text(t, m); strings.Contains(got, "delay_seconds_count") {
		t.Errorf("backlog was counted:\n%s", got)
	}
	deliver(noon, noon.Add(2*time.Hour), noon.Add(-time.Minute)) // a failure kept it waiting
	deliver(noon, noon.Add(3*time.Hour), noon.Add(time.Hour))    // the server showed it late
	wantLines(t, text(t, m), `mailrill_delivery_delay_seconds_count{account="a",to="b"} 2`, `mailrill_delivery_delay_seconds_sum{account="a",to="b"} 18000`)
}

// What a reload has taken away is no longer told of, and begins at 0 when it
// comes back.
func TestAccountsThatAreGone(t *testing.T) {
	a := account("a", "b")
	s := &service{states: []daemon.Status{{Account: a}}}
	m := s.metrics()
	m.Done(pass(a, 1, ledger.Pass{}, &collect.Result{Delivered: 4}))
	m.Delivered(collect.Delivery{Account: "a", To: "b", Received: noon, At: noon, CaughtUp: noon.Add(-time.Hour)})
	s.states = []daemon.Status{{Account: account("a", "elsewhere")}}
	if got := text(t, m); strings.Contains(got, `to="b"`) {
		t.Errorf("told of what is gone:\n%s", got)
	}
	s.states = []daemon.Status{{Account: a}}
	wantLines(t, text(t, m), `mailrill_messages_total{account="a",result="delivered",to="b"} 0`)
}

// Where the state cannot be read there is an error, no figures that look right.
func TestStateThatCannotBeRead(t *testing.T) {
	s := &service{err: errors.New("disk")}
	if got, err := s.metrics().Text(); err == nil || !strings.Contains(err.Error(), "disk") {
		t.Errorf("%s, %v", got, err)
	}
}

// Many ask at once while passes end: run with -race.
func TestMetricsAreSafe(t *testing.T) {
	a := account("a", "b")
	s := &service{states: []daemon.Status{{Account: a}}}
	m := s.metrics()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			m.Done(pass(a, 1, ledger.Pass{}, &collect.Result{Delivered: 4}))
			m.Delivered(collect.Delivery{Account: "a", To: "b", Received: noon, At: noon, CaughtUp: noon.Add(-time.Hour)})
		}
	}()
	for range 20 {
		text(t, m)
	}
	<-done
	wantLines(t, text(t, m), `mailrill_messages_total{account="a",result="delivered",to="b"} 400`, `mailrill_delivery_delay_seconds_count{account="a",to="b"} 100`)
}
