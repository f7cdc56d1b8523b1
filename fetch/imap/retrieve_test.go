package imap

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"mailrill/fetch"
	"mailrill/internal/reply"
)

// Each of these answers has lost a body without an error in some client, go-imap
// among them. None may lose one here.
func TestOddAnswersLoseNothing(t *testing.T) {
	whole := func(asks string) bool { return strings.Contains(asks, "BODY.PEEK[]") }
	const date = `INTERNALDATE "17-Jul-2026 02:44:25 +0800"`
	for _, c := range []struct {
		what  string
		fetch func(s *script, uid uint32, asks string) string
	}{
		{"UID behind the body", func(s *script, uid uint32, _ string) string {
			m := s.messages[uid]
			return untagged(uid, fmt.Sprintf("BODY[] %s RFC822.SIZE %d FLAGS (\\Seen) %s UID %d", literal(m), len(m), date, uid))
		}},
		{"a flag changes before each answer, UID first", func(s *script, uid uint32, asks string) string {
			return untagged(uid, fmt.Sprintf("UID %d FLAGS (\\Seen)", uid)) + s.plain(uid, asks)
		}},
		{"flags change on all others in between, without UID", func(s *script, uid uint32, asks string) string {
			return "* 1 FETCH (FLAGS (\\Answered))\r\n* 2 FETCH (FLAGS ())\r\n" + s.plain(uid, asks) + "* 3 FETCH (FLAGS (\\Answered))\r\n"
		}},
		{"one message over two answers", func(s *script, uid uint32, asks string) string {
			if !whole(asks) {
				return s.plain(uid, asks)
			}
			return untagged(uid, fmt.Sprintf("UID %d FLAGS (\\Seen) %s", uid, date)) + untagged(uid, fmt.Sprintf("UID %d BODY[] %s", uid, literal(s.messages[uid])))
		}},
		{"nothing but OK to a set", func(s *script, uid uint32, asks string) string {
			if whole(asks) && !strings.Contains(asks, "RFC822.SIZE") {
				return ""
			}
			return s.plain(uid, asks)
		}},
		{"NIL for a body in a set", func(s *script, uid uint32, asks string) string {
			if whole(asks) && !strings.Contains(asks, "RFC822.SIZE") {
				return untagged(uid, fmt.Sprintf("UID %d BODY[] NIL", uid))
			}
			return s.plain(uid, asks)
		}},
		{"an empty body in a set", func(s *script, uid uint32, asks string) string {
			if whole(asks) && !strings.Contains(asks, "RFC822.SIZE") {
				return untagged(uid, fmt.Sprintf("UID %d BODY[] {0}\r\n", uid))
			}
			return s.plain(uid, asks)
		}},
		{"bodies of others, unasked", func(s *script, uid uint32, asks string) string {
			return untagged(99, "UID 99 BODY[] "+literal("not asked for")) + s.plain(uid, asks)
		}},
		{"each body twice", func(s *script, uid uint32, asks string) string {
			if !whole(asks) {
				return s.plain(uid, asks)
			}
			return s.plain(uid, asks) + untagged(uid, fmt.Sprintf("UID %d BODY[] %s", uid, literal("another text")))
		}},
		{"a part before the whole", func(s *script, uid uint32, asks string) string {
			return untagged(uid, fmt.Sprintf("UID %d BODY[HEADER] %s", uid, literal("Subject: part\r\n\r\n"))) + s.plain(uid, asks)
		}},
		{"the newest first", nil},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newScript(texts(5)...)
			if c.fetch != nil {
				s.fetch = func(uid uint32, asks string) string { return c.fetch(s, uid, asks) }
			} else {
				s.on = func(line string) string { return newestFirst(s, line) }
			}
			all, err := retrieve(t, s.connect(t, Options{}), items(1, 2, 3, 4, 5))
			if err != nil {
				t.Fatal(err)
			}
			for i := range uint32(5) {
				checkWhole(t, i+1, all[i+1])
			}
		})
	}
}

func newestFirst(s *script, line string) string {
	set, asks, ok := strings.Cut(strings.TrimPrefix(line, "UID FETCH "), " ")
	if !ok || !strings.HasPrefix(line, "UID FETCH ") {
		return ""
	}
	var b strings.Builder
	for uid := uint32(5); uid > 0; uid-- {
		if inSet(set, uid) {
			b.WriteString(s.plain(uid, asks))
		}
	}
	return b.String() + "TAG OK done\r\n"
}

func checkWhole(t *testing.T, uid uint32, g got) {
	t.Helper()
	if g.err != nil || g.body != text(int(uid)) {
		t.Errorf("UID %d: %q, %v", uid, g.body, g.err)
	}
	if !g.meta.Received.Equal(arrived) || !slices.Equal(g.meta.Flags, []string{`\Seen`}) {
		t.Errorf("UID %d: arrived %v with flags %q", uid, g.meta.Received, g.meta.Flags)
	}
}

// A server that sends the body before the UID is asked for one message at a time
// once that is known: few bodies cross the line twice.
func TestUIDBehindBodyIsLearntOnce(t *testing.T) {
	s := newScript(texts(3 * firstChunk)...)
	s.fetch = func(uid uint32, asks string) string {
		return untagged(uid, fmt.Sprintf("BODY[] %s UID %d", literal(s.messages[uid]), uid))
	}
	all, err := retrieve(t, s.connect(t, Options{}), itemsTo(3*firstChunk))
	if err != nil {
		t.Fatal(err)
	}
	for uid := range uint32(3 * firstChunk) {
		if g := all[uid+1]; g.err != nil || g.body != text(int(uid+1)) {
			t.Errorf("UID %d: %q, %v", uid+1, g.body, g.err)
		}
	}
	if n := len(s.asked("UID FETCH")); n != ahead+3*firstChunk {
		t.Errorf("%d commands for %d messages", n, 3*firstChunk)
	}
}

// The next chunk is asked for before the last has come: the server answers only
// when it has heard of two. What a chunk lacks is asked for alone.
func TestRetrieveAsksAhead(t *testing.T) {
	for _, gone := range []uint32{0, 7} {
		n := 2*firstChunk + chunkSize + 3
		s := newScript(texts(n)...)
		delete(s.messages, gone)
		held := ""
		s.on = func(line string) string {
			set, asks, _ := strings.Cut(strings.TrimPrefix(line, "UID FETCH "), " ")
			if asks != "("+chunkAsks+")" {
				return ""
			}
			if held == "" {
				held = s.usualFetch(set, asks) + "LAST OK done\r\n"
				return "* 600 EXISTS\r\n"
			}
			defer func() { held = "" }()
			return held + s.usualFetch(set, asks) + "TAG OK done\r\n"
		}
		all, err := retrieve(t, s.connect(t, Options{}), itemsTo(n))
		if err != nil || len(all) != n || gone > 0 && !errors.Is(all[gone].err, fetch.ErrGone) {
			t.Fatal(len(all), err, all[gone].err)
		}
		delete(all, gone)
		for uid, g := range all {
			checkWhole(t, uid, g)
		}
	}
}

func TestRetrieveAsksInChunks(t *testing.T) {
	s := newScript(texts(5)...)
	if _, err := retrieve(t, s.connect(t, Options{}), items(1, 2, 3, 5)); err != nil {
		t.Fatal(err)
	}
	want := []string{"UID FETCH 1:3,5 (" + chunkAsks + ")"}
	if got := s.asked("UID FETCH"); !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
	if got := s.asked("SELECT", "STORE", "UID STORE"); len(got) != 0 {
		t.Errorf("reading asked for %q", got)
	}
}

// single makes a server answer oddly for UID 2 alone.
func single(s *script, odd func(asks string) string) {
	s.fetch = func(uid uint32, asks string) string {
		if uid == 2 {
			return odd(asks)
		}
		return s.plain(uid, asks)
	}
}

func TestAnswersThatAreErrorsOfOneMessage(t *testing.T) {
	var sizes int
	for _, c := range []struct {
		what string
		odd  func(asks string) string
		want error
	}{
		{"never a body", func(asks string) string { return "* 2 FETCH (UID 2)\r\n" }, fetch.ErrNoBody},
		{"always NIL", func(string) string { return "* 2 FETCH (UID 2 RFC822.SIZE 9 BODY[] NIL)\r\n" }, fetch.ErrNoBody},
		{"empty, with a size", func(string) string { return "* 2 FETCH (UID 2 RFC822.SIZE 9 BODY[] {0}\r\n)\r\n" }, fetch.ErrNoBody},
		{"empty, without a size", func(string) string { return "* 2 FETCH (UID 2 BODY[] {0}\r\n)\r\n" }, fetch.ErrNoBody},
		{"empty, with a size of 0 only once", func(asks string) string {
			if strings.Contains(asks, "RFC822.SIZE") {
				sizes++
			}
			return fmt.Sprintf("* 2 FETCH (UID 2 RFC822.SIZE %d BODY[] {0}\r\n)\r\n", 9*(sizes-1))
		}, fetch.ErrNoBody},
		{"an empty string", func(string) string { return "* 2 FETCH (UID 2 RFC822.SIZE 9 BODY[] \"\")\r\n" }, fetch.ErrNoBody},
		{"a list for a body", func(string) string { return "* 2 FETCH (UID 2 BODY[] (a b))\r\n" }, fetch.ErrNoBody},
		{"a string that does not end", func(string) string { return "* 2 FETCH (UID 2 BODY[] \"\r\n" }, fetch.ErrNoBody},
		{"a part only", func(string) string { return "* 2 FETCH (UID 2 BODY[]<0> {3}\r\nabc)\r\n" }, fetch.ErrNoBody},
		{"gone", func(string) string { return "" }, fetch.ErrGone},
		{"the body of another", func(asks string) string {
			if strings.Contains(asks, "BODY") {
				return "* 2 FETCH (BODY[] {3}\r\nabc UID 3)\r\n"
			}
			return "* 2 FETCH (UID 2)\r\n"
		}, errOtherUID},
		{"a body of nobody", func(string) string { return "* 2 FETCH (BODY[] {3}\r\nabc)\r\n" }, errOtherUID},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newScript(texts(4)...)
			single(s, c.odd)
			all, err := retrieve(t, s.connect(t, Options{}), items(1, 2, 3, 4))
			if err != nil {
				t.Fatal(err)
			}
			if !errors.Is(all[2].err, c.want) {
				t.Errorf("error %v, want %v", all[2].err, c.want)
			}
			if errors.Is(all[2].err, io.EOF) {
				t.Error("the error is io.EOF")
			}
			for _, uid := range []uint32{1, 3, 4} {
				checkWhole(t, uid, all[uid])
			}
		})
	}
}

// An empty message is one only when the server says twice that its size is 0.
func TestEmptyMessage(t *testing.T) {
	s := newScript(text(1), "", text(3))
	all, err := retrieve(t, s.connect(t, Options{}), items(1, 2, 3))
	if err != nil || all[2].err != nil || all[2].body != "" {
		t.Errorf("%q, %v, %v", all[2].body, all[2].err, err)
	}
	if !all[2].meta.Received.Equal(arrived) {
		t.Errorf("arrived %v", all[2].meta.Received)
	}
	if n := len(s.asked("UID FETCH 2 (" + strings.ToUpper(singleAsks))); n != 2 {
		t.Errorf("asked alone %d times, want 2", n)
	}
}

// Several messages that vanished since the listing cost one command together.
func TestVanishedMessages(t *testing.T) {
	s := newScript(texts(1)...)
	all, err := retrieve(t, s.connect(t, Options{}), items(1, 2, 3, 4))
	if err != nil {
		t.Fatal(err)
	}
	for _, uid := range []uint32{2, 3, 4} {
		if !errors.Is(all[uid].err, fetch.ErrGone) {
			t.Errorf("UID %d: %v", uid, all[uid].err)
		}
	}
	if n := len(s.asked("UID FETCH")); n != 2 {
		t.Errorf("asked %q", s.asked("UID FETCH"))
	}
}

func TestKeysOfAnotherValidityAreGone(t *testing.T) {
	s := newScript(texts(2)...)
	old := fetch.Item{Key: "6/2", Num: 2}
	all, err := retrieve(t, s.connect(t, Options{}), []fetch.Item{item(1), old})
	if err != nil || !errors.Is(all[2].err, fetch.ErrGone) {
		t.Errorf("%v, %v", all[2].err, err)
	}
	checkWhole(t, 1, all[1])
}

// One message that the server cannot read is refused; the others arrive.
func TestRefusedMessage(t *testing.T) {
	s := newScript(texts(4)...)
	s.on = func(line string) string {
		set, asks, _ := strings.Cut(strings.TrimPrefix(line, "UID FETCH "), " ")
		if strings.HasPrefix(line, "UID FETCH ") && strings.Contains(asks, "BODY") && inSet(set, 2) {
			return "TAG NO [SERVERBUG] cannot read it\r\n"
		}
		return ""
	}
	all, err := retrieve(t, s.connect(t, Options{}), items(1, 2, 3, 4))
	if err != nil {
		t.Fatal(err)
	}
	refusal, ok := errors.AsType[*reply.Error](all[2].err)
	if !ok || refusal.Code != "SERVERBUG" || refusal.Text != "cannot read it" {
		t.Errorf("error %#v", all[2].err)
	}
	for _, uid := range []uint32{1, 3, 4} {
		checkWhole(t, uid, all[uid])
	}
}

// A server that refuses everything is not asked for everything.
func TestRefusalsEnd(t *testing.T) {
	s := newScript(texts(30)...)
	s.on = func(line string) string {
		if strings.HasPrefix(line, "UID FETCH") {
			return "TAG NO System busy!\r\n"
		}
		return ""
	}
	var all []fetch.Item
	for uid := range uint32(30) {
		all = append(all, item(uid+1))
	}
	refused, err := retrieve(t, s.connect(t, Options{}), all)
	if _, ok := errors.AsType[*reply.Error](err); !ok {
		t.Errorf("Retrieve returns %v", err)
	}
	if len(refused) != refusalLimit {
		t.Errorf("%d messages were refused, want %d", len(refused), refusalLimit)
	}
}

// Gmail has had enough of the account: no message is to blame, and no further one
// is asked for.
func TestThrottled(t *testing.T) {
	s := newScript(texts(30)...)
	s.on = func(line string) string {
		if strings.HasPrefix(line, "UID FETCH") {
			return "TAG NO [OVERQUOTA] Account exceeded command or bandwidth limits.\r\n"
		}
		return ""
	}
	all, err := retrieve(t, s.connect(t, Options{}), items(1, 2, 3, 4))
	if len(all) != 0 || reply.ClassOf(err) != reply.Limit {
		t.Errorf("%d messages, %v", len(all), err)
	}
	if asked := s.asked("UID FETCH"); len(asked) != 1 {
		t.Errorf("asked %q", asked)
	}
}

// The connection breaks in the middle of a body, or between two.
func TestCutConnection(t *testing.T) {
	for _, c := range []struct {
		what, cut string
		begun     bool
	}{
		{"in the body", "* 2 FETCH (UID 2 BODY[] {100}\r\nabcCUT", true},
		{"behind the body", "* 2 FETCH (UID 2 BODY[] {3}\r\nabcCUT", true},
		{"before it", "* 2 FETCH (UID 2 CUT", false},
		{"between bodies", "CUT", false},
		{"in the length", "* 2 FETCH (UID 2 BODY[] {10CUT", false},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newScript(texts(4)...)
			single(s, func(string) string { return c.cut })
			all, err := retrieve(t, s.connect(t, Options{}), items(1, 2, 3, 4))
			if err == nil {
				t.Error("Retrieve reports nothing")
			}
			checkWhole(t, 1, all[1])
			g, begun := all[2]
			if begun != c.begun || begun && (g.err == nil || errors.Is(g.err, io.EOF)) {
				t.Errorf("the cut message: begun %v, %v", begun, g.err)
			}
			if len(all) > 2 {
				t.Errorf("%d messages came", len(all))
			}
		})
	}
}

// A BYE looks like a refusal. Nothing more is asked on a dead connection.
func TestBye(t *testing.T) {
	s := newScript(texts(4)...)
	single(s, func(string) string { return "* BYE [OVERQUOTA] Account exceeded command or bandwidth limits.\r\nCUT" })
	all, err := retrieve(t, s.connect(t, Options{}), items(1, 2, 3, 4))
	if err == nil || !strings.Contains(err.Error(), "bandwidth limits") || len(all) != 1 {
		t.Errorf("%d messages, %v", len(all), err)
	}
	if asked := s.asked("UID FETCH"); len(asked) != 1 {
		t.Errorf("asked %q", asked)
	}
}

// An error of fn is returned as it is, even one that looks like a refusal.
func TestErrorOfFn(t *testing.T) {
	s := newScript(texts(4)...)
	session := s.connect(t, Options{})
	for _, want := range []error{&reply.Error{Protocol: "smtp", Code: "452"}, fetch.ErrNoBody} {
		calls := 0
		err := session.Retrieve(t.Context(), items(1, 2, 3, 4), func(fetch.Item, *fetch.Meta, io.Reader, error) error {
			calls++
			return want
		})
		if err != want || calls != 1 {
			t.Errorf("%v after %d calls, want %v after 1", err, calls, want)
		}
		session = s.connect(t, Options{})
	}
}

// What one message says of itself never reaches another: neither a reader that
// is left in the middle nor an answer inside a body.
func TestBodiesThatLookLikeAnswers(t *testing.T) {
	evil := "Subject: x\r\n\r\n)\r\nTAG OK done\r\n* 3 FETCH (UID 3 BODY[] {4}\r\nevil)\r\n* 99 EXISTS\r\n"
	s := newScript(text(1), strings.ReplaceAll(evil, "TAG", "X1"), text(3))
	session := s.connect(t, Options{})
	err := session.Retrieve(t.Context(), items(1, 2, 3), func(it fetch.Item, _ *fetch.Meta, r io.Reader, err error) error {
		if err != nil {
			return err
		}
		if it.Num == 3 {
			b, err := io.ReadAll(r)
			if string(b) != text(3) {
				t.Errorf("%q", b)
			}
			return err
		}
		_, err = io.ReadFull(r, make([]byte, 20))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDates(t *testing.T) {
	s := newScript(texts(4)...)
	s.fetch = func(uid uint32, asks string) string {
		switch uid {
		case 1:
			return "* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n" + s.plain(uid, asks)
		case 2:
			return ""
		case 3:
			return "* 3 FETCH (UID 3 INTERNALDATE \"00-Jan-0000 00:00:00 +0000\" FLAGS (\\Recent \\Flagged))\r\n"
		}
		return s.plain(uid, asks) + "* 9 FETCH (FLAGS (\\Draft))\r\n* 9 FETCH (UID 99 FLAGS ())\r\n"
	}
	session := s.connect(t, Options{})
	got := map[uint32]fetch.Meta{}
	wanted := append(items(1, 2, 3, 4), fetch.Item{Key: "6/1", Num: 77})
	err := session.(fetch.Dater).Dates(t.Context(), wanted, func(it fetch.Item, m fetch.Meta) {
		if _, twice := got[it.Num]; twice {
			t.Errorf("fn was called twice for %s", it.Key)
		}
		got[it.Num] = m
	})
	if err != nil || len(got) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	for _, uid := range []uint32{1, 4} {
		if !got[uid].Received.Equal(arrived) || !slices.Equal(got[uid].Flags, []string{`\Seen`}) {
			t.Errorf("UID %d: %v", uid, got[uid])
		}
	}
	if !got[3].Received.IsZero() || !slices.Equal(got[3].Flags, []string{`\Flagged`}) {
		t.Errorf("UID 3: %v", got[3])
	}
	if lines := s.asked("UID FETCH"); len(lines) != 1 || strings.Contains(lines[0], "BODY") {
		t.Errorf("asked %q", lines)
	}
}
