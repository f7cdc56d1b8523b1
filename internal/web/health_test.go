package web

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"mailrill/internal/config"
	"mailrill/internal/daemon"
	"mailrill/internal/lang"
	"mailrill/internal/ledger"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// account has a schedule of every five minutes.
func account(t *testing.T, name string) *config.Account {
	t.Helper()
	s, err := config.ParseSchedule("@every 5m", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return &config.Account{Name: name, To: "qq", Schedule: s}
}

// A patient is a service whose clock and states the test sets.
type patient struct {
	*health
	clock  time.Time
	states []daemon.Status
	dead   error
}

func newPatient(states ...daemon.Status) *patient {
	p := &patient{clock: noon, states: states}
	p.health = newHealth(func() []daemon.Status { return p.states }, func() error { return p.dead }, func() time.Time { return p.clock }, lang.English)
	return p
}

// found is what a verdict holds, as WHAT or !WHAT for a reason.
func found(v *verdict) string {
	var out []string
	for _, f := range v.Reasons {
		out = append(out, "!"+f.What)
	}
	for _, f := range v.Warnings {
		out = append(out, f.What)
	}
	return strings.Join(out, " ")
}

// TestVerdict shows each finding from just before to just after its limit.
func TestVerdict(t *testing.T) {
	a := account(t, "a")
	never := account(t, "never")
	never.Schedule = config.Schedule{}
	failed := ledger.Pass{At: noon, OK: noon.Add(-time.Hour), Class: "network", Failures: 9}
	const day = 24 * time.Hour
	for _, c := range []struct {
		name  string
		s     daemon.Status
		after time.Duration // since noon, when the process began
		limit time.Duration
		want  string
	}{
		{"all is well", daemon.Status{Account: a, State: daemon.Waiting, Next: noon.Add(time.Minute), Pass: ledger.Pass{At: noon, OK: noon}}, 0, day, ""},
		{"not switched on", daemon.Status{Account: a, State: daemon.Off, Next: noon, Pass: failed}, 3 * day, day, ""},
		{"a little late", daemon.Status{Account: a, State: daemon.Waiting, Next: noon}, 20 * time.Minute, day, ""},
		{"two intervals late", daemon.Status{Account: a, State: daemon.Waiting, Next: noon}, 20*time.Minute + 1, day, "!overdue"},
		{"late, and backing off", daemon.Status{Account: a, State: daemon.BackingOff, Next: noon}, time.Hour, 0, "!overdue"},
		{"late without a schedule", daemon.Status{Account: never, State: daemon.Waiting, Next: noon}, 10*time.Minute + 1, day, "!overdue"},
		{"by push only", daemon.Status{Account: never, State: daemon.Waiting}, 9 * day, day, ""},
		{"a long pass that moves", daemon.Status{Account: a, State: daemon.Collecting, Next: noon, Since: noon, Moved: noon.Add(2 * day)}, 2 * day, day, ""},
		{"a pass that does not move", daemon.Status{Account: a, State: daemon.Collecting, Moved: noon}, day + 1, day, "!stuck"},
		{"fails", daemon.Status{Account: a, State: daemon.BackingOff, Pass: failed}, day, day, "failing"},
		{"has failed for long", daemon.Status{Account: a, State: daemon.BackingOff, Pass: failed}, day + 1, day, "!failing"},
		{"has failed for long, and nobody minds", daemon.Status{Account: a, State: daemon.BackingOff, Pass: failed}, 9 * day, 0, "failing"},
		{"was well since", daemon.Status{Account: a, State: daemon.BackingOff, Pass: ledger.Pass{OK: noon.Add(8 * day), Failures: 1}}, 9 * day, day, "failing"},
		{"a password is refused", daemon.Status{Account: a, State: daemon.NeedsYou, Pass: failed}, time.Hour, day, "needs you"},
		{"a password was refused for long", daemon.Status{Account: a, State: daemon.NeedsYou, Pass: failed}, 2 * day, day, "!needs you"},
		{"the day's limit is used up", daemon.Status{Account: a, State: daemon.BackingOff, Pass: ledger.Pass{Class: "limit"}}, 9 * day, day, ""},
		{"no push", daemon.Status{Account: a, State: daemon.Waiting, Push: []daemon.Push{{On: true}, {Since: noon}}}, 9 * day, day, "push"},
		{"push", daemon.Status{Account: a, State: daemon.Waiting, Push: []daemon.Push{{On: true}}}, 0, day, ""},
	} {
		p := newPatient(c.s)
		p.verdict(c.limit)
		p.clock = noon.Add(c.after)
		if got := found(p.verdict(c.limit)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// What the service says of itself comes first, whatever its accounts do.
func TestServiceThatStandsStill(t *testing.T) {
	p := newPatient()
	p.dead = errors.New("the loop of account a has stood still for 1h\x1b[2J")
	v := p.verdict(0)
	if v.healthy() || v.Status != "unhealthy" || found(v) != "!loops" || strings.Contains(v.Reasons[0].Text, "\x1b") {
		t.Errorf("%+v", v)
	}
}

// An account that came by a reload, and was never well, has its own time.
func TestAccountsThatCameLater(t *testing.T) {
	failed := daemon.Status{State: daemon.BackingOff, Pass: ledger.Pass{Failures: 1}}
	first, second := failed, failed
	first.Account, second.Account = account(t, "first"), account(t, "second")
	p := newPatient(first)
	p.verdict(24 * time.Hour)
	p.clock = noon.Add(20 * time.Hour)
	p.done(&daemon.Outcome{Account: second.Account})
	p.states = append(p.states, second)
	p.clock = noon.Add(25 * time.Hour)
	if got := found(p.verdict(24 * time.Hour)); got != "!failing failing" {
		t.Error(got)
	}
	p.states = []daemon.Status{second}
	p.verdict(24 * time.Hour)
	p.states = []daemon.Status{first}
	if got := found(p.verdict(24 * time.Hour)); got != "failing" {
		t.Errorf("an account that was away: %s", got)
	}
}

// TestVerdictText holds the form that programs read, and both languages.
func TestVerdictText(t *testing.T) {
	for l, words := range map[lang.Lang]string{
		lang.English: "no push in 1 of 2 folders: the server does not offer IDLE",
		lang.Chinese: "2 个文件夹中有 1 个没有推送：服务器不支持 IDLE",
	} {
		p := newPatient(daemon.Status{Account: account(t, "a"), State: daemon.NeedsYou, Pass: ledger.Pass{OK: noon.Add(-time.Hour), Failures: 1, Class: "credentials", Text: "LOGIN refused: me@example.org"},
			Push: []daemon.Push{{On: true}, {Since: noon, Why: lang.Text{EN: "the server does not offer IDLE", ZH: "服务器不支持 IDLE"}}}})
		p.lang = l
		text, err := json.Marshal(p.verdict(24 * time.Hour))
		want := `{"status":"ok","version":"","accounts":1,"reasons":[],"warnings":[` +
			`{"what":"needs you","account":"a","class":"credentials","since":"2026-11-21T12:00:00Z","text":"` + needs(l) + `"},` +
			`{"what":"push","account":"a","since":"2026-11-21T12:00:00Z","text":"` + words + `"}]}`
		if err != nil || string(text) != want {
			t.Errorf("%v\n%s, want\n%s", err, text, want)
		}
	}
}

func needs(l lang.Lang) string { return words[needsYou].In(l) }
