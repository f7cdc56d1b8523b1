package mailtest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

func TestStoreUIDs(t *testing.T) {
	s := NewStore()
	a := s.Add("inbox", Message{Body: []byte("a")})
	b := s.Add("INBOX", Message{UID: 10})
	c := s.Add("INBOX", Message{UID: 5}) // taken or passed: the next one
	if a.UID != 1 || b.UID != 10 || c.UID != 11 {
		t.Errorf("UIDs %d %d %d", a.UID, b.UID, c.UID)
	}
	if a.Serial != 1 || c.Serial != 3 || a.GmailID == b.GmailID {
		t.Errorf("serials %d %d, ids %x %x", a.Serial, c.Serial, a.GmailID, b.GmailID)
	}
	s.Remove("INBOX", 11)
	if d := s.Add("INBOX", Message{}); d.UID != 12 {
		t.Errorf("a UID came twice: %d", d.UID)
	}
	s.Renumber("INBOX", 99)
	var uids []uint32
	for _, m := range s.Messages("INBOX") {
		uids = append(uids, m.UID)
	}
	if !slices.Equal(uids, []uint32{1, 2, 3}) {
		t.Errorf("renumbered to %v", uids)
	}
	if s.Messages("nowhere") != nil || s.Remove("nowhere", 1) || s.Remove("INBOX", 77) || s.Delete("INBOX") {
		t.Error("something was done to what is not there")
	}
}

func TestStoreSharesMessagesBetweenLabels(t *testing.T) {
	s := NewStore()
	m := s.Add("INBOX", Message{Body: []byte("a"), Flags: []string{`\seen`, `\Recent`, "x", "x"}})
	again := s.Add("Label", Message{GmailID: m.GmailID, Body: []byte("ignored")})
	if again.Serial != m.Serial || string(again.Body) != "a" {
		t.Errorf("%+v is another message than %+v", again, m)
	}
	if !slices.Equal(m.Flags, []string{`\Seen`, "x"}) {
		t.Errorf("flags %v", m.Flags)
	}
	s.SetFlags("Label", again.UID, `\Flagged`, `\Deleted`)
	if got := s.Messages("INBOX")[0].Flags; !slices.Equal(got, []string{`\Flagged`}) {
		t.Errorf("in INBOX %v", got)
	}
	s.Remove("INBOX", m.UID)
	if len(s.Messages("Label")) != 1 {
		t.Error("it left both labels")
	}
	s.Delete("Label")
	if fresh := s.Add("INBOX", Message{GmailID: m.GmailID, Body: []byte("b")}); string(fresh.Body) != "b" {
		t.Error("a message came back from the dead")
	}
}

func TestStoreAllMail(t *testing.T) {
	s := NewStore()
	s.Create("Spam", `\Junk`)
	spam := s.Add("Spam", Message{Body: []byte("spam")})
	m := s.Add("INBOX", Message{Body: []byte("a")})
	s.Create("All", `\All`)
	if got := where(s, m.GmailID); got != "All, INBOX" {
		t.Errorf("taken in: %q", got)
	}
	if got := where(s, spam.GmailID); got != "Spam" {
		t.Errorf("spam: %q", got)
	}
	s.Add("Spam", m)
	if got := where(s, m.GmailID); got != "Spam" {
		t.Errorf("marked as spam: %q", got)
	}
	s.Add("INBOX", spam)
	if got := where(s, spam.GmailID); got != "All, INBOX" {
		t.Errorf("marked as no spam: %q", got)
	}
}

func TestStoreIsSafeForConcurrentUse(t *testing.T) {
	s := NewStore()
	s.Create("All", `\All`)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			woken, stop := s.watch()
			defer stop()
			for i := range 50 {
				m := s.Add(fmt.Sprint(g%3), Message{Body: []byte{byte(i)}})
				s.SetFlags(fmt.Sprint(g%3), m.UID, `\Seen`)
				s.Snapshot()
				<-woken
			}
		})
	}
	wg.Wait()
	if n := len(s.Messages("All")); n != 400 {
		t.Errorf("%d messages, want 400", n)
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct{ name, wire string }{
		{"INBOX", "INBOX"},
		{"a&b", "a&-b"},
		{"其他文件夹/QQ邮件订阅", "&UXZO1mWHTvZZOQ-/QQ&kK5O9ouilgU-"},
		{"Entwürfe", "Entw&APw-rfe"},
		{"~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"}, // RFC 3501 section 5.1.3
		{"🎉", "&2DzfiQ-"},
	} {
		if got := encodeName(tt.name); got != tt.wire {
			t.Errorf("%q goes out as %q, want %q", tt.name, got, tt.wire)
		}
		if got := decodeName(tt.wire); got != tt.name {
			t.Errorf("%q means %q, want %q", tt.wire, got, tt.name)
		}
	}
	for _, wrong := range []string{"a&b", "&!!!-", "&AA-"} {
		if got := decodeName(wrong); got != wrong {
			t.Errorf("%q means %q, want itself", wrong, got)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a/b", true}, {"%", "a/b", false}, {"%", "a", true}, {"a/%", "a/b", true}, {"a/%", "a/b/c", false},
		{"a*c", "a/b/c", true}, {"a", "ab", false}, {"", "", true}, {"é%", "éa", true}, {"%/%", "a/b", true},
	} {
		if got := matches(tt.pattern, tt.name, "/"); got != tt.want {
			t.Errorf("%q and %q: %v", tt.pattern, tt.name, got)
		}
	}
}

func TestSets(t *testing.T) {
	for _, tt := range []struct {
		set  string
		last uint32
		want []uint32
	}{
		{"1", 9, []uint32{1}}, {"2:4,7", 9, []uint32{2, 3, 4, 7}}, {"4:2", 9, []uint32{2, 3, 4}},
		{"8:*", 9, []uint32{8, 9}}, {"*", 9, []uint32{9}}, {"20:*", 9, []uint32{9}},
	} {
		set, err := parseSet(tt.set)
		if err != nil {
			t.Error(err)
		}
		var got []uint32
		for n := range uint32(10) {
			if n > 0 && set.contains(n, tt.last) {
				got = append(got, n)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.set, got, tt.want)
		}
	}
	for _, wrong := range []string{"", "0", "a", "1:", "1,,2", "-1", "4294967296"} {
		if _, err := parseSet(wrong); err == nil {
			t.Errorf("%q is no set", wrong)
		}
	}
}
