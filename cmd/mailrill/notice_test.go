package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/daemon"
	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

// named is accountTo with a name and a destination of one's own.
func named(name, to, protocol, addr, user, extra string) string {
	text := accountTo(protocol, addr, user, extra)
	text = strings.Replace(text, fmt.Sprintf("name = %q", protocol), fmt.Sprintf("name = %q", name), 1)
	return strings.Replace(text, `to = "home"`, fmt.Sprintf("to = %q", to), 1)
}

// noticeBox is a destination that ends a service when it has got a notice.
func noticeBox(t *testing.T, end func()) (config string, box *mailtest.Store) {
	box = mailtest.NewStore()
	addr := startServer(t, &mailtest.IMAP{Store: box, User: "dst@example.org", Password: "pass", OnCommand: func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "LOGOUT") && len(box.Messages("INBOX")) > 0 {
			end()
		}
		return mailtest.Verdict{}
	}})
	return "[destination.home]\ntype = \"imap\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nuser = \"dst@example.org\"\npassword = \"pass\"\nport = " + port(addr) + "\n", box
}

// What a pass means to the owner is its first error that is neither in the hold nor a
// limit of ours, whatever came before it.
func TestNoticeEvent(t *testing.T) {
	refused := reply.WithClass(reply.Refused, errors.New("1 message refused"))
	limit, gone := &collect.LimitError{}, reply.WithClass(reply.Config, errors.New("no such folder"))
	for name, c := range map[string]struct {
		errs  []error
		want  reply.Class
		short bool
	}{
		"fine":                 {[]error{nil, nil}, reply.OK, false},
		"refused":              {[]error{refused, nil}, reply.OK, false},
		"limit":                {[]error{limit}, reply.OK, true},
		"refused, then worse":  {[]error{refused, nil, gone}, reply.Config, false},
		"worse before a limit": {[]error{gone, limit}, reply.Config, true},
	} {
		out := &daemon.Outcome{Account: &config.Account{Name: "a", Destination: &config.Destination{}}, Report: &collect.Report{}, Folder: "INBOX"}
		for _, err := range c.errs {
			out.Report.Results = append(out.Report.Results, &collect.Result{Err: err})
		}
		if e := noticeEvent(out); e.Class != c.want || e.Short != c.short || !e.OneFolder {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// A login that is refused is told where the mail goes, in the owner's language, once,
// also over restarts; and nothing that is secret is told.
func TestNoticeOfARefusedLogin(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	home, box := noticeBox(t, cancel)
	src := startServer(t, &mailtest.POP3{Store: mailtest.NewStore(), User: "me", Password: canary})
	r := newRig(t, "lang = \"zh\"\n"+home+named("gmail", "home", "pop3", src, "me", ""))
	r.clock = new(clock)
	if code := r.runUntil(ctx, "run", "--allow-root"); code != 0 {
		t.Fatalf("exit status %d\n%s", code, r.stderr.String())
	}
	got := box.Messages("INBOX")
	if len(got) != 1 {
		t.Fatalf("%d notices\n%s", len(got), r.stderr.String())
	}
	m, err := mail.ReadMessage(strings.NewReader(string(got[0].Body)))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != "mailrill: gmail 需要处理" || m.Header.Get("To") != "<dst@example.org>" || m.Header.Get(deliver.TraceField) != "" {
		t.Errorf("subject %q, %v, of %v", subject, err, m.Header)
	}
	if strings.Contains(string(got[0].Body), "pass\"") || strings.Contains(r.stderr.String(), canary) {
		t.Errorf("a secret is told:\n%s", got[0].Body)
	}
	again, stop := context.WithCancel(t.Context())
	defer stop()
	var looks atomic.Int64
	a := r.app()
	sleep := a.sleep
	a.sleep = func(ctx context.Context, d time.Duration) error {
		if looks.Add(1) > 1000 {
			stop()
		}
		return sleep(ctx, d)
	}
	if code := execute(again, a, []string{"--config", r.config, "run", "--allow-root"}); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if n := len(box.Messages("INBOX")); n != 1 {
		t.Errorf("%d notices after a restart", n)
	}
}

// A notice lies in a mailbox that is collected from, too: it goes along once, as any
// other mail, and comes back to nobody.
func TestNoticeGoesAlong(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	home, box := noticeBox(t, cancel)
	src := startServer(t, &mailtest.POP3{Store: mailtest.NewStore(), User: "me", Password: "other"})
	relay := startServer(t, &mailtest.IMAP{Store: box, User: "dst@example.org", Password: "pass"})
	r := newRig(t, home+"[destination.second]\ntype = \"maildir\"\npath = \"$DIR/Maildir\"\n"+
		named("refused", "home", "pop3", src, "me", "")+named("relay", "second", "imap", relay, "dst@example.org", "push = false\nenabled = true"))
	r.clock = new(clock)
	if code := r.runUntil(ctx, "run", "--allow-root", "--account", "refused"); code != 0 {
		t.Fatalf("exit status %d\n%s", code, r.stderr.String())
	}
	r.once(0, "--account", "relay")
	r.once(0, "--account", "relay")
	if there := r.maildir(); len(there) != 1 || !strings.Contains(string(there[0]), "Auto-Submitted: auto-generated") {
		t.Errorf("%d messages: %q", len(there), there)
	}
	if n := len(box.Messages("INBOX")); n != 1 {
		t.Errorf("%d notices", n)
	}
}

// A dead destination of several accounts is told once, to a webhook.
func TestNoticeOfADeadDestination(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dst := startServer(t, &mailtest.IMAP{Store: mailtest.NewStore(), User: "dst", Password: canary})
	config := "[destination.home]\ntype = \"imap\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nuser = \"dst\"\npassword = \"pass\"\nport = " + port(dst) + "\n"
	for i := range 8 {
		src := startServer(t, &mailtest.POP3{Store: filled(numbered(1)), User: "me", Password: "pass"})
		config += named(fmt.Sprintf("a%d", i), "home", "pop3", src, "me", "")
	}
	var told []string
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		told = append(told, string(body))
		cancel()
	}))
	defer hook.Close()
	r := newRig(t, config+"[notice]\nto = \"webhook\"\nurl = \""+hook.URL+"\"\n")
	r.clock = new(clock)
	if code := r.runUntil(ctx, "run", "--allow-root"); code != 0 {
		t.Fatalf("exit status %d\n%s", code, r.stderr.String())
	}
	var n struct {
		Subject string
		Items   []struct {
			Kind, Class   string
			AtDestination bool `json:"at_destination"`
			Accounts      []string
			Words         string
		}
	}
	if len(told) != 1 || json.Unmarshal([]byte(told[0]), &n) != nil || len(n.Items) != 1 {
		t.Fatalf("told %q\n%s", told, r.stderr.String())
	}
	if it := n.Items[0]; it.Kind != "needs_you" || it.Class != "credentials" || !it.AtDestination || len(it.Accounts) != 8 || n.Subject != "mailrill: the destination home needs you" {
		t.Errorf("%+v", n)
	}
}

// A message that the destination refuses is told with the number of those in the hold,
// and nothing of it.
func TestNoticeOfTheHold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dst := startServer(t, &mailtest.SMTP{LMTP: true, RefuseMessage: func(d mailtest.Delivery) string {
		if strings.Contains(string(d.Body), "Subject: 2\r\n") {
			return "550 5.7.1 no"
		}
		return ""
	}})
	src := startServer(t, &mailtest.POP3{Store: filled(numbered(4)), User: "me", Password: "pass"})
	r := newRig(t, "[destination.home]\ntype = \"lmtp\"\nhost = \"127.0.0.1\"\ntls = \"none\"\nrecipient = \"you@example.org\"\nport = "+port(dst)+"\n"+
		named("gmail", "home", "pop3", src, "me", "")+"[notice]\nto = \"command\"\nargv = [\"sh\", \"-c\", \"cat >> $DIR/told\"]\n")
	r.clock = new(clock)
	a := r.app()
	told := func() string {
		text, _ := os.ReadFile(filepath.Join(r.dir, "told"))
		return string(text)
	}
	a.sleep = func(ctx context.Context, d time.Duration) error {
		if told() != "" {
			cancel()
		}
		return r.clock.sleep(ctx, d)
	}
	if code := execute(ctx, a, []string{"--config", r.config, "run", "--allow-root"}); code != 0 {
		t.Fatalf("exit status %d\n%s", code, r.stderr.String())
	}
	if said := told(); !strings.Contains(said, "mailrill: one message in the hold") || strings.Contains(said, "n0002@") || strings.Count(said, "\n") != 1 {
		t.Errorf("told %s\n%s", said, r.stderr.String())
	}
}
