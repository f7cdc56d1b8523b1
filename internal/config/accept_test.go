package config

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestProviderFillsTheServer(t *testing.T) {
	for lines, want := range map[string]string{
		"":                            "imap.gmail.com 993 implicit gmail",
		"protocol = \"pop3\"":         "pop.gmail.com 995 implicit gmail",
		"provider = \"qq\"":           "imap.qq.com 993 implicit qq",
		"host = \"IMAP.example.com\"": "imap.example.com 993 implicit ",
		"host = \"imap.qq.com\"":      "imap.qq.com 993 implicit qq",
		"host = \"h.example.com\"\ntls = \"starttls\"": "h.example.com 143 starttls ",
		"port = 1993": "imap.gmail.com 1993 implicit gmail",
		"provider = \"gmail\"\nhost = \"127.0.0.1\"\nport = 1143\ntls = \"none\"": "127.0.0.1 1143 none gmail",
		"host = \"::1\"\nport = 1143\ntls = \"none\"":                             "::1 1143 none ",
		"host = \"localhost\"\nport = 1143\ntls = \"none\"":                       "localhost 1143 none ",
		"host = \"h.example.com\"\ntls = \"none\"\nallow_cleartext = true":        "h.example.com 143 none ",
	} {
		a := load(t, account(lines)).Accounts[0]
		if got := strings.Join([]string{a.Host, strconv.Itoa(a.Port), string(a.TLS), a.Provider.Key}, " "); got != want {
			t.Errorf("%q: %s, want %s", lines, got, want)
		}
	}
	for lines, want := range map[string]string{
		"provider = \"icloud\"":                 "smtp.mail.me.com 587 starttls",
		"provider = \"icloud\"\nport = 465":     "smtp.mail.me.com 465 implicit",
		"provider = \"icloud\"\nport = 587":     "smtp.mail.me.com 587 starttls",
		"provider = \"qq\"":                     "smtp.qq.com 465 implicit",
		"provider = \"qq\"\ntls = \"starttls\"": "smtp.qq.com 587 starttls",
	} {
		d := load(t, destination("type = \"smtp\"\nrecipient = \"r@example.com\"\n"+lines)).Destinations["d"]
		if got := strings.Join([]string{d.Host, strconv.Itoa(d.Port), string(d.TLS)}, " "); got != want {
			t.Errorf("%q: %s, want %s", lines, got, want)
		}
	}
}

func TestValues(t *testing.T) {
	shanghai := zone(t, "Asia/Shanghai")
	a := load(t, account(`
label = "Meine Post 邮件"
timezone = "Asia/Shanghai"
schedule = "0 8 * * 7"
folders = ["*", "!Trash", "role:junk"]
into = "Gmail/{user}/{folder}"
push = false
backlog = { since = 2026-01-01 }
backlog_seen = true
after = "delete"
delete_after = "14d"
max_delete = 7
max_size = "25MB"
daily_limit = "1.5GB"
timeout = "90s"
enabled = true`)).Accounts[0]
	got := []any{a.Label, a.Folders, a.Push, a.Backlog.Kind, a.Backlog.Since.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, shanghai)), a.BacklogSeen,
		a.After, a.DeleteAfter, a.MaxDelete, a.MaxSize, a.DailyLimit, a.Timeout, a.LoginUser()}
	want := []any{"Meine Post 邮件", []string{"*", "!Trash", "role:junk"}, false, BacklogSince, true, true,
		Delete, 14 * 24 * time.Hour, 7, int64(25e6), int64(15e8), 90 * time.Second, "me@gmail.com"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBacklog(t *testing.T) {
	for line, want := range map[string]Backlog{
		"":                             {},
		`backlog = "all"`:              {Kind: BacklogAll},
		`backlog = "new"`:              {Kind: BacklogNew},
		`backlog = { last = 100 }`:     {Kind: BacklogLast, Last: 100},
		`backlog.last = 100`:           {Kind: BacklogLast, Last: 100},
		`backlog.since = "2026-01-31"`: {Kind: BacklogSince, Since: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)},
		`backlog = { since = 2026-01-31T12:00:00 }`:  {Kind: BacklogSince, Since: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)},
		`backlog = { since = 2026-01-31T12:00:00Z }`: {Kind: BacklogSince, Since: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)},
	} {
		a := load(t, account("timezone = \"UTC\"\n"+line)).Accounts[0]
		if !cmp.Equal(a.Backlog, want) {
			t.Errorf("%q is %+v", line, a.Backlog)
		}
	}
}

func TestDeleteAfterAloneDeletes(t *testing.T) {
	if a := load(t, account(`delete_after = "14d"`)).Accounts[0]; a.After != Delete || a.DeleteAfter != 14*24*time.Hour {
		t.Errorf("after is %s %v", a.After, a.DeleteAfter)
	}
}

func TestGmailPOP3(t *testing.T) {
	a := load(t, account("protocol = \"pop3\"\nrecent = true\nsent = true\nbacklog = \"new\"")).Accounts[0]
	if !a.GmailPOP() || a.LoginUser() != "recent:me@gmail.com" || a.Push || a.DailyLimit != 1000e6 || a.Folders[0] != "INBOX" {
		t.Errorf("account is %+v", a)
	}
}

// IDLE at QQ never says anything: its mailboxes are looked at by the clock alone,
// and as often as those without IDLE.
func TestSilentIdle(t *testing.T) {
	for _, push := range []string{"", "push = true\n"} {
		c := load(t, "[destination.home]\ntype = \"maildir\"\npath = \"Mail\"\n[[account]]\nname = \"a\"\nuser = \"12345@qq.com\"\npassword = \"x\"\nto = \"home\"\n"+push)
		if a := c.Accounts[0]; a.Push || a.ScheduleText != "@every 5m" {
			t.Errorf("%q: push %v, schedule %q", push, a.Push, a.ScheduleText)
		}
	}
}

func TestSecrets(t *testing.T) {
	text := box + `
[[account]]
name = "a"
user = "me@gmail.com"
password = "abcd efgh ijkl mnop"
to = "box"
[[account]]
name = "b"
user = "me@example.com"
host = "h.example.com"
password_command = ["./bin/pass", "x"]
to = "box"
[[account]]
name = "c"
user = "c@example.com"
host = "h.example.com"
password_file = "secrets/c"
to = "box"
[[account]]
name = "d"
user = "d@example.com"
host = "h.example.com"
credential = "d"
proxy = "socks5://joe:pw@proxy.example.com"
to = "box"
`
	c := load(t, text)
	dir := filepath.Dir(c.Path)
	if s := c.Account("a").Secret; s.Password != "abcd efgh ijkl mnop" || s.Normalize(s.Password) != "abcdefghijklmnop" {
		t.Errorf("a: %v", s)
	}
	if s := c.Account("b").Secret; s.Normalize != nil || !cmp.Equal(s.Command, []string{dir + "/bin/pass", "x"}) {
		t.Errorf("b: %q", s.Command)
	}
	if s := c.Account("c").Secret; s.File != dir+"/secrets/c" {
		t.Errorf("c: %v", s)
	}
	d := c.Account("d")
	if d.Secret.Credential != "d" || d.Proxy.URL.String() != "socks5://joe@proxy.example.com:1080" || d.Proxy.Password.Password != "pw" {
		t.Errorf("d: %v, %v", d.Secret, d.Proxy)
	}
}

func TestDefaultsAndTheirGroup(t *testing.T) {
	c := load(t, box+`
[defaults]
host = "mail.example.com"
port = 1993
ca_file = "ca.pem"
max_delete = 7
proxy = "http://proxy.example.com:3128"
to = "box"
[[account]]
name = "a"
user = "a@gmail.com"
password_env = "X"
max_delete = 8
[[account]]
name = "b"
user = "b@gmail.com"
password_env = "X"
provider = "gmail"
[[account]]
name = "c"
user = "c@example.org"
password_env = "X"
host = "imap.example.org"
`)
	type row struct {
		Host   string
		Port   int
		CA     string
		Max    int
		Proxy  string
		Exists bool
	}
	var got []row
	for _, a := range c.Accounts {
		got = append(got, row{a.Host, a.Port, filepath.Base(a.CAFile), a.MaxDelete, a.Proxy.URL.Host, a.Destination != nil})
	}
	wanted := []row{
		{"mail.example.com", 1993, "ca.pem", 8, "proxy.example.com:3128", true},
		{"imap.gmail.com", 993, ".", 7, "proxy.example.com:3128", true},
		{"imap.example.org", 993, ".", 7, "proxy.example.com:3128", true},
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Error(diff)
	}
	for line, wants := range map[string]string{
		"user = \"x\"":          "user has no default",
		"password_file = \"x\"": "password_file has no default",
		"name = \"x\"":          "name has no default",
		"shedule = \"@daily\"":  `did you mean "schedule"?`,
		"max_delete = \"x\"":    "max_delete must be a number",
	} {
		got := faults(t, "[defaults]\n"+line+"\n"+account("[[account]]\nname = \"b\"\nuser = \"b@gmail.com\"\npassword_env = \"X\"\nto = \"box\""))
		want(t, got, "config.toml:2:", wants)
	}
}

func TestDefaultsForIMAPDoNotSpoilPOP3(t *testing.T) {
	c := load(t, "[defaults]\nfolders = [\"*\"]\npush = true\n"+account("protocol = \"pop3\""))
	if a := c.Accounts[0]; a.Push || !cmp.Equal(a.Folders, []string{"INBOX"}) {
		t.Errorf("account is %+v", a)
	}
}

func TestIncludes(t *testing.T) {
	path := write(t, map[string]string{
		"config.toml":         "include = [\"accounts.d/*.toml\", \"one.toml\", \"*.toml\", \"none.d/*.toml\"]\n[defaults]\nmax_delete = 3\n",
		"accounts.d/b.toml":   "[[account]]\nname = \"b\"\nuser = \"b@gmail.com\"\npassword_file = \"b.secret\"\nto = \"box\"\n",
		"accounts.d/a.toml":   "[[account]]\nname = \"a\"\nuser = \"a@gmail.com\"\npassword_file = \"~/a.secret\"\nto = \"box\"\n",
		"one.toml":            box,
		"accounts.d/ignored~": "nonsense",
	})
	t.Setenv("HOME", "/home/joe")
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	got := []any{c.Accounts[0].Name, c.Accounts[0].Secret.File, c.Accounts[1].Secret.File, c.Accounts[1].MaxDelete, c.Accounts[0].Destination.Path, c.Files}
	want := []any{"a", "/home/joe/a.secret", dir + "/accounts.d/b.secret", 3, dir + "/m",
		[]string{path, dir + "/accounts.d/a.toml", dir + "/accounts.d/b.toml", dir + "/one.toml"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestIncludesThatAreRefused(t *testing.T) {
	main := "include = [\"x.toml\"]\n" + account("")
	for name, c := range map[string]struct {
		files map[string]string
		wants []string
	}{
		"missing":           {map[string]string{"config.toml": main}, []string{"config.toml:1:", "an included file does not exist"}},
		"bad pattern":       {map[string]string{"config.toml": "include = [\"[\"]\n" + account("")}, []string{"bad pattern"}},
		"something else":    {map[string]string{"config.toml": main, "x.toml": "state_dir = \"x\""}, []string{"x.toml:1:1: an included file may hold only"}},
		"another include":   {map[string]string{"config.toml": main, "x.toml": "include = [\"config.toml\"]"}, []string{"x.toml:1:1: an included file may hold only"}},
		"defaults":          {map[string]string{"config.toml": main, "x.toml": "[defaults]\n"}, []string{"x.toml:1:2: an included file may hold only"}},
		"destination twice": {map[string]string{"config.toml": main, "x.toml": box}, []string{"x.toml:1:14: destination box is there already"}},
		"account twice":     {map[string]string{"config.toml": main, "x.toml": "[[account]]\nname = \"a\"\nuser = \"x@gmail.com\"\npassword_env = \"X\"\nto = \"box\""}, []string{"x.toml:2:8: another account has this name already"}},
		"broken":            {map[string]string{"config.toml": main, "x.toml": "a = b"}, []string{"x.toml:1:5: this value is not understood"}},
		"a key misspelt":    {map[string]string{"config.toml": main, "x.toml": "[[acount]]\nname = \"x\""}, []string{"x.toml:1:3: an included file may hold only", `did you mean "account"?`}},
	} {
		t.Run(name, func(t *testing.T) { want(t, faultsOf(t, c.files), c.wants...) })
	}
}

// The name of the config's folder is no pattern.
func TestIncludeBesideOddFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[a]*")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"config.toml": "include = [\"x*.toml\"]\n" + account(""), "x1.toml": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(filepath.Join(dir, "config.toml"))
	if err != nil || len(c.Files) != 2 {
		t.Errorf("files %v, error %v", c, err)
	}
}

func TestPermissions(t *testing.T) {
	secretInside := account("")
	secretInside = strings.Replace(secretInside, `password_env = "X"`, `password = "hunter2"`, 1)
	proxied := account(`proxy = "http://u:hunter2@h:1"`)
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		bad  string
	}{
		"readable":                    {account(""), 0o644, ""},
		"writable":                    {account(""), 0o646, "others can write"},
		"readable with password":      {secretInside, 0o644, "others can read or write"},
		"private with password":       {secretInside, 0o600, ""},
		"readable with a token":       {account("") + "[notice]\nto = \"ntfy\"\nurl = \"https://example.com\"\ntoken = \"x\"\n", 0o644, "others can read or write"},
		"readable with proxy's":       {proxied, 0o604, "others can read or write"},
		"readable with proxy, no pwd": {account(`proxy = "http://u@h:1"`), 0o644, ""},
	} {
		path := write(t, map[string]string{"config.toml": c.text})
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		if (err == nil) != (c.bad == "") || (err != nil && !strings.Contains(err.Error(), c.bad)) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: shows the secret: %v", name, err)
		}
	}
}

func TestPasswordFilePermissions(t *testing.T) {
	for key, text := range map[string]string{
		"account":     strings.Replace(account(""), `password_env = "X"`, `password_file = "s"`, 1),
		"destination": destination("type = \"imap\"\nhost = \"h\"\nuser = \"u\"\npassword_file = \"s\""),
		"template":    destination("type = \"imap\"\nhost = \"h\"\nuser = \"u\"\npassword_file = \"{account}\""),
		"proxy":       account("proxy = \"http://u@h:1\"\nproxy_password_file = \"s\""),
		"client":      account("client_cert = \"c\"\nclient_key = \"s\""),
		"oauth":       account("") + "[oauth.google]\nclient_secret_file = \"s\"\n",
	} {
		path := write(t, map[string]string{"config.toml": text, "s": "hunter2", "a": "hunter2"})
		if _, err := Load(path); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		for _, f := range []string{"s", "a"} {
			if err := os.Chmod(filepath.Join(filepath.Dir(path), f), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Load(path)
		if err == nil || !strings.Contains(err.Error(), "others can read") || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s, readable by all: %v", key, err)
		}
	}
}

func TestWarnings(t *testing.T) {
	for text, want := range map[string]string{
		account(""):            "",
		account(`sent = true`): "sent is for Gmail's POP3 only",
		account("provider = \"qq\"\npush = true"):                       "push is not known to work here",
		account("protocol = \"pop3\"\nschedule = \"* * * * *\""):        "wants 5m between two looks",
		account("host = \"h\"\nport = 993\ntls = \"starttls\""):         "most likely begins with TLS",
		account(`ca_file = "none.pem"`):                                 "ca_file does not exist",
		destination("type = \"lmtp\"\nhost = \"h\"\nrecipient = \"r\""): "LMTP servers seldom begin with TLS",
	} {
		got := load(t, text).Warnings
		if (len(got) == 0) != (want == "") || (want != "" && !strings.Contains(got.Error(), want)) {
			t.Errorf("%q: warnings %v", text, got)
		}
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "large.toml"), make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"none.toml": "none.toml: read config: no such file", ".": "no regular file", "fifo": "no regular file", "large.toml": "1 MiB"} {
		if _, err := Load(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The shortest useful config, as users are shown it.
func TestShortConfig(t *testing.T) {
	c := load(t, `
include = ["accounts.d/*.toml"]        # more [[account]] and [destination] tables

[defaults]                             # any key of [[account]] but name, user and secrets

[destination.qq]
type = "imap"
provider = "qq"                        # fills host, port, tls
user = "12345@qq.com"
password_file = "qq.secret"            # a 授权码
folder = "INBOX"

[[account]]
name = "gmail"
protocol = "imap"
user = "me@gmail.com"                  # provider found from the address
password_file = "gmail.secret"         # an app password, with or without its spaces
to = "qq"
schedule = "*/10 * * * *"
`)
	d := c.Accounts[0].Destination
	got := []any{d.Host, d.Port, d.TLS, d.Folder, d.Create, d.Trace, d.Secret.File, d.Secret.Normalize("abcd efgh ijkl mnop"), len(c.Warnings)}
	want := []any{"imap.qq.com", 993, TLSImplicit, "INBOX", true, true, filepath.Join(filepath.Dir(c.Path), "qq.secret"), "abcdefghijklmnop", 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
