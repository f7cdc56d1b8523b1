package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mailrill/internal/ledger"
	"mailrill/internal/mailtest"
	"mailrill/internal/oauth"
)

const signInUser = "me@example.com"

// An idp is a provider that is played, and the person who signs in with it.
type idp struct {
	*mailtest.OAuth
	key string
	rig *rig
}

// newIDP starts a provider and has r meet it: whoever is shown its address opens
// that in a browser.
func newIDP(t *testing.T, r *rig, o *mailtest.OAuth) *idp {
	t.Helper()
	p := &idp{o, oauth.GoogleKey, r}
	o.ClientID, o.User = "id", signInUser
	if o.Microsoft {
		p.key = oauth.MicrosoftKey
	} else {
		o.ClientSecret = "canary-client-secret"
		if err := os.WriteFile(filepath.Join(r.dir, "google.secret"), []byte(o.ClientSecret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	base, err := o.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	r.endpoints = map[string]oauth.Endpoints{p.key: {Authorize: base + mailtest.AuthorizePath, Token: base + mailtest.TokenPath, Device: base + mailtest.DevicePath}}
	r.reads = func(shown string) {
		if address := shownAddress.FindString(shown); strings.HasPrefix(address, base) {
			go http.Get(address)
		}
	}
	return p
}

var shownAddress = regexp.MustCompile(`https?://\S+`)

// registration is what the config says of the provider.
func (p *idp) registration() string {
	if p.Microsoft {
		return "[oauth.microsoft]\nclient_id = \"id\"\n"
	}
	return "[oauth.google]\nclient_id = \"id\"\nclient_secret_file = \"google.secret\"\n"
}

// server is a mail server of the provider on this machine, in a config.
func (p *idp) server(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	preset := "gmail"
	if p.Microsoft {
		preset = "outlook"
	}
	return fmt.Sprintf("provider = %q\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = %q\noauth = %q\n", preset, port, signInUser, p.key)
}

// noSecret looks for a code, a token or a secret in what was shown and in every
// file but those of the sign-ins.
func (p *idp) noSecret(t *testing.T) {
	t.Helper()
	p.lookIn(t, "stdout", p.rig.stdout.String())
	p.lookIn(t, "stderr", p.rig.stderr.String())
	err := filepath.WalkDir(filepath.Join(p.rig.dir, "state"), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() || filepath.Base(filepath.Dir(path)) == "tokens" {
			return err
		}
		data, err := os.ReadFile(path)
		p.lookIn(t, path, string(data))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func (p *idp) lookIn(t *testing.T, where, text string) {
	t.Helper()
	for _, s := range p.Secrets() {
		if strings.Contains(text, s) {
			t.Errorf("%s holds %q", where, s)
		}
	}
}

// wants runs mailrill, whose exit status must be want and whose words must hold
// all of words.
func (p *idp) wants(t *testing.T, want int, args []string, words ...string) {
	t.Helper()
	got := p.rig.run(args...)
	shown := p.rig.stdout.String() + p.rig.stderr.String()
	if got != want {
		t.Fatalf("%v: exit status %d, want %d\n%s", args, got, want, shown)
	}
	for _, w := range words {
		if !strings.Contains(shown, w) {
			t.Errorf("%v does not say %q but %q", args, w, shown)
		}
	}
	p.noSecret(t)
}

// sources are the mailboxes that a token is for.
var sources = map[string]struct {
	microsoft bool
	protocol  string
	start     func(s *mailtest.Store, takes func(user, token string) bool) starter
}{
	"Google IMAP": {false, "imap", func(s *mailtest.Store, takes func(user, token string) bool) starter {
		return &mailtest.IMAP{Store: s, User: signInUser, Takes: takes, Provider: mailtest.Gmail}
	}},
	"Google POP3": {false, "pop3", func(s *mailtest.Store, takes func(user, token string) bool) starter {
		return &mailtest.POP3{Store: s, User: signInUser, Takes: takes, Provider: mailtest.Gmail}
	}},
	"Microsoft IMAP": {true, "imap", func(s *mailtest.Store, takes func(user, token string) bool) starter {
		return &mailtest.IMAP{Store: s, User: signInUser, Takes: takes, Provider: mailtest.Outlook}
	}},
	"Microsoft POP3": {true, "pop3", func(s *mailtest.Store, takes func(user, token string) bool) starter {
		return &mailtest.POP3{Store: s, User: signInUser, Takes: takes, Provider: mailtest.Outlook}
	}},
	"OAUTHBEARER only": {false, "imap", func(s *mailtest.Store, takes func(user, token string) bool) starter {
		return &mailtest.IMAP{Store: s, User: signInUser, Takes: takes, Without: []string{"AUTH=XOAUTH2", "SASL-IR"}, OnCommand: noXOAUTH2}
	}},
	"OAUTHBEARER only, POP3": {false, "pop3", func(s *mailtest.Store, takes func(user, token string) bool) starter {
		return &mailtest.POP3{Store: s, User: signInUser, Takes: takes, Gmail: true, Capabilities: []string{"UIDL", "TOP", "SASL PLAIN OAUTHBEARER"}, OnCommand: noXOAUTH2}
	}},
}

// noXOAUTH2 hangs up on who uses what was not offered.
func noXOAUTH2(_ int, line string) mailtest.Verdict {
	return mailtest.Verdict{Cut: strings.Contains(line, "XOAUTH2")}
}

// From the sign-in to mail in the Maildir, for each kind of mailbox: tokens that
// end, a sign-in that is taken back, and the next one.
func TestSignInAndCollect(t *testing.T) {
	for name, c := range sources {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "")
			p := newIDP(t, r, &mailtest.OAuth{Microsoft: c.microsoft, RevokeOld: true})
			mailbox := filled(bodies(3))
			addr := startServer(t, c.start(mailbox, p.Takes))
			r.write("[destination.home]\ntype = \"maildir\"\npath = \"$DIR/mail\"\n[[account]]\nname = \"box\"\nto = \"home\"\nbacklog = \"all\"\nprotocol = \"" + c.protocol + "\"\n" + p.server(addr) + p.registration())

			p.wants(t, 77, []string{"--once"}, "nobody has signed in for box yet: mailrill login box")
			// It works beside a service, which holds the lock on the ledger.
			service, err := ledger.Open(filepath.Join(r.dir, "state"))
			if err != nil {
				t.Fatal(err)
			}
			p.wants(t, 0, []string{"login", "box"}, "account box: signed in with ", " as me@example.com", "127.0.0.1 takes it")
			if err := service.Close(); err != nil {
				t.Fatal(err)
			}
			// The refusal of before is over: nobody has to say --force.
			p.wants(t, 0, []string{"--once", "--log-level", "debug"}, "3 delivered")

			// The server refuses the token before its time: a new one is got at once.
			p.Revoke(false)
			mailbox.Add("INBOX", mailtest.Message{Body: []byte("Subject: more\r\n\r\nx\r\n"), Date: messageDate(9)})
			p.wants(t, 0, []string{"--once", "--json"}, `"delivered":1`)

			// The sign-in is taken back: a person has to come, and then it goes on.
			p.Revoke(true)
			p.wants(t, 77, []string{"--once", "--json"}, `"class":"credentials"`, "[invalid_grant]")
			asked := len(p.Requests())
			p.wants(t, 77, []string{"--once"}, "not tried again before")
			if len(p.Requests()) != asked {
				t.Error("a refused sign-in is tried again and again")
			}
			p.wants(t, 77, []string{"status"}, "invalid_grant")
			p.wants(t, 0, []string{"login", "box", "--lang", "zh"}, "已通过", "已接受登录")
			p.wants(t, 0, []string{"--once"}, "0 new")
			if got := len(maildirFiles(t, filepath.Join(r.dir, "mail"))); got != 4 {
				t.Errorf("%d messages", got)
			}
		})
	}
}

func maildirFiles(t *testing.T, dir string) (out []string) {
	t.Helper()
	for _, sub := range []string{"new", "cur"} {
		files, err := filepath.Glob(filepath.Join(dir, sub, "*"))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, files...)
	}
	return out
}

// A destination is signed in to by its own name, over IMAP and SMTP.
func TestSignInToDestinations(t *testing.T) {
	for _, microsoft := range []bool{false, true} {
		for _, protocol := range []string{"imap", "smtp"} {
			t.Run(fmt.Sprint(protocol, microsoft), func(t *testing.T) {
				r := newRig(t, "")
				p := newIDP(t, r, &mailtest.OAuth{Microsoft: microsoft, RevokeOld: true})
				provider := map[bool]string{false: mailtest.Gmail, true: mailtest.Outlook}[microsoft]
				imap := &mailtest.IMAP{Store: mailtest.NewStore(), User: signInUser, Takes: p.Takes, Provider: provider}
				smtp := &mailtest.SMTP{User: signInUser, Takes: p.Takes, Provider: provider}
				var server starter = imap
				lines := ""
				if protocol == "smtp" {
					server, lines = smtp, "recipient = \"you@example.org\"\n"
				}
				mailbox := filled(bodies(2))
				source := startServer(t, &mailtest.IMAP{Store: mailbox, User: "me", Password: "pass"})
				r.write("[destination.home]\ntype = \"" + protocol + "\"\n" + lines + p.server(startServer(t, server)) + accountTo("imap", source, "me", "") + p.registration())
				p.wants(t, 0, []string{"login", "home"}, "destination home: signed in with ", "127.0.0.1 takes it")
				p.wants(t, 0, []string{"--once"}, "2 delivered")
				p.Revoke(false)
				mailbox.Add("INBOX", mailtest.Message{Body: []byte("Subject: more\r\n\r\nx\r\n"), Date: messageDate(9)})
				p.wants(t, 0, []string{"--once"}, "1 delivered")
				if got := len(imap.Store.Messages("INBOX")) + len(smtp.Received()); got != 3 {
					t.Errorf("%d messages", got)
				}
			})
		}
	}
}

// The ways of a person: the address of the last page pasted, a code on another
// device, refusals; and what each ends with.
func TestSignInDialogue(t *testing.T) {
	start := func(t *testing.T, o *mailtest.OAuth) (*rig, *idp) {
		r := newRig(t, "")
		p := newIDP(t, r, o)
		addr := startServer(t, &mailtest.IMAP{Store: mailtest.NewStore(), User: signInUser, Takes: p.Takes})
		r.write("[destination.home]\ntype = \"maildir\"\npath = \"$DIR/mail\"\n[[account]]\nname = \"box\"\nto = \"home\"\n" + p.server(addr) + p.registration())
		return r, p
	}
	t.Run("paste", func(t *testing.T) {
		r, p := start(t, &mailtest.OAuth{})
		in, out := io.Pipe()
		r.stdin = in
		r.reads = func(shown string) {
			if address := shownAddress.FindString(shown); strings.Contains(address, mailtest.AuthorizePath) {
				go fmt.Fprintf(out, "hello\n%s\n", lastPage(t, address))
			}
		}
		p.wants(t, 0, []string{"login", "box"}, "cannot be shown there", "not the address that is waited for", "takes it")
	})
	t.Run("device", func(t *testing.T) {
		r, p := start(t, &mailtest.OAuth{Microsoft: true, Interval: -1, Device: []string{"authorization_pending", "slow_down"}})
		r.hurry = true
		p.wants(t, 0, []string{"login", "box", "--device"}, "Open https://login.example/device in any browser, enter the code ABCD-1234", "takes it")
	})
	t.Run("no device at Google", func(t *testing.T) {
		_, p := start(t, &mailtest.OAuth{})
		p.wants(t, 64, []string{"login", "box", "--device"}, "Google does not let")
	})
	t.Run("denied", func(t *testing.T) {
		_, p := start(t, &mailtest.OAuth{Deny: "access_denied"})
		p.wants(t, 78, []string{"login", "box"}, "nobody is signed in", "access_denied")
	})
	t.Run("testing", func(t *testing.T) {
		const words = "most likely the app is still in testing"
		r, p := start(t, &mailtest.OAuth{Testing: true})
		p.wants(t, 0, []string{"status"}, "nobody has signed in yet: mailrill login box")
		p.wants(t, 0, []string{"login", "box"}, words)
		p.wants(t, 0, []string{"status"}, words)
		p.wants(t, 0, []string{"status", "--json"}, `"warnings":["the sign-in ends on `)
		ctx, stop := context.WithCancel(t.Context())
		shown := r.reads
		r.reads = func(text string) {
			shown(text)
			if strings.Contains(text, "level=WARN") {
				stop()
			}
		}
		if code := r.runUntil(ctx, "run", "--allow-root"); code != 0 || strings.Count(r.stderr.String(), words) != 1 {
			t.Errorf("the service ends with %d: %s", code, r.stderr.String())
		}
		r.stderr.Reset()
		a, now := r.app(), time.Now()
		a.now = func() time.Time { return now }
		a.globals = globals{config: r.config, logLevel: "info", logFormat: "text"}
		if err := a.load(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			a.logSignIns(a.cfg.Accounts[0])
			now = now.Add(13 * time.Hour)
		}
		if n := strings.Count(r.stderr.String(), words); n != 2 {
			t.Errorf("told %d times within 26 hours: %s", n, r.stderr.String())
		}
	})
	t.Run("testing, by cron", func(t *testing.T) {
		const words = "most likely the app is still in testing"
		r, p := start(t, &mailtest.OAuth{Testing: true})
		year, month, today := time.Now().Date()
		r.now = time.Date(year, month, today, 12, 0, 0, 0, time.Local)
		p.wants(t, 0, []string{"login", "box"}, words)
		for i, want := range []int{1, 0, 0, 1, 0} {
			if i == 3 {
				r.now = r.now.AddDate(0, 0, 1)
			}
			r.now = r.now.Add(time.Minute)
			p.wants(t, 0, []string{"--once"}, "0 new")
			if n := strings.Count(r.stderr.String(), words); n != want {
				t.Errorf("pass %d tells it %d times: %s", i, n, r.stderr.String())
			}
		}
	})
	t.Run("stopped", func(t *testing.T) {
		r, _ := start(t, &mailtest.OAuth{})
		ctx, stop := context.WithCancel(t.Context())
		r.reads = func(string) { stop() }
		if code := r.runUntil(ctx, "login", "box"); code != 0 || strings.Contains(r.stderr.String(), "hint: ") || !strings.Contains(r.stderr.String(), "nobody is signed in") {
			t.Errorf("exit status %d: %s", code, r.stderr.String())
		}
	})
	t.Run("another user", func(t *testing.T) {
		_, p := start(t, &mailtest.OAuth{})
		p.OAuth.User = "you@example.com"
		p.wants(t, 77, []string{"login", "box"}, "signed in, but the mail server refuses it")
	})
	t.Run("the disk is full", func(t *testing.T) {
		r, p := start(t, &mailtest.OAuth{})
		if err := os.WriteFile(filepath.Join(r.dir, "state"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		p.wants(t, 74, []string{"login", "box"})
	})
}

// lastPage is where the provider sends the browser to.
func lastPage(t *testing.T, address string) string {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(address)
	if err != nil {
		t.Error(err)
		return ""
	}
	answer.Body.Close()
	return answer.Header.Get("Location")
}

// A sign-in goes along when its account gets another name.
func TestRenameTakesTheSignInAlong(t *testing.T) {
	r := newRig(t, "")
	p := newIDP(t, r, &mailtest.OAuth{})
	addr := startServer(t, &mailtest.IMAP{Store: filled(bodies(1)), User: signInUser, Takes: p.Takes})
	config := "[destination.home]\ntype = \"maildir\"\npath = \"$DIR/mail\"\n[[account]]\nname = \"old\"\nto = \"home\"\nbacklog = \"all\"\n" + p.server(addr) + p.registration()
	r.write(config)
	p.wants(t, 0, []string{"login", "old"})
	p.wants(t, 0, []string{"--once"}, "1 delivered")
	p.wants(t, 0, []string{"rename", "old", "new"})
	r.write(strings.Replace(config, `"old"`, `"new"`, 1))
	p.wants(t, 0, []string{"--once"}, "0 new")
}

// Who has edited the config first is told to sign in under the new name, and may
// have done so. That sign-in stays. One of an account that is gone is not used.
func TestRenameMeetsASignIn(t *testing.T) {
	r := newRig(t, "")
	p := newIDP(t, r, &mailtest.OAuth{})
	addr := startServer(t, &mailtest.IMAP{Store: filled(bodies(1)), User: signInUser, Takes: p.Takes})
	config := "[destination.home]\ntype = \"maildir\"\npath = \"$DIR/mail\"\n[[account]]\nname = \"old\"\nto = \"home\"\nbacklog = \"all\"\n" + p.server(addr) + p.registration()
	edited := strings.Replace(config, `"old"`, `"new"`, 1)
	r.write(config)
	p.wants(t, 0, []string{"login", "old"})
	p.wants(t, 0, []string{"--once"}, "1 delivered")
	r.write(edited)
	p.wants(t, 0, []string{"login", "new"})
	file := filepath.Join(r.dir, "state", "tokens", "new")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r.write(config)
	p.wants(t, 64, []string{"rename", "old", "new"}, "remove "+file)
	r.write(edited)
	p.wants(t, 0, []string{"rename", "old", "new"})
	if after, err := os.ReadFile(file); string(after) != string(before) {
		t.Errorf("the newer sign-in is gone: %v", err)
	}
	p.wants(t, 0, []string{"--once"}, "0 new")
}

// Servers repeat what they refuse: nothing of it is shown, logged or kept.
func TestEchoedTokensAreHidden(t *testing.T) {
	for _, protocol := range []string{"imap", "pop3", "smtp"} {
		t.Run(protocol, func(t *testing.T) {
			r := newRig(t, "")
			p := newIDP(t, r, &mailtest.OAuth{})
			echo := func(_ int, line string) mailtest.Verdict {
				verb, rest, _ := strings.Cut(line, " ")
				if !strings.HasPrefix(verb, "AUTH") {
					return mailtest.Verdict{}
				}
				_, response, _ := strings.Cut(rest, " ")
				sent, _ := base64.StdEncoding.DecodeString(response)
				_, token, _ := strings.Cut(strings.TrimRight(string(sent), "\x01"), "Bearer ")
				words := fmt.Sprintf("what is %s, %s?", response, strings.ToUpper(token))
				return mailtest.Verdict{Reply: map[string]string{"imap": "NO [AUTHENTICATIONFAILED] ", "pop3": "-ERR [AUTH] ", "smtp": "535 5.7.8 "}[protocol] + words}
			}
			home, source, name := "[destination.home]\ntype = \"maildir\"\npath = \"$DIR/mail\"\n", "", "box"
			switch protocol {
			case "imap":
				source = p.server(startServer(t, &mailtest.IMAP{Store: filled(bodies(1)), User: signInUser, Takes: p.Takes, OnCommand: echo}))
			case "pop3":
				source = p.server(startServer(t, &mailtest.POP3{Store: filled(bodies(1)), User: signInUser, Takes: p.Takes, OnCommand: echo}))
			case "smtp":
				name = "home"
				home = "[destination.home]\ntype = \"smtp\"\nrecipient = \"you@example.org\"\n" + p.server(startServer(t, &mailtest.SMTP{User: signInUser, Takes: p.Takes, Provider: mailtest.Gmail, OnCommand: echo}))
			}
			account := accountTo("imap", startServer(t, &mailtest.IMAP{Store: filled(bodies(1)), User: "me", Password: "pass"}), "me", "")
			if source != "" {
				account = "[[account]]\nname = \"box\"\nto = \"home\"\nprotocol = \"" + protocol + "\"\n" + source
			}
			r.write(home + account + p.registration())
			p.wants(t, 77, []string{"login", name}, "what is …, …?")
			p.wants(t, 77, []string{"--once", "--json", "--log-level", "debug"}, "what is …, …?")
			p.wants(t, 77, []string{"status", "--json"}, "what is …, …?")
		})
	}
}
