package imap

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"mailrill/deliver"
	"mailrill/internal/imapwire"
	"mailrill/internal/reply"
)

var someID = strings.Repeat("a2", 13)

func TestTraceID(t *testing.T) {
	other := strings.Repeat("b3", 13)
	tests := []struct{ header, want string }{
		{"", ""},
		{"\r\n", ""},
		{"X-Mailrill-ID: " + someID + " work\r\n\r\n", someID},
		{"x-mailrill-id:" + someID + "\r\n\r\n", someID},
		{"X-MAILRILL-ID :\t" + someID + " a b c\n\n", someID},
		{"X-Mailrill-ID: " + someID + " a\r\nX-Mailrill-ID: " + other + " b\r\n\r\n", someID},
		{"Subject: x\r\nX-Mailrill-ID: " + someID + "\r\n\r\n", someID},
		{"X-Mailrill-ID:\r\n " + someID + "\r\n work\r\n\r\n", someID},
		{"X-Mailrill-ID: not " + someID + "\r\nX-Mailrill-ID: " + other + "\r\n", ""},
		{"X-Mailrill-ID: \r\nX-Mailrill-ID: " + other + "\r\n", ""},
		{"X-Mailrill-ID: " + strings.ToUpper(someID) + "\r\n", ""},
		{"X-Mailrill-ID: " + someID + "a\r\n", ""},
		{"X-Mailrill-ID: " + someID[1:] + "\r\n", ""},
		{"X-Mailrill-ID: " + someID[1:] + "1\r\n", ""},
		{"X-Mailrill-IDs: " + someID + "\r\n", ""},
		{"X-Mailrill-ID " + someID, ""},
	}
	for _, test := range tests {
		if got := traceID([]byte(test.header)); got != test.want {
			t.Errorf("%q: %q, want %q", test.header, got, test.want)
		}
	}
}

func FuzzTraceID(f *testing.F) {
	f.Add([]byte("X-Mailrill-ID: " + someID + "\r\n"))
	f.Add([]byte("X-Mailrill-ID:\r\n\t" + someID))
	f.Fuzz(func(t *testing.T, header []byte) {
		if id := traceID(header); id != "" && !deliver.IsID(id) {
			t.Errorf("%q: %q", header, id)
		}
	})
}

func TestPermitted(t *testing.T) {
	all := []string{`\Seen`, `\answered`, `\Deleted`, `\Recent`, `\Extra`, "$Forwarded", "key word", "b(ad", "Junk", `\Seen`, "", "umläut", "a]"}
	tests := []struct{ folder, want []string }{
		{nil, nil},
		{[]string{`\Seen`}, []string{`\Seen`}},
		{systemFlags, []string{`\Seen`, `\answered`}},
		{[]string{`\Answered`, `\Seen`, `\Deleted`, "junk"}, []string{`\Seen`, `\answered`, "Junk"}},
		{append(slices.Clone(systemFlags), `\*`), []string{`\Seen`, `\answered`, "$Forwarded", "Junk"}},
	}
	for _, test := range tests {
		if got := permitted(all, test.folder); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.folder, got, test.want)
		}
	}
}

func TestFate(t *testing.T) {
	d := New(Options{SkippedTexts: []string{"Mail has saved by smtp"}})
	no := func(code, text string) error {
		return fmt.Errorf("append: %w", &reply.Error{Protocol: "imap", Command: "APPEND", Code: code, Text: text})
	}
	tests := []struct {
		err   error
		want  error // nil: the fate is open
		class reply.Class
	}{
		{no("OVERQUOTA", "full"), deliver.ErrUnavailable, reply.Limit},
		{no("overquota", "full"), deliver.ErrUnavailable, ""},
		{no("UNAVAILABLE", "later"), deliver.ErrUnavailable, reply.Temporary},
		{no("INUSE", "locked"), deliver.ErrUnavailable, reply.Temporary},
		{no("LIMIT", "slow down"), deliver.ErrUnavailable, reply.Limit},
		{no("SERVERBUG", "oops"), deliver.ErrUnavailable, reply.Temporary},
		{no("TRYCREATE", "no folder"), deliver.ErrUnavailable, reply.Config},
		{no("NONEXISTENT", "no folder"), deliver.ErrUnavailable, reply.Config},
		{no("NOPERM", "not yours"), deliver.ErrUnavailable, reply.Config},
		{no("", "System busy!"), deliver.ErrUnavailable, reply.Limit},
		{no("", "Quota exceeded"), deliver.ErrUnavailable, reply.Limit},
		{no("TOOBIG", "too big"), deliver.ErrRejected, ""},
		{no("", "Maximum message size exceeded"), deliver.ErrRejected, ""},
		{no("CANNOT", "NUL"), deliver.ErrRejected, ""},
		{no("", "Message contains NUL characters"), deliver.ErrRejected, ""},
		{no("", "Mail has saved by smtp!"), deliver.ErrSkipped, ""},
		{no("", "MAIL HAS SAVED BY SMTP!"), deliver.ErrSkipped, ""},
		{fmt.Errorf("%w: broken pipe", imapwire.ErrNotSent), deliver.ErrNotTaken, ""},
		{io.ErrUnexpectedEOF, nil, reply.Network},
		{fmt.Errorf("%w: %w", imapwire.ErrNoAnswer, no("UNAVAILABLE", "shutting down")), nil, reply.Temporary},
	}
	fates := []error{deliver.ErrRejected, deliver.ErrSkipped, deliver.ErrNotTaken, deliver.ErrUnavailable}
	for _, test := range tests {
		got := d.fate(test.err)
		for _, fate := range fates {
			if errors.Is(got, fate) != (fate == test.want) {
				t.Errorf("%v: fate %v, want %v", test.err, got, test.want)
			}
		}
		if !errors.Is(got, test.err) && !errors.Is(got, imapwire.ErrNotSent) && errors.Unwrap(test.err) == nil {
			t.Errorf("%v: its cause is lost in %v", test.err, got)
		}
		if test.class != "" && reply.ClassOf(got) != test.class {
			t.Errorf("%v: class %q, want %q", test.err, reply.ClassOf(got), test.class)
		}
	}
}

func box(name, sep string, attrs ...string) imapwire.Mailbox {
	return imapwire.Mailbox{Name: name, Wire: imapwire.EncodeName(name), Separator: sep, Attrs: attrs}
}

func TestFindFolder(t *testing.T) {
	qq := []imapwire.Mailbox{box("INBOX", "/"), box("其他文件夹", "/", `\NoSelect`), box("其他文件夹/工作", "/"), box("Junk", "/")}
	dots := []imapwire.Mailbox{box("INBOX", "."), box("INBOX.Archive", "."), box("INBOX.a_b", ".")}
	flat := []imapwire.Mailbox{box("INBOX", ""), box("A_B", "")}
	tests := []struct {
		boxes   []imapwire.Mailbox
		name    string
		parents []string
		want    string
	}{
		{qq, "Junk", nil, "Junk"},
		{qq, "junk", nil, ""},
		{qq, "工作", nil, ""},
		{qq, "工作", []string{"其他文件夹"}, "其他文件夹/工作"},
		{qq, "其他文件夹/工作", nil, "其他文件夹/工作"},
		{qq, "其他文件夹", nil, ""}, // cannot hold messages
		{dots, "INBOX/Archive", nil, "INBOX.Archive"},
		{dots, "INBOX.Archive", nil, "INBOX.Archive"},
		{dots, "Archive", nil, "INBOX.Archive"},
		{dots, "a.b", nil, "INBOX.a_b"},
		{flat, "A/B", nil, "A_B"},
		{nil, "X", nil, ""},
	}
	for _, test := range tests {
		got, _ := find(test.boxes, candidates(test.boxes, test.name, test.parents))
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestNamesToMake(t *testing.T) {
	tests := []struct {
		boxes []imapwire.Mailbox
		name  string
		want  []string
	}{
		{nil, "A/B", []string{"A/B", "INBOX/A/B"}},
		{[]imapwire.Mailbox{box("INBOX", ".")}, "A/B", []string{"A.B", "INBOX.A.B"}},
		{[]imapwire.Mailbox{box("INBOX", "."), box("INBOX.Sent", ".")}, "A/B", []string{"INBOX.A.B"}},
		{[]imapwire.Mailbox{box("INBOX", "."), box("INBOX.Sent", ".")}, "INBOX/A", []string{"INBOX.A"}},
		{[]imapwire.Mailbox{box("INBOX", "."), box("Sent", ".")}, "me@x.org/B", []string{"me@x_org.B"}},
		{[]imapwire.Mailbox{box("INBOX", "/"), box("INBOX/Sent", "/"), box("Junk", "/")}, "A.b/B", []string{"A.b/B", "A_b/B"}},
		{[]imapwire.Mailbox{box("INBOX", "")}, "A/B", []string{"A_B"}},
	}
	for _, test := range tests {
		if got := toMake(test.boxes, test.name); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestMark(t *testing.T) {
	m := marks{"INBOX": {1375069811, 5258}, imapwire.EncodeName("其他\u200b"): {2, 4294967295}}
	text := m.String()
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("%q is not printable", text)
	}
	got := parseMark(text)
	if len(got) != 2 || got["INBOX"] != m["INBOX"] {
		t.Errorf("%s became %v", text, got)
	}
	for _, bad := range []string{"", "x", "[]", `{"a":1}`, `{"a":[1,-2]}`, "null"} {
		if got := parseMark(bad); len(got) != 0 {
			t.Errorf("%q: %v", bad, got)
		}
	}
	floors := []struct {
		from     position
		validity uint32
		want     uint32
	}{
		{position{}, 7, 1}, {position{7, 9}, 7, 9}, {position{7, 9}, 8, 1}, {position{0, 9}, 0, 1}, {position{7, 0}, 7, 1},
	}
	for _, f := range floors {
		if got := f.from.floor(f.validity); got != f.want {
			t.Errorf("%v, UIDVALIDITY %d: floor %d, want %d", f.from, f.validity, got, f.want)
		}
	}
}
