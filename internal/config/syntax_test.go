package config

import (
	"strings"
	"testing"
)

// canary is a secret that stands in the broken files of these tests. Nothing
// that Load says may show it.
const canary = "CANARY-9f2c"

// Broken TOML: the texts are ours, in plain words, with the right place.
func TestBrokenTOML(t *testing.T) {
	for text, wants := range map[string][]string{
		"host = imap.qq.com\n":                           {"config.toml:1:8: this value is not understood", "strings need quotes"},
		"password = CANARY-9f2c\n":                       {"config.toml:1:12: this value is not understood", "strings need quotes"},
		"password = 10CANARY-9f2c\n":                     {"this value is not understood", "strings need quotes"},
		"password = “CANARY-9f2c”\n":                     {"config.toml:1:12: this value is not understood"},
		"password = \"CANARY-9f2c\n":                     {"config.toml:1:24: a closing quote is missing"},
		"password = 'CANARY-9f2c\n":                      {"a closing quote is missing"},
		"password = \"CANARY-9f2c\\q\"\n":                {`a backslash in "…" begins a special character`},
		"password = \"CANARY-9f2c\" CANARY-9f2c\n":       {"something stands behind the value"},
		"password = \"\"\"CANARY-9f2c\n":                 {"a text over several lines has no end"},
		"CANARY-9f2c\n":                                  {"a setting needs = and a value"},
		"= \"CANARY-9f2c\"\n":                            {"config.toml:1:1: a line begins with a key"},
		"a = 1\npassword = \"CANARY-9f2c\"\na = 2\n":     {"config.toml:3:1: this key is set twice"},
		"[x]\n[x]\npassword = \"CANARY-9f2c\"\n":         {"config.toml:2:2: this table or key is there already"},
		"[[x]]\n[x]\n":                                   {"config.toml:2:2: this table or key is there already"},
		"x = 1\n[x]\n":                                   {"config.toml:2:2: this name is used for a setting and for a table"},
		"[account\npassword = \"CANARY-9f2c\"\n":         {"config.toml:1:9: the closing ] of a table's name is missing"},
		"folders = [\"CANARY-9f2c\",\n\"b\"\nx = 3\n":    {"config.toml:3:1: a comma or ] is missing"},
		"folders = [\"CANARY-9f2c\"\n":                   {"a list has no end"},
		"backlog = { last = 1\npassword=\"CANARY-9f2c\"": {"a comma or } is missing in a table on one line"},
		"since = 2026-02-30\n":                           {"no such date or time"},
		"port = 0993\n":                                  {"config.toml:1:8: this value is not understood"},
		"port = 99999999999999999999\n":                  {"too large a number"},
		"label = \"CANARY-9f2c\xff\"\n":                  {"this is not UTF-8"},
		"label = \"CANARY-9f2c\x01\"\n":                  {"a control character stands here"},
		"label = \"中文\" CANARY-9f2c\n":                   {"config.toml:1:14: something stands behind the value"},
	} {
		got := faults(t, text)
		if len(got) == 0 {
			t.Errorf("%q is taken", text)
			continue
		}
		for _, w := range wants {
			if !strings.Contains(strings.Join(got, "\n"), w) {
				t.Errorf("%q: %q does not say %q", text, got, w)
			}
		}
		for _, line := range got {
			if strings.Contains(line, canary) || strings.Contains(line, "toml:  ") {
				t.Errorf("%q: the secret is shown: %q", text, line)
			}
		}
	}
}

// Settings that are broken one by one do not hide each other, nor what is wrong
// with the rest of the file.
func TestAllSyntaxErrorsAtOnce(t *testing.T) {
	text := "\xef\xbb\xbflang = de\n" + account("label = \"x\nmax_size = 10MB\nmax_delete = \"a\"\nhots = \"h\"")
	got := strings.Join(faults(t, text), "\n")
	for _, w := range []string{
		"config.toml:1:8: this value is not understood",
		"config.toml:10:11: a closing quote is missing",
		"config.toml:11:14: this value is not understood",
		"config.toml:12:14: max_delete must be a number",
		`config.toml:13:1: unknown key "hots"`,
	} {
		if !strings.Contains(got, w) {
			t.Errorf("no %q in:\n%s", w, got)
		}
	}
	if n := strings.Count(got, "\n") + 1; n != 5 {
		t.Errorf("%d faults instead of 5:\n%s", n, got)
	}
}

// A setting that is broken is not called missing as well; what is missing elsewhere is.
func TestBrokenSettingIsNotMissing(t *testing.T) {
	head := "[destination.home]\ntype = \"maildir\"\npath = \"m\"\n"
	for lines, wants := range map[string][]string{
		head + "[[account]]\nname = \"src\"\nhost = \"h\"\npassword = \"p\"\nto = \"home\"\nuser = me@example.org\n":                                                             {"config.toml:9:8: this value"},
		head + "[[account]]\nname = \"src\"\nhost = \"h\"\nuser = \"me\"\nto = \"home\"\npassword = p\n":                                                                         {"config.toml:9:12: this value"},
		"[destination.home]\ntype = \"maildir\"\npath = m\n[[account]]\nname = \"src\"\nhost = \"h\"\nuser = \"me\"\npassword = \"p\"\nto = \"home\"\n":                          {"config.toml:3:8: this value"},
		head + "[[account]]\nname = \"src\"\nhost = h\nuser = \"me\"\npassword = \"p\"\nto = \"home\"\n":                                                                         {"config.toml:6:8: this value"},
		"[destination.home]\ntype = \"lmtp\"\nrecipient = \"me\"\nsocket = s\n":                                                                                                  {"config.toml:4:10: this value"},
		"[destination.home]\ntype = \"imap\"\nuser = \"me\"\npassword = \"p\"\nhost = s\n":                                                                                       {"config.toml:5:8: this value"},
		head + "[[account]]\nname = \"a\"\nhost = \"h\"\npassword = \"p\"\nto = \"home\"\nuser = me\n[[account]]\nname = \"b\"\nhost = \"h\"\npassword = \"p\"\nto = \"home\"\n": {"config.toml:9:8: this value", "account b needs user"},
	} {
		got := faults(t, lines)
		if len(got) != len(wants) {
			t.Errorf("%s\nfaults %q, want %q", lines, got, wants)
			continue
		}
		for i, w := range wants {
			if !strings.Contains(got[i], w) {
				t.Errorf("%s\nfaults %q, want %q", lines, got, wants)
			}
		}
	}
}

func TestMarkOfOrder(t *testing.T) {
	if c := load(t, "\xef\xbb\xbf"+account("")); c.Accounts[0].Name != "a" {
		t.Errorf("account is %q", c.Accounts[0].Name)
	}
}

// Everything is wrong here, and in each place where a secret may stand, or be
// put by mistake, there is one.
func TestNoSecretIsShown(t *testing.T) {
	places := []string{
		"password = \"X\"\npassword_file = \"X\"", "password = \"X\\nX\"", "password = [\"X\"]", "password = 3 # X", "password_command = \"X\"", "password_command = [3, \"X\"]",
		"proxy = \"socks5://u:X@\"", "proxy = \"ftp://u:X@h\"", "proxy = \"http://u:X@h:99999\"", "proxy = \"http://u:X@h/X\"", "proxy = \"http://u:X@%zz\"", "proxy = \"http://:X@h:1\"", "proxy = \"X\"",
		"provider = \"X\"", "schedule = \"X\"", "schedule = \"CRON_TZ=X 0 0 * * *\"", "schedule = \"@every X\"", "timezone = \"X\"", "timeout = \"X\"", "max_size = \"X\"",
		"after = \"X\"", "tls = \"X\"", "folders = [\"role:X\"]", "backlog = \"X\"", "backlog = { X = 1 }", "host = \"http://X\"", "port = \"X\"", "\"X\" = 1", "X = 1", "pin_sha256 = \"X\"",
		"into = \"{userr} X\"", "name = \"X\"", "user = \"X\"", "to = \"X\"", "[account.X]\na = 1", "[destination.\"X y\"]\na = 1", "[X]\na = 1", "lang = \"X\"", "[web]\nlisten = \"X\"", "[oauth.google]\nX = \"X\"", "include = [\"[X\"]",
	}
	for _, p := range places {
		for _, text := range []string{account(strings.ReplaceAll(p, "X", canary)), strings.ReplaceAll(p, "X", canary) + "\n", destination("type = \"imap\"\n" + strings.ReplaceAll(p, "X", canary))} {
			got := strings.Join(faults(t, text), "\n")
			if got == "" {
				t.Errorf("taken: %q", text)
			}
			if strings.Contains(got, canary) {
				t.Errorf("%q\nshows it: %s", p, got)
			}
		}
	}
}
