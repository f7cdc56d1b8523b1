package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/daemon"
	"mailrill/internal/ledger"
	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

// A diary is a service's log of one account, over passes that a test makes up.
type diary struct {
	log    outcomeLog
	now    time.Time
	before ledger.Pass
	folder string // the only one that passes look at
}

func newDiary() *diary {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return &diary{now: noon, before: ledger.Pass{At: noon, OK: noon}}
}

// after makes a pass d later, and returns what is logged about it, a word each.
func (d *diary) after(pause time.Duration, results ...*collect.Result) string {
	d.now = d.now.Add(pause)
	var out bytes.Buffer
	a := &app{getenv: func(string) string { return "" }, now: func() time.Time { return d.now }, warned: map[string]time.Time{},
		log: slog.New(newLogHandler(&out, globals{logLevel: "info"}, true))}
	o := &daemon.Outcome{
		Account: &config.Account{Name: "gmail", Protocol: config.IMAP, Destination: &config.Destination{}},
		Folder:  d.folder,
		Report:  &collect.Report{Account: "gmail", Results: results}, Before: d.before, Pass: ledger.Pass{At: d.now, OK: d.now},
	}
	if err := o.Report.Err(); err != nil {
		o.Pass = ledger.Pass{At: d.now, OK: d.before.OK, Class: string(reply.ClassOf(err)), Text: reply.Clean(err.Error()), Failures: d.before.Failures + 1}
	}
	d.before = o.Pass
	d.log.pass(a, o)
	return brief(out.String())
}

// brief is each line's priority and first words.
func brief(log string) string {
	var lines []string
	for line := range strings.Lines(log) {
		priority, rest, _ := strings.Cut(line, "msg=")
		text, _, _ := strings.Cut(strings.Trim(rest, `"`), `"`)
		text, _, _ = strings.Cut(text, " account=")
		lines = append(lines, priority+text)
	}
	return strings.Join(lines, "; ")
}

func failedBy(c reply.Class, format string, args ...any) *collect.Result {
	return &collect.Result{Folder: "INBOX", Err: reply.WithClass(c, fmt.Errorf(format, args...))}
}

const tick = 5 * time.Minute

func TestFailureIsToldOnce(t *testing.T) {
	d := newDiary()
	fine := &collect.Result{Folder: "INBOX"}
	for i, c := range []struct {
		pause  time.Duration
		result *collect.Result
		want   string
	}{
		{tick, fine, ""},
		{tick, &collect.Result{Folder: "INBOX", New: 2, Delivered: 2}, "<6>collected"},
		{tick, failedBy(reply.Network, "no answer within 2m0s"), "<4>no answer within 2m0s"},
		{tick, failedBy(reply.Network, "no answer within 1m59s"), ""},
		{tick, failedBy(reply.Network, "connection refused"), "<4>connection refused"},
		{tick, failedBy(reply.Network, "no answer within 2m0s"), ""},
		{tick, failedBy(reply.Credentials, "imap LOGIN refused: bad password [a1-b2c3]"), "<3>imap LOGIN refused: bad password [a1-b2c3]"},
		{tick, failedBy(reply.Credentials, "imap LOGIN refused: bad password [d4-e5f6]"), ""},
		{tick, fine, "<6>all is well again"},
		{tick, fine, ""},
		{tick, failedBy(reply.Network, "connection refused"), "<4>connection refused"},
		{tick, failedBy(reply.Network, "connection refused"), ""},
	} {
		if got := d.after(c.pause, c.result); got != c.want {
			t.Errorf("pass %d: %q, want %q", i, got, c.want)
		}
	}
}

func TestFailureIsRememberedADayLater(t *testing.T) {
	d := newDiary()
	n := 0
	for range 3 * 24 * 12 { // three days
		if d.after(tick, failedBy(reply.Network, "connection refused")) != "" {
			n++
		}
	}
	if n != 3 {
		t.Errorf("told %d times in three days", n)
	}
	if got := d.after(-48*time.Hour, failedBy(reply.Network, "connection refused")); got == "" {
		t.Error("a clock that was set back silences the log for days")
	}
}

// A service that is restarted goes on where it was.
func TestRestartIsNoNews(t *testing.T) {
	d := newDiary()
	told := 0
	for range 47 { // nearly two days, restarted each hour
		d.log = outcomeLog{}
		if d.after(time.Hour, failedBy(reply.TLS, "certificate has expired")) != "" {
			told++
		}
	}
	if told != 2 {
		t.Errorf("told %d times in two days", told)
	}
	d.log = outcomeLog{}
	if got := d.after(tick, &collect.Result{}); got != "<6>all is well again" {
		t.Errorf("%q", got)
	}
}

func TestNeverAnyGoodPass(t *testing.T) {
	d := newDiary()
	d.before = ledger.Pass{}
	if got := d.after(tick, failedBy(reply.Config, "no such folder")); got != "<3>no such folder" {
		t.Errorf("%q", got)
	}
	d.log = outcomeLog{}
	if got := d.after(tick, failedBy(reply.Config, "no such folder")); got != "" {
		t.Errorf("%q", got)
	}
}

// A pass that brought mail from forty folders is one line, with the sums.
func TestPassIsOneLine(t *testing.T) {
	d := newDiary()
	results := []*collect.Result{
		{Folder: "INBOX", New: 3, Delivered: 2, Held: 1, Bytes: 100, Seconds: 0.5},
		{Folder: "Empty", Listed: 7, Seconds: 9},
		{Folder: "Work", New: 4, Delivered: 4, Bytes: 11, Seconds: 0.25, SourceDone: 5},
	}
	if got := d.after(tick, results...); got != "<6>collected" {
		t.Errorf("%q", got)
	}
	folders, sum := brought(&collect.Report{Results: results})
	if want := (collect.Result{New: 7, Delivered: 6, Held: 1, SourceDone: 5, Bytes: 111, Seconds: 0.75}); sum != want || !slices.Equal(folders, []string{"INBOX", "Work"}) {
		t.Errorf("%v: %+v", folders, sum)
	}
}

// Forty folders of a server that is down are one line, another fault is another.
func TestFoldersThatFailAlike(t *testing.T) {
	d := newDiary()
	gone := failedBy(reply.Network, "connection refused")
	if got := d.after(tick, gone, gone, failedBy(reply.Temporary, "mailbox is locked"), gone); got != "<4>connection refused; <4>mailbox is locked" {
		t.Errorf("%q", got)
	}
}

// What was refused is in the hold each time, and the account is well.
func TestRefusedMessagesAreNoState(t *testing.T) {
	d := newDiary()
	held := &collect.Result{Folder: "INBOX", Held: 1, Err: reply.WithClass(reply.Refused, errors.New("1 message refused"))}
	for range 2 {
		if got := d.after(tick, held); got != "<6>collected; <4>1 message refused" {
			t.Errorf("%q", got)
		}
	}
	if got := d.after(tick, &collect.Result{}); got != "" {
		t.Errorf("%q", got)
	}
}

// That new mail came well into one folder says nothing of those that fail.
func TestOneFolderIsNotAll(t *testing.T) {
	d := newDiary()
	gone := failedBy(reply.Config, "no such folder")
	for i, c := range []struct {
		folder string
		result *collect.Result
		want   string
	}{
		{"", gone, "<3>no such folder"},
		{"INBOX", &collect.Result{Folder: "INBOX", Delivered: 1}, "<6>collected"},
		{"", gone, ""},
		{"INBOX", &collect.Result{Folder: "INBOX"}, ""},
		{"", &collect.Result{Folder: "INBOX"}, "<6>all is well again"},
		{"INBOX", &collect.Result{Folder: "INBOX"}, ""},
	} {
		d.folder = c.folder
		if got := d.after(tick, c.result); got != c.want {
			t.Errorf("pass %d: %q, want %q", i, got, c.want)
		}
	}
}

// A pass that was told to stop is neither a failure nor a recovery.
func TestStoppedPassIsNoNews(t *testing.T) {
	d := newDiary()
	d.after(tick, failedBy(reply.Network, "connection refused"))
	o := &daemon.Outcome{Account: &config.Account{Name: "gmail"}, Report: &collect.Report{Stopped: true, Results: []*collect.Result{{}}}, Before: d.before}
	if news, well := d.log.note(o, d.now); news != nil || well {
		t.Errorf("%v, %v", news, well)
	}
	if got := d.after(tick, failedBy(reply.Network, "connection refused")); got != "" {
		t.Errorf("%q", got)
	}
}

// A destination that takes nothing now is a line or two, however many messages wait
// for it, and however often it is tried.
func TestRefusedMessagesDoNotFloodTheLog(t *testing.T) {
	dst := startServer(t, &mailtest.IMAP{Store: mailtest.NewStore(), User: "me", Password: "pass", OnCommand: func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "APPEND") {
			return mailtest.Verdict{Reply: "NO try later"}
		}
		return mailtest.Verdict{}
	}})
	src := startServer(t, &mailtest.POP3{Store: filled(numbered(50)), User: "me", Password: "pass"})
	r := newRig(t, fmt.Sprintf("[destination.home]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = \"me\"\npassword = \"pass\"\n", port(dst))+
		accountTo("pop3", src, "me", "schedule = \"@every 24h\"\n"))
	s := r.serve()
	s.settled("pop3")
	for range 3 {
		r.run("collect", "pop3")
		s.settled("pop3")
	}
	log := s.log.String()
	if n := strings.Count(log, "try later"); n < 1 || n > 2 {
		t.Errorf("it is told %d times:\n%s", n, log)
	}
}
