package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailrill/internal/mailtest"
	"mailrill/internal/mailtest/real"
	"mailrill/internal/reply"
)

// wantError checks the class of a pass's error, and that its text has words.
func wantError(t *testing.T, lines []jsonLine, class reply.Class, words string) {
	t.Helper()
	e := total(lines).Error
	if e == nil || e.Class != class || !strings.Contains(e.Text, words) {
		t.Errorf("error %+v, want class %s with %q", e, class, words)
	}
}

// untouched checks that nothing was retrieved or delivered.
func untouched(t *testing.T, lines []jsonLine) {
	t.Helper()
	if sum := total(lines); sum.Delivered != 0 || sum.Held != 0 || sum.SourceDone != 0 || sum.Bytes != 0 {
		t.Errorf("%+v", sum)
	}
}

// A server whose certificate another CA has signed is not talked to: 76, on
// either side. After the config is mended everything arrives.
func TestRealWrongCA(t *testing.T) {
	s := newSite(t)
	other, err := mailtest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(filepath.Dir(s.Dir), "other.pem")
	if err := os.WriteFile(wrong, other.PEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	misled := func(table string) string { return strings.ReplaceAll(table, s.ca, wrong) }
	s.fill("source", numbered(3))
	for _, protocol := range []string{"pop3", "imap"} {
		source, home := s.account(protocol, "source", ""), s.home("ca-"+protocol)
		r := newRig(t, home+misled(source))
		lines := r.once(76)
		wantError(t, lines, reply.TLS, "certificate")
		untouched(t, lines)
		r.write(misled(home) + source)
		lines = r.once(76)
		wantError(t, lines, reply.TLS, "certificate")
		untouched(t, lines)
		r.write(home + source)
		if sum := total(r.once(0)); sum.Delivered != 3 {
			t.Errorf("%s: mended: %+v", protocol, sum)
		}
	}
}

// A wrong password is 77 with the server's words. At the destination it keeps
// everything from being retrieved; at the source the destination is not asked.
func TestRealWrongPassword(t *testing.T) {
	s := newSite(t, "auth_verbose = yes", "mail_debug = no")
	wrong := func(table string) string {
		return strings.Replace(table, fmt.Sprintf("password = %q", real.Password), `password = "not-the-password"`, 1)
	}
	s.fill("source", numbered(3))
	for _, protocol := range []string{"pop3", "imap"} {
		source, home := s.account(protocol, "source", ""), s.home("password-"+protocol)
		r := newRig(t, home+wrong(source))
		lines := r.once(77)
		wantError(t, lines, reply.Credentials, "Authentication failed")
		untouched(t, lines)
		// No storm: within the back-off the server is not even dialled.
		before := strings.Count(string(s.log(t)), "Login: ")
		wantError(t, r.once(77), reply.Credentials, "--force")
		if after := strings.Count(string(s.log(t)), "Login: "); after != before {
			t.Errorf("%s: %d more logins", protocol, after-before)
		}
		r.write(wrong(home) + source)
		lines = r.once(77, "--force")
		wantError(t, lines, reply.Credentials, "Authentication failed")
		untouched(t, lines)
		if strings.Contains(r.stderr.String(), "not-the-password") {
			t.Errorf("%s: the password is shown: %s", protocol, r.stderr.String())
		}
		r.write(home + source)
		if sum := total(r.once(0, "--force")); sum.Delivered != 3 {
			t.Errorf("%s: mended: %+v", protocol, sum)
		}
	}
}

func (s *site) log(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.Dir, "dovecot.log"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// STLS and STARTTLS, on both sides.
func TestRealStartTLS(t *testing.T) {
	s := newSite(t)
	s.fill("source", numbered(3))
	plain := func(table string) string {
		for implicit, port := range map[int]int{s.IMAPS: s.IMAP, s.POP3S: s.POP3} {
			table = strings.ReplaceAll(table, fmt.Sprint("port = ", implicit, "\n"), fmt.Sprint("port = ", port, "\ntls = \"starttls\"\n"))
		}
		return table
	}
	for _, protocol := range []string{"pop3", "imap"} {
		user := "starttls-" + protocol
		r := newRig(t, plain(s.home(user)+s.account(protocol, "source", "")))
		if sum := total(r.once(0)); sum.Delivered != 3 {
			t.Errorf("%s: %+v", protocol, sum)
		}
		if diff := difference(s.imapCopies(r, user), numbered(3)); diff != "" {
			t.Errorf("%s: %s", protocol, diff)
		}
	}
	for _, protocol := range []string{"imap", "pop3"} {
		if n := strings.Count(string(s.log(t)), protocol+"-login: Info: Login: user=<source>, method=PLAIN"); n == 0 {
			t.Errorf("%s: Dovecot's log shows no login", protocol)
		}
	}
	// go-imap's own client, which fills and reads, is the only one in the clear.
	for line := range strings.Lines(string(s.log(t))) {
		if strings.Contains(line, "pop3-login: Info: Login:") && !strings.Contains(line, "TLS") {
			t.Errorf("a login in the clear: %s", line)
		}
	}
}

// quota gives each account at a Dovecot 100 kB.
const quota = `
mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=100k
  quota_rule2 = Trash:storage=+1k
  quota_grace = 0
}
`

// withQuota starts a Dovecot whose accounts may hold 100 kB, except the source,
// which is filled before.
func withQuota(t *testing.T, messages [][]byte) *site {
	t.Helper()
	s := newSite(t)
	s.fill("source", messages)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	s.Extra = quota
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// sized returns n messages of about size octets.
func sized(n, size int) [][]byte {
	out := numbered(n)
	for i := range out {
		out[i] = append(out[i], bytes.Repeat([]byte("all work and no play\r\n"), size/22)...)
	}
	return out
}

// A destination that is full takes some and refuses the rest: that is nobody's
// fault but its own, nothing is held, and the pass after it was emptied brings
// the rest, each once.
func TestRealDestinationOverQuota(t *testing.T) {
	messages := sized(30, 10_000)
	for _, to := range []string{"imap", "lmtp"} {
		t.Run(to, func(t *testing.T) {
			s := withQuota(t, messages)
			home := s.home("full")
			if to == "lmtp" {
				home = s.lmtpHome("full")
			}
			r := newRig(t, home+s.account("imap", "source", "after = \"delete\""))
			r.hurry = true
			lines := r.once(75)
			wantError(t, lines, reply.Limit, "uota")
			first := total(lines)
			if first.Held != 0 || first.Delivered == 0 || first.Delivered >= 30 {
				t.Errorf("full: %+v", first)
			}
			got := s.imapCopies(r, "full")
			if len(got) != first.Delivered {
				t.Errorf("%d delivered, %d there", first.Delivered, len(got))
			}
			if left := len(s.read("source", "INBOX")); left < 30-first.Delivered {
				t.Errorf("%d left at the source after %d were delivered", left, first.Delivered)
			}
			for range 10 {
				if err := s.emptied("full"); err != nil {
					t.Fatal(err)
				}
				r.ahead += 5 * 3600e9
				if r.run("--once", "--json") == 0 {
					got = append(got, s.imapCopies(r, "full")...)
					break
				}
				if sum := total(r.lines()); sum.Held != 0 || sum.Error.Class != reply.Limit && sum.Error.Class != reply.Temporary {
					t.Errorf("%+v %+v", sum, sum.Error)
				}
				got = append(got, s.imapCopies(r, "full")...)
			}
			if diff := difference(got, messages); diff != "" {
				t.Errorf("%.600s", diff)
			}
			if left := len(s.read("source", "INBOX")); left != 0 {
				t.Errorf("%d left at the source", left)
			}
		})
	}
}

// emptied removes all messages of a user's INBOX, as their owner.
func (s *site) emptied(user string) error {
	for _, sub := range []string{"new", "cur"} {
		dir := filepath.Join(s.Maildir(user), sub)
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		if err := s.Own(dir); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(s.Maildir(user), "maildirsize")); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}
