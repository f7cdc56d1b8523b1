package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailrill/internal/config"
	"mailrill/internal/discover"
	"mailrill/internal/mailtest"
)

// A dialogue from end to end, on a terminal: the folders of QQ are listed, the
// secrets not shown.
func TestInitOnATerminal(t *testing.T) {
	r := newSetRig(t)
	p := newPerson(t)
	flags := []string{"init", "--host", "127.0.0.1", "--port", r.ports[0], "--ca-file", r.ca, "--to-host", "127.0.0.1", "--to-port", r.ports[1], "--to-ca-file", r.ca}
	status := r.sit(t.Context(), p, flags...)
	p.answer("Mailbox to collect from (address): ", "me")
	p.await("that is no mail address")
	p.answer("(address): ", " me@gmail.com ")
	p.await("IMAP is the better choice")
	p.answer("Protocol [1]: ", "3")
	p.await("none of the choices")
	p.answer("Protocol [1]: ", "")
	p.await("At gmail: switch on 2-Step Verification, then create an app password")
	p.await("https://support.google.com/accounts/answer/185833")
	p.answer("Secret of me@gmail.com: app password (16 letters) (not shown): ", "")
	p.await("that is empty")
	p.answer("(not shown): ", "canary-password")
	p.await("most likely it is your account password")
	p.answer("all the same? (y/n): ", "n")
	p.answer("(not shown): ", gmailSecret)
	p.await("into another mailbox")
	p.answer("Choice [1]: ", "1")
	p.answer("brought to: ", "12345@qq.com")
	p.answer("Secret of 12345@qq.com: authorization code (授权码, 16 letters) (not shown): ", qqSecret)
	p.await("qq lets no program make folders")
	p.await("1  INBOX\r\n  2  其他文件夹/收藏")
	p.answer("Folder there [1]: ", "2")
	p.answer("before? Then only new mail is collected; else all of it (y/n): ", "perhaps")
	p.await("please answer y or n")
	p.answer("(y/n): ", "y")
	if got := <-status; got != 0 {
		t.Fatalf("exit status %d\n%s", got, p.seen)
	}
	for _, s := range []string{gmailSecret, qqSecret, "efgh", "canary"} {
		if strings.Contains(p.seen, s) || strings.Contains(r.stdout.String(), s) || strings.Contains(r.read("config.toml"), s) {
			t.Errorf("the secret %q is shown", s)
		}
	}
	cfg, err := config.Load(r.config)
	if err != nil {
		t.Fatal(err)
	}
	a := cfg.Accounts[0]
	if a.Name != "gmail" || a.To != "qq" || a.Backlog.Kind != config.BacklogNew || a.Destination.Folder != "其他文件夹/收藏" {
		t.Errorf("account %q to %q, %+v, folder %q", a.Name, a.To, a.Backlog, a.Destination.Folder)
	}
}

// Ctrl-C, and the end of the input, at every question: nothing is left, and the
// echo is back.
func TestInitBrokenOff(t *testing.T) {
	questions := []struct{ ask, answer string }{
		{"(address): ", "me@gmail.com"}, {"Protocol [1]: ", ""}, {"(not shown): ", gmailSecret}, {"Choice [1]: ", "2"}, {"[~/Mail]: ", "Mail"}, {"Folder there [INBOX]: ", ""}, {"(y/n): ", "y"},
	}
	const endOfInput = "\x04"
	for n := range questions {
		for _, by := range []string{"signal", endOfInput} {
			r := newSetRig(t)
			p := newPerson(t)
			ctx, stop := context.WithCancel(t.Context())
			status, want := r.sit(ctx, p, "init"), 0
			for _, q := range questions[:n] {
				p.answer(q.ask, q.answer)
			}
			p.await(questions[n].ask)
			if by == endOfInput {
				want = 64
				if _, err := p.master.WriteString(by); err != nil {
					t.Fatal(err)
				}
			} else {
				stop()
			}
			if got := <-status; got != want || !p.echoes() {
				t.Errorf("broken off at %q by %q: exit status %d, echo %v", questions[n].ask, by, got, p.echoes())
			}
			if by == "signal" {
				p.await("Nothing was written.")
			}
			stop()
			r.nothing()
		}
	}
}

// Ctrl-C while the check waits for a server: the files are taken away again.
func TestInitBrokenOffInTheCheck(t *testing.T) {
	r := newSetRig(t)
	arrived, free := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(free) })
	r.source.OnCommand = func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "AUTHENTICATE") {
			close(arrived)
			<-free
		}
		return mailtest.Verdict{}
	}
	ctx, stop := context.WithCancel(t.Context())
	status := make(chan int)
	go func() {
		status <- r.runUntil(ctx, slices.Concat([]string{"init", "--backlog", "all", "--yes"}, r.from(), r.into())...)
	}()
	<-arrived
	r.read("config.toml")
	stop()
	if got := <-status; got != 0 || !strings.Contains(r.stderr.String(), "Nothing was written.") {
		t.Errorf("exit status %d\n%s", got, r.stderr.String())
	}
	r.nothing()
}

// What was shown may be typed as it was shown; a folder's name counts to the
// letter before that.
func TestChoices(t *testing.T) {
	options := []option{{"imap", "IMAP"}, {"pop3", "POP3"}, {"A", "A"}, {"a", "a"}, {"1", "1"}}
	for typed, want := range map[string]string{"1": "imap", "5": "1", "imap": "imap", "IMAP": "imap", "Pop3": "pop3", "A": "A", "a": "a", "6\nA": "A", "nntp\n2": "pop3"} {
		p := newPerson(t)
		d := &dialogue{a: &app{stderr: p.tty}, tty: &terminal{in: p.tty, out: p.tty}}
		p.answer("", typed+"\n\x04") // the end of the input, should it be waited for
		if got, err := d.choose(t.Context(), question{text: askProtocol}, options); got != want || err != nil {
			t.Errorf("%q: chosen %q, %v; want %q", typed, got, err, want)
		}
	}
}

// Who names the server of a provider is asked for what that takes.
func TestInitKnowsAHost(t *testing.T) {
	for _, flags := range [][]string{nil, {"--host", "outlook.office365.com"}} {
		r := newSetRig(t)
		p := newPerson(t)
		status := r.sit(t.Context(), p, slices.Concat([]string{"init", "--no-check", "--address", "me@example.org", "--to", "maildir:M", "--folder", "INBOX", "--backlog", "all"}, flags)...)
		if flags == nil {
			p.answer("not your address (y/n): ", "n")
		}
		p.answer("Protocol [1]: ", "")
		if flags == nil {
			p.answer("IMAP server of example.org: ", "Outlook.Office365.com")
		}
		p.answer("Id of your client for outlook", "\nmy-client")
		if got := <-status; got != 0 {
			t.Fatalf("exit status %d\n%s", got, p.seen)
		}
		if cfg, err := config.Load(r.config); err != nil || cfg.Accounts[0].OAuth != "microsoft" || cfg.Accounts[0].Host != "outlook.office365.com" {
			t.Errorf("%v\n%s", err, r.read("config.toml"))
		}
	}
}

// A host that was typed wrong is asked for again.
func TestInitAsksForLMTPAgain(t *testing.T) {
	r := newSetRig(t)
	p := newPerson(t)
	status := r.sit(t.Context(), p, slices.Concat([]string{"init", "--no-check", "--protocol", "imap", "--backlog", "all", "--to-recipient", "me"}, r.from())...)
	p.answer("Choice [1]: ", "LMTP")
	for _, wrong := range []string{"a b", "localhost:lmtp", "localhost:0"} {
		p.answer("HOST:PORT: ", wrong)
		p.await("no name of a host")
	}
	p.answer("HOST:PORT: ", "[::1]:2424")
	if got := <-status; got != 0 {
		t.Fatalf("exit status %d\n%s", got, p.seen)
	}
	cfg, err := config.Load(r.config)
	if err != nil {
		t.Fatal(err)
	}
	if d := cfg.Accounts[0].Destination; d.Host != "::1" || d.Port != 2424 || d.TLS != config.TLSNone {
		t.Errorf("%s, %d, %s", d.Host, d.Port, d.TLS)
	}
}

// Folders that cannot be listed are no end of the matter: a person may know them.
func TestFoldersThatCannotBeListed(t *testing.T) {
	r := newSetRig(t)
	p := newPerson(t)
	r.to.Password = "another"
	status := r.sit(t.Context(), p, slices.Concat([]string{"init", "--protocol", "imap", "--backlog", "all"}, r.from(), r.into())...)
	p.await("The folders cannot be listed: imap AUTHENTICATE refused")
	p.await("most likely")
	p.answer("Folder there [INBOX]: ", "")
	p.answer("The check failed. Write the config all the same? (y/n): ", "n")
	if got := <-status; got != 77 {
		t.Errorf("exit status %d\n%s", got, p.seen)
	}
	r.nothing()
	if strings.Contains(p.seen, qqSecret) {
		t.Error("the secret is shown")
	}
}

// Only where no folder can be made does it matter which are there.
func TestFoldersThatNeedNotBeListed(t *testing.T) {
	r := newSetRig(t)
	p := newPerson(t)
	status := r.sit(t.Context(), p, slices.Concat([]string{"init", "--no-check", "--protocol", "imap", "--backlog", "all"}, r.from(),
		[]string{"--to", "imap:me@example.org", "--to-password-file", filepath.Join(r.dir, "qq.password"), "--to-host", "127.0.0.1", "--to-port", r.ports[1]})...)
	p.answer("Folder there [INBOX]: ", "Sub/Folder")
	if got := <-status; got != 0 || r.to.Sessions() != 0 {
		t.Errorf("exit status %d, %d connections\n%s", got, r.to.Sessions(), p.seen)
	}
}

// A person sees what was found, and where, and has the last word.
func TestInitDiscoversForAPerson(t *testing.T) {
	for _, c := range []struct {
		agree, choose string
		want          config.Server
	}{
		{"y", "1", config.Server{Host: "imap.example.org", Port: 9993, User: "me"}},
		{"y", "2", config.Server{Host: "imap.hoster.example", Port: 993, User: "me@example.org"}},
		{"y", "3", config.Server{Host: "imap.gmail.com", Port: 993, User: "me@example.org"}},
		{"y", "4", config.Server{Host: "imap.example.org", Port: 9993, User: "me@example.org"}},
		{"y", "5", config.Server{Host: "mine.example.org", Port: 993, User: "me@example.org"}},
		{"n", "", config.Server{Host: "mine.example.org", Port: 993, User: "me@example.org"}},
	} {
		r := newSetRig(t)
		p := newPerson(t)
		var asked []string
		again := ownServer // for those who log in with their address
		again.LocalPart = false
		r.find = finder(&asked, []discover.Candidate{ownServer, foreignServer, workspace, again}, nil)
		status := r.sit(t.Context(), p, "init", "--no-check", "--to", "maildir:M", "--folder", "INBOX", "--backlog", "all")
		p.answer("(address): ", "me@example.org")
		p.answer("not your address (y/n): ", c.agree)
		if c.agree == "y" {
			p.await("1  IMAP imap.example.org:9993 (https://example.org/x) login name me\r\n")
			p.await("2  IMAP imap.hoster.example:993 (SRV x) !! of another domain")
			p.answer("Which one: ", c.choose)
		}
		if c.want.Host == "mine.example.org" {
			p.answer("Protocol [1]: ", "")
			p.answer("IMAP server of example.org: ", "mine.example.org")
		}
		p.answer("(not shown): ", gmailSecret)
		if got := <-status; got != 0 {
			t.Fatalf("%v: exit status %d\n%s", c, got, p.seen)
		}
		cfg, err := config.Load(r.config)
		if err != nil {
			t.Fatal(err)
		}
		got := cfg.Accounts[0].Server
		if got.Host != c.want.Host || got.Port != c.want.Port || got.User != c.want.User || (len(asked) == 1) != (c.agree == "y") {
			t.Errorf("%v: %s:%d as %q; asked %v", c, got.Host, got.Port, got.User, asked)
		}
	}
}
