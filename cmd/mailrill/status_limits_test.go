package main

import (
	"strings"
	"testing"

	"mailrill/internal/mailtest"
)

// What is left of a login's limits stands in status, once something is used.
func TestStatusOfLimits(t *testing.T) {
	store := filled(numbered(3))
	addr := startServer(t, &mailtest.IMAP{Store: store, User: "me", Password: "pass"})
	r := newRig(t, maildirHome+accountTo("imap", addr, "me", "daily_limit = \"10kB\"\nrate_limit = \"5/d\"\n"))
	if code := r.run("status"); code != 0 || strings.Contains(r.stdout.String(), "left for") {
		t.Errorf("%d: %s%s", code, r.stdout.String(), r.stderr.String())
	}
	r.once(0)
	if code := r.run("status"); code != 0 || !strings.Contains(r.stdout.String(), "\n  left for reading me at 127.0.0.1 over imap: 2 of 5/d messages, more at ") || !strings.Contains(r.stdout.String(), "kB of 10 kB a day, more at ") {
		t.Errorf("%d: %s%s", code, r.stdout.String(), r.stderr.String())
	}
	if r.run("status", "--json"); !strings.Contains(r.stdout.String(), `"limits":[{"login":"reading me at 127.0.0.1 over imap","bytes":10000,"bytes_left":`) || !strings.Contains(r.stdout.String(), `"messages":"5/d","messages_left":2,"back":"`) {
		t.Errorf("%s", r.stdout.String())
	}
}
