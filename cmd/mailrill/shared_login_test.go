package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/daemon"
	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

// A locked is a mailbox that ten accounts deliver into. It refuses every login while
// it is locked.
type locked struct {
	*rig
	mu     sync.Mutex
	open   bool
	words  string // of the refusal
	logins int
}

// newLocked returns a locked mailbox. Each account has the line extra, in which ACCOUNT
// stands for its name.
func newLocked(t *testing.T, extra string) *locked {
	t.Helper()
	l := &locked{words: "[AUTHENTICATIONFAILED] the mailbox is locked"}
	to := startServer(t, &mailtest.IMAP{Store: mailtest.NewStore(), User: "me", Password: "pass", OnCommand: l.command})
	config := "[destination.home]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = " + port(to) + "\ntls = \"none\"\nuser = \"me\"\npassword = \"pass\"\n"
	for i := range 10 {
		from := startServer(t, &mailtest.POP3{Store: filled(numbered(1)), User: "me", Password: "pass"})
		name := fmt.Sprint("a", i)
		account := strings.Replace(accountTo("pop3", from, "me", strings.ReplaceAll(extra, "ACCOUNT", name)), `"pop3"`, `"`+name+`"`, 1)
		if strings.Contains(extra, "password_file") {
			account = strings.Replace(account, "password = \"pass\"\n", "", 1)
		}
		config += account
	}
	l.rig = newRig(t, config)
	return l
}

func (l *locked) command(_ int, line string) (v mailtest.Verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	verb, _, _ := strings.Cut(line, " ")
	if verb != "LOGIN" && verb != "AUTHENTICATE" {
		return v
	}
	if l.logins++; !l.open {
		v.Reply = "NO " + l.words
	}
	return v
}

// count returns how many logins there were since the last call.
func (l *locked) count() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, l.logins = l.logins, 0
	return n
}

func (l *locked) unlock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = true
}

// Ten accounts whose destination refuses them make one login among them, whichever
// of them asks, until a check has found that it is taken.
func TestRefusedLoginOfManyAccounts(t *testing.T) {
	l := newLocked(t, daily)
	l.once(77)
	if n := l.count(); n != 1 {
		t.Errorf("%d logins at once", n)
	}
	l.once(77)
	l.once(77, "--account", "a7")
	if n := l.count(); n != 0 {
		t.Errorf("%d logins by the next passes", n)
	}
	l.once(77, "--account", "a7", "--force")
	if n := l.count(); n != 1 {
		t.Errorf("%d logins by force", n)
	}
	l.unlock()
	l.once(77)
	if n := l.count(); n != 0 {
		t.Errorf("%d logins before anybody knows that they are taken", n)
	}
	if code := l.run("check"); code != 0 {
		t.Fatalf("%d: %s%s", code, l.stdout.String(), l.stderr.String())
	}
	if sum := l.sum(0); sum.Delivered != 10 {
		t.Errorf("%+v", sum)
	}
}

// The same beside a service.
func TestRefusedLoginOfManyAccountsServed(t *testing.T) {
	l := newLocked(t, daily)
	s := l.serve()
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprint("a", i))
	}
	s.settled(names...)
	s.once(77)
	if n := l.count(); n != 1 {
		t.Errorf("%d logins", n)
	}
	if code := s.run("collect", "a3"); code != 77 || l.count() != 1 { // who asks by hand wants to see for themselves
		t.Errorf("%d: %s", code, s.stderr.String())
	}
	l.unlock()
	if code := s.run("check"); code != 0 {
		t.Fatalf("%d: %s%s", code, s.stdout.String(), s.stderr.String())
	}
	s.once(0)
}

// In whichever words a login is refused, one account tries.
func TestOtherWordsOfARefusal(t *testing.T) {
	for _, words := range []string{"the moon is full", "Too many login attempts", "[UNAVAILABLE] later", "Your account is not enabled for IMAP use"} {
		l := newLocked(t, daily)
		l.words = words
		l.run("--once")
		if n := l.count(); n != 1 {
			t.Errorf("%s: %d logins", words, n)
		}
	}
}

// A source's secret has nothing to do with the login at the destination.
func TestSecretOfTheOtherEnd(t *testing.T) {
	secrets := t.TempDir()
	write := func() {
		for i := range 10 {
			if err := os.WriteFile(filepath.Join(secrets, fmt.Sprint("a", i)), []byte("pass\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write()
	l := newLocked(t, fmt.Sprintf("password_file = %q\n", filepath.Join(secrets, "ACCOUNT")))
	l.once(77)
	write()
	l.once(77)
	if n := l.count(); n != 1 {
		t.Errorf("%d logins", n)
	}
}

// An account that tries now, and is barred another time, fails in the same way.
func TestBarredLoginIsNoNews(t *testing.T) {
	l := newLocked(t, daily)
	a := l.app()
	now, told := time.Now(), 0
	a.stdout, a.stderr, a.globals, a.now = io.Discard, io.Discard, globals{config: l.config, logLevel: "warn", logFormat: "text"}, func() time.Time { return now }
	if err := a.open(); err != nil {
		t.Fatal(err)
	}
	defer a.close()
	var log outcomeLog
	for range 5 {
		d := a.daemon(a.cfg.Accounts, a.collector(), func(out *daemon.Outcome) {
			news, _ := log.note(out, now)
			told += len(news)
		})
		if err := d.Once(t.Context(), collect.Options{}, false); err != nil {
			t.Fatal(err)
		}
		now = now.Add(4*time.Hour + time.Minute)
	}
	if told != 10 {
		t.Errorf("%d failures of ten accounts are news", told)
	}
}

// A notice does not knock where its destination refuses the login. A check that finds
// the login well lets it, and all others, in.
func TestNoticePassesTheGate(t *testing.T) {
	l := newLocked(t, daily)
	a := l.app()
	a.stdout, a.stderr, a.globals = io.Discard, io.Discard, globals{config: l.config, logLevel: "warn", logFormat: "text"}
	if err := a.open(); err != nil {
		t.Fatal(err)
	}
	a.daemon(nil, a.collector(), nil)
	for range 3 {
		box, ok := a.noticeMailbox(noticePlace(a.cfg.Accounts[0].Destination))
		if !ok {
			t.Fatal("no mailbox")
		}
		if err := box.Destination.Prepare(t.Context(), ""); reply.ClassOf(err) != reply.Credentials {
			t.Errorf("%v", err)
		}
	}
	a.close()
	if n := l.count(); n != 1 {
		t.Errorf("%d logins", n)
	}
	l.unlock()
	if code := l.run("check"); code != 0 { // no account knows of the refusal
		t.Fatalf("%d: %s", code, l.stderr.String())
	}
	l.once(0)
}

// Held messages of many accounts are offered again by one login, too.
func TestRetryPassesTheGate(t *testing.T) {
	l := newLocked(t, daily)
	a := l.app()
	hold := a.holdIn(l.rig)
	for i := range 10 {
		body := "Subject: held\r\n\r\nx\r\n"
		e := collect.Entry{Account: fmt.Sprint("a", i), ID: strings.Repeat("a", 26), Size: int64(len(body)), To: "home"}
		if err := hold.Put(e, strings.NewReader(body)); err != nil {
			t.Fatal(err)
		}
	}
	if code := l.run("hold", "retry", "--all"); code != 77 {
		t.Errorf("%d: %s%s", code, l.stdout.String(), l.stderr.String())
	}
	if n := l.count(); n != 1 {
		t.Errorf("%d logins", n)
	}
}

// By cron, too, what one account finds out holds for all.
func TestTakenLoginOfManyAccounts(t *testing.T) {
	for _, finds := range [][]string{{"--once", "--account", "a7", "--force"}, {"check", "a7"}} {
		l := newLocked(t, daily)
		l.once(77)
		l.unlock()
		if code := l.run(finds...); code != 0 {
			t.Fatalf("%q: %d: %s", finds, code, l.stderr.String())
		}
		if sum := l.sum(0); sum.Delivered < 9 {
			t.Errorf("after %q: %+v", finds, sum)
		}
	}
}
