package main

import (
	"fmt"
	"strings"
	"testing"

	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

// A retry of all goes on behind an account that fails: it prints what is wrong with
// each, and ends with the worst of it.
func TestRetryOfAllTellsOfEachAccount(t *testing.T) {
	refuses := func([]byte) string { return "NO [CANNOT] this is not taken" }
	destination := func(name, password string) string {
		to := startServer(t, &mailtest.IMAP{Store: mailtest.NewStore(), User: name, Password: "pass", RefuseAppend: refuses})
		return fmt.Sprintf("[destination.%s]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = %[1]q\npassword = %[3]q\n", name, port(to), password)
	}
	box := filled(numbered(1))
	imap := startServer(t, &mailtest.IMAP{Store: box, User: "me", Password: "pass"})
	pop3 := startServer(t, &mailtest.POP3{Store: box, User: "you", Password: "pass"})
	accounts := accountTo("imap", imap, "me", "") + strings.Replace(accountTo("pop3", pop3, "you", ""), `"home"`, `"away"`, 1)
	r := newRig(t, destination("home", "pass")+destination("away", "pass")+accounts)
	r.once(reply.Refused.ExitCode())
	r.heldIDs(2)

	r.write(destination("home", "pass") + destination("away", "wrong") + accounts)
	code := r.run("hold", "retry", "--all")
	if want := "imap: 0 of 1 held message delivered to home\npop3: 0 of 1 held message delivered to away\n"; code != reply.Credentials.ExitCode() || r.stdout.String() != want {
		t.Errorf("exit status %d, %q", code, r.stdout.String())
	}
	for _, want := range []string{"mailrill: refused still: 1 message, ", "destination away: ", "AUTHENTICATIONFAILED", "hint: most likely the password is wrong"} {
		if n := strings.Count(r.stderr.String(), want); n != 1 {
			t.Errorf("%q is there %d times:\n%s", want, n, r.stderr.String())
		}
	}
	r.heldIDs(2)
}
