package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailrill/internal/mailtest"
)

// Before the first login a pass warns of each secret that is not of the provider's
// kind, once, in the user's language, and of no other. It logs in all the same.
func TestSecretsOfAnotherShapeAreWarnedOf(t *testing.T) {
	const password = canary + " of old"
	store := filled(numbered(1))
	store.Create("Archive")
	source := startServer(t, &mailtest.IMAP{User: "me@gmail.com", Password: password, Store: store})
	other := startServer(t, &mailtest.IMAP{User: "you@gmail.com", Password: appPassword, Store: filled(numbered(1))})
	home := mailtest.NewStore()
	qq := startServer(t, &mailtest.IMAP{User: "12345@qq.com", Password: canary, Store: home})
	account := func(name, user, secret, addr string) string {
		return fmt.Sprintf("[[account]]\nname = %q\nto = \"home\"\nprovider = \"gmail\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = %q\n%s\n", name, port(addr), user, secret)
	}
	r := newRig(t, fmt.Sprintf("[destination.home]\ntype = \"imap\"\nprovider = \"qq\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = \"12345@qq.com\"\npassword_file = \"qq.secret\"\n", port(qq))+
		account("own", "me@gmail.com", fmt.Sprintf("password = %q", password), source)+
		account("asked", "me@gmail.com", fmt.Sprintf("folders = [\"Archive\"]\npassword_command = [\"sh\", \"-c\", \"echo >>$DIR/ran; echo '%s'\"]", password), source)+
		account("app", "you@gmail.com", "password = \"abcd efgh ijkl mnop\"", other))
	if err := os.WriteFile(filepath.Join(r.dir, "qq.secret"), []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for lang, says := range map[string][2]string{
		"en": {"most likely it is your account password", "most likely it is the QQ password"},
		"zh": {"很可能填的是账号密码", "很可能填的是 QQ 密码"},
	} {
		r.run("--once", "--lang", lang, "--force")
		said := r.stderr.String()
		if strings.Count(said, says[0]) != 1 || strings.Count(said, says[1]) != 1 || strings.Contains(said, canary) {
			t.Errorf("%s: it says\n%s", lang, said)
		}
		if !strings.Contains(said, "account=own") || !strings.Contains(said, "destination=home") {
			t.Errorf("it does not say whose:\n%s", said)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	r.runUntil(ctx, "run", "--allow-root", "--account", "own")
	if said := r.stderr.String(); strings.Count(said, "most likely it is your account password") != 1 {
		t.Errorf("the service says\n%s", said)
	}
	if ran, err := os.ReadFile(filepath.Join(r.dir, "ran")); err != nil || len(ran) != 2 {
		t.Errorf("the command ran for %q logins, %v: want one for each", ran, err)
	}
	if n := len(home.Messages("INBOX")); n == 0 {
		t.Error("a warning stopped the mail")
	}
}
