package maildir

import (
	"strings"
	"testing"
	"time"

	"mailrill/deliver"
)

var someID = strings.Repeat("a2", 13)

func TestFileName(t *testing.T) {
	tests := []struct {
		flags []string
		want  string
	}{
		{nil, "new/1763632800." + someID + ".h,S=7"},
		{[]string{"keyword", `\Deleted`, `\Recent`}, "new/1763632800." + someID + ".h,S=7"},
		{[]string{`\Seen`}, "cur/1763632800." + someID + ".h,S=7:2,S"},
		{[]string{`\seen`, `\Answered`, "$forwarded", `\FLAGGED`, `\Draft`, `\Seen`}, "cur/1763632800." + someID + ".h,S=7:2,DFPRS"},
	}
	for _, test := range tests {
		m := &deliver.Message{ID: someID, Size: 7, Begun: time.Unix(1763632800, 5), Flags: test.flags}
		dir, name := fileName(m, "h")
		if got := dir + "/" + name; got != test.want {
			t.Errorf("%q: %s, want %s", test.flags, got, test.want)
		}
		if got := idOf(name); got != someID {
			t.Errorf("%s: ID %q", name, got)
		}
	}
}

func TestIDOf(t *testing.T) {
	for _, name := range []string{
		"", ".", "..", "1", "1." + someID, "x." + someID + ".h", "." + someID + ".h", "-1." + someID + ".h",
		"1." + someID[1:] + ".h", "1." + someID + "a.h", "1." + strings.ToUpper(someID) + ".h",
		"1." + someID[1:] + "1.h", "1.M1P2.host", "1." + someID + "/h",
	} {
		if got := idOf(name); got != "" {
			t.Errorf("%q: ID %q", name, got)
		}
	}
}

func TestEncodeFolder(t *testing.T) {
	tests := []struct{ name, want string }{
		{"", ""},
		{"INBOX", ""},
		{"Inbox", ""},
		{"A", ".A"},
		{"A/B", ".A.B"},
		{"INBOX/A", ".INBOX.A"},
		{"me@example.com/x", ".me@example_com.x"},
		{"其他文件夹", ".&UXZO1mWHTvZZOQ-"},
		{"R&D", ".R&-D"},
		{"..", ".__"},
		{".", "._"},
		{"../../etc", ".__.__.etc"},
		{"a\x00b", ".a&AAA-b"},
		{"a\r\nb", ".a&AA0ACg-b"},
		{"~", ".~"},
	}
	for _, test := range tests {
		got, err := encodeFolder(test.name)
		if err != nil || got != test.want {
			t.Errorf("%q: %q, %v; want %q", test.name, got, err, test.want)
		}
	}
	for _, bad := range []string{"/", "a/", "/a", "a//b", "\xff", strings.Repeat("x", 300)} {
		if got, err := encodeFolder(bad); err == nil {
			t.Errorf("%q: %q, want an error", bad, got)
		}
	}
}

// FuzzEncodeFolder: whatever a folder is called, its directory lies directly in
// the Maildir, and is none of cur, new and tmp.
func FuzzEncodeFolder(f *testing.F) {
	for _, s := range []string{"INBOX", "../x", "a/b", "其他", "&AC8-", "\\..\\x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		dir, err := encodeFolder(name)
		if err != nil || dir == "" {
			return
		}
		if dir[0] != '.' || dir == "." || dir == ".." || strings.ContainsAny(dir, "/\x00") {
			t.Errorf("%q: %q", name, dir)
		}
	})
}

func TestHostPart(t *testing.T) {
	for in, want := range map[string]string{"a.b": "a.b", "a/b:c": `a\057b\072c`, "": "localhost", "\x00": "localhost", "a\nb\x1b\u202e c": "abc", strings.Repeat("x", 300): strings.Repeat("x", 64)} {
		if got := hostPart(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
