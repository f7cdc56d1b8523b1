package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mailrill/internal/doctor"
	"mailrill/internal/ledger"
	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

// checked runs check --json and returns its lines; the exit status must be want.
func (r *rig) checked(want int, args ...string) (lines []checkLine) {
	r.t.Helper()
	if got := r.run(append([]string{"check", "--json"}, args...)...); got != want {
		r.t.Fatalf("exit status %d, want %d\nstdout: %s\nstderr: %s", got, want, r.stdout.String(), r.stderr.String())
	}
	dec := json.NewDecoder(bytes.NewReader(r.stdout.Bytes()))
	dec.DisallowUnknownFields()
	for dec.More() {
		var l checkLine
		if err := dec.Decode(&l); err != nil {
			r.t.Fatalf("stdout: %v", err)
		}
		lines = append(lines, l)
	}
	return lines
}

// checkFields are the fields of a line of check --json and of what is in it, as
// docs/check.md has them.
var checkFields = map[string][]string{
	"":        {"error", "folders", "for", "kind", "name", "ok", "steps", "time", "tries_left", "v"},
	"steps":   {"detail", "name", "result", "seconds", "url"},
	"folders": {"bytes", "listed", "name", "new", "role"},
	"error":   {"class", "hint", "text", "url"},
}

func TestCheckJSON(t *testing.T) {
	server := &mailtest.IMAP{Store: filled(numbered(12)), User: "me@gmail.com", Password: canaryCode, Gmail: true}
	r := newRig(t, maildirThere+checkAccount("gmail", "imap", startServer(t, server), "me@gmail.com", `folders = ["INBOX", "role:sent"]`))
	withCode(canaryCode)(r)
	lines := r.checked(0)
	if len(lines) != 2 || !lines[0].OK || lines[0].Kind != "account" || lines[1].Kind != "destination" || lines[1].Name != "home" {
		t.Fatalf("%+v", lines)
	}
	want := []checkFolder{{"INBOX", "inbox", 12, 12, lines[0].Folders[0].Bytes}, {"[Gmail]/Sent Mail", "sent", 0, 0, 0}}
	if !slices.Equal(lines[0].Folders, want) || want[0].Bytes < 1000 {
		t.Errorf("folders %+v", lines[0].Folders)
	}
	withCode("Canary-Password-1")(r)
	lines = r.checked(77, "source")
	if l := lines[0]; l.OK || l.Error == nil || l.Error.Class != reply.Credentials || l.TriesLeft == nil || *l.TriesLeft != 5 || l.Error.URL == "" {
		t.Errorf("%+v", l)
	}
	if s := lines[0].Steps; s[0].Result != doctor.Warning || s[len(s)-1].Result != doctor.Failed || s[len(s)-1].Name != doctor.Login {
		t.Errorf("%+v", s)
	}
	for line := range strings.Lines(r.stdout.String()) {
		checkShape(t, line)
	}
}

// checkShape checks a line as a program would that was written from docs/check.md
// alone, and that the page names every field.
func checkShape(t *testing.T, line string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "check.md"))
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	if err := json.Unmarshal([]byte(line), &whole); err != nil {
		t.Fatal(err)
	}
	holds := func(what string, v any) {
		object, ok := v.(map[string]any)
		if !ok {
			return
		}
		var names []string
		for name := range object {
			names = append(names, name)
			if !bytes.Contains(page, []byte("`"+name+"`")) {
				t.Errorf("docs/check.md does not name %s of %q", name, what)
			}
		}
		slices.Sort(names)
		if !slices.Equal(names, checkFields[what]) {
			t.Errorf("%q has the fields %q", what, names)
		}
	}
	holds("", whole)
	holds("error", whole["error"])
	for _, list := range []string{"steps", "folders"} {
		for _, v := range whole[list].([]any) {
			holds(list, v)
		}
	}
}

// A check leaves a POP3 mailbox as it was: it asks for no message, also where a pass
// has to, and its QUIT hides nothing, not even at Gmail.
func TestCheckLeavesPOP3Alone(t *testing.T) {
	for _, server := range []*mailtest.POP3{{Gmail: true}, {NoUIDL: true}} {
		var mu sync.Mutex
		said := map[string]int{}
		server.Store, server.User, server.Password = filled(numbered(5)), "me@gmail.com", canaryCode
		server.OnCommand = func(_ int, line string) mailtest.Verdict {
			mu.Lock()
			defer mu.Unlock()
			verb, _, _ := strings.Cut(line, " ")
			said[verb]++
			return mailtest.Verdict{}
		}
		provider := ""
		if server.Gmail {
			provider = "gmail"
		}
		r := newRig(t, maildirThere+checkAccount(provider, "pop3", startServer(t, server), "me@gmail.com", "backlog = \"all\""))
		withCode(canaryCode)(r)
		for range 2 {
			if lines := r.checked(0, "source"); lines[0].Folders[0].Listed != 5 {
				t.Errorf("%+v", lines[0].Folders)
			}
		}
		server.Settle() // nobody waits for the answer to a QUIT that does nothing
		mu.Lock()
		defer mu.Unlock()
		if said["RETR"]+said["TOP"]+said["DELE"] > 0 || said["QUIT"] != 2 {
			t.Errorf("it said %v", said)
		}
		for _, m := range server.Store.Messages("INBOX") {
			if m.Popped {
				t.Errorf("message %d is hidden", m.UID)
			}
		}
		if _, err := os.Stat(filepath.Join(r.dir, "state")); err == nil {
			t.Error("a state was made")
		}
	}
}

// A check of an IMAP mailbox and of an IMAP destination changes neither, and a
// test message that was removed leaves both ends as they were.
func TestCheckLeavesIMAPAlone(t *testing.T) {
	source := &mailtest.IMAP{Store: filled(numbered(5)), User: "me", Password: canaryCode}
	home := &mailtest.IMAP{Store: filled(numbered(3)), User: "you", Password: canaryCode}
	r := newRig(t, checkDestination("", "imap", startServer(t, home), "you", "folder = \"New\"")+
		checkAccount("", "imap", startServer(t, source), "me", ""))
	withCode(canaryCode)(r)
	before, after := [2]string{}, [2]string{}
	look := func(into *[2]string) {
		into[0], into[1] = fmt.Sprint(source.Store.Snapshot()), fmt.Sprint(home.Store.Snapshot())
	}
	look(&before)
	r.checked(0)
	if look(&after); before != after {
		t.Error("looking on changed a mailbox")
	}
	r.checked(0, "--deliver")
	if n := len(home.Store.Messages("INBOX")) + len(home.Store.Messages("New")); n != 3 {
		t.Errorf("%d messages are at the destination", n)
	}
	if sum := total(r.once(0)); sum.Delivered != 5 || sum.AlreadyThere != 0 {
		t.Errorf("the pass afterwards: %+v", sum)
	}
}

// What is collected already is not counted as new.
func TestCheckKnowsTheLedger(t *testing.T) {
	store := filled(numbered(5))
	addr := startServer(t, &mailtest.IMAP{Store: store, User: "me", Password: canaryCode})
	r := newRig(t, maildirThere+checkAccount("", "imap", addr, "me", ""))
	withCode(canaryCode)(r)
	r.once(0)
	store.Add("INBOX", mailtest.Message{Body: numbered(6)[5]})
	if f := r.checked(0, "source")[0].Folders[0]; f.Listed != 6 || f.New != 1 {
		t.Errorf("%+v", f)
	}
}

// The tries of a day are counted over checks and passes, and one that gets in
// clears them.
func TestCheckCountsRefusedLogins(t *testing.T) {
	addr := startServer(t, &mailtest.IMAP{Store: filled(numbered(2)), User: "me", Password: canaryCode})
	r := newRig(t, maildirThere+checkAccount("", "imap", addr, "me", ""))
	r.now = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	withCode("Canary-Password-1")(r)
	r.once(77)
	for _, left := range []int{4, 3, 2} {
		lines := r.checked(77, "source")
		if got := lines[0].TriesLeft; got == nil || *got != left {
			t.Fatalf("%v tries are left, want %d", got, left)
		}
	}
	if p := r.pass("source"); p.Failures != 4 || p.NextTry.IsZero() || p.Class != "credentials" {
		t.Errorf("%+v", p)
	}
	r.now = r.now.Add(time.Second) // the file below is not newer than that: no new secret
	withCode(canaryCode)(r)
	if got := r.run("check"); got != 0 || !strings.Contains(r.stdout.String(), "are tried again from now on") {
		t.Errorf("status %d\n%s", got, r.stdout.String())
	}
	if p := r.pass("source"); p.Failures != 0 || !p.NextTry.IsZero() || p.Class != "" {
		t.Errorf("%+v", p)
	}
	if sum := total(r.once(0)); sum.Delivered != 2 {
		t.Errorf("%+v", sum)
	}
}

// pass is what the state says of the last pass of an account.
func (r *rig) pass(account string) ledger.Pass {
	r.t.Helper()
	l, err := ledger.OpenReadOnly(filepath.Join(r.dir, "state"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer l.Close()
	rows, err := l.Accounts(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, row := range rows {
		if row.Name == account {
			return row.Pass
		}
	}
	return ledger.Pass{}
}

// Beside a mailrill that cannot be told, a check reads the state only, and says who
// notices.
func TestCheckBesideAnother(t *testing.T) {
	addr := startServer(t, &mailtest.IMAP{Store: filled(numbered(2)), User: "me", Password: canaryCode})
	r := newRig(t, maildirThere+checkAccount("", "imap", addr, "me", ""))
	withCode("Canary-Password-1")(r)
	r.once(77)
	service, err := ledger.Open(filepath.Join(r.dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	withCode(canaryCode)(r)
	if got := r.run("check"); got != 0 || !strings.Contains(r.stdout.String(), "another mailrill is at work") {
		t.Errorf("status %d\n%s%s", got, r.stdout.String(), r.stderr.String())
	}
	if p := r.pass("source"); p.Failures != 1 {
		t.Errorf("%+v", p)
	}
}

// Names are those of accounts, with their destinations, and of destinations.
func TestCheckNames(t *testing.T) {
	r := newRig(t, `[destination.one]
type = "maildir"
path = "$DIR/one"
[destination.each]
type = "maildir"
path = "$DIR/{account}"
[destination.unused]
type = "maildir"
path = "$DIR/unused"
`+offAccount("a", "one", true)+offAccount("b", "each", true)+offAccount("c", "each", true)+offAccount("d", "one", true)+offAccount("off", "one", false))
	said := func(args ...string) string {
		var out []string
		for _, l := range r.checked(0, append(args, "--offline")...) {
			text := l.Kind + " " + l.Name
			if l.For != nil {
				text += " for " + *l.For
			}
			out = append(out, text)
		}
		return strings.Join(out, ", ")
	}
	for args, want := range map[string]string{
		"":      "account a, account b, account c, account d, destination one, destination each for b, destination each for c",
		"a":     "account a, destination one",
		"off":   "account off, destination one",
		"each":  "destination each for b, destination each for c",
		"b one": "account b, destination one, destination each",
	} {
		if got := said(strings.Fields(args)...); got != want {
			t.Errorf("check %s: %s", args, got)
		}
	}
	for _, args := range [][]string{{"nobody"}, {"unused"}, {"--deliver"}, {"--discover"}} {
		if got := r.run(append([]string{"check", "--offline"}, args...)...); got != 64 {
			t.Errorf("check %v: status %d", args, got)
		}
	}
}

func offAccount(name, to string, enabled bool) string {
	return fmt.Sprintf("[[account]]\nname = %q\nhost = \"127.0.0.1\"\ntls = \"none\"\nuser = %q\npassword = \"x\"\nto = %q\nenabled = %v\n", name, name, to, enabled)
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "", 900 * time.Microsecond: "", 12 * time.Millisecond: " (12 ms)", 1250 * time.Millisecond: " (1.2 s)", 90 * time.Second: " (90.0 s)"} {
		if got := took(d); got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
}

// What others are told of an address is its domain, and of a config only the
// domains that no preset knows.
func TestWhichDomainsAreAskedAbout(t *testing.T) {
	r := newRig(t, `[destination.one]
type = "maildir"
path = "$DIR/one"
`+strings.ReplaceAll(offAccount("a", "one", true), `user = "a"`, `user = "me@example.org"`)+
		strings.ReplaceAll(offAccount("b", "one", true), `user = "b"`, `user = "me@gmail.com"`)+offAccount("c", "one", true))
	asked := func(names ...string) (out []string, err error) {
		a := &app{stdout: &r.stdout, stderr: &r.stderr, getenv: os.Getenv, now: time.Now, globals: globals{config: r.config, logLevel: "info", logFormat: "text"}}
		inquiries, err := a.inquiries(names)
		for _, i := range inquiries {
			out = append(out, i.domain)
		}
		return out, err
	}
	if got, err := asked(); err != nil || !slices.Equal(got, []string{"example.org"}) {
		t.Errorf("of the config: %q, %v", got, err)
	}
	if got, err := asked("you@example.net", "example.com"); err != nil || !slices.Equal(got, []string{"example.net", "example.com"}) {
		t.Errorf("of names: %q, %v", got, err)
	}
}

// Whatever a server puts into its greeting, its folders' names and its refusals,
// nothing of it steers a terminal, and no line grows without bound.
func TestCheckOfAHostileServer(t *testing.T) {
	foul := "\x1b]0;title\x07\x1b[2J\u202edoc\u2066" + strings.Repeat("long ", 5_000)
	folder := "x\u202ecod"
	store := filled(numbered(2))
	store.Create(folder)
	for _, refuse := range []string{"", "AUTHENTICATE", "LIST", "EXAMINE"} {
		addr := startServer(t, &mailtest.IMAP{Store: store, User: "me", Password: canaryCode, Greeting: "* OK " + foul[:900], OnCommand: func(_ int, line string) mailtest.Verdict {
			if refuse != "" && strings.HasPrefix(line, refuse) {
				return mailtest.Verdict{Reply: "NO [ALERT] " + foul}
			}
			return mailtest.Verdict{}
		}})
		r := newRig(t, maildirThere+checkAccount("", "imap", addr, "me", `folders = ["*"]`))
		withCode(canaryCode)(r)
		for _, args := range [][]string{{"check"}, {"check", "--json"}, {"check", "--lang", "zh"}} {
			if code := r.run(args...); code != 0 && refuse == "" {
				t.Errorf("status %d", code)
			}
			for line := range strings.Lines(r.stdout.String() + r.stderr.String()) {
				if text := strings.TrimSuffix(line, "\n"); strings.ContainsFunc(text, reply.Steers) || len(text) > 4_000 {
					t.Errorf("%v, refusing %q: %d octets: %.200q", args, refuse, len(text), text)
				}
			}
		}
	}
}
