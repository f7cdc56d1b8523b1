package config

import (
	"fmt"
	"strings"
	"testing"
)

// chain returns a config in which each pair "source > destination" of mailboxes
// at h.example.com is an account: a, b, c … A mailbox is USER/FOLDER.
func chain(pairs ...string) string {
	text := ""
	for i, p := range pairs {
		from, to, _ := strings.Cut(p, " > ")
		user, folder, _ := strings.Cut(from, "/")
		target, into, _ := strings.Cut(to, "/")
		name := string(rune('a' + i))
		text += fmt.Sprintf("[[account]]\nname = %q\nhost = \"h.example.com\"\nuser = %q\npassword_env = \"X\"\nto = %q\nfolders = [%q]\n", name, user, name, folder)
		text += fmt.Sprintf("[destination.%s]\ntype = \"imap\"\nhost = \"h.example.com\"\nuser = %q\npassword_env = \"X\"\nfolder = %q\n", name, target, into)
	}
	return text
}

func TestCircles(t *testing.T) {
	for _, c := range []struct {
		text string
		want string // "": fine
	}{
		{chain("me/INBOX > you/INBOX"), ""},
		{chain("me/INBOX > me/Old"), ""},
		{chain("me/INBOX > me/inbox"), "config.toml:6:6: account a would deliver into the mailbox"},
		{chain("me/INBOX > ME/INBOX"), "account a would deliver"},
		{chain("me/* > me/Old"), "account a would deliver"},
		{chain("me/role:all > me/Old"), "account a would deliver"},
		{chain("me/role:junk > me/INBOX"), ""},
		{chain("me/role:inbox > me/INBOX"), "account a would deliver"},
		{chain("me/INBOX > you/INBOX", "you/INBOX > me/INBOX"), "mail would go in a circle: a, b, a"},
		{chain("me/INBOX > you/INBOX", "you/INBOX > she/INBOX", "she/INBOX > me/INBOX"), "mail would go in a circle: a, b, c, a"},
		{chain("x/INBOX > me/INBOX", "me/INBOX > you/INBOX", "you/INBOX > me/INBOX"), "mail would go in a circle: b, c, b"},
		{chain("me/INBOX > you/INBOX", "you/INBOX > she/INBOX", "she/INBOX > me/Other"), ""},
		{strings.Replace(chain("me/INBOX > you/INBOX", "you/INBOX > me/INBOX"), "name = \"b\"", "name = \"b\"\nenabled = false", 1), ""},
		// POP3 and IMAP of one host are one mailbox.
		{strings.Replace(chain("me/INBOX > me/INBOX"), "folders = [\"INBOX\"]", "protocol = \"pop3\"", 1), "account a would deliver"},
		// Two servers on one host are two.
		{strings.Replace(chain("me/INBOX > me/INBOX"), "host =", "port = 1143\nhost =", 1), ""},
		// into counts in place of the destination's folder.
		{strings.Replace(chain("me/INBOX > me/Old"), "to =", "into = \"INBOX\"\nto =", 1), "account a would deliver"},
		{strings.Replace(chain("me/INBOX > me/INBOX"), "to =", "into = \"Old\"\nto =", 1), ""},
		{strings.Replace(chain("me/Old/* > me/INBOX"), "to =", "into = \"Old/{folder}\"\nto =", 1), "account a would deliver"},
		{strings.Replace(chain("me/New > me/INBOX"), "to =", "into = \"Old/{folder}\"\nto =", 1), ""},
	} {
		got := faults(t, c.text)
		if c.want == "" {
			if got != nil {
				t.Errorf("refused: %q\n%s", got, c.text)
			}
			continue
		}
		want(t, got, c.want)
	}
}

// A template gives each account a destination of its own.
func TestCircleThroughTemplate(t *testing.T) {
	const text = `
[destination.d]
type = "imap"
host = "h.example.com"
user = "{localpart}@example.com"
password_env = "X"
[[account]]
name = "a"
host = "h.example.com"
user = "me@example.com"
password_env = "X"
to = "d"
[[account]]
name = "b"
host = "other.example.com"
user = "me@example.net"
password_env = "X"
to = "d"
`
	want(t, faults(t, text), "config.toml:12:6: account a would deliver")
}

func TestSameSource(t *testing.T) {
	two := func(a, b string) string {
		return box + "[defaults]\nhost = \"h.example.com\"\nto = \"box\"\n" +
			"[[account]]\nname = \"a\"\nuser = \"me\"\npassword_env = \"X\"\n" + a + "\n[[account]]\nname = \"b\"\nuser = \"me\"\npassword_env = \"X\"\n" + b + "\n"
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"", "", true},
		{"", "enabled = false", false},
		{"", `folders = ["Work"]`, false},
		{`folders = ["inbox"]`, `folders = ["Work", "INBOX"]`, true},
		{`folders = ["*", "!INBOX"]`, "", false},
		{`folders = ["*"]`, "", true},
		{`folders = ["Work/*"]`, `folders = ["Home/*"]`, false},
		{`folders = ["Work/*"]`, `folders = ["W*"]`, true},
		{`folders = ["*"]`, `folders = ["role:junk"]`, false},
		{`folders = ["*"]`, `folders = ["role:all"]`, true},
		{`folders = ["role:trash"]`, `folders = ["role:all"]`, false},
		{"port = 143\ntls = \"starttls\"", "port = 993", true},
		{"port = 1143", "port = 1144", false},
		{`protocol = "pop3"`, `protocol = "pop3"`, true},
		{`protocol = "pop3"`, "", false},
	} {
		got := faults(t, two(c.a, c.b))
		if same := len(got) == 1 && strings.Contains(got[0], "account a collects the same mail already"); same != c.same || (!same && got != nil) {
			t.Errorf("%q and %q: %q", c.a, c.b, got)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true}, {"*", "a/b", true}, {"a*", "ab", true}, {"a*", "ba", false}, {"*b", "ab", true}, {"a*c*e", "abcde", true}, {"a*c*e", "abde", false}, {"a", "a", true}, {"a", "ab", false}, {"a*a", "a", false},
	} {
		if got := glob(c.pattern, c.name); got != c.want {
			t.Errorf("glob(%q, %q) is %v", c.pattern, c.name, got)
		}
	}
}
