package imapwire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailrill/internal/reply"
)

type closer struct{ *bytes.Reader }

func (closer) Close() error { return nil }

func mail(text string) Append {
	return Append{Size: int64(len(text)), Open: func() (io.ReadSeekCloser, error) {
		return closer{bytes.NewReader([]byte(text))}, nil
	}}
}

// appendAll stores ms, and calls done with the index of each.
func appendAll(ctx context.Context, c *Client, mailbox string, ms []Append, done func(i int, at AppendUID, err error)) error {
	all := make([]*Append, len(ms))
	for i, m := range ms {
		m.Done = func(at AppendUID, err error) { done(i, at, err) }
		all[i] = &m
	}
	a, err := c.Appender(ctx, mailbox)
	if err != nil {
		for i := range ms {
			done(i, AppendUID{}, notSent(err))
		}
		return err
	}
	defer a.Close()
	return a.End(a.Send(all...))
}

// fates collects what done was told.
type fateLog []string

func (l fateLog) done(i int, at AppendUID, err error) {
	word := ""
	refusal, refused := errors.AsType[*reply.Error](err)
	switch {
	case l[i] != "":
		word = "TWICE"
	case err == nil:
		word = fmt.Sprintf("ok %d/%d", at.Validity, at.UID)
	case errors.Is(err, ErrNotSent):
		word = "not sent"
	case errors.Is(err, ErrNoAnswer):
		word = "unknown"
	case refused:
		word = "refused " + refusal.Code
	default:
		word = err.Error()
	}
	l[i] += word
}

// storing is a server that stores messages and knows the capabilities caps.
type storing struct {
	caps   string
	stored []string
	heads  []string
	others []string                        // commands but APPEND and the login
	refuse func(n int, body string) string // the answer before "+", or with unasked literals after them
	after  func(n int, tag, body string) string
}

func (st *storing) answer(s *peer, tag, command string) bool {
	switch {
	case strings.HasPrefix(command, "AUTHENTICATE"):
		s.say("%s OK [CAPABILITY IMAP4rev1 %s] in\r\n", tag, st.caps)
		return true
	case !strings.HasPrefix(command, "APPEND"):
		st.others = append(st.others, command)
		return ok(s, tag, command)
	}
	n := len(st.heads)
	st.heads = append(st.heads, command)
	size, unasked := literalOf(command)
	if st.refuse != nil && !unasked {
		if no := st.refuse(n, ""); no != "" {
			s.say("%s %s\r\n", tag, no)
			return true
		}
	}
	if !unasked {
		s.say("+ go ahead\r\n")
	}
	body, rest := s.octets(size)
	if len(body) != size || rest != "" {
		return false
	}
	if st.refuse != nil && unasked {
		if no := st.refuse(n, body); no != "" {
			s.say("%s %s\r\n", tag, no)
			return true
		}
	}
	st.stored = append(st.stored, body)
	answer := fmt.Sprintf("OK [APPENDUID 7 %d] stored", len(st.stored))
	if st.after != nil {
		answer = st.after(n, tag, body)
	}
	s.say("%s %s\r\n", tag, answer)
	return true
}

// literalModes are the ways in which a literal can go out.
var literalModes = []string{"UIDPLUS LITERAL+", "UIDPLUS LITERAL-", "UIDPLUS"}

func TestAppend(t *testing.T) {
	texts := []string{"one\r\n", strings.Repeat("two\r\n", 20_000), "", strings.Repeat("x", 4096), strings.Repeat("y", 4097), "\x00\xff\r\nA1 NOOP\r\n"}
	for _, caps := range literalModes {
		t.Run(caps, func(t *testing.T) {
			st := &storing{caps: caps}
			c := session(t, st.answer)
			var ms []Append
			var want []string
			for i := range 200 {
				text := texts[i%len(texts)]
				ms, want = append(ms, mail(text)), append(want, text)
			}
			log := make(fateLog, len(ms))
			if err := appendAll(t.Context(), c, "Entwürfe & mehr", ms, log.done); err != nil {
				t.Fatal(err)
			}
			for i, f := range log {
				if f != fmt.Sprintf("ok 7/%d", i+1) {
					t.Errorf("message %d: %s", i, f)
				}
			}
			hangUp(c)
			if !cmp.Equal(want, st.stored) {
				t.Error("stored something else")
			}
			if wantHead := `APPEND "Entw&APw-rfe &- mehr" {5`; !strings.HasPrefix(st.heads[0], wantHead) {
				t.Errorf("command is %q", st.heads[0])
			}
		})
	}
}

func TestAppendFlagsDateAndLiteral8(t *testing.T) {
	st := &storing{caps: "LITERAL+ BINARY"}
	c := session(t, st.answer)
	m := mail("a\x00b")
	m.Flags = []string{`\Seen`, `\Recent`, "OIB-Seen-[Gmail]/All", "$Forwarded", "two words", "a\r\nb", ""}
	m.Date = time.Date(2026, 2, 1, 10, 0, 0, 0, time.FixedZone("", 3600))
	m.Binary = true
	log := make(fateLog, 1)
	if err := appendAll(t.Context(), c, "inbox", []Append{m}, log.done); err != nil || log[0] != "ok 7/1" {
		t.Fatal(log, err)
	}
	hangUp(c)
	want := []string{`APPEND INBOX (\Seen $Forwarded) "01-Feb-2026 10:00:00 +0100" ~{3+}`}
	if diff := cmp.Diff(want, st.heads); diff != "" {
		t.Error(diff)
	}
}

func TestAppendRefusedOneByOne(t *testing.T) {
	for _, caps := range literalModes {
		st := &storing{caps: caps, refuse: func(n int, _ string) string {
			if n%2 == 1 {
				return "NO [OVERQUOTA] full"
			}
			return ""
		}}
		c := session(t, st.answer)
		ms := []Append{mail(strings.Repeat("a", 5000)), mail(strings.Repeat("b", 5000)), mail("c"), mail("d"), mail("e")}
		log := make(fateLog, len(ms))
		if err := appendAll(t.Context(), c, "x", ms, log.done); err != nil {
			t.Fatal(err)
		}
		want := fateLog{"ok 7/1", "refused OVERQUOTA", "ok 7/2", "refused OVERQUOTA", "ok 7/3"}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Errorf("%s: %s", caps, diff)
		}
		if err := c.IMAP().Noop().Wait(); err != nil {
			t.Errorf("%s: noop: %v", caps, err)
		}
		hangUp(c)
		if diff := cmp.Diff([]string{"NOOP"}, st.others); diff != "" {
			t.Errorf("%s: the refused message went out as commands: %.200s", caps, diff)
		}
	}
}

func TestAppendUIDIsChecked(t *testing.T) {
	answers := []string{"OK", "OK [APPENDUID] x", "OK [APPENDUID 0 1] x", "OK [APPENDUID 1 0] x", "OK [APPENDUID 1 2:3] x", "OK [APPENDUID 99999999999 1] x", "OK [APPENDUID 4294967295 4294967295] x"}
	st := &storing{caps: "LITERAL+", after: func(n int, _, _ string) string { return answers[n] }}
	c := session(t, st.answer)
	ms := make([]Append, len(answers))
	for i := range ms {
		ms[i] = mail("a")
	}
	log := make(fateLog, len(ms))
	if err := appendAll(t.Context(), c, "x", ms, log.done); err != nil {
		t.Fatal(err)
	}
	want := fateLog{"ok 0/0", "ok 0/0", "ok 0/0", "ok 0/0", "ok 0/0", "ok 0/0", "ok 4294967295/4294967295"}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Error(diff)
	}
}

func TestAppendUnsolicitedBetween(t *testing.T) {
	st := &storing{caps: "LITERAL+", after: func(n int, tag, _ string) string {
		return fmt.Sprintf("OK [APPENDUID 7 %d] a\r\n* %d EXISTS\r\n* OK [Error=\"x y\" z] b\r\n* 1 FETCH (FLAGS (\"]\"))", n+1, n)
	}}
	c := session(t, st.answer)
	ms := make([]Append, 300)
	for i := range ms {
		ms[i] = mail(strings.Repeat("z", 10_000))
	}
	log := make(fateLog, len(ms))
	if err := appendAll(t.Context(), c, "x", ms, log.done); err != nil || log[299] != "ok 7/300" {
		t.Fatal(log[299], err)
	}
	if err := c.IMAP().Noop().Wait(); err != nil {
		t.Error(err)
	}
}

func TestAppendThatCannotBeOpened(t *testing.T) {
	st := &storing{caps: "LITERAL+"}
	c := session(t, st.answer)
	gone := errors.New("gone")
	ms := []Append{mail("a"), {Size: 3, Open: func() (io.ReadSeekCloser, error) { return nil, gone }}, mail("c")}
	log := make(fateLog, len(ms))
	if err := appendAll(t.Context(), c, "x", ms, log.done); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fateLog{"ok 7/1", "not sent", "ok 7/2"}, log); diff != "" {
		t.Error(diff)
	}
}

// failing yields some octets and then an error.
type failing struct {
	closer
	err error
}

func (f failing) Read(p []byte) (int, error) {
	n, err := f.closer.Read(p)
	if err == io.EOF {
		err = f.err
	}
	return n, err
}

func TestAppendOfAnotherLengthIsNeverStored(t *testing.T) {
	broken := errors.New("disk error")
	tests := map[string]struct {
		size int64
		end  error
		want error
	}{
		"short":      {6, io.EOF, errSize},
		"long":       {4, io.EOF, errSize},
		"read error": {6, broken, broken},
		"at its end": {5, broken, broken},
	}
	for name, tt := range tests {
		for _, caps := range literalModes {
			st := &storing{caps: caps}
			c := session(t, st.answer)
			bad := Append{Size: tt.size, Open: func() (io.ReadSeekCloser, error) {
				return failing{closer{bytes.NewReader([]byte("hello"))}, tt.end}, nil
			}}
			log := make(fateLog, 3)
			err := appendAll(t.Context(), c, "x", []Append{mail("before"), bad, mail("behind")}, log.done)
			if !errors.Is(err, tt.want) {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff(fateLog{"ok 7/1", "not sent", "not sent"}, log); diff != "" {
				t.Errorf("%s, %s: %s", name, caps, diff)
			}
			hangUp(c)
			if diff := cmp.Diff([]string{"before"}, st.stored); diff != "" {
				t.Errorf("%s, %s: %s", name, caps, diff)
			}
		}
	}
}

// endless is a message that is never all in the socket's buffers.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	n := int(min(int64(len(p)), e.left))
	if e.left -= int64(n); n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (*endless) Seek(int64, int) (int64, error) { return 0, errors.ErrUnsupported }
func (*endless) Close() error                   { return nil }

// TestEarlyOKEndsTheSession: the server does not read on behind its answer, so
// the client is in the middle of the message when it sees it.
func TestEarlyOKEndsTheSession(t *testing.T) {
	for _, caps := range literalModes {
		ended := make(chan struct{})
		c := session(t, func(s *peer, tag, command string) bool {
			if !strings.HasPrefix(command, "APPEND") {
				return (&storing{caps: caps}).answer(s, tag, command)
			}
			s.say("%s OK [APPENDUID 1 1] stored already\r\n", tag)
			<-ended
			return false
		})
		m := Append{Size: 1 << 30, Open: func() (io.ReadSeekCloser, error) { return &endless{1 << 30}, nil }}
		log := make(fateLog, 1)
		err := appendAll(t.Context(), c, "x", []Append{m}, log.done)
		if !errors.Is(err, errEarly) || log[0] != "not sent" {
			t.Errorf("%s: %v, %v", caps, log, err)
		}
		if err := c.IMAP().Noop().Wait(); err == nil {
			t.Errorf("%s: the session lives", caps)
		}
		close(ended)
	}
}

// TestOKForWhatIsStillBuffered: the answer comes for a message that has not left
// the client.
func TestOKForWhatIsStillBuffered(t *testing.T) {
	var server *peer
	hint := make(chan struct{}, 10)
	conn := serve(t, greeting, on("AUTHENTICATE", func(s *peer, tag, command string) bool {
		server = s
		return ok(s, tag, command)
	}))
	c := connectWith(t, conn, Options{Notify: func() { hint <- struct{}{} }})
	third := mail("c")
	third.Open = func() (io.ReadSeekCloser, error) {
		server.say("X2 OK [APPENDUID 1 1] guessed\r\n* 5 EXISTS\r\n")
		<-hint
		return mail("c").Open()
	}
	log := make(fateLog, 3)
	err := appendAll(t.Context(), c, "x", []Append{mail("a"), mail("b"), third}, log.done)
	if diff := cmp.Diff(fateLog{"not sent", "not sent", "not sent"}, log); diff != "" || !errors.Is(err, errEarly) {
		t.Errorf("%v\n%s", err, diff)
	}
}

// cutting is a connection that breaks after so many octets were written.
type cutting struct {
	net.Conn
	armed bool
	left  int
}

func (c *cutting) Write(p []byte) (int, error) {
	if c.armed {
		if c.left < len(p) {
			n, _ := c.Conn.Write(p[:c.left])
			c.Conn.Close()
			return n, io.ErrClosedPipe
		}
		c.left -= len(p)
	}
	return c.Conn.Write(p)
}

// TestAppendCutAnywhere: a message is "not sent" only if the server cannot have
// it, wherever the connection breaks.
func TestAppendCutAnywhere(t *testing.T) {
	for _, caps := range literalModes {
		fates := map[string]int{}
		for left := range 120 {
			st := &storing{caps: caps}
			conn := &cutting{Conn: serve(t, greeting, st.answer), left: left}
			c := connect(t, conn)
			conn.armed = true
			log := make(fateLog, 2)
			err := appendAll(t.Context(), c, "x", []Append{mail("first message\r\n"), mail("second\r\n")}, log.done)
			hangUp(c)
			for i, f := range log {
				has := len(st.stored) > i
				if has && (f == "not sent" || f == "") || !has && strings.HasPrefix(f, "ok") {
					t.Errorf("%s, cut after %d: message %d is %q, stored: %v (%v)", caps, left, i, f, has, err)
				}
				fates[f]++
			}
		}
		if fates["not sent"] == 0 || fates["unknown"] == 0 || fates["ok 7/1"] == 0 {
			t.Errorf("%s: the cuts reached only %v", caps, fates)
		}
	}
}

func TestAppendContextCut(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := session(t, on("APPEND", func(s *peer, tag, command string) bool {
		n, _ := literalOf(command)
		s.octets(n)
		cancel()
		return true
	}))
	log := make(fateLog, 1)
	err := appendAll(ctx, c, "x", []Append{mail("a")}, log.done)
	if !errors.Is(err, context.Canceled) || log[0] != "unknown" {
		t.Errorf("%v, %v", log, err)
	}
}

func TestPanicOfDone(t *testing.T) {
	c := session(t, (&storing{caps: "LITERAL+"}).answer)
	func() {
		defer func() {
			if recover() != "mine" {
				t.Error("the panic is gone")
			}
		}()
		appendAll(t.Context(), c, "x", []Append{mail("a"), mail("b")}, func(int, AppendUID, error) { panic("mine") })
	}()
	if err := c.IMAP().Noop().Wait(); err == nil {
		t.Error("the session lives")
	}
}
