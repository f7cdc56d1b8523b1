package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTemplates(t *testing.T) {
	c := load(t, `
[destination.d]
type = "command"
argv = ["./bin/{account}", "--for={user}", "{localpart}", "{domain}", "awk '{print $1}'", "{ }"]
[destination.m]
type = "maildir"
path = "mail/{domain}/{localpart}"
[destination.s]
type = "smtp"
host = "h.example.com"
user = "{user}"
password_file = "secrets/{account}"
recipient = "{localpart}+in@{domain}"
[destination.l]
type = "lmtp"
socket = "lmtp"
recipient = "{localpart}"
[defaults]
host = "h.example.com"
[[account]]
name = "a"
user = "me@example.com"
password_env = "X"
to = "d"
[[account]]
name = "b"
user = "she@example.com"
password_env = "X"
to = "m"
[[account]]
name = "c"
user = "he@example.com"
password_env = "X"
to = "s"
[[account]]
name = "e"
user = "it@example.com"
password_env = "X"
to = "l"
`)
	dir := strings.TrimSuffix(c.Path, "config.toml")
	s := c.Account("c").Destination
	got := []any{c.Account("a").Destination.Argv, c.Account("b").Destination.Path, s.User, s.Secret.File, s.Recipient, s.Sender,
		c.Account("e").Destination.Recipient, c.Account("e").Destination.Sender, c.Account("e").Destination.Socket}
	want := []any{[]string{dir + "bin/a", "--for=me@example.com", "me", "example.com", "awk '{print $1}'", "{ }"}, dir + "mail/example.com/she",
		"he@example.com", dir + "secrets/c", "he+in@example.com", "he@example.com", "it", "it", dir + "lmtp"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if d, err := c.Destinations["s"].For(c.Account("a")); err != nil || d.User != "me@example.com" {
		t.Errorf("For: %v, %v", d, err)
	}
}

// A value cannot become an option, another folder or a way out of one.
func TestUnsafeValues(t *testing.T) {
	for _, c := range []struct {
		user, line string
		want       string // "": fine
	}{
		{"-rf@example.com", "type = \"command\"\nargv = [\"rm\", \"{user}\"]", `{user} begins with "-"`},
		{"-rf@example.com", "type = \"command\"\nargv = [\"rm\", \"x{localpart}\"]", `{localpart} begins with "-"`},
		{"a/b@example.com", "type = \"maildir\"\npath = \"m/{user}\"", `{user} holds "/"`},
		{"a/b@example.com", "type = \"command\"\nargv = [\"x\", \"{user}\"]", ""},
		{"a/b@example.com", "type = \"imap\"\nhost = \"h\"\nuser = \"u\"\npassword_file = \"m/{user}\"", `{user} holds "/"`},
		{"..@example.com", "type = \"maildir\"\npath = \"m/{localpart}\"", `{localpart} holds ".."`},
		{"a..b@example.com", "type = \"command\"\nargv = [\"x\", \"{localpart}\"]", `{localpart} holds ".."`},
		{"me", "type = \"maildir\"\npath = \"m/{domain}\"", `{domain} is empty`},
		{"me", "type = \"maildir\"\npath = \"m/{localpart}\"", ""},
	} {
		text := "[[account]]\nname = \"a\"\nhost = \"h.example.com\"\nuser = \"" + c.user + "\"\npassword_env = \"X\"\nto = \"d\"\n[destination.d]\n" + c.line + "\n"
		got := faults(t, text)
		if c.want == "" {
			if got != nil {
				t.Errorf("%s in %q: %q", c.user, c.line, got)
			}
			continue
		}
		want(t, got, c.want, "for account a")
	}
	if why := unsafe("a\x00", false); why == "" {
		t.Error("NUL is taken")
	}
}

func TestInto(t *testing.T) {
	for _, c := range []struct{ into, folder, separator, want string }{
		{"", "INBOX", "/", ""},
		{"Old", "INBOX", "/", "Old"},
		{"Gmail/{account}/{folder}", "Work/2026", "/", "Gmail/a/Work/2026"},
		{"{folder}", "Work.2026", ".", "Work/2026"},
		{"{folder}", "Work/2026", ".", "Work_2026"},
		{"{folder}", "Work/2026", "", "Work_2026"},
		{"X/{folder}", "../../etc", "/", "X/_/_/etc"},
		{"X/{folder}", "a//b/.", "/", "X/a/_/b/_"},
		{"X/{folder}", "a\r\n\x7fb\xff", "/", "X/a___b_"},
		{"X/{folder}", "{user}", "/", "X/{user}"},
		{"{user}", "INBOX", "/", "me_@example.com"},
		{"中文/{folder}", "其他文件夹/X", "/", "中文/其他文件夹/X"},
	} {
		a := &Account{Name: "a", Server: Server{User: "me/@example.com"}, into: c.into}
		if got := a.Into(c.folder, c.separator); got != c.want {
			t.Errorf("into %q of %q (%q): %q, want %q", c.into, c.folder, c.separator, got, c.want)
		}
	}
}
