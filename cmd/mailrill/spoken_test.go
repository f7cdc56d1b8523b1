package main

import (
	"encoding/base64"
	"strings"
	"testing"

	"mailrill/internal/mailtest"
)

// With --log-level debug the dialogue with each server is in the log, and neither a
// secret nor a body.
func TestDebugLogHidesSecrets(t *testing.T) {
	const canary = "canary-password"
	received := &mailtest.SMTP{User: "dst", Password: canary}
	for name, c := range map[string]struct {
		protocol string
		source   starter
		target   string
		shows    []string
	}{
		"imap to imap": {"imap", &mailtest.IMAP{Store: filled(numbered(2)), User: "src", Password: canary},
			"type = \"imap\"\nport = " + port(startServer(t, &mailtest.IMAP{Store: mailtest.NewStore(), User: "dst", Password: canary})),
			[]string{"AUTHENTICATE PLAIN …", "UID FETCH", "APPEND", "end=source", "end=destination"}},
		"pop3 to smtp": {"pop3", &mailtest.POP3{Store: filled(numbered(2)), User: "src", Password: canary},
			"type = \"smtp\"\nsender = \"a@example.com\"\nrecipient = \"b@example.com\"\nport = " + port(startServer(t, received)),
			[]string{"USER src", "PASS …", "RETR", "octets]", "AUTH PLAIN …", "MAIL FROM"}},
	} {
		t.Run(name, func(t *testing.T) {
			source := strings.Replace(accountTo(c.protocol, startServer(t, c.source), "src", ""), `"pass"`, `"`+canary+`"`, 1)
			r := newRig(t, "[destination.home]\nhost = \"127.0.0.1\"\ntls = \"none\"\nuser = \"dst\"\npassword = \""+canary+"\"\n"+c.target+"\n"+source)
			if code := r.run("--once", "--log-level", "debug"); code != 0 {
				t.Fatalf("exit status %d: %s", code, r.stderr.String())
			}
			log := r.stderr.String()
			for _, want := range c.shows {
				if !strings.Contains(log, want) {
					t.Errorf("%q is not in the log", want)
				}
			}
			for _, secret := range []string{canary, base64.StdEncoding.EncodeToString([]byte("\x00src\x00" + canary)), base64.StdEncoding.EncodeToString([]byte(canary)), "Number 1"} {
				if strings.Contains(log, secret) {
					t.Errorf("%q is in the log:\n%s", secret, log)
				}
			}
			if code := r.run("--once"); code != 0 || strings.Contains(r.stderr.String(), "msg=sent") {
				t.Errorf("exit status %d, at level info: %s", code, r.stderr.String())
			}
		})
	}
}
