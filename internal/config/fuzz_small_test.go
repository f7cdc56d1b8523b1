package config

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzSizes: sizes and durations are read or refused, and never negative by
// overflow.
func FuzzSizes(f *testing.F) {
	for _, s := range []string{"", "0", "25MB", "1.5GB", "9223372036854775807", "9999999999TB", "-1", "1e309", "0x10", ".", "1..2", "14d", "2w", "1d12h", "65535w65535d", "9223372036s", "-5m", "5 MB", "1d-1h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := ParseSize(s); err == nil && n < 0 {
			t.Errorf("size %q is %d", s, n)
		}
		if d, err := ParseDuration(s); err == nil && d < 0 && !strings.Contains(s, "-") {
			t.Errorf("duration %q is %v", s, d)
		}
	})
}

// FuzzTemplate: what a server calls a folder climbs nowhere, and what a user is
// called makes no option, no path and no second word of a template.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"", "a", "..", "../x", "a/b", "/abs", "{folder}", "{user}", "\x00", "a\x1bb", "-x", "\xff", "a.b", "...", "~", strings.Repeat("x", 300)} {
		f.Add(s, "/")
		f.Add(s, ".")
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, s, separator string) {
		a := &Account{Name: "acct", into: "all/{folder}"}
		into := a.Into(s, separator)
		rest, inside := strings.CutPrefix(into, "all/")
		if !inside || !utf8.ValidString(into) {
			t.Fatalf("folder %q: %q", s, into)
		}
		for _, level := range strings.Split(rest, "/") {
			if level == "" || level == "." || level == ".." || strings.ContainsFunc(level, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("folder %q: level %q of %q", s, level, into)
			}
		}
		out, err := expand("{user}", map[string]string{"user": s}, true)
		if err == nil && (out != s || strings.HasPrefix(out, "-") || strings.ContainsAny(out, "/\x00") || strings.Contains(out, "..")) {
			t.Errorf("user %q: %q", s, out)
		}
	})
}
