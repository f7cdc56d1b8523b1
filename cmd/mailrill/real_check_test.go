package main

import (
	"fmt"
	"strings"
	"testing"

	"mailrill/internal/doctor"
)

// results are the steps of a line, each with how it ended.
func (l checkLine) results() string {
	var out []string
	for _, s := range l.Steps {
		out = append(out, string(s.Name)+" "+string(s.Result))
	}
	return strings.Join(out, ", ")
}

// A check of a real Dovecot and a real Postfix, over verified TLS: every step is
// there, the source is as it was, and a test message comes back as it went.
func TestRealCheck(t *testing.T) {
	s := newSite(t)
	s.startPostfix()
	s.fill("source@example.test", numbered(7))
	before := fmt.Sprint(s.read("source@example.test", "INBOX"))
	for _, c := range []struct {
		name, home, protocol, account, destination string
	}{
		{"imap to imap", s.home("check-imap") + "folder = \"A/New\"\n", "imap",
			"secret ok, resolve ok, connect ok, tls ok, greeting ok, login ok, capabilities ok, folders ok, messages ok",
			"secret ok, resolve ok, connect ok, tls ok, greeting ok, login ok, capabilities ok, place ok, test ok"},
		{"pop3 to lmtp", s.lmtpHome("check-lmtp"), "pop3",
			"secret ok, resolve ok, connect ok, tls ok, greeting ok, login ok, capabilities ok, messages ok",
			"secret ok, connect ok, greeting ok, login ok, capabilities ok, place ok, test warning"},
		{"pop3 to smtp", s.smtpHome(), "pop3",
			"secret ok, resolve ok, connect ok, tls ok, greeting ok, login ok, capabilities ok, messages ok",
			"secret ok, resolve ok, connect ok, greeting ok, tls ok, login ok, capabilities ok, size ok, place ok, test warning"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.home+s.account(c.protocol, "source@example.test", ""))
			lines := r.checked(0, "--deliver")
			if got := lines[0].results(); got != c.account || lines[0].Folders[0].New != 7 {
				t.Errorf("account: %s\n%+v", got, lines[0])
			}
			if got := lines[1].results(); got != c.destination {
				t.Errorf("destination: %s\n%+v", got, lines[1])
			}
		})
	}
	if after := fmt.Sprint(s.read("source@example.test", "INBOX")); after != before {
		t.Error("the source is not as it was")
	}
	if left := s.read("check-imap", "A/New"); len(left) != 0 {
		t.Errorf("%d messages are left at the destination", len(left))
	}
}

// What a real Dovecot refuses is told at the step where it refused it.
func TestRealCheckFails(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		name   string
		change [2]string
		at     doctor.Name
		status int
	}{
		{"a wrong password", [2]string{"password = ", "password = \"wrong\" #"}, doctor.Login, 77},
		{"a CA that is not its own", [2]string{"ca_file = ", "#"}, doctor.TLS, 76},
		{"a folder that is not there", [2]string{"backlog = ", "folders = [\"Nope\"]\nbacklog = "}, doctor.Folders, 78},
		{"TLS on a port without", [2]string{fmt.Sprint("port = ", s.IMAPS), fmt.Sprint("port = ", s.IMAP)}, doctor.TLS, 76},
	} {
		r := newRig(t, maildirThere+strings.Replace(s.account("imap", "source@example.test", ""), c.change[0], c.change[1], 1))
		lines := r.checked(c.status)
		last := lines[0].Steps[len(lines[0].Steps)-1]
		if last.Name != c.at || last.Result != doctor.Failed || lines[0].Error.Hint == "" || !lines[1].OK {
			t.Errorf("%s: %s, %+v", c.name, lines[0].results(), lines[0].Error)
		}
	}
}
