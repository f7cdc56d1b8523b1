package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailrill/internal/mailtest"
	"mailrill/internal/mailtest/hostile"
)

// played are the servers of providers that check is held against, each with every
// refusal that it can play.
var played = []struct{ provider, play, protocol, user string }{
	{"gmail", mailtest.Gmail, "imap", "me@gmail.com"},
	{"gmail", mailtest.Gmail, "pop3", "me@gmail.com"},
	{"gmail", mailtest.Gmail, "smtp", "me@gmail.com"},
	{"qq", mailtest.QQ, "imap", "12345@qq.com"},
	{"qq", mailtest.QQ, "pop3", "12345@qq.com"},
	{"qq", mailtest.QQ, "smtp", "12345@qq.com"},
	{"163", mailtest.NetEase, "imap", "me@163.com"},
	{"163", mailtest.NetEase, "pop3", "me@163.com"},
	{"163", mailtest.NetEase, "smtp", "me@163.com"},
}

// playing returns a server of a provider that refuses as refusal says.
func playing(play, protocol, user, refusal string) starter {
	switch protocol {
	case "pop3":
		return &mailtest.POP3{Store: filled(numbered(12)), User: user, Password: canaryCode, Provider: play, Refuse: refusal}
	case "smtp":
		return &mailtest.SMTP{User: user, Password: canaryCode, Provider: play, Refuse: refusal}
	}
	return &mailtest.IMAP{Store: filled(numbered(12)), User: user, Password: canaryCode, Provider: play, Refuse: refusal}
}

// At each provider each refusal ends in the right sentence, whether mail is
// collected there or brought there.
func TestCheckGoldenProviders(t *testing.T) {
	for _, p := range played {
		t.Run(p.provider+" "+p.protocol, func(t *testing.T) {
			var all []checkup
			for _, refusal := range append([]string{"nothing"}, mailtest.Refusals(p.play, p.protocol)...) {
				c := checkup{name: "refused: " + refusal, edit: withCode(canaryCode), args: []string{"source"}}
				if refusal == "nothing" {
					refusal = ""
				}
				addr := startServer(t, playing(p.play, p.protocol, p.user, refusal))
				if p.protocol == "smtp" {
					c.config, c.args = checkDestination(p.provider, "smtp", addr, p.user, "recipient = \"you@example.org\"\n")+quietSource(t), []string{"home", "--deliver"}
				} else {
					c.config = maildirThere + checkAccount(p.provider, p.protocol, addr, p.user, "")
				}
				all = append(all, c)
			}
			golden(t, p.provider+"-"+p.protocol, all)
		})
	}
}

// quietSource is an account whose server is not looked at.
func quietSource(t *testing.T) string {
	return checkAccount("", "imap", "127.0.0.1:1", "me", "")
}

// What the destinations of providers show before and after a test message.
func TestCheckGoldenDestinations(t *testing.T) {
	to := func(provider, play, user, extra string, knobs func(*mailtest.IMAP)) func(*testing.T) string {
		return func(t *testing.T) string {
			s := &mailtest.IMAP{Store: filled(numbered(3)), User: user, Password: canaryCode, Provider: play}
			if knobs != nil {
				knobs(s)
			}
			return checkDestination(provider, "imap", startServer(t, s), user, extra) + quietSource(t)
		}
	}
	look, deliver := []string{"home"}, []string{"home", "--deliver"}
	golden(t, "destinations", []checkup{
		{name: "gmail, a label that is to be made", fresh: to("gmail", mailtest.Gmail, "me@gmail.com", `folder = "Old/Work"`, nil), args: look, edit: withCode(canaryCode)},
		{name: "gmail, a test message", fresh: to("gmail", mailtest.Gmail, "me@gmail.com", "", nil), args: deliver, edit: withCode(canaryCode)},
		{name: "qq, INBOX", fresh: to("qq", mailtest.QQ, "12345@qq.com", "", nil), args: look, edit: withCode(canaryCode)},
		{name: "qq, a folder that is not there", fresh: to("qq", mailtest.QQ, "12345@qq.com", `folder = "Gmail"`, nil), args: look, edit: withCode(canaryCode)},
		{name: "qq, a folder below its parent", fresh: to("qq", mailtest.QQ, "12345@qq.com", `folder = "Gmail"`, func(s *mailtest.IMAP) { s.Store.QQFolders("Gmail") }), args: look, edit: withCode(canaryCode)},
		{name: "163, a test message", fresh: to("163", mailtest.NetEase, "me@163.com", "", nil), args: deliver, edit: withCode(canaryCode)},
		{name: "gmail, uploads are suspended", fresh: to("gmail", mailtest.Gmail, "me@gmail.com", "", func(s *mailtest.IMAP) { s.Refuse = "bandwidth-append" }), args: deliver, edit: withCode(canaryCode)},
		{name: "the answer to the test message is lost", fresh: to("", "", "me", "", func(s *mailtest.IMAP) {
			s.OnCommand = func(_ int, line string) mailtest.Verdict {
				return mailtest.Verdict{LoseReply: strings.HasPrefix(line, "APPEND")}
			}
		}), args: deliver, edit: withCode(canaryCode)},
		{name: "one's own server, a test message", fresh: to("", "", "me", `folder = "New"`, nil), args: deliver, edit: withCode(canaryCode)},
		{name: "a server that cannot remove one message", fresh: to("", "", "me", "", func(s *mailtest.IMAP) { s.Without = []string{"UIDPLUS", "MOVE"} }), args: deliver, edit: withCode(canaryCode)},
		{name: "maildir, a test message", config: maildirThere + quietSource(t), args: deliver, edit: withCode(canaryCode)},
		{name: "command, a test message", config: "[destination.home]\ntype = \"command\"\nargv = [\"$DIR/take\"]\n" + quietSource(t), args: deliver, edit: withProgram},
		{name: "command that is not there", config: "[destination.home]\ntype = \"command\"\nargv = [\"$DIR/nothing\"]\n" + quietSource(t), args: look, edit: withCode(canaryCode)},
		{name: "lmtp, the mailbox is unknown", fresh: lmtpHome(func(s *mailtest.SMTP) {
			s.RefuseRecipient = func(string) string { return "550 5.1.1 User unknown" }
		}), args: look, edit: withCode(canaryCode)},
		{name: "lmtp, a clock that is wrong", fresh: lmtpHome(func(s *mailtest.SMTP) {
			s.Greeting = "220 mx.example.org ESMTP Sendmail 8.18.1/8.18.1; Fri, 20 Nov 2026 09:30:00 GMT"
			s.Without = []string{"CHUNKING"}
		}), args: look, edit: withCode(canaryCode)},
	})
}

// withProgram writes a program that takes a message.
func withProgram(r *rig) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, "take"), []byte("#!/bin/sh\nexec cat >/dev/null\n"), 0o700); err != nil {
		r.t.Fatal(err)
	}
}

func lmtpHome(knobs func(*mailtest.SMTP)) func(*testing.T) string {
	return func(t *testing.T) string {
		s := &mailtest.SMTP{LMTP: true}
		knobs(s)
		_, port, _ := net.SplitHostPort(startServer(t, s))
		return fmt.Sprintf("[destination.home]\ntype = \"lmtp\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nrecipient = \"me\"\n", port) + quietSource(t)
	}
}

// What goes wrong before a server has said a word.
func TestCheckGoldenNetwork(t *testing.T) {
	ca, err := mailtest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	secure := func(config *tls.Config) string {
		return startServer(t, &mailtest.IMAP{Store: filled(numbered(2)), User: "me@gmail.com", Password: canaryCode, Gmail: true, TLS: config})
	}
	web := func(c *hostile.Conn) { c.Say("HTTP/1.1 302 Found\r\nLocation: https://portal.example/login\r\n\r\n") }
	account := func(provider, addr, extra string) string {
		return maildirThere + checkAccount(provider, "imap", addr, "me@gmail.com", extra)
	}
	withCA := func(r *rig) {
		withCode(canaryCode)(r)
		if err := os.WriteFile(filepath.Join(r.dir, "ca.pem"), ca.PEM(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good, foreign := secure(ca.Server()), secure(ca.Server("imap.example.org"))
	source, implicit, ours := []string{"source"}, "tls = \"implicit\"\n", "tls = \"implicit\"\nca_file = \"ca.pem\"\n"
	forbids := hostile.CONNECT(func(c *hostile.Conn) { c.Say("HTTP/1.1 403 Forbidden\r\n\r\n") }, func(*hostile.Conn) {})
	golden(t, "network", []checkup{
		{name: "TLS, all is well", config: account("gmail", good, ours), args: source, edit: withCA},
		{name: "TLS is intercepted", config: account("gmail", good, implicit), args: source, edit: withCA},
		{name: "an authority of one's own", config: account("", good, implicit), args: source, edit: withCA},
		{name: "a certificate for another host", config: account("gmail", foreign, ours), args: source, edit: withCA},
		{name: "a captive portal in place of TLS", config: account("gmail", startHostile(t, web), implicit), args: source, edit: withCA},
		{name: "a captive portal in place of a greeting", config: account("gmail", startHostile(t, web), ""), args: source, edit: withCA},
		{name: "a port where nobody listens", config: account("gmail", nobody(t), implicit), args: source, edit: withCA},
		{name: "a secret of another shape", config: account("gmail", good, ours), args: source, edit: func(r *rig) {
			withCA(r)
			withCode("Canary-Password-1")(r)
		}},
		{name: "a secret that is not there", config: account("gmail", good, implicit), args: source, edit: nil},
		{name: "a proxy that will not", config: account("gmail", "imap.gmail.com:993", ours+"\nproxy = \"http://"+startHostile(t, forbids)+"\"\n"), args: source, edit: withCA},
	})
}

func startHostile(t *testing.T, play func(*hostile.Conn)) string {
	t.Helper()
	s, err := hostile.Start(play)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return fmt.Sprintf("127.0.0.1:%d", s.Port())
}

// nobody returns an address where nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// What there is to collect, and what keeps it back.
func TestCheckGoldenMessages(t *testing.T) {
	over := func(protocol, extra string, n int, knobs ...func(*mailtest.POP3)) func(*testing.T) string {
		return func(t *testing.T) string {
			var s starter = &mailtest.IMAP{Store: filled(numbered(n)), User: "me", Password: canaryCode}
			provider := ""
			if protocol == "pop3" {
				p := &mailtest.POP3{Store: filled(numbered(n)), User: "me", Password: canaryCode}
				for _, k := range knobs {
					k(p)
				}
				if p.Gmail {
					provider = "gmail"
				}
				s = p
			}
			return maildirThere + checkAccount(provider, protocol, startServer(t, s), "me", extra)
		}
	}
	gmail := func(s *mailtest.POP3) { s.Gmail = true }
	source, since := []string{"source"}, "backlog = { since = 2026-01-02 }"
	collected := func(r *rig) {
		withCode(canaryCode)(r)
		r.run("--once")
	}
	golden(t, "messages", []checkup{
		{name: "more than one may expect", fresh: over("imap", "", 1200), args: source, edit: withCode(canaryCode)},
		{name: "backlog new", fresh: over("imap", `backlog = "new"`, 20), args: source, edit: withCode(canaryCode)},
		{name: "backlog last", fresh: over("imap", "backlog = { last = 5 }", 20), args: source, edit: withCode(canaryCode)},
		{name: "backlog since, over IMAP", fresh: over("imap", since, 1400), args: source, edit: withCode(canaryCode)},
		{name: "backlog since, over POP3", fresh: over("pop3", since, 20), args: source, edit: withCode(canaryCode)},
		{name: "all is collected", fresh: over("imap", "", 20), args: source, edit: collected},
		{name: "all is collected, over POP3", fresh: over("pop3", "", 20), args: source, edit: collected},
		{name: "all is collected, over POP3 without UIDL", fresh: over("pop3", "", 20, func(s *mailtest.POP3) { s.NoUIDL = true }), args: source, edit: collected},
		{name: "max_size", fresh: over("imap", `max_size = "100"`, 20), args: source, edit: withCode(canaryCode)},
		{name: "more than a day's limit", fresh: over("imap", `daily_limit = "1kB"`, 20), args: source, edit: withCode(canaryCode)},
		{name: "Gmail lists nothing", fresh: over("pop3", "", 0, gmail), args: source, edit: withCode(canaryCode)},
		{name: "a folder that is not there", fresh: over("imap", `folders = ["INBOX", "Wrok"]`, 3), args: source, edit: withCode(canaryCode)},
	})
}

// The clock of a check that waits for QQ is not the machine's.
func TestCheckWaitsForQQ(t *testing.T) {
	r := newRig(t, "")
	r.hurry = true
	s := &mailtest.IMAP{
		Store: filled(numbered(3)), User: "12345@qq.com", Password: canaryCode, Provider: mailtest.QQ, ShowsAfter: 35 * time.Second,
		Now: func() time.Time { return time.Now().Add(r.ahead) },
	}
	r.write(checkDestination("qq", "imap", startServer(t, s), "12345@qq.com", "") + quietSource(t))
	withCode(canaryCode)(r)
	if got := r.run("check", "home", "--deliver"); got != 0 {
		t.Fatalf("status %d\n%s", got, r.stdout.String())
	}
	if r.ahead < 35*time.Second || r.ahead > 45*time.Second {
		t.Errorf("waited %v", r.ahead)
	}
	if n := len(s.Store.Messages("INBOX")); n != 3 {
		t.Errorf("%d messages are left in INBOX", n)
	}
}
