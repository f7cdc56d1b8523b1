package provider

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// A code counts before words, refused credentials before throttling, and a
// throttled login is no bad password.
func TestOrderOfRows(t *testing.T) {
	for _, c := range []struct {
		err  error
		key  string
		want reply.Class
	}{
		{imap("LOGIN", "UNAVAILABLE", "Invalid credentials, please log in via your web browser"), "gmail", reply.Temporary},
		{imap("LOGIN", "", "Account exceeded command or bandwidth limits; invalid credentials"), "gmail", reply.Credentials},
		{imap("LOGIN", "", "Account exceeded command or bandwidth limits"), "gmail", reply.Limit},
		{imap("LOGIN", "ALERT", "Too many simultaneous connections"), "gmail", reply.Temporary},
		{imap("LOGIN", "", qqLogin), "qq", reply.Credentials},
		{imap("LOGIN", "", "Unsafe Login, or LOGIN Login error or password error"), "163", reply.Credentials},
		{imap("LOGIN", "AUTHENTICATIONFAILED", "Too many simultaneous connections"), "", reply.Limit},
		{pop("PASS", "SYS/TEMP", "Temporary system problem"), "", reply.Temporary},
	} {
		if a := Advise(c.err, Situation{Provider: c.key, Protocol: "imap"}); a.Class != c.want {
			t.Errorf("%v is %q, want %q", c.err, a.Class, c.want)
		}
	}
}

// Without a row the class stands, with what can be said of all of it. One
// provider's text from another server says nothing, and neither does a proxy's
// or a token endpoint's refusal of a mail server's.
func TestNoRow(t *testing.T) {
	proxy := reply.WithClass(reply.Credentials, &reply.Error{Protocol: "proxy", Command: "AUTH", Code: "407", Text: "no"})
	for _, c := range []struct {
		err   error
		key   string
		class reply.Class
		hint  lang.Text
	}{
		{io.ErrUnexpectedEOF, "", reply.Network, general[reply.Network]},
		{imap("LOGIN", "AUTHENTICATIONFAILED", "no"), "", reply.Credentials, general[reply.Credentials]},
		{errors.New("what?"), "qq", reply.Temporary, general[reply.Temporary]},
		{imap("FETCH", "", "the moon is in the wrong house"), "gmail", reply.Temporary, general[reply.Temporary]},
		{pop("PASS", "", "Unable to log on"), "", reply.Credentials, general[reply.Credentials]},
		{&net.OpError{Op: "read", Net: "tcp", Err: timeout{}}, "gmail", reply.Network, general[reply.Network]},
	} {
		a := Advise(c.err, Situation{Provider: c.key, Protocol: "imap"})
		if a != (Advice{Class: c.class, Hint: c.hint}) {
			t.Errorf("%v (%s): %+v", c.err, c.key, a)
		}
	}
	for _, key := range Keys() {
		if a := Advise(proxy, Situation{Provider: key, Protocol: "imap", Shape: Token}); !strings.Contains(a.Hint.EN, "proxy_password_file") {
			t.Errorf("%s: the proxy's refusal is taken for the provider's: %q", key, a.Hint.EN)
		}
	}
	if a := Advise(nil, Situation{Provider: "gmail"}); a != (Advice{}) {
		t.Errorf("no error gets %+v", a)
	}
}

// Google wants ten minutes between a sign-in on its website and the next try;
// all other pauses are the daemon's.
func TestRetry(t *testing.T) {
	for _, h := range hints() {
		want := time.Duration(0)
		if h.url == webLogin {
			want = 10 * time.Minute
		}
		if h.retry != want {
			t.Errorf("%q is tried again after %v", h.say.EN, h.retry)
		}
	}
	if a := Advise(pop("PASS", "AUTH", "Web login required"), Situation{Provider: "gmail"}); a.Class != reply.Credentials || a.Retry != 10*time.Minute {
		t.Errorf("Google's web login: %+v", a)
	}
}

// Each row can be met, guesses and says so in both languages, and points to https
// only.
func TestHintsAreSound(t *testing.T) {
	for _, h := range hints() {
		if !strings.Contains(h.say.EN, "most likely") || !strings.Contains(h.say.ZH, "很可能") {
			t.Errorf("a language is missing, or is too sure: %+v", h.say)
		}
		if h.url != "" && !strings.HasPrefix(h.url, "https://") {
			t.Errorf("row %q points to %q", h.say.EN, h.url)
		}
		if h.texts == nil && h.codes == nil && h.commands == nil && h.within == nil && h.faults == nil && !slices.Equal(h.protocols, []string{"proxy"}) {
			t.Errorf("row %q fits everything", h.say.EN)
		}
		for _, text := range h.texts {
			if text != strings.ToLower(text) {
				t.Errorf("%q is not in lower case: it never fits", text)
			}
		}
		for _, code := range h.codes {
			if code != strings.ToUpper(code) {
				t.Errorf("%q is not in upper case: it never fits", code)
			}
		}
		for _, key := range h.keys {
			if !slices.Contains(Keys(), key) {
				t.Errorf("%q is no provider", key)
			}
		}
	}
	for _, c := range []reply.Class{reply.Usage, reply.Refused, reply.Bug, reply.IO, reply.Temporary, reply.Network, reply.Limit, reply.Full, reply.TLS, reply.Credentials, reply.Config} {
		if general[c].EN == "" || general[c].ZH == "" {
			t.Errorf("class %q has no hint", c)
		}
	}
}

// What a ledger keeps in English is found again in both languages; a sentence
// that only an older mailrill knew stays as it is.
func TestHint(t *testing.T) {
	for _, h := range hints() {
		if got := Hint(h.say.EN); got != h.say {
			t.Errorf("%q is found as %+v", h.say.EN, got)
		}
	}
	for c, text := range general {
		if got := Hint(text.EN); got != text {
			t.Errorf("class %q is found as %+v", c, got)
		}
	}
	if got := Hint("ask your grandmother"); got != (lang.Text{EN: "ask your grandmother"}) {
		t.Errorf("a foreign sentence becomes %+v", got)
	}
}

// No hint names a time at which mailrill tries again: the back-off grows.
func TestHintsPromiseNoTime(t *testing.T) {
	for _, h := range hints() {
		if strings.Contains(h.say.EN, "mailrill tries again in ") || strings.Contains(h.say.ZH, "后会重试") {
			t.Errorf("%q promises a time", h.say.EN)
		}
	}
}
