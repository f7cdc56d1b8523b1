package fetchtest

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// A shape is a message that has broken a mail program somewhere.
type shape struct {
	name string
	body string
}

var oddShapes = []shape{
	{"plain", header("plain") + "Hello.\r\n"},
	{"dot lines", header("dots") + ".\r\n..\r\n.x\r\n...\r\n. \r\n"},
	{"8-bit", header("8bit") + "caf\xe9 \xff\xfe \u00e9\u4f60\u597d\r\n"},
	{"NUL", header("nul") + "a\x00b\r\n\x00\r\n"},
	{"bare LF", header("lf") + "a\nb\n.c\n\n.\nd\r\n"},
	{"bare CR", header("cr") + "a\rb\r\r\n\r.\r\rc\r\n"},
	{"LF dot CRLF inside", header("smuggle") + "foo\n.\r\n+OK 1 evil-uid\r\n-ERR no\r\nbar\r\n"},
	{"CRLF dot LF inside", header("smuggle2") + "foo\r\n.\nbar\r\n"},
	{"CRLF dot CR inside", header("smuggle3") + "foo\r\n.\rbar\r\n.\r.\r\n"},
	{"protocol lines inside", header("lines") + "* 1 FETCH (FLAGS ())\r\nX1 OK done\r\n)\r\n* BYE\r\n"},
	{"1 MiB line", header("long") + strings.Repeat("z", 1<<20) + "\r\n"},
	{"empty body", header("empty body")},
	{"no header", "\r\nonly a body\r\n"},
	{"nothing but a line end", "\r\n"},
	{"no header and no empty line", "just text\r\n"},
	{"no final line end", header("no end") + "the end"},
	{"ends in CR", header("cr end") + "the end\r"},
	{"ends in a dot", header("dot end") + "the end\r\n."},
	{"bare LF throughout", strings.ReplaceAll(header("unix")+"one\r\ntwo\r\n", "\r\n", "\n")},
	{"mbox line", "From me Thu Jan  1 00:00:00 1970\r\n" + header("mbox") + "x\r\n"},
	{"byte order mark", "\xef\xbb\xbf" + header("bom") + "x\r\n"},
	{"folded and odd fields", "Subject : odd\r\n folded\r\n\tmore\r\nno colon here\r\n: empty name\r\n\r\nx\r\n"},
	{"several blocks", header("blocks") + strings.Repeat("0123456789abcdef\r\n", 20_000)},
}

func header(subject string) string {
	return fmt.Sprintf("Message-ID: <%s@example.org>\r\nSubject: %s\r\n\r\n", strings.ReplaceAll(subject, " ", "."), subject)
}

func shapes() (ms []Message) {
	for i, s := range oddShapes {
		ms = append(ms, Message{Body: []byte(s.body), Date: date(i)})
	}
	return ms
}

// letters are ordinary messages, each with a date that its top Received field
// tells too.
func letters(n int) (ms []Message) {
	for i := range n {
		ms = append(ms, Message{Body: letter(i), Date: date(i)})
	}
	return ms
}

func letter(i int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Received: from a.example (a.example [192.0.2.1])\r\n\tby b.example (a; comment) with ESMTP id %d;\r\n\t%s\r\n", i, date(i).Format(time.RFC1123Z))
	fmt.Fprintf(&b, "Received: by a.example; Thu, 1 Jan 1998 00:00:00 +0000\r\n")
	fmt.Fprintf(&b, "Message-ID: <letter-%d@example.org>\r\nSubject: letter %d\r\n\r\n", i, i)
	for range 40 {
		fmt.Fprintf(&b, "The quick brown fox %d jumps over the lazy dog.\r\n", i)
	}
	return b.Bytes()
}

// date is later for a larger i, in changing zones.
func date(i int) time.Time {
	zone := time.FixedZone("", (i%5-2)*3600)
	return time.Date(2024, 2, 28, 23, 58, i, 0, time.UTC).Add(time.Duration(i) * time.Hour).In(zone)
}
