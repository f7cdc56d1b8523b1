package oauth

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

// A sign-in that will end is announced days before, with the day.
func TestWarning(t *testing.T) {
	signed := time.Date(2026, 11, 1, 12, 0, 0, 0, time.Local)
	for what, c := range map[string]struct {
		token Token
		days  int
		want  string // "" for nothing
	}{
		"Google, new":                {Token{Provider: GoogleKey, Refreshed: signed}, 0, ""},
		"Google, used":               {Token{Provider: GoogleKey, Refreshed: signed.Add(149 * day)}, 150, ""},
		"Google, idle":               {Token{Provider: GoogleKey, Refreshed: signed}, 151, "last used on 2026-11-01, and most likely ends on 2027-04-30"},
		"Google, testing":            {Token{Provider: GoogleKey, SignedIn: signed, Refreshed: signed, Ends: signed.Add(7 * day)}, 0, "ends on 2026-11-08: most likely the app is still in testing"},
		"Google, testing, over":      {Token{Provider: GoogleKey, SignedIn: signed, Refreshed: signed, Ends: signed.Add(7 * day)}, 7, "ended on 2026-11-08"},
		"Google, a longer end":       {Token{Provider: GoogleKey, SignedIn: signed, Refreshed: signed, Ends: signed.Add(100 * day)}, 92, ""},
		"Google, a longer end nears": {Token{Provider: GoogleKey, SignedIn: signed, Refreshed: signed, Ends: signed.Add(100 * day)}, 94, "ends on 2027-02-09: sign in again"},
		"Microsoft, new":             {Token{Provider: MicrosoftKey, Refreshed: signed}, 75, ""},
		"Microsoft, idle":            {Token{Provider: MicrosoftKey, Refreshed: signed}, 77, "last used on 2026-11-01, and most likely ends on 2027-01-30"},
	} {
		got, any := c.token.warning(name, signed.Add(time.Duration(c.days)*day))
		if any != (c.want != "") || !strings.Contains(got.EN, c.want) || any && (got.ZH == "" || !strings.Contains(got.ZH, "mailrill login gmail") || !strings.Contains(got.EN, "mailrill login gmail")) {
			t.Errorf("%s: %v", what, got)
		}
		if strings.Contains(got.EN+got.ZH, "%!") {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// The answers say it: a sign-in with an app in testing is announced from the first
// day, and again with every renewal.
func TestWarningOfTesting(t *testing.T) {
	r := newRig(t, &mailtest.OAuth{Testing: true})
	store := r.store()
	if text, any := store.Warning(name, r.now); !any || !strings.Contains(text.EN, "nobody has signed in") {
		t.Errorf("%v", text)
	}
	source := r.signedIn(store)
	r.pass(3 * day)
	if _, err := source.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text, any := store.Warning(name, r.now); !any || !strings.Contains(text.EN, "Publish it") {
		t.Errorf("%v", text)
	}
	r.pass(5 * day)
	if _, err := source.Token(t.Context()); codeOf(err) != "invalid_grant" {
		t.Errorf("%v", err)
	}
	if text, _ := store.Warning(name, r.now); !strings.Contains(text.EN, "ended on 2026-11-27") {
		t.Errorf("%v", text)
	}
	quiet := newRig(t, &mailtest.OAuth{})
	store = quiet.store()
	quiet.signedIn(store)
	if text, any := store.Warning(name, quiet.now); any {
		t.Errorf("%v", text)
	}
	if !store.SignedIn(name).Equal(quiet.now) || !store.SignedIn("other").IsZero() {
		t.Error("the time of the sign-in")
	}
}

// What can still be renewed has not ended, whatever was said, or by what clock.
func TestEndThatDidNotCome(t *testing.T) {
	ends := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]time.Time{-time.Hour: ends, time.Hour: {}} {
		token := Token{Provider: GoogleKey, Refresh: "r", Ends: ends}
		token.take(&oauth2.Token{AccessToken: "a", RefreshToken: "r"}, ends.Add(after))
		if !token.Ends.Equal(want) {
			t.Errorf("renewed %v after its end it ends %v", after, token.Ends)
		}
	}
}

// A file that another user has left there is nobody's broken disk.
func TestUnreadableFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	r := newRig(t, &mailtest.OAuth{})
	source := r.signedIn(r.store())
	path := filepath.Join(r.dir, name)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := source.Token(t.Context()); reply.ClassOf(err) != reply.Config || !strings.Contains(err.Error(), path) {
		t.Errorf("%v of class %s", err, reply.ClassOf(err))
	}
}

// However a token is printed, it shows nothing.
func TestTokensAreNotPrinted(t *testing.T) {
	token := Token{User: "me", Provider: GoogleKey, Access: "canary-a", Refresh: "canary-r"}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", token, "pointer", &token)
	text := fmt.Sprintf("%v %+v %#v %d %s %q %x %v", token, token, token, token, token, token, token, &token) + log.String()
	if strings.Contains(text, "canary") || strings.Contains(text, "63616e617279") || !strings.Contains(text, "sign-in of me with google") {
		t.Error(text)
	}
}

// How long an access token is used is ours to bound.
func TestLife(t *testing.T) {
	for seconds, want := range map[int64]time.Duration{0: time.Hour, -1: time.Minute, 1: time.Minute, 3599: 3599 * time.Second, 1 << 31: day, -1 << 62: time.Minute} {
		if got := life(seconds); got != want {
			t.Errorf("%d: %v, want %v", seconds, got, want)
		}
	}
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		life, age time.Duration
		fresh     bool
	}{
		{time.Hour, 54 * time.Minute, true}, {time.Hour, 55 * time.Minute, false}, {time.Minute, 44 * time.Second, true}, {time.Minute, 45 * time.Second, false},
		{time.Hour, -4 * time.Minute, true}, {time.Hour, -6 * time.Minute, false}, // the clock was set back
	} {
		token := Token{Access: "a", Refreshed: now, Expires: now.Add(c.life)}
		if got := token.fresh(now.Add(c.age)); got != c.fresh {
			t.Errorf("%v of %v: %v", c.age, c.life, got)
		}
	}
}

// Names of accounts cannot meet the files beside those of others.
func TestNamesDoNotMeet(t *testing.T) {
	r := newRig(t, &mailtest.OAuth{})
	store := r.store()
	names := []string{"a", "a.new", "a.lock", "new", "lock"}
	for _, n := range slices.Concat(names, []string{"a"}) {
		if err := store.Save(t.Context(), n, &Token{Version: version, User: n, Refresh: "r"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range names {
		if token, err := store.Load(n); err != nil || token.User != n {
			t.Errorf("%s: %v, %v", n, token, err)
		}
	}
	if err := store.Rename("a", "b"); err != nil {
		t.Error(err)
	}
	if err := store.Rename("never", "c"); err != nil {
		t.Error(err)
	}
	if err := store.Rename("b", "new"); err == nil {
		t.Error("a sign-in is overwritten")
	}
	if token, err := store.Load("b"); err != nil || token.User != "a" {
		t.Errorf("%v, %v", token, err)
	}
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", filepath.Join(r.dir, e.Name()), info.Mode(), err)
		}
	}
}

// Google's refresh tokens hold "/": they are hidden also in the form in which they
// were sent.
func TestRepeatedTokensAreHidden(t *testing.T) {
	c := &Client{Provider: Google()}
	for _, text := range []string{"what is 1//canary-x?", "what is 1%2F%2Fcanary-x?", "WHAT IS 1%2f%2fCANARY-X?"} {
		err := c.refused("token", &oauth2.RetrieveError{ErrorCode: "invalid_grant", ErrorDescription: text}, []string{"1//canary-x"})
		if strings.Contains(strings.ToLower(err.Error()), "canary") || !strings.Contains(err.Error(), "…?") {
			t.Errorf("%v", err)
		}
	}
}
