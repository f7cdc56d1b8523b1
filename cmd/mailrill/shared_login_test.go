package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"mailrill/internal/mailtest"
)

// A locked is a mailbox that ten accounts deliver into. It refuses every login while
// it is locked.
type locked struct {
	*rig
	mu     sync.Mutex
	open   bool
	logins int
}

func newLocked(t *testing.T, extra string) *locked {
	t.Helper()
	l := &locked{}
	to := startServer(t, &mailtest.IMAP{Store: mailtest.NewStore(), User: "me", Password: "pass", OnCommand: l.command})
	config := "[destination.home]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = " + port(to) + "\ntls = \"none\"\nuser = \"me\"\npassword = \"pass\"\n"
	for i := range 10 {
		from := startServer(t, &mailtest.POP3{Store: filled(numbered(1)), User: "me", Password: "pass"})
		config += strings.Replace(accountTo("pop3", from, "me", extra), `"pop3"`, fmt.Sprintf(`"a%d"`, i), 1)
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
		v.Reply = "NO [AUTHENTICATIONFAILED] the mailbox is locked"
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
