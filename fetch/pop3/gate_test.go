package pop3

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	pop3 "github.com/knadh/go-pop3"
)

// All that is read past go-pop3 rests on this: after a status line the library
// holds nothing. Two lines come in one packet; the library reads one, and the
// second is still there for us.
func TestLibraryHoldsNothing(t *testing.T) {
	for _, first := range []string{"+OK one", "+OK", "+OK " + strings.Repeat("x", 8000), "-ERR " + strings.Repeat("x", 4096-7)} {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { ours.Close(); theirs.Close() })
		go io.WriteString(theirs, "+OK hello\r\n"+first+"\r\nsecond\r\n.\r\n")
		g := newGate(ours)
		lib, err := pop3.New(pop3.Opt{Dialer: dialed{g}}).NewConn()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lib.ReadOne(); err != nil && strings.HasPrefix(first, "+") {
			t.Fatal(err)
		}
		if len(g.rest) != 0 {
			t.Errorf("%.10q …: the library left %q", first, g.rest)
		}
		if body, err := io.ReadAll(newBody(g.in, g.crlf)); string(body) != "second\r\n" || err != nil {
			t.Errorf("%.10q …: behind it lies %q, %v", first, body, err)
		}
	}
}

func TestParseStatus(t *testing.T) {
	for line, want := range map[string]status{
		"+OK":                   {kind: positive},
		"+OK 3 86884":           {kind: positive, text: "3 86884"},
		"+ok  hi":               {kind: positive, text: "hi"},
		"+OK [AUTH] x":          {kind: positive, text: "[AUTH] x"},
		"-ERR":                  {kind: negative},
		"-ERR no":               {kind: negative, text: "no"},
		"-ERR [SYS/TEMP] later": {kind: negative, code: "SYS/TEMP", text: "later"},
		"-ERR [x":               {kind: negative, text: "[x"},
		"-ERR []":               {kind: negative},
		"-err[in-use]\tlater":   {kind: negative, code: "IN-USE", text: "later"},
		"+":                     {kind: challenge},
		"+ ":                    {kind: challenge},
		"+ abc=":                {kind: challenge, text: "abc="},
	} {
		if have, ok := parseStatus([]byte(line)); !ok || have != want {
			t.Errorf("%q: %+v %v, want %+v", line, have, ok, want)
		}
	}
	for _, line := range []string{"", " ", "+OKAY", "OK", "+OK\x00", "*", "-ERROR no", " +OK", ".", "-", "+OK\r+OK"} {
		if have, ok := parseStatus([]byte(line)); ok {
			t.Errorf("%q: %+v, want nothing", line, have)
		}
	}
}

// LF mode is for servers that never say CRLF. One CRLF in a status line ends it
// for good: from then on a bare LF is a part of a mail.
func TestLineEndMode(t *testing.T) {
	lf := func(steps []step) []step {
		for i := range steps {
			steps[i].send = strings.ReplaceAll(steps[i].send, "\r\n", "\n")
		}
		return steps
	}
	steps := append(lf(listed("PIPELINING", 3)), step{"RETR 1\nRETR 2\nRETR 3",
		"+OK\na\r\n..\r\n.\n" + "+OK\r\nb\n.\n\r\n.\r\n" + "+OK\nc\n.\n\r\n.\r\n"})
	s, items := list(t, Options{}, steps...)
	all, err := retrieveAll(t, s, items)
	if err != nil || all[0].body != "a\r\n.\r\n" || all[1].body != "b\n.\n\r\n" || all[2].body != "c\n.\n\r\n" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestErrorsAreClean(t *testing.T) {
	source, _ := play(t, Options{}, step{"", "HTTP/1.1 400\x1b[2J \u202e evil\r\n"})
	_, err := source.Connect(t.Context())
	if !errors.Is(err, errNotStatus) || strings.ContainsAny(err.Error(), "\x1b\u202e\r\n") {
		t.Errorf("error %q", err)
	}
}
