package collect

import (
	"strings"
	"testing"
)

func TestParseHeader(t *testing.T) {
	id := strings.Repeat("a", 26)
	for _, tc := range []struct {
		name, message string
		want          header
	}{
		{"nothing", "", header{}},
		{"no header at all", "hello\r\nFrom: no field\r\n", header{from: "no field"}},
		{"an empty header", "\r\nFrom: a@x\r\nX-Mailrill-ID: " + id + " acct\r\n\r\nmore", header{}},
		{"an empty header, LF", "\nFrom: a@x\n\n", header{}},
		{"all of it", "Received: a\r\n b\r\nreceived: c\r\nX-Mailrill-ID: " + id + " acct\r\nX-Mailrill-ID: " + strings.Repeat("b", 26) + " x\r\nFrom: \"A <x>\" <Me@X.org>\r\nMESSAGE-ID : <1@x>\r\nSubject: a\r\n b\r\n\r\nReceived: body\r\n",
			header{received: 2, traceID: id, traceName: "acct", from: "me@x.org", messageID: "<1@x>", subject: "a\r\n b"}},
		{"the first trace line counts, also a bad one", "X-Mailrill-ID: forged\r\nX-Mailrill-ID: " + id + " acct\r\n\r\n", header{}},
		{"LF only", "From: a@x\nSubject: s\n\nReceived: no\n", header{from: "a@x", subject: "s"}},
	} {
		for _, piece := range []int{1, 2, 3, 1000} {
			c := &capture{}
			for rest := tc.message; rest != ""; rest = rest[min(piece, len(rest)):] {
				c.Write([]byte(rest[:min(piece, len(rest))]))
			}
			if got := parseHeader(c.buf); got != tc.want {
				t.Errorf("%s, in pieces of %d: %+v", tc.name, piece, got)
			}
		}
	}
}

// A message with an empty header whose body shows a trace line of ours is no loop.
func TestTraceLineInABodyIsNoLoop(t *testing.T) {
	b := newBench(t, newMailbox("original"))
	b.pass()
	b.src.add("INBOX", "\r\n"+b.dst.copies[0].body)
	if r := b.pass(); r.Delivered != 1 {
		t.Fatalf("%+v", r)
	}
}

func TestOwnMailIsLeftOut(t *testing.T) {
	b := newBench(t, newMailbox("From: Me <ME@gmail.com>\r\n\r\nmine\r\n", "From: me@gmail.org\r\n\r\nnot mine\r\n"))
	b.a.Own = "Me@Gmail.com"
	b.pass()
	b.wantArrived("From: me@gmail.org\r\n\r\nnot mine\r\n")
}
