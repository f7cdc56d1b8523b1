package maildir

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailrill/deliver"
)

// FuzzNames: whatever a host is called and whatever flags a server gave, a file's
// name is one plain name, and its ID is found in it again. What lies in a Maildir
// under any name is read without harm.
func FuzzNames(f *testing.F) {
	f.Add("host", `\Seen`, "1763632800."+someID+".h,S=7:2,S")
	f.Add("../../x", "../", "..")
	f.Add("a/b:c\x00\x1b\u202e", ":2,T", "1."+someID+".")
	f.Add("", `\Draft`, strings.Repeat("9", 300)+"."+someID+".h")
	f.Fuzz(func(t *testing.T, host, flag, found string) {
		if id := idOf(found); id != "" && (len(id) != 26 || !strings.Contains(found, id)) {
			t.Errorf("%q has the ID %q", found, id)
		}
		m := &deliver.Message{ID: someID, Size: 7, Begun: time.Unix(1763632800, 0), Flags: []string{flag}}
		dir, name := fileName(m, hostPart(host))
		if dir != "new" && dir != "cur" || name != filepath.Base(name) || strings.ContainsAny(name, "\x00\n/") {
			t.Errorf("host %q, flag %q: %q in %q", host, flag, name, dir)
		}
		if idOf(name) != someID {
			t.Errorf("host %q: the ID of %q is %q", host, name, idOf(name))
		}
	})
}
