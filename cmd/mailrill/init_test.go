package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"mailrill/internal/config"
	"mailrill/internal/discover"
	"mailrill/internal/mailtest"
)

// A setting-up rig has an empty folder for the config, a home of its own, and
// two servers: Gmail's, which is collected from, and QQ's.
type setRig struct {
	*rig
	source, to *mailtest.IMAP
	ports      [2]string // theirs
	ca         string
}

const (
	gmailSecret = "abcd efgh ijkl mnop"
	qqSecret    = "qrstuvwxyzabcdef"
)

func newSetRig(t *testing.T) *setRig {
	t.Helper()
	r := &setRig{rig: &rig{t: t, dir: t.TempDir()}}
	r.config = filepath.Join(r.dir, "conf", "config.toml")
	t.Setenv("HOME", r.dir)
	t.Setenv("XDG_STATE_HOME", filepath.Join(r.dir, "state"))
	t.Setenv("LC_ALL", "")
	t.Setenv("LC_MESSAGES", "")
	t.Setenv("LANG", "C")
	ca, err := mailtest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	r.ca = r.file("ca.pem", string(ca.PEM()))
	r.file("gmail.password", gmailSecret+"\n")
	r.file("qq.password", qqSecret+"\n")
	r.source = &mailtest.IMAP{Store: filled(bodies(3)), User: "me@gmail.com", Password: strings.ReplaceAll(gmailSecret, " ", ""), Gmail: true, TLS: ca.Server()}
	r.to = &mailtest.IMAP{Store: mailtest.NewStore(), User: "12345@qq.com", Password: qqSecret, NoCreate: true, TrailingBlanks: true, TLS: ca.Server()}
	r.to.Store.Create("Drafts", `\Drafts`)
	r.to.Store.Create("Deleted Messages", `\Trash`)
	r.to.Store.Create("其他文件夹/收藏")
	for i, s := range []*mailtest.IMAP{r.source, r.to} {
		_, r.ports[i], _ = net.SplitHostPort(startServer(t, s))
	}
	return r
}

func (r *setRig) file(name, text string) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// from are the flags for the source, to those for the destination, rest the
// other answers that are needed.
func (r *setRig) from() []string {
	return []string{"--address", "me@gmail.com", "--password-file", filepath.Join(r.dir, "gmail.password"), "--host", "127.0.0.1", "--port", r.ports[0], "--ca-file", r.ca}
}

func (r *setRig) into() []string {
	return []string{"--to", "imap:12345@qq.com", "--to-password-file", filepath.Join(r.dir, "qq.password"), "--to-host", "127.0.0.1", "--to-port", r.ports[1], "--to-ca-file", r.ca}
}

func (r *setRig) init(args ...string) int {
	r.t.Helper()
	return r.run(append([]string{"init"}, args...)...)
}

// nothing fails if init has left anything behind.
func (r *setRig) nothing() {
	r.t.Helper()
	for _, path := range []string{filepath.Dir(r.config), filepath.Join(r.dir, "state")} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			r.t.Errorf("%s was left behind", path)
		}
	}
}

func (r *setRig) read(name string) string {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(filepath.Dir(r.config), name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(data)
}

// From an empty folder to collected mail: in three commands, in each language,
// also where the files' rights depend on the umask.
func TestInitCheckOnce(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	for lang, backlog := range map[string][]string{"en": {"--backlog", "all"}, "zh": nil} {
		r := newSetRig(t)
		if got := r.init(slices.Concat(r.from(), r.into(), backlog, []string{"--folder", "其他文件夹/收藏", "--lang", lang})...); got != 0 {
			t.Fatalf("init: exit status %d\n%s%s", got, r.stdout.String(), r.stderr.String())
		}
		last := strings.TrimSpace(r.stdout.String()[strings.LastIndex(strings.TrimSpace(r.stdout.String()), "\n")+1:])
		if !strings.HasSuffix(last, "mailrill --once --config "+r.config) {
			t.Errorf("it ends with %q", last)
		}
		if got := r.run("check"); got != 0 {
			t.Errorf("check: exit status %d\n%s", got, r.stderr.String())
		}
		if sum := total(r.once(0)); sum.Delivered != 3 {
			t.Errorf("%d delivered", sum.Delivered)
		}
		if got := len(r.to.Store.Messages("其他文件夹/收藏")); got != 3 {
			t.Errorf("%d arrived", got)
		}
		for name, want := range map[string]fs.FileMode{"": 0o700, "config.toml": 0o600, "gmail.secret": 0o600, "qq.secret": 0o600} {
			info, err := os.Stat(filepath.Join(filepath.Dir(r.config), name))
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("%q: %v, %v", name, info.Mode(), err)
			}
		}
		if chinese := strings.Contains(r.read("config.toml"), "邮件送到哪里"); chinese != (lang == "zh") {
			t.Errorf("the config is not in %s:\n%s", lang, r.read("config.toml"))
		}
		if decided := strings.Contains(r.read("config.toml"), "backlog"); decided != (backlog != nil) {
			t.Errorf("the old mail is decided about: %v, with %q", decided, backlog)
		}
	}
}

// Every line of the config says why it is there; all of it loads without a
// warning.
func TestConfigOfInit(t *testing.T) {
	r := newSetRig(t)
	for _, into := range [][]string{
		r.into(),
		{"--to", "maildir:Mail", "--folder", "Sub"},
		{"--to", "smtp:12345@qq.com", "--to-password-file", filepath.Join(r.dir, "qq.password"), "--to-recipient", "you@example.org"},
		{"--to", "lmtp:run/lmtp.sock", "--to-recipient", "me"},
		{"--to", "lmtp:127.0.0.1:2424", "--to-recipient", "me"},
		{"--to", "lmtp:mx.example.org", "--to-recipient", "me"},
		{"--to", "command:procmail -d me"},
		{"--to", "imap:me@example.org", "--to-password-file", filepath.Join(r.dir, "qq.password"), "--to-provider", "workspace", "--to-proxy", "socks5://127.0.0.1:1080", "--to-user", "other"},
	} {
		for _, source := range [][]string{{"--backlog", "new"}, {"--protocol", "pop3", "--backlog", "all", "--proxy", "http://me@127.0.0.1:8080"}, {"--backlog", "since=2026-01-31"}, {"--backlog", "last=100", "--tls", "starttls", "--port", "143"}} {
			if got := r.init(slices.Concat([]string{"--no-check"}, r.from(), into, source)...); got != 0 {
				t.Errorf("%q %q: exit status %d\n%s", into, source, got, r.stderr.String())
				continue
			}
			cfg, err := config.Load(r.config)
			if err != nil || len(cfg.Warnings) > 0 {
				t.Errorf("%q %q: %v, %v\n%s", into, source, err, cfg, r.read("config.toml"))
			}
			for line := range strings.Lines(r.read("config.toml")) {
				if line != "\n" && !strings.HasPrefix(line, "[") && !strings.Contains(line, "# ") {
					t.Errorf("without a comment: %q", line)
				}
			}
			os.RemoveAll(filepath.Dir(r.config))
		}
	}
}

func TestInitOverwritesNothing(t *testing.T) {
	for _, name := range []string{"config.toml", "gmail.secret", "qq.secret"} {
		for _, dangling := range []bool{false, true} {
			r := newSetRig(t)
			path := filepath.Join(filepath.Dir(r.config), name)
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if dangling {
				if err := os.Symlink("nowhere", path); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := r.init(slices.Concat(r.from(), r.into(), []string{"--backlog", "all", "--yes"})...); got != 78 || !strings.Contains(r.stderr.String(), path+" is there already") {
				t.Errorf("%s: exit status %d, %s", name, got, r.stderr.String())
			}
			left, err := os.ReadDir(filepath.Dir(path))
			if err != nil || len(left) != 1 {
				t.Errorf("%s: left behind %v, %v", name, left, err)
			}
			if !dangling && r.read(name) != "mine" {
				t.Errorf("%s is changed", name)
			}
		}
	}
}

// Without a terminal the flags are the answers; the one that is missing, or is
// wrong, is named.
func TestInitNamesTheFlag(t *testing.T) {
	r := newSetRig(t)
	password := []string{"--password-file", filepath.Join(r.dir, "gmail.password")}
	source := slices.Concat([]string{"--address", "me@gmail.com"}, password)
	for _, c := range []struct {
		args []string
		flag string
	}{
		{nil, "--address"},
		{[]string{"--address", "nobody"}, "--address"},
		{[]string{"--address", "a b@example.org"}, "--address"},
		{[]string{"--address", "me@gmail.com"}, "--password-file / --password-stdin"},
		{append(source, "--password-stdin"), "--password-stdin"},
		{[]string{"--address", "me@gmail.com", "--password-stdin"}, "--password-stdin"},
		{[]string{"--address", "me@example.org"}, "--host / --discover"},
		{[]string{"--address", "me@example.org", "--host", "a/b"}, "--host"},
		{[]string{"--address", "me@gmail.com", "--protocol", "nntp"}, "--protocol"},
		{[]string{"--address", "me@icloud.com", "--protocol", "pop3"}, "--protocol"},
		{[]string{"--address", "me@icloud.com", "--protocol", "nntp"}, "--protocol"},
		{[]string{"--address", "me@example.org", "--provider", "nobody"}, "--provider"},
		{[]string{"--address", "me@gmail.com", "--tls", "maybe"}, "--tls"},
		{[]string{"--address", "me@gmail.com", "--proxy", "ftp://x"}, "--proxy"},
		{[]string{"--address", "me@gmail.com", "--proxy", "socks5://me:canary@h:1"}, "--proxy"},
		{source, "--to"},
		{append(source, "--to", "nowhere:x"), "--to"},
		{append(source, "--to", "imap"), "--to imap:…"},
		{append(source, "--to", "imap:x"), "--to"},
		{append(source, "--to", "imap:1@qq.com"), "--to-password-file / --to-password-stdin"},
		{append(source, "--to", "smtp:1@qq.com", "--to-password-file", filepath.Join(r.dir, "qq.password")), "--to-recipient"},
		{append(source, "--to", "lmtp:a b", "--to-recipient", "x"), "--to"},
		{append(source, "--to", "maildir:M", "--backlog", "some"), "--backlog"},
		{append(source, "--to", "maildir:M", "--backlog", "new", "--protocol", "pop3"), "--backlog"},
		{append(source, "--to", "maildir:M", "--to-recipient", "x"), "--to-recipient"},
		{append(source, "--to", "smtp:1@qq.com", "--folder", "x"), "--folder"},
		{append(source, "--to", "maildir:M", "--folder", "a\x1bb", "--backlog", "all"), "--folder"},
		{[]string{"--address", "me@gmail.com", "--user", "a\nb"}, "--user"},
		{[]string{"--address", "me@gmail.com", "--user", "{user}"}, "--user"},
		{append(source, "--to", "maildir:M", "--backlog", "all", "--client-id", "x"), "--client-id"},
		{[]string{"--address", "me@outlook.com", "--client-id", "x", "--password-file", "x"}, "--password-file"},
		{append(source, "--to", "imap:me@outlook.com", "--client-id", "x", "--to-password-file", "x"), "--to-password-file"},
		{[]string{"extra"}, "extra"},
	} {
		if got := r.init(c.args...); got != 64 || !strings.Contains(r.stderr.String(), c.flag) || r.stdout.Len() > 0 {
			t.Errorf("%q: exit status %d, stderr %q", c.args, got, r.stderr.String())
		}
		if strings.Contains(r.stderr.String(), "canary") {
			t.Errorf("%q: %s", c.args, r.stderr.String())
		}
		r.nothing()
	}
	if got := r.init("--address", "me@outlook.com"); got != 64 || !strings.Contains(r.stderr.String(), "--client-id") {
		t.Errorf("Outlook: exit status %d, %s", got, r.stderr.String())
	}
	r.nothing()
}

// Where only a sign-in is taken, the config is written for one, which is what to
// do next.
func TestInitForASignIn(t *testing.T) {
	r := newSetRig(t)
	if got := r.init("--address", "me@outlook.com", "--client-id", "my \"client\"", "--to", "imap:you@hotmail.com", "--backlog", "new"); got != 0 {
		t.Fatalf("exit status %d\n%s", got, r.stderr.String())
	}
	if !strings.HasSuffix(strings.TrimSpace(r.stdout.String()), "Next: mailrill login outlook --config "+r.config) {
		t.Errorf("it ends with %s", r.stdout.String())
	}
	cfg, err := config.Load(r.config)
	if err != nil {
		t.Fatal(err)
	}
	a := cfg.Accounts[0]
	if a.OAuth != "microsoft" || a.Destination.OAuth != "microsoft" || cfg.OAuth.Microsoft.ClientID != "my \"client\"" || a.Secret != nil {
		t.Errorf("read %q, %q, %+v", a.OAuth, a.Destination.OAuth, cfg.OAuth)
	}
}

// Secrets come from a line of stdin each, and get into their files, and nowhere
// else.
func TestInitSecretsFromStdin(t *testing.T) {
	r := newSetRig(t)
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := out.WriteString("canary one\ncanary\"two\\\n"); err != nil {
		t.Fatal(err)
	}
	out.Close()
	r.stdin = in
	args := []string{"--no-check", "--log-level", "debug", "--address", "me@example.org", "--host", "imap.example.org", "--password-stdin",
		"--to", "imap:me@example.com", "--to-host", "imap.example.com", "--to-password-stdin", "--backlog", "all"}
	if got := r.init(args...); got != 0 {
		t.Fatalf("exit status %d: %s", got, r.stderr.String())
	}
	if a, b := r.read("me.secret"), r.read("example.secret"); a != "canary one\n" || b != "canary\"two\\\n" {
		t.Errorf("the secrets are %q and %q", a, b)
	}
	if all := r.stdout.String() + r.stderr.String() + r.read("config.toml"); strings.Contains(all, "canary") {
		t.Errorf("a secret is shown: %s", all)
	}
	if got := r.init("--address", "me@gmail.com", "--password-stdin", "--config", filepath.Join(r.dir, "c.toml")); got != 64 || !strings.Contains(r.stderr.String(), "--password-stdin") {
		t.Errorf("at the end of stdin: exit status %d: %s", got, r.stderr.String())
	}
}

// The shell leaves the "~" of --password-file=~/x to us.
func TestInitFindsASecretAtHome(t *testing.T) {
	r := newSetRig(t)
	if got := r.init("--no-check", "--address", "me@gmail.com", "--password-file=~/gmail.password", "--to", "maildir:~/M", "--backlog", "all"); got != 0 {
		t.Fatalf("exit status %d: %s", got, r.stderr.String())
	}
	if got := r.read("gmail.secret"); got != gmailSecret+"\n" {
		t.Errorf("the secret is %q", got)
	}
}

// A secret for a mailbox that takes none is not the next one's.
func TestInitMixesNoSecrets(t *testing.T) {
	r := newSetRig(t)
	r.stdin = strings.NewReader("canary-outlook\ncanary-qq\n")
	args := []string{"--no-check", "--address", "me@outlook.com", "--client-id", "x", "--password-stdin", "--to", "imap:1@qq.com", "--to-password-stdin", "--backlog", "all"}
	if got := r.init(args...); got != 64 || !strings.Contains(r.stderr.String(), "--password-stdin: outlook takes no password") {
		t.Errorf("exit status %d: %s", got, r.stderr.String())
	}
	r.nothing()
}

// A config that can never be loaded is not kept, not even with --yes.
func TestInitKeepsNoUselessConfig(t *testing.T) {
	r := newSetRig(t)
	for _, args := range [][]string{
		{"--to", "imap:me@gmail.com", "--to-password-file", filepath.Join(r.dir, "qq.password")},                 // the source itself
		{"--to", "imap:1@qq.com", "--to-password-file", filepath.Join(r.dir, "qq.password"), "--to-tls", "none"}, // over the network
		{"--to", "imap:1@qq.com", "--to-password-file", filepath.Join(r.dir, "qq.password"), "--to-port", "143"}, // begins without TLS
		{"--to", "maildir:/x/{nonsense}"}, // no such word
	} {
		base := []string{"--address", "me@gmail.com", "--password-file", filepath.Join(r.dir, "gmail.password"), "--backlog", "all", "--yes"}
		if got := r.init(append(base, args...)...); got != 78 {
			t.Errorf("%q: exit status %d: %s", args, got, r.stderr.String())
		}
		r.nothing()
	}
}

// When the disk fails at any point, nothing is left behind.
func TestInitOnAFailingDisk(t *testing.T) {
	points := 0
	for at := 0; ; at++ {
		r := newSetRig(t)
		a, n := r.app(), 0
		failed := false
		a.fs.Fault = func(op, path string) error {
			if n++; n-1 == at && op != "remove" {
				failed = true
				return syscall.EIO
			}
			return nil
		}
		got := execute(t.Context(), a, slices.Concat([]string{"--config", r.config, "init", "--no-check", "--backlog", "all"}, r.from(), r.into()))
		if !failed {
			break
		}
		points++
		if got != 74 {
			t.Errorf("fault %d: exit status %d", at, got)
		}
		r.nothing()
	}
	if points < 10 {
		t.Errorf("%d points were tried", points)
	}
}

// A secret that was typed wrong is found out before anything is kept.
func TestInitWithAWrongSecret(t *testing.T) {
	r := newSetRig(t)
	r.source.Password = "another"
	args := slices.Concat(r.from(), r.into(), []string{"--backlog", "all"})
	if got := r.init(args...); got != 77 || !strings.Contains(r.stdout.String(), "✗") {
		t.Errorf("exit status %d\n%s%s", got, r.stdout.String(), r.stderr.String())
	}
	if !strings.Contains(r.stderr.String(), "Nothing was written") || !strings.Contains(r.stderr.String(), "--yes") {
		t.Errorf("it does not say what became of the config: %s", r.stderr.String())
	}
	r.nothing()
	if got := r.init(append(args, "--yes")...); got != 0 || !strings.HasSuffix(strings.TrimSpace(r.stdout.String()), "mailrill check --config "+r.config) {
		t.Errorf("with --yes: exit status %d\n%s", got, r.stdout.String())
	}
	r.read("config.toml")
}

// What the check says decides; where nobody can be asked, --yes does.
func TestInitApproval(t *testing.T) {
	refused := &exitError{code: 77}
	for _, c := range []struct {
		check    error
		yes      bool
		answer   string // "": there is no terminal
		doubtful bool
		status   int
		said     string // in the end
	}{
		{nil, false, "", false, 0, ""},
		{refused, false, "", false, 77, "Nothing was written: the check failed. With --yes the config is written all the same.\n"},
		{refused, true, "", true, 0, "as you wish.\n"},
		{refused, false, "y", true, 0, "(y/n): "},
		{refused, false, "n", false, 77, "Nothing was written.\n"},
		{config.Errors{{File: "x", Text: "bad"}}, true, "", false, 78, "Nothing was written.\n"},
		{config.Errors{{File: "x", Text: "bad"}}, false, "y", false, 78, "Nothing was written.\n"},
	} {
		var out bytes.Buffer
		d := &dialogue{a: &app{stderr: &out, getenv: os.Getenv}}
		if c.answer != "" {
			p := newPerson(t)
			d.tty = &terminal{in: p.tty, out: &out}
			if _, err := p.master.WriteString(c.answer + "\n"); err != nil {
				t.Fatal(err)
			}
		}
		doubtful, err := d.approve(t.Context(), c.yes, func() error { return c.check })
		if status := d.a.exit(err); doubtful != c.doubtful || status != c.status || !strings.HasSuffix(out.String(), c.said) {
			t.Errorf("%+v: doubtful %v, status %d\n%s", c, doubtful, status, out.String())
		}
	}
}

// finder returns candidates in place of the Internet.
func finder(asked *[]string, found []discover.Candidate, err error) func(context.Context, string, discover.Options) ([]discover.Candidate, error) {
	return func(_ context.Context, domain string, o discover.Options) ([]discover.Candidate, error) {
		proxy := ""
		if o.Dialer.Proxy != nil {
			proxy = " by " + o.Dialer.Proxy.String()
		}
		*asked = append(*asked, domain+proxy)
		return found, err
	}
}

var (
	ownServer     = discover.Candidate{Protocol: "imap", Host: "imap.example.org", Port: 9993, LocalPart: true, Source: discover.Autoconfig, Where: "https://example.org/x"}
	ownPOP3       = discover.Candidate{Protocol: "pop3", Host: "pop.example.org", Port: 995, Source: discover.Autoconfig, Where: "https://example.org/x"}
	foreignServer = discover.Candidate{Protocol: "imap", Host: "imap.hoster.example", Port: 993, Source: discover.SRV, Where: "SRV x", Foreign: true}
	workspace     = discover.Candidate{Protocol: "imap", Host: "imap.gmail.com", Port: 993, Provider: "workspace", Source: discover.MX, Where: "MX x", Foreign: true}
)

// Without a terminal a server is looked for only with --discover, and one of
// another domain is only named.
func TestInitDiscovers(t *testing.T) {
	r := newSetRig(t)
	var asked []string
	base := []string{"--no-check", "--address", "me@example.org", "--password-file", filepath.Join(r.dir, "gmail.password"), "--to", "maildir:M", "--backlog", "all"}
	r.find = finder(&asked, []discover.Candidate{ownServer}, nil)
	if got := r.init(base...); got != 64 || asked != nil {
		t.Errorf("unasked: exit status %d, asked %v", got, asked)
	}
	r.nothing()
	for _, c := range []struct {
		args  []string
		found []discover.Candidate
		err   error
		code  int
		says  string
	}{
		{nil, []discover.Candidate{ownPOP3, ownServer}, nil, 0, "pop.example.org"},
		{[]string{"--protocol", "imap"}, []discover.Candidate{ownPOP3, ownServer}, nil, 0, "imap.example.org"},
		{[]string{"--proxy", "socks5://127.0.0.1:1"}, []discover.Candidate{ownServer}, nil, 0, "imap.example.org"},
		{nil, []discover.Candidate{foreignServer, ownServer}, nil, 64, "--host imap.hoster.example"},
		{nil, []discover.Candidate{workspace}, nil, 64, "imap.gmail.com (MX x), which is of another domain: your password would go there. If that is right: --provider workspace"},
		{nil, nil, nil, 64, "No mail server of example.org"},
		{nil, nil, errors.New("first\nsecond"), 64, "\n  second"},
	} {
		asked = nil
		r.find = finder(&asked, c.found, c.err)
		if got := r.init(slices.Concat(base, []string{"--discover"}, c.args)...); got != c.code || !strings.Contains(r.stderr.String(), c.says) {
			t.Errorf("%v: exit status %d, %s", c, got, r.stderr.String())
		}
		if len(asked) != 1 || !strings.HasPrefix(asked[0], "example.org") || (len(c.args) > 0 && c.args[0] == "--proxy") != strings.Contains(asked[0], "by socks5://127.0.0.1:1") {
			t.Errorf("asked for %v", asked)
		}
		os.RemoveAll(filepath.Dir(r.config))
	}
}
