package reply

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzClean: whatever a server says, what is shown of it is one short line that
// steers nothing.
func FuzzClean(f *testing.F) {
	for _, s := range []string{
		"", " ", "\x1b]0;title\x07\x1b[2J", "a\r\nb\x00c\x7f", "\u0085\u009b31m", "\u202eabc\u2066\u2028\u2029", "\xff\xfe", "\xc2", "\ufeff\U000e0041",
		"see https://accounts.example/Continue?sarp=1&code=secret now", "https://x/?a?b https://y/?", strings.Repeat("é", 1000), strings.Repeat("x", 10_000), "https://" + strings.Repeat("a", 1590) + "?secret=1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		switch {
		case strings.ContainsFunc(got, Steers) || !utf8.ValidString(got):
			t.Errorf("%q becomes %q", s, got)
		case len(got) > cleanLimit+len("…"):
			t.Errorf("%d octets are left", len(got))
		case strings.Join(strings.Fields(got), " ") != got:
			t.Errorf("%q has blanks that are not single", got)
		}
		if e := (&Error{Protocol: "imap", Command: "LOGIN", Code: s, Text: s}).Error(); strings.ContainsFunc(e, Steers) {
			t.Errorf("an error is %q", e)
		}
	})
}

// What can steer a terminal, and what only looks foreign.
func TestSteers(t *testing.T) {
	for _, r := range "\x00\x1b\r\n\t\x7f\u0080\u0085\u009b\u009f\u00ad\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2028\u2029\u2066\u2067\u2068\u2069\ufeff\U000e0041\ue000" {
		if !Steers(r) {
			t.Errorf("%U steers nothing", r)
		}
	}
	for _, r := range "aé垃\U0001F600 \u00a0\u0301" {
		if Steers(r) {
			t.Errorf("%U steers", r)
		}
	}
}
