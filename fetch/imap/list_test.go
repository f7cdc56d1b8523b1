package imap

import (
	"slices"
	"strings"
	"testing"

	"mailrill/fetch"
	"mailrill/internal/reply"
)

func list(t *testing.T, session fetch.Session, from fetch.Cursor) []fetch.Item {
	t.Helper()
	items, err := session.List(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	return items
}

// Duplicates, disorder, messages below the floor, answers without a UID and
// answers that say half of it.
func TestListReadsOddAnswers(t *testing.T) {
	s := newScript()
	s.on = func(line string) string {
		if !strings.HasPrefix(line, "UID FETCH") {
			return ""
		}
		return "* 5 FETCH (UID 50 RFC822.SIZE 500)\r\n* 9 FETCH (FLAGS (\\Seen))\r\n* 1 FETCH (UID 10 RFC822.SIZE 100)\r\n" +
			"* 4 FETCH (UID 40 FLAGS (\\Seen))\r\n* 4 FETCH (RFC822.SIZE 400 UID 40 )\r\n* 5 FETCH (UID 50 RFC822.SIZE 500)\r\n" +
			"* 3 FETCH (UID 30 RFC822.SIZE NIL)\r\n* 2 FETCH (UID 0 RFC822.SIZE 1)\r\n* VANISHED 7\r\nTAG OK done\r\n"
	}
	got := list(t, s.connect(t, Options{}), fetch.Cursor{Validity: 7, UID: 20})
	want := []fetch.Item{{Key: "7/30", Num: 30, Size: -1}, {Key: "7/40", Num: 40, Size: 400}, {Key: "7/50", Num: 50, Size: 500}}
	if !slices.Equal(got, want) {
		t.Errorf("listed %+v, want %+v", got, want)
	}
	if asked := s.asked("UID FETCH", "UID SEARCH", "SEARCH"); !slices.Equal(asked, []string{"UID FETCH 21:* (UID RFC822.SIZE)"}) {
		t.Errorf("asked %q", asked)
	}
}

func TestListAsksOnlyForWhatMayBeNew(t *testing.T) {
	for _, c := range []struct {
		what, selected string
		from           fetch.Cursor
		asks           string
	}{
		{"an empty folder", "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x", fetch.Cursor{}, ""},
		{"nothing behind the floor", "* 9 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 21] x", fetch.Cursor{Validity: 7, UID: 20}, ""},
		{"something behind the floor", "* 9 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 22] x", fetch.Cursor{Validity: 7, UID: 20}, "21:*"},
		{"no UIDNEXT", "* 9 EXISTS\r\n* OK [UIDVALIDITY 7] x", fetch.Cursor{Validity: 7, UID: 20}, "21:*"},
		{"another validity", "* 9 EXISTS\r\n* OK [UIDVALIDITY 8] x\r\n* OK [UIDNEXT 21] x", fetch.Cursor{Validity: 7, UID: 20}, "1:*"},
		{"a wrong UIDNEXT and no floor", "* 9 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1] x", fetch.Cursor{}, "1:*"},
		{"the last UID there is", "* 9 EXISTS\r\n* OK [UIDVALIDITY 7] x", fetch.Cursor{Validity: 7, UID: 1<<32 - 1}, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newScript()
			s.selected = c.selected
			list(t, s.connect(t, Options{}), c.from)
			var want []string
			if c.asks != "" {
				want = []string{"UID FETCH " + c.asks + " (UID RFC822.SIZE)"}
			}
			if asked := s.asked("UID FETCH"); !slices.Equal(asked, want) {
				t.Errorf("asked %q, want %q", asked, want)
			}
		})
	}
}

// QQ's EXISTS overstates. What is listed counts.
func TestListFewerThanExists(t *testing.T) {
	s := newScript(texts(2)...)
	if got := list(t, s.connect(t, Options{}), fetch.Cursor{}); len(got) != 2 {
		t.Errorf("listed %+v", got)
	}
}

func TestListRefused(t *testing.T) {
	s := newScript(texts(2)...)
	s.on = func(line string) string {
		if strings.HasPrefix(line, "UID FETCH") {
			return "* 1 FETCH (UID 1 RFC822.SIZE 1)\r\nTAG NO [UNAVAILABLE] not now\r\n"
		}
		return ""
	}
	items, err := s.connect(t, Options{}).List(t.Context(), fetch.Cursor{})
	if err == nil || items != nil || reply.ClassOf(err) != reply.Temporary {
		t.Errorf("%v, %v", items, err)
	}
}

func TestFolderWithoutValidityIsRefusedForNow(t *testing.T) {
	s := newScript()
	s.selected = "* 3 EXISTS"
	session, err := s.source(t, Options{}).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(false)
	_, err = session.Open(t.Context(), "INBOX")
	if err == nil || reply.ClassOf(err) != reply.Temporary || !strings.Contains(err.Error(), "UIDVALIDITY") {
		t.Errorf("%v (%s)", err, reply.ClassOf(err))
	}
	if _, err := session.List(t.Context(), fetch.Cursor{}); err == nil {
		t.Error("List works without an open folder")
	}
}

// The names of folders come in modified UTF-7 and go back so.
func TestFolderNames(t *testing.T) {
	s := newScript()
	s.list = "* LIST () \"/\" INBOX\r\n* LIST (\\NoSelect) \"/\" \"&UXZO1mWHTvZZOQ-\"\r\n* LIST (\\HasNoChildren) \"/\" \"&UXZO1mWHTvZZOQ-/QQ&kK5O9ouilgU-\" "
	session, err := s.source(t, Options{Folders: []string{"其他文件夹/QQ邮件订阅"}}).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(false)
	folders, err := session.Folders(t.Context())
	if err != nil || len(folders) != 1 || folders[0].Name != "其他文件夹/QQ邮件订阅" {
		t.Fatalf("%+v, %v", folders, err)
	}
	if _, err := session.Open(t.Context(), folders[0].Name); err != nil {
		t.Fatal(err)
	}
	if asked := s.asked("EXAMINE"); len(asked) != 1 || !strings.Contains(asked[0], "&UXZO1mWHTvZZOQ-/QQ&kK5O9ouilgU-") {
		t.Errorf("asked %q", asked)
	}
}
