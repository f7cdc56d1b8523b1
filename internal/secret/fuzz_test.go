package secret

import (
	"strings"
	"testing"
)

// FuzzNormalise: what comes out of a secret's source is one line or an error,
// an error never holds the secret, and only blanks are taken out of an app
// password.
func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"", "\n", "\r\n", "secret\n", "secret\r\n", "a\nb", "a\x00b", "abcd efgh ijkl mnop", "abcd\u00a0efgh\u00a0ijkl\u00a0mnop\n", "\ufeffsecret", " x ", strings.Repeat("x", limit+1), "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := clean(s)
		if err != nil {
			if len(s) > 40 && strings.Contains(err.Error(), s) {
				t.Errorf("%q tells the secret", err)
			}
			return
		}
		if got == "" || strings.ContainsAny(got, "\r\n\x00") || !strings.HasPrefix(s, got) || len(s)-len(got) > 2 {
			t.Errorf("%q becomes %q", s, got)
		}
		if short := AppPassword(got); short != got && (len(short) != 16 || strings.ContainsFunc(short, notLetter)) {
			t.Errorf("%q becomes %q", got, short)
		}
	})
}
