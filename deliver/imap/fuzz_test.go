package imap

import "testing"

// FuzzMark: no mark that the ledger may hold, an older version may have written,
// or a disk has spoilt, does more than to make things new again.
func FuzzMark(f *testing.F) {
	for _, s := range []string{"", "{}", "null", "[]", `{"INBOX":[1,2]}`, `{"INBOX":[1]}`, `{"INBOX":[1,2,3]}`, `{"INBOX":[-1,4294967296]}`, `{"INBOX":null}`, `{"a":[1,2]`, `"x"`, "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m := parseMark(s)
		again := parseMark(m.String())
		if len(again) != len(m) {
			t.Fatalf("%q: %v comes back as %v", s, m, again)
		}
		for name, p := range m {
			if again[name] != p {
				t.Errorf("%q: %v comes back as %v", name, p, again[name])
			}
			if p.floor(p[0]) < 1 || p.floor(p[0]+1) != 1 && p[0]+1 != 0 {
				t.Errorf("floor of %v", p)
			}
		}
	})
}
