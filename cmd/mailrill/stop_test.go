package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"mailrill/internal/mailtest"
)

// To be told to stop is no failure, not even when a line breaks just then and
// leaves a message in doubt. The next pass settles it.
func TestStoppedInTheMiddleIsNoFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	copies := mailtest.NewStore()
	dst := startServer(t, &mailtest.IMAP{Store: copies, User: "me", Password: "pass", OnCommand: func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "APPEND") && ctx.Err() == nil {
			cancel()
			return mailtest.Verdict{LoseReply: true}
		}
		return mailtest.Verdict{}
	}})
	src := startServer(t, &mailtest.POP3{Store: filled(numbered(5)), User: "me", Password: "pass", OnCommand: func(_ int, line string) mailtest.Verdict {
		if line == "RETR 3" {
			<-ctx.Done()
		}
		return mailtest.Verdict{}
	}})
	r := newRig(t, fmt.Sprintf("[destination.home]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = \"me\"\npassword = \"pass\"\n", port(dst))+accountTo("pop3", src, "me", ""))
	if code := r.runUntil(ctx, "--once"); code != 0 {
		t.Errorf("exit status %d\n%s", code, r.stderr.String())
	}
	if n := len(copies.Messages("INBOX")); n == 0 || n == 5 {
		t.Fatalf("%d messages had arrived when it was stopped", n)
	}
	r.once(0)
	var got [][]byte
	for _, m := range copies.Messages("INBOX") {
		got = append(got, behindTrace(t, m.Body))
	}
	if diff := difference(got, numbered(5)); diff != "" {
		t.Error(diff)
	}
}
