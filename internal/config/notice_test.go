package config

import (
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestNotice(t *testing.T) {
	for lines, ways := range map[string][]string{
		"":                       {NoticeMail},
		"[notice]":               {NoticeMail},
		"[notice]\nto = \"off\"": nil,
		"[notice]\nto = \"command\"\nargv = [\"true\"]\ntimeout = \"5s\"":                             {NoticeCommand},
		"[notice]\nto = \"ntfy\"\nurl = \"https://example.com/t\"\ntoken_file = \"tok\"":              {NoticeNtfy},
		"[notice]\nto = [\"destination\", \"webhook\"]\nurl = \"http://127.0.0.1:1/\"\ntoken = \"x\"": {NoticeMail, NoticeWebhook},
		"[notice]\nto = \"off\"\nurl = \"https://example.com/t\"":                                     nil, // switched off, for a while
	} {
		if got := load(t, account("")+lines).Notice.To; !slices.Equal(got, ways) {
			t.Errorf("%q: %q, want %q", lines, got, ways)
		}
	}
	c := load(t, account("")+"[notice]\nto = [\"ntfy\", \"command\"]\nurl = \"https://example.com/t\"\ntoken_file = \"tok\"\nargv = [\"./tell\", \"me\"]\n")
	n, dir := c.Notice, filepath.Dir(c.Path)
	if n.URL != "https://example.com/t" || n.Token.File != filepath.Join(dir, "tok") || !slices.Equal(n.Argv, []string{filepath.Join(dir, "tell"), "me"}) || n.Timeout != 30*time.Second {
		t.Errorf("%+v", n)
	}
}

func TestNoticeRefused(t *testing.T) {
	for lines, wants := range map[string]string{
		"to = \"mail\"": `to must be "destination", "webhook", "ntfy"`,
		"to = []":       "to is an empty list",
		"to = 1":        `to must be "destination", "webhook"`,
		"to = [\"off\", \"ntfy\"]\nurl = \"https://example.com/\"":     "stands alone",
		"to = [\"webhook\", \"ntfy\"]\nurl = \"https://example.com/\"": "one url",
		"to = \"webhook\"":               "notice needs url",
		"to = \"command\"":               "notice needs argv",
		"url = \"https://example.com/\"": "url has no meaning here",
		"argv = [\"true\"]":              "argv has no meaning here",
		"token_env = \"X\"":              "token_env has no meaning here",
		"to = \"ntfy\"\nurl = \"http://example.com/secret\"":                                   "without TLS",
		"to = \"ntfy\"\nurl = \"https://me:secret@example.com/\"":                              "url holds a user",
		"to = \"ntfy\"\nurl = \"ftp://example.com/secret\"":                                    "url is no address",
		"to = \"ntfy\"\nurl = \"https:///secret\"":                                             "url is no address",
		"to = \"ntfy\"\nurl = \"https://example.com/\"\ntoken_env = \"X\"\ncredential = \"c\"": "more than one token",
		"to = \"command\"\nargv = \"true\"":                                                    "argv must be a list of words",
		"to = \"command\"\nargv = [\"true\"]\ntimeout = \"0s\"":                                "timeout must be between",
		"to = \"command\"\nargv = [\"true\"]\ntimeout = \"6m\"":                                "timeout must be between 1s and 5m",
	} {
		got := faults(t, account("")+"[notice]\n"+lines)
		want(t, got, wants)
		if slices.ContainsFunc(got, func(line string) bool { return len(line) > 0 && filepath.Base(line) == "secret" }) {
			t.Errorf("%q shows the address: %q", lines, got)
		}
	}
}
