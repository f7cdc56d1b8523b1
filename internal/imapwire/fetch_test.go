package imapwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailrill/internal/reply"
)

// seen is what a Fetch brought of one response.
type seen struct {
	r    Response
	body string
	has  bool
	err  error
}

func fetchAll(c *Client) (got []seen, err error) {
	err = c.Fetch(context.Background(), "1:*", "UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]", func(r *Response, body io.Reader) error {
		var s seen
		if body != nil {
			b, err := io.ReadAll(body)
			s.has, s.body, s.err = true, string(b), err
			if err != nil && !isOdd(err) {
				return err
			}
		}
		s.r = *r
		got = append(got, s)
		return nil
	})
	return got, err
}

// oddAnswers are one surprise each (libraries.md 4.3). Every one of them but two
// still carries the body of message 1, "hello".
var oddAnswers = []struct {
	name, wire string
	want       string               // of the body; "-" none, "!" one that ends in an error
	check      func(s *seen) string // what else is wrong with message 1
}{
	{name: "normal", wire: "* 1 FETCH (UID 1 FLAGS (\\Seen) INTERNALDATE \"01-Feb-2026 10:00:00 +0100\" RFC822.SIZE 5 BODY[] {5}\r\nhello)\r\n", want: "hello", check: complete},
	{name: "unsolicited flags without UID", wire: "* 1 FETCH (FLAGS (\\Seen))\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "unsolicited after", wire: "* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n* 1 FETCH (UID 1 FLAGS ())\r\n", want: "hello"},
	{name: "EXPUNGE and EXISTS between", wire: "* 9 EXPUNGE\r\n* 12 EXISTS\r\n* 0 RECENT\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "NIL body", wire: "* 1 FETCH (UID 1 BODY[] NIL)\r\n", want: "-"},
	{name: "quoted body", wire: "* 1 FETCH (UID 1 BODY[] \"hello\")\r\n", want: "hello"},
	{name: "quoted body with escapes", wire: "* 1 FETCH (UID 1 BODY[] \"a\\\"b\\\\c\" FLAGS (\\Seen))\r\n", want: "a\"b\\c", check: isSeen},
	{name: "empty quoted body", wire: "* 1 FETCH (BODY[] \"\" UID 1)\r\n", want: ""},
	{name: "empty literal", wire: "* 1 FETCH (BODY[] {0}\r\n UID 1)\r\n", want: ""},
	{name: "nothing returned", wire: "", want: "-"},
	{name: "UTF-8 flag", wire: "* 1 FETCH (UID 1 FLAGS (\\Seen \u00fc) BODY[] {5}\r\nhello)\r\n", want: "hello", check: isSeen},
	{name: "one digit day", wire: "* 1 FETCH (UID 1 INTERNALDATE \" 1-Feb-2026 10:00:00 +0100\" BODY[] {5}\r\nhello)\r\n", want: "hello", check: isDated},
	{name: "one digit day without blank", wire: "* 1 FETCH (UID 1 INTERNALDATE \"1-Feb-2026 10:00:00 +0100\" BODY[] {5}\r\nhello)\r\n", want: "hello", check: isDated},
	{name: "upper case month", wire: "* 1 FETCH (UID 1 INTERNALDATE \"01-FEB-2026 10:00:00 +0100\" BODY[] {5}\r\nhello)\r\n", want: "hello", check: isDated},
	{name: "MODSEQ", wire: "* 1 FETCH (UID 1 MODSEQ (12345) BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "OK ALERT", wire: "* OK [ALERT] over quota soon\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "untagged NO", wire: "* NO not nice\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "UID behind the body", wire: "* 1 FETCH (BODY[] {5}\r\nhello UID 1 FLAGS (\\Seen))\r\n", want: "hello", check: isSeen},
	{name: "unsolicited UID and FLAGS first", wire: "* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "response in two", wire: "* 1 FETCH (UID 1)\r\n* 1 FETCH (BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "in two with EXPUNGE between", wire: "* 1 FETCH (UID 1)\r\n* 1 EXPUNGE\r\n* 1 FETCH (BODY[] {5}\r\nhello)\r\n", want: "-"},
	{name: "blank before parenthesis", wire: "* 1 FETCH (UID 1 BODY[] {5}\r\nhello )\r\n", want: "hello"},
	{name: "two blanks", wire: "* 1 FETCH (UID 1  FLAGS  (\\Seen)  BODY[]  {5}\r\nhello)\r\n", want: "hello", check: isSeen},
	{name: "no blank behind the literal", wire: "* 1 FETCH (BODY[] {5}\r\nhelloUID 1)\r\n", want: "hello"},
	{name: "blanks at both ends", wire: "* 1 FETCH ( UID 1 BODY[] {5}\r\nhello ) \r\n", want: "hello"},
	{name: "flag with bracket", wire: "* 1 FETCH (UID 1 FLAGS (OIB-Seen-[Gmail]/All Mail \\Seen) BODY[] {5}\r\nhello)\r\n", want: "hello", check: isSeen},
	{name: "quoted flag", wire: "* 1 FETCH (UID 1 FLAGS (\"a) b\" \\Seen) BODY[] {5}\r\nhello)\r\n", want: "hello", check: isSeen},
	{name: "NIL flags", wire: "* 1 FETCH (UID 1 FLAGS NIL BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "blank behind flags", wire: "* 1 FETCH (UID 1 FLAGS (\\Seen ) BODY[] {5}\r\nhello)\r\n", want: "hello", check: isSeen},
	{name: "brace in flag", wire: "* 1 FETCH (UID 1 FLAGS (a{b \\Seen) BODY[] {5}\r\nhello)\r\n", want: "hello", check: isSeen},
	{name: "date zero", wire: "* 1 FETCH (UID 1 INTERNALDATE \"00-Jan-0000 00:00:00 +0000\" BODY[] {5}\r\nhello)\r\n", want: "hello", check: isUndated},
	{name: "date NIL", wire: "* 1 FETCH (UID 1 INTERNALDATE NIL BODY[] {5}\r\nhello)\r\n", want: "hello", check: isUndated},
	{name: "date empty", wire: "* 1 FETCH (UID 1 INTERNALDATE \"\" BODY[] {5}\r\nhello)\r\n", want: "hello", check: isUndated},
	{name: "date GMT", wire: "* 1 FETCH (UID 1 INTERNALDATE \"01-Feb-2026 09:00:00 GMT\" BODY[] {5}\r\nhello)\r\n", want: "hello", check: isDated},
	{name: "date of RFC 822", wire: "* 1 FETCH (UID 1 INTERNALDATE \"Sun, 01 Feb 2026 10:00:00 +0100\" BODY[] {5}\r\nhello)\r\n", want: "hello", check: isDated},
	{name: "date of year 1", wire: "* 1 FETCH (UID 1 INTERNALDATE \"01-Jan-0001 00:00:00 +0000\" BODY[] {5}\r\nhello)\r\n", want: "hello", check: isUndated},
	{name: "date at 24:00", wire: "* 1 FETCH (UID 1 INTERNALDATE \"31-Jan-2026 24:00:00 +0000\" BODY[] {5}\r\nhello)\r\n", want: "hello",
		check: func(s *seen) string { return diffTime(s, time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)) }},
	{name: "SIZE NIL", wire: "* 1 FETCH (UID 1 RFC822.SIZE NIL BODY[] {5}\r\nhello)\r\n", want: "hello", check: isUnsized},
	{name: "SIZE -1", wire: "* 1 FETCH (UID 1 RFC822.SIZE -1 BODY[] {5}\r\nhello)\r\n", want: "hello", check: isUnsized},
	{name: "labels", wire: "* 1 FETCH (X-GM-LABELS (\"\\\\Inbox\" travel \"a b\") UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "labels as literals", wire: "* 1 FETCH (X-GM-LABELS ({3}\r\na)b {2}\r\ncd) UID 1 BODY[] {5}\r\nhello FLAGS ({5}\r\n\\Seen))\r\n", want: "hello", check: isSeen},
	{name: "Gmail's id", wire: "* 1 FETCH (X-GM-MSGID 1278455344230334865 UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello",
		check: func(s *seen) string { return cmp.Diff(uint64(1278455344230334865), s.r.GmailID) }},
	{name: "EMAILID", wire: "* 1 FETCH (EMAILID (M6d99ac3275bb4e) UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "RFC822", wire: "* 1 FETCH (UID 1 RFC822 {5}\r\nhello)\r\n", want: "hello"},
	{name: "BODY[]<0>", wire: "* 1 FETCH (UID 1 BODY[]<0> {5}\r\nhello)\r\n", want: "hello"},
	{name: "BINARY[]", wire: "* 1 FETCH (UID 1 BINARY[] ~{5}\r\nhe\x00lo)\r\n", want: "he\x00lo"},
	{name: "header fields", wire: "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM TO)] {5}\r\nhello)\r\n", want: "hello"},
	{name: "lower case", wire: "* 1 fetch (uid 1 flags (\\Seen) body[] {5}\r\nhello)\r\n", want: "hello", check: isSeen},
	{name: "unknown untagged", wire: "* XWHATEVER a (b {3}\r\n)\r\n c)\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "a literal that looks like an answer", wire: "* XWHATEVER {38}\r\n* 1 FETCH (UID 1 BODY[] {4}\r\nevil) \r\nx\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "VANISHED", wire: "* VANISHED 3,5\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "blank line", wire: "\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n\r\n", want: "hello"},
	{name: "bare line feeds", wire: "* 1 FETCH (UID 1 BODY[] {5}\nhello)\n", want: "hello"},
	{name: "Exchange's code", wire: "* OK [Error=\"a ] b\" c=d] fine\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "surplus plus", wire: "+ go on\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "strange tag", wire: "X99999 OK what\r\nT77 NO what\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "literal of -1", wire: "* 1 FETCH (UID 1 BODY[] {-1}\r\n)\r\n", want: "!"},
	{name: "literal of -1 at the end", wire: "* 1 FETCH (UID 1 BODY[] {-1}\r\n", want: "!"},
	{name: "body as atom", wire: "* 1 FETCH (UID 1 BODY[] hello)\r\n", want: "!"},
	{name: "body as list", wire: "* 1 FETCH (UID 1 BODY[] (\"hello\"))\r\n", want: "!"},
	{name: "no end behind the body", wire: "* 1 FETCH (UID 1 BODY[] {5}\r\nhello FLAGS (\\Seen\r\n", want: "!"},
	{name: "literal8", wire: "* 1 FETCH (UID 1 BODY[] ~{5}\r\nhello)\r\n", want: "hello"},
	{name: "literal with plus", wire: "* 1 FETCH (UID 1 BODY[] {5+}\r\nhello)\r\n", want: "hello"},
	{name: "ENVELOPE unasked", wire: "* 1 FETCH (ENVELOPE (NIL \"a\" ((NIL NIL {1}\r\n) NIL)) bad) UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "body structure", wire: "* 1 FETCH (BODY (\"TEXT\" \"PLAIN\" NIL) UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "two bodies", wire: "* 1 FETCH (UID 1 BODY[] {5}\r\nhello BODY[TEXT] {3}\r\n)\r\n FLAGS (\\Seen))\r\n", want: "hello", check: isSeen},
	{name: "UID too large", wire: "* 1 FETCH (UID 99999999999)\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "no list", wire: "* 1 FETCH\r\n* 1 FETCH {3}\r\n)*(\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "deep nesting", wire: "* 1 FETCH (X " + strings.Repeat("(", 100) + strings.Repeat(")", 100) + ")\r\n* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n", want: "hello"},
	{name: "many flags", wire: "* 1 FETCH (UID 1 FLAGS (\\Seen" + strings.Repeat(" a", 2000) + ") BODY[] {5}\r\nhello)\r\n", want: "hello",
		check: func(s *seen) string { return cmp.Diff(maxFlags, len(s.r.Flags)) }},
	{name: "a mail that looks like answers", wire: "* 1 FETCH (UID 1 BODY[] {53}\r\nX1 OK done\r\n* 2 FETCH (UID 2 BODY[] {1}\r\na)\r\nX2 BAD\r\n)\r\n",
		want: "X1 OK done\r\n* 2 FETCH (UID 2 BODY[] {1}\r\na)\r\nX2 BAD\r\n"},
}

var dated = time.Date(2026, 2, 1, 9, 0, 0, 0, time.UTC)

func diffTime(s *seen, want time.Time) string {
	if s.r.Date.Equal(want) {
		return ""
	}
	return fmt.Sprintf("date is %v", s.r.Date)
}

func isDated(s *seen) string   { return diffTime(s, dated) }
func isUndated(s *seen) string { return diffTime(s, time.Time{}) }
func isUnsized(s *seen) string { return cmp.Diff(int64(-1), s.r.Size) }

func isSeen(s *seen) string {
	for _, f := range s.r.Flags {
		if f == `\Seen` && s.r.HasFlags {
			return ""
		}
	}
	return fmt.Sprintf("flags are %q", s.r.Flags)
}

func complete(s *seen) string {
	r := s.r
	r.Date = r.Date.UTC()
	return cmp.Diff(Response{Seq: 1, UID: 1, Size: 5, Date: dated, Flags: []string{`\Seen`}, HasFlags: true, Section: "BODY[]", BodySize: 5}, r)
}

func TestOddAnswersSpoilOneMessageAtMost(t *testing.T) {
	for _, tt := range oddAnswers {
		t.Run(tt.name, func(t *testing.T) {
			answers := []string{tt.wire, "* 2 FETCH (UID 2 BODY[] {3}\r\nbye)\r\n"}
			c := session(t, on("UID FETCH", func(s *peer, tag, _ string) bool {
				s.say("%s%s OK fetched\r\n", answers[0], tag)
				answers = answers[1:]
				return true
			}))
			got, err := fetchAll(c)
			if err != nil {
				t.Fatalf("fetch: %v", err)
			}
			checkMessage(t, bodyOf(got, 1), tt.want, tt.check)
			if err := c.IMAP().Noop().Wait(); err != nil {
				t.Errorf("noop: %v", err)
			}
			got, err = fetchAll(c)
			if err != nil {
				t.Fatalf("second fetch: %v", err)
			}
			checkMessage(t, bodyOf(got, 2), "bye", nil)
		})
	}
}

// bodyOf returns the response that brought the body of uid.
func bodyOf(got []seen, uid uint32) *seen {
	for i := range got {
		if got[i].r.UID == uid && got[i].has {
			return &got[i]
		}
	}
	return nil
}

func checkMessage(t *testing.T, s *seen, want string, check func(*seen) string) {
	t.Helper()
	switch {
	case want == "-":
		if s != nil {
			t.Errorf("a body: %q", s.body)
		}
	case s == nil:
		t.Error("no body")
	case want == "!":
		if s.err == nil {
			t.Errorf("a good body: %q", s.body)
		}
	case s.err != nil || s.body != want:
		t.Errorf("body is %q, %v, want %q", s.body, s.err, want)
	}
	if check != nil && s != nil {
		if wrong := check(s); wrong != "" {
			t.Error(wrong)
		}
	}
}

func TestCutBodyIsNoEnd(t *testing.T) {
	for _, wire := range []string{
		"* 1 FETCH (UID 1 BODY[] {5}\r\nhel",
		"* 1 FETCH (UID 1 BODY[] {5}\r\nhello",
		"* 1 FETCH (UID 1 BODY[] {5}\r\nhello UID 1",
		"* 1 FETCH (UID 1 BODY[] \"" + strings.Repeat("x", 100_000),
	} {
		c := session(t, on("UID FETCH", func(s *peer, _, _ string) bool {
			s.say("%s", wire)
			return false
		}))
		var inFn error
		err := c.Fetch(t.Context(), "1", "BODY.PEEK[]", func(_ *Response, body io.Reader) error {
			_, inFn = io.ReadAll(body)
			return nil // also one that forgets about it
		})
		if !errors.Is(inFn, io.ErrUnexpectedEOF) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%.40q: body ends with %v, fetch with %v", wire, inFn, err)
		}
	}
}

func TestEndOnlyBehindTheClosingParenthesis(t *testing.T) {
	release := make(chan struct{})
	c := session(t, on("UID FETCH", func(s *peer, tag, _ string) bool {
		s.say("* 1 FETCH (BODY[] {5}\r\nhello")
		<-release
		s.say(" UID 1 FLAGS (\\Draft))\r\n%s OK\r\n", tag)
		return true
	}))
	err := c.Fetch(t.Context(), "1", "BODY.PEEK[]", func(r *Response, body io.Reader) error {
		var b [5]byte
		if _, err := io.ReadFull(body, b[:]); err != nil {
			return err
		}
		if r.UID != 0 {
			t.Error("UID is known before it was sent")
		}
		close(release)
		if n, err := body.Read(b[:]); n != 0 || err != io.EOF {
			t.Errorf("end is %d, %v", n, err)
		}
		if r.UID != 1 || len(r.Flags) != 1 {
			t.Errorf("at the end r is %+v", r)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestUnreadBodyIsDiscarded(t *testing.T) {
	for _, wire := range []string{"{100000}\r\n" + strings.Repeat("x", 100000), `"` + strings.Repeat("y", 200000) + `"`} {
		c := session(t, on("UID FETCH", func(s *peer, tag, _ string) bool {
			s.say("* 1 FETCH (BODY[] %s UID 1)\r\n* 2 FETCH (UID 2 BODY[] {2}\r\nab)\r\n%s OK\r\n", wire, tag)
			return true
		}))
		var late io.Reader
		uids := []uint32{}
		rs := []*Response{}
		err := c.Fetch(t.Context(), "1:2", "BODY.PEEK[]", func(r *Response, body io.Reader) error {
			if late == nil {
				late = body
			}
			rs = append(rs, r)
			return nil
		})
		for _, r := range rs {
			uids = append(uids, r.UID)
		}
		if err != nil || !cmp.Equal(uids, []uint32{1, 2}) {
			t.Errorf("uids %v, %v", uids, err)
		}
		if _, err := late.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("late read: %v", err)
		}
	}
}

func TestLongQuotedBody(t *testing.T) {
	want := strings.Repeat(`a"\`, 100_000)
	c := session(t, on("UID FETCH", func(s *peer, tag, _ string) bool {
		s.say("* 1 FETCH (UID 1 BODY[] %s)\r\n%s OK\r\n", quote(want), tag)
		return true
	}))
	got, err := fetchAll(c)
	if err != nil || len(got) != 1 || got[0].body != want {
		t.Errorf("%d responses, %v", len(got), err)
	}
}

func TestFetchRefused(t *testing.T) {
	c := session(t, on("UID FETCH", func(s *peer, tag, _ string) bool {
		s.say("* 1 FETCH (UID 1 BODY[] {2}\r\nab)\r\n%s NO [EXPUNGEISSUED] some are gone\r\n", tag)
		return true
	}))
	got, err := fetchAll(c)
	want := &reply.Error{Protocol: "imap", Command: "UID FETCH", Code: "EXPUNGEISSUED", Text: "some are gone"}
	refusal, _ := errors.AsType[*reply.Error](err)
	if diff := cmp.Diff(want, refusal); diff != "" || len(got) != 1 {
		t.Errorf("%d messages, %s", len(got), diff)
	}
	if err := c.IMAP().Noop().Wait(); err != nil {
		t.Error(err)
	}
}

func TestByeInFetchKeepsTheWords(t *testing.T) {
	c := session(t, on("UID FETCH", func(s *peer, tag, _ string) bool {
		s.say("* 1 FETCH (UID 1 BODY[] {2}\r\nab)\r\n* BYE [OVERQUOTA] Account exceeded command or bandwidth limits.\r\n")
		return false
	}))
	_, err := fetchAll(c)
	refusal, _ := errors.AsType[*reply.Error](err)
	if refusal == nil || refusal.Code != "OVERQUOTA" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error is %v", err)
	}
	if reply.ClassOf(err) != reply.Limit {
		t.Errorf("class is %q", reply.ClassOf(err))
	}
}

func TestErrorOfFnEndsTheSession(t *testing.T) {
	c := session(t, on("UID FETCH", func(s *peer, tag, _ string) bool {
		s.say("* 1 FETCH (UID 1 BODY[] {2}\r\nab)\r\n%s OK\r\n", tag)
		return true
	}))
	mine := errors.New("mine")
	err := c.Fetch(t.Context(), "1", "BODY.PEEK[]", func(*Response, io.Reader) error { return mine })
	if err != mine {
		t.Errorf("error is %v", err)
	}
	if err := c.IMAP().Noop().Wait(); err == nil {
		t.Error("the session lives")
	}
}

func TestPanicOfFnIsNotSwallowed(t *testing.T) {
	c := session(t, on("UID FETCH", func(s *peer, tag, _ string) bool {
		s.say("* 1 FETCH (UID 1 BODY[] {200}\r\nab")
		return true
	}))
	func() {
		defer func() {
			if recover() != "mine" {
				t.Error("the panic is gone")
			}
		}()
		c.Fetch(t.Context(), "1", "BODY.PEEK[]", func(*Response, io.Reader) error { panic("mine") })
	}()
	if err := c.IMAP().Noop().Wait(); err == nil {
		t.Error("the session lives")
	}
}

func TestContextCutsFetch(t *testing.T) {
	c := session(t, on("UID FETCH", func(s *peer, tag, _ string) bool {
		s.say("* 1 FETCH (UID 1 BODY[] {200}\r\nab")
		return true
	}))
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Fetch(ctx, "1", "BODY.PEEK[]", func(_ *Response, body io.Reader) error {
		cancel()
		_, err := io.ReadAll(body)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestOneCallIsOneCommand(t *testing.T) {
	var commands []string
	c := session(t, func(s *peer, tag, command string) bool {
		commands = append(commands, command)
		return ok(s, tag, command)
	})
	none := func(*Response, io.Reader) error { return nil }
	for _, err := range []error{
		c.Fetch(t.Context(), "1\r\nX9 LOGOUT", "UID", none),
		c.Fetch(t.Context(), "", "UID", none),
		c.Fetch(t.Context(), "1", "UID)\r\nX9 LOGOUT", none),
		appendAll(t.Context(), c, "a\r\nb", nil, nil),
		appendAll(t.Context(), c, "a\xff", nil, nil),
		second(c.Select(t.Context(), "a\x00b", false)),
	} {
		if err == nil {
			t.Error("taken")
		}
	}
	if err := c.Logout(); err != nil {
		t.Error(err)
	}
	hangUp(c)
	want := []string{"AUTHENTICATE PLAIN AG1lAHNlY3JldA==", "LOGOUT"}
	if diff := cmp.Diff(want, commands); diff != "" {
		t.Error(diff)
	}
}

func second[T any](_ T, err error) error { return err }
