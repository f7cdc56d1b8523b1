package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mailrill/internal/collect"
	"mailrill/internal/daemon"
	"mailrill/internal/mailtest"
)

// A served rig has the service beside it, in this process.
type served struct {
	*rig
	service *service
	passed  chan string // an account's name, after each pass
	log     *record
	stop    func()
}

// serve starts the service on the rig's config.
func (r *rig) serve() *served {
	r.t.Helper()
	var log record
	a := r.app()
	a.stdout, a.stderr, a.globals = &log, &log, globals{config: r.config, logLevel: "warn", logFormat: "text"}
	if err := a.open(); err != nil {
		r.t.Fatal(err)
	}
	s := &served{rig: r, service: &service{app: a}, passed: make(chan string, 1000), log: &log}
	s.service.present.Store(a)
	s.service.daemon = s.service.newDaemon(a.cfg.Accounts)
	s.service.daemon.Done = func(out *daemon.Outcome) {
		s.service.outcomes.pass(a, out)
		s.passed <- out.Account.Name
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	unlisten, err := s.service.listen(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	stopNotices, err := s.service.startNotices(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.service.daemon.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
		stopNotices()
		unlisten()
		a.close()
	})
	r.t.Cleanup(s.stop)
	return s
}

// settled waits until an account has had its first pass.
func (s *served) settled(names ...string) {
	for range names {
		<-s.passed
	}
}

// daily is an account that nobody looks at but its first pass, and on request.
const daily = "schedule = \"@every 24h\"\npush = false\n"

func newServed(t *testing.T, n int) (*served, *mailtest.Store) {
	t.Helper()
	store := filled(bodies(n))
	addr := startServer(t, &mailtest.IMAP{Store: store, User: "me", Password: "pass"})
	r := newRig(t, maildirHome+accountTo("imap", addr, "me", daily))
	s := r.serve()
	s.settled("imap")
	return s, store
}

// A pass beside a service is told as one without: the same lines, the same fields,
// the same status.
func TestPassBesideAService(t *testing.T) {
	s, store := newServed(t, 3)
	store.Add("INBOX", mailtest.Message{Body: []byte("Subject: new\r\n\r\nx\r\n"), Date: messageDate(9)})
	lines := s.once(0, "--force")
	if len(lines) != 1 || lines[0].Delivered != 1 || lines[0].New != 1 || lines[0].Account != "imap" || *lines[0].Folder != "INBOX" || lines[0].To != "home" {
		t.Errorf("%+v", lines)
	}
	for _, args := range [][]string{{"--once"}, {"run", "--once"}, {"collect", "imap"}} {
		if code := s.run(args...); code != 0 || s.stdout.String() != "imap INBOX → home: 0 new\n" {
			t.Errorf("%v: %d, %s%s", args, code, s.stdout.String(), s.stderr.String())
		}
	}
	if code := s.run("--once", "--account", "nobody"); code != 64 {
		t.Errorf("an account that is not there: %d", code)
	}
	if code := s.run("--dry-run"); code != 0 || !strings.Contains(s.stdout.String(), "would collect") {
		t.Errorf("--dry-run: %d %s", code, s.stderr.String())
	}
	s.stop()
	if code := s.run("--once"); code != 0 || s.stdout.String() != "imap INBOX → home: 0 new\n" {
		t.Errorf("without it: %d, %s%s", code, s.stdout.String(), s.stderr.String())
	}
}

// A failure comes over with its class, the server's words, and a hint in the
// language of who asks; a login that was refused is repeated when it is forced.
func TestFailureBesideAService(t *testing.T) {
	var logins int
	server := &mailtest.IMAP{Store: filled(nil), User: "me", Password: "other"}
	addr := startServer(t, server)
	r := newRig(t, maildirHome+accountTo("imap", addr, "me", daily))
	s := r.serve()
	s.settled("imap")
	logins = server.Sessions()
	line := s.once(77)[0]
	if line.Error == nil || line.Error.Class != "credentials" || !strings.Contains(line.Error.Text, "not tried again before") || server.Sessions() != logins {
		t.Errorf("%+v, %d logins", line.Error, server.Sessions()-logins)
	}
	en := s.once(77, "--force")[0].Error
	zh := s.once(77, "--force", "--lang", "zh")[0].Error
	if server.Sessions() != logins+2 || en.Hint == "" || zh.Hint == en.Hint || zh.Text != en.Text {
		t.Errorf("%d logins, %+v, %+v", server.Sessions()-logins, en, zh)
	}
	s.stop()
	if alone := s.once(77, "--force")[0].Error; *alone != *en {
		t.Errorf("beside a service %+v, without %+v", en, alone)
	}
}

// What the service has not read yet is one account's failure, and says what helps.
func TestConfigThatTheServiceHasNotRead(t *testing.T) {
	s, _ := newServed(t, 1)
	addr := startServer(t, &mailtest.IMAP{Store: filled(bodies(2)), User: "new", Password: "pass"})
	before, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	more := strings.Replace(accountTo("imap", addr, "new", daily), `name = "imap"`, `name = "added"`, 1)
	if err := os.WriteFile(s.config, append(before, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := s.once(78)
	if len(lines) != 2 {
		t.Fatalf("%+v", lines)
	}
	for _, l := range lines {
		if (l.Account == "added") != (l.Error != nil && strings.Contains(l.Error.Hint, "mailrill reload")) {
			t.Errorf("%+v", l)
		}
		if l.To != "home" || l.Error != nil && l.Error.Text != "the running service does not know this account: added" {
			t.Errorf("%+v", l)
		}
	}
	if code := s.run("status"); code != 0 || !strings.Contains(s.stdout.String(), "has not read this account's config yet") {
		t.Errorf("status %d: %s", code, s.stdout.String())
	}
	if code := s.run("reload"); code != 0 || s.stdout.String() != "added: added\nas before: 1\n" {
		t.Errorf("reload %d: %s%s", code, s.stdout.String(), s.stderr.String())
	}
	s.settled("added")
	if line := s.once(0, "--account", "added"); line[0].Error != nil {
		t.Errorf("%+v", line)
	}
	if err := os.WriteFile(s.config, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if code := s.run("status"); code != 0 || !strings.Contains(s.stdout.String(), "no longer has (added)") {
		t.Errorf("status %d: %s", code, s.stdout.String())
	}
	if code := s.run("reload"); code != 0 || s.stdout.String() != "removed: added\nas before: 1\n" {
		t.Errorf("reload %d: %s%s", code, s.stdout.String(), s.stderr.String())
	}
}

// A config that is wrong keeps the old one at work, and all that is wrong is said,
// whoever reads it first.
func TestReloadOfAWrongConfig(t *testing.T) {
	s, _ := newServed(t, 1)
	right, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	s.write("colour = 1\nshape = 2\n")
	if code := s.run("reload"); code != 78 || !strings.Contains(s.stderr.String(), "config.toml:2:1") || !strings.Contains(s.stderr.String(), "goes on with the config that it has") {
		t.Errorf("%d: %s", code, s.stderr.String())
	}
	other := filepath.Join(s.dir, "other.toml")
	if err := os.WriteFile(other, right, 0o600); err != nil {
		t.Fatal(err)
	}
	if code := s.run("reload", "--config", other); code != 78 || !strings.Contains(s.stderr.String(), "config.toml:2:1") || !strings.Contains(s.stderr.String(), "config.toml:3:1") || !strings.Contains(s.stderr.String(), "the old one goes on") {
		t.Errorf("%d: %s", code, s.stderr.String())
	}
}

// Nor is a config taken over that lacks an account which the service was started for.
func TestReloadWithoutANamedAccount(t *testing.T) {
	account := accountTo("imap", "127.0.0.1:1", "me", daily)
	s := newRig(t, maildirHome+account).serve()
	s.settled("imap")
	s.service.only = []string{"imap"}
	s.write(maildirHome + strings.Replace(account, `name = "imap"`, `name = "other"`, 1))
	if code := s.run("reload"); code != 64 || !strings.Contains(s.stderr.String(), `the old one goes on: no account is called "imap"`) {
		t.Errorf("%d: %s", code, s.stderr.String())
	}
	s.stop()
	if !strings.Contains(s.log.String(), "the old one goes on") {
		t.Errorf("the log says %s", s.log)
	}
}

func TestReloadWithoutAService(t *testing.T) {
	r := newRig(t, maildirHome+accountTo("imap", "127.0.0.1:1", "me", ""))
	if code := r.run("reload"); code != 75 || !strings.HasPrefix(r.stderr.String(), "mailrill: no service is running\nmailrill: hint: it reads the config when it starts") {
		t.Errorf("%d: %s", code, r.stderr.String())
	}
}

// Ctrl-C ends the waiting; the pass goes on.
func TestWhoAskedGoes(t *testing.T) {
	retrieved, goOn := make(chan bool), make(chan bool)
	store := filled(bodies(1))
	var wait bool
	var mu sync.Mutex
	addr := startServer(t, &mailtest.IMAP{Store: store, User: "me", Password: "pass", OnCommand: func(_ int, line string) mailtest.Verdict {
		mu.Lock()
		now := wait && strings.Contains(line, "BODY.PEEK")
		wait = wait && !now
		mu.Unlock()
		if now {
			retrieved <- true
			<-goOn
		}
		return mailtest.Verdict{}
	}})
	r := newRig(t, maildirHome+accountTo("imap", addr, "me", daily))
	s := r.serve()
	s.settled("imap")
	store.Add("INBOX", mailtest.Message{Body: []byte("Subject: new\r\n\r\nx\r\n"), Date: messageDate(9)})
	mu.Lock()
	wait = true
	mu.Unlock()
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		<-retrieved
		interrupt()
	}()
	if code := s.runUntil(ctx, "--once"); code != 0 || !strings.Contains(s.stderr.String(), "the service goes on with it") || s.stdout.Len() > 0 {
		t.Errorf("%d, %s%s", code, s.stdout.String(), s.stderr.String())
	}
	close(goOn)
	s.settled("imap")
	if code := s.run("status", "--json"); code != 0 || !strings.Contains(s.stdout.String(), `"delivered":2,`) {
		t.Errorf("%s", s.stdout.String())
	}
}

// Commands that need the state for themselves say whom to stop.
func TestCommandsThatNeedTheState(t *testing.T) {
	s, _ := newServed(t, 1)
	for _, args := range []string{"rename imap other", "rebuild imap"} {
		code := s.run(strings.Fields(args)...)
		if said := s.stderr.String(); code != 75 || !strings.Contains(said, "another mailrill runs with this state folder") || !strings.Contains(said, "systemctl stop mailrill") || strings.Count(said, "\n") != 1 {
			t.Errorf("%s: %d, %s", args, code, said)
		}
	}
}

// status beside a service says what each account is doing.
func TestStatusBesideAService(t *testing.T) {
	s, _ := newServed(t, 2)
	if code := s.run("status"); code != 0 || !strings.Contains(s.stdout.String(), "\n  waiting since ") || strings.Contains(s.stdout.String(), "no service") {
		t.Errorf("%d: %s%s", code, s.stdout.String(), s.stderr.String())
	}
	if code := s.run("status", "--lang", "zh"); code != 0 || !strings.Contains(s.stdout.String(), "等待中") {
		t.Errorf("%d: %s", code, s.stdout.String())
	}
	if s.run("status", "--json"); !strings.Contains(s.stdout.String(), `"service":true,"state":"waiting","since":"`) {
		t.Errorf("%s", s.stdout.String())
	}
	s.stop()
	if code := s.run("status"); code != 0 || !strings.HasSuffix(s.stdout.String(), "\nno service is running\n") || strings.Contains(s.stdout.String(), "waiting since") {
		t.Errorf("%d: %s", code, s.stdout.String())
	}
	if s.run("status", "--json"); !strings.Contains(s.stdout.String(), `"service":false,"state":null,"since":null,"progress":null,"push":[]`) {
		t.Errorf("%s", s.stdout.String())
	}
}

// A service that does not answer is not said to be none.
func TestStatusBesideASilentService(t *testing.T) {
	r := newRig(t, maildirHome+accountTo("imap", "127.0.0.1:1", "me", ""))
	if err := os.Mkdir(filepath.Join(r.dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(r.dir, "state", "control"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			conn.Close()
		}
	}()
	if code := r.run("status"); code != 0 || strings.Contains(r.stdout.String(), "no service") || !strings.HasSuffix(r.stdout.String(), "did not say what it is doing\n") {
		t.Errorf("%d: %s", code, r.stdout.String())
	}
}

// The hold beside a service: a retry runs between two passes, and so does a drop.
func TestHoldBesideAService(t *testing.T) {
	refuse := true
	var mu sync.Mutex
	dst := mailtest.NewStore()
	to := startServer(t, &mailtest.IMAP{Store: dst, User: "dst", Password: "pass", RefuseAppend: func(body []byte) string {
		mu.Lock()
		defer mu.Unlock()
		if refuse && bytes.Contains(body, []byte("bad")) {
			return "NO [CANNOT] this is not taken"
		}
		return ""
	}})
	src := mailtest.NewStore()
	for i := range 2 {
		src.Add("INBOX", mailtest.Message{Body: fmt.Appendf(nil, "Subject: bad %d\r\n\r\nx\r\n", i), Date: messageDate(i)})
	}
	from := startServer(t, &mailtest.IMAP{Store: src, User: "me", Password: "pass"})
	r := newRig(t, "[destination.home]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = "+port(to)+"\ntls = \"none\"\nuser = \"dst\"\npassword = \"pass\"\n"+accountTo("imap", from, "me", daily))
	s := r.serve()
	s.settled("imap")
	ids := s.heldIDs(2)
	if code := s.run("hold", "retry", "--all"); code != 65 || s.stdout.String() != "imap: 0 of 2 held messages delivered to home\n" {
		t.Errorf("%d: %s%s", code, s.stdout.String(), s.stderr.String())
	}
	if code := s.run("hold", "drop", ids[0], "--yes"); code != 0 || s.stdout.String() != "dropped "+ids[0]+"\n" {
		t.Errorf("%d: %s%s", code, s.stdout.String(), s.stderr.String())
	}
	mu.Lock()
	refuse = false
	mu.Unlock()
	if code := s.run("hold", "retry", ids[1]); code != 0 || s.stdout.String() != "imap: 1 of 1 held message delivered to home\n" {
		t.Errorf("%d: %s%s", code, s.stdout.String(), s.stderr.String())
	}
	s.heldIDs(0)
	if code := s.run("status"); code != 0 || !strings.HasPrefix(s.stdout.String(), "imap → home: all is well\n") {
		t.Errorf("when nothing is held any more: %d, %s", code, s.stdout.String())
	}
	if n := len(dst.Messages("INBOX")); n != 1 {
		t.Errorf("%d copies", n)
	}
}

// heldIDs returns the IDs of what is held, of which there must be n.
func (r *rig) heldIDs(n int) (ids []string) {
	r.t.Helper()
	entries, err := r.app().holdIn(r).List("")
	if err != nil || len(entries) != n {
		r.t.Fatalf("%d are held, %v", len(entries), err)
	}
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return ids
}

func (a *app) holdIn(r *rig) *collect.Hold {
	return collect.NewHold(a.fs, filepath.Join(r.dir, "state", "hold"))
}

// forget and finish beside a service are done by it, with the same words.
func TestForgetAndFinishBesideAService(t *testing.T) {
	store := filled(numbered(3))
	addr := startServer(t, &mailtest.IMAP{Store: store, User: "me", Password: "pass"})
	r := newRig(t, maildirHome+accountTo("imap", addr, "me", daily))
	s := r.serve()
	s.settled("imap")
	if code := s.run("finish", "imap"); code != 64 {
		t.Errorf("finish with after = keep: %d, %s", code, s.stderr.String())
	}
	for args, said := range map[string]string{"nobody": "nothing was ever collected for an account", "imap --folder other": "nothing was ever collected from a folder"} {
		if code := s.run(append([]string{"forget"}, strings.Fields(args)...)...); code != 64 || !strings.HasPrefix(s.stderr.String(), "mailrill: "+said) || strings.Contains(s.stderr.String(), "hint") {
			t.Errorf("forget %s: %d, %s", args, code, s.stderr.String())
		}
	}
	if code := s.run("forget", "imap", "--since", "2999-01-01"); code != 0 || !strings.Contains(s.stdout.String(), "forgot 0 messages") {
		t.Errorf("%d, %s%s", code, s.stdout.String(), s.stderr.String())
	}
	if code := s.run("forget", "imap"); code != 0 || !strings.Contains(s.stdout.String(), "forgot 3 messages") {
		t.Errorf("%d, %s%s", code, s.stdout.String(), s.stderr.String())
	}
	if line := s.once(0); line[0].New != 3 {
		t.Errorf("%+v", line)
	}
	s.stop()

	s.write(maildirHome + accountTo("imap", addr, "me", daily+"after = \"delete\"\n"))
	s = r.serve()
	if code := s.run("finish", "imap"); code != 0 || s.stdout.String() != "imap: 3 messages at the source, delivered to home: delete\nnothing was changed: add --yes to do it\n" || len(store.Messages("INBOX")) != 3 {
		t.Errorf("%d, %s%s", code, s.stdout.String(), s.stderr.String())
	}
	if code := s.run("finish", "imap", "--yes"); code != 0 || s.stdout.String() != "imap: 3 messages at the source, delivered to home: delete\nimap INBOX → home: 0 new, 3 done at the source\n" || len(store.Messages("INBOX")) != 0 {
		t.Errorf("%d, %s%s", code, s.stdout.String(), s.stderr.String())
	}
}

// A check tells the service what became of logins; it tries again at once.
func TestCheckBesideAService(t *testing.T) {
	addr := startServer(t, &mailtest.IMAP{Store: filled(numbered(2)), User: "me", Password: canaryCode})
	r := newRig(t, maildirThere+checkAccount("", "imap", addr, "me", daily))
	withCode("Canary-Password-1")(r)
	s := r.serve()
	s.settled("source")
	if p := s.pass("source"); p.Refused != 1 {
		t.Fatalf("%+v", p)
	}
	if code := s.run("check"); code != 77 {
		t.Errorf("check %d: %s", code, s.stderr.String())
	}
	if p := s.pass("source"); p.Refused != 2 || p.Failures != 2 {
		t.Errorf("the service was not told: %+v", p)
	}
	withCode(canaryCode)(r)
	if code := s.run("check"); code != 0 || !strings.Contains(s.stdout.String(), "tried again from now on") {
		t.Errorf("check %d: %s%s", code, s.stdout.String(), s.stderr.String())
	}
	s.settled("source")
	if p := s.pass("source"); p.Class != "" || p.OK.IsZero() {
		t.Errorf("%+v", p)
	}
}

// A login tells the service, which does not wait for the back-off.
func TestLoginBesideAService(t *testing.T) {
	addr := startServer(t, &mailtest.IMAP{Store: filled(numbered(2)), User: "me", Password: canaryCode})
	r := newRig(t, maildirThere+checkAccount("", "imap", addr, "me", daily))
	withCode("Canary-Password-1")(r)
	s := r.serve()
	s.settled("source")
	r.stdin = strings.NewReader(canaryCode + "\n")
	if code := s.run("login", "source"); code != 0 || !strings.Contains(s.stdout.String(), "the service that runs has been told") {
		t.Errorf("%d: %s%s", code, s.stdout.String(), s.stderr.String())
	}
	s.settled("source")
	if p := s.pass("source"); p.Class != "" || p.OK.IsZero() {
		t.Errorf("%+v", p)
	}
}
