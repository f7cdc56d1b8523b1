package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

// A service goes on with the config that it has read. Who asks it for a pass learns
// that there is a newer one, until it is taken over.
func TestPassByAnOlderConfig(t *testing.T) {
	s, _ := newServed(t, 1)
	older := func() bool {
		t.Helper()
		if code := s.run("--once"); code != 0 || s.stdout.String() != "imap INBOX → home: 0 new\n" {
			t.Errorf("%d, %s%s", code, s.stdout.String(), s.stderr.String())
		}
		return strings.Contains(s.stderr.String(), "mailrill: hint: the service runs with an older config")
	}
	if older() {
		t.Errorf("nothing has changed: %s", s.stderr.String())
	}
	if now := time.Now(); os.Chtimes(s.config, now, now) != nil || !older() {
		t.Errorf("the config is newer: %q", s.stderr.String())
	}
	if code := s.run("reload"); code != 0 || older() {
		t.Errorf("it was read again: %d, %s", code, s.stderr.String())
	}
}
