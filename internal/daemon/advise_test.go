package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/ledger"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
	"mailrill/internal/secret"
)

// Where an account signs in with OAuth, a refused login is no wrong password.
func TestAdviseKnowsASignInFromAPassword(t *testing.T) {
	gmail, _ := provider.ByKey("gmail")
	refused := &reply.Error{Protocol: "imap", Command: "AUTHENTICATE", Code: "AUTHENTICATIONFAILED", Text: "Invalid credentials (Failure)"}
	for oauth, says := range map[string]string{"": "app password", "google": "sign in again"} {
		a := &config.Account{Protocol: config.IMAP, Destination: &config.Destination{}, Server: config.Server{Provider: gmail, OAuth: oauth}}
		if hint := Advise(a, refused).Hint.EN; !strings.Contains(hint, says) {
			t.Errorf("oauth = %q: %q", oauth, hint)
		}
	}
}

// The same refusal has another cause for another kind of secret. A command is not
// run to learn that, and neither is a secret read where no login was refused.
func TestAdviseKnowsTheShapeOfTheSecret(t *testing.T) {
	gmail, _ := provider.ByKey("gmail")
	refused := &reply.Error{Protocol: "imap", Command: "LOGIN", Code: "AUTHENTICATIONFAILED", Text: "Invalid credentials (Failure)"}
	ran := filepath.Join(t.TempDir(), "ran")
	const own, ended, either = "most likely this is the account's own password, which Google no longer accepts from mail programs: create", "this app password has ended", "or an app password that has ended"
	for _, c := range []struct {
		from *secret.Source
		says string
	}{
		{&secret.Source{Password: "hunter2"}, own},
		{&secret.Source{Password: "abcd efgh ijkl mnop"}, ended},
		{&secret.Source{File: ran}, either}, // it is not there
		{&secret.Source{Command: []string{"touch", ran}}, either},
		{nil, either},
	} {
		a := &config.Account{Protocol: config.IMAP, Destination: &config.Destination{}, Server: config.Server{Provider: gmail, Secret: c.from}}
		if hint := Advise(a, refused).Hint.EN; !strings.Contains(hint, c.says) {
			t.Errorf("%v: %q", c.from, hint)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a command was run for its shape")
	}
}

// A login that is not tried again gets the advice of the refusal that bars it, also
// when that was the destination's.
func TestAdviseOfABarredLogin(t *testing.T) {
	a := account(t, "a", "@every 10m")
	a.Provider, _ = provider.ByKey("gmail")
	w := newWorld(t, a)
	row, err := w.ledger.Account(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	refusal := provider.Advise(&reply.Error{Protocol: "imap", Command: "LOGIN", Text: "Login fail. Password is incorrect"}, provider.Situation{Provider: "qq"})
	was := ledger.Pass{At: noon, Class: "credentials", Text: "destination qq: imap LOGIN refused: Login fail.", Hint: refusal.Hint.EN, URL: refusal.URL, Failures: 3, NextTry: noon.Add(time.Hour)}
	if err := w.ledger.Commit(t.Context(), ledger.PassOf{Account: row.ID, Pass: was}); err != nil {
		t.Fatal(err)
	}
	if err := w.d.Once(t.Context(), collect.Options{}, false); err != nil || w.total != 0 {
		t.Fatal(w.total, err)
	}
	got := Advise(a, w.told[0].Report.Err())
	if got.Class != reply.Credentials || got.Hint != refusal.Hint || got.URL != refusal.URL {
		t.Errorf("%+v, want %+v", got, refusal)
	}
}
