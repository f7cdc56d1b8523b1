package mailtest

import (
	"bytes"
	"fmt"
	"strings"
)

// A Shape is an odd message and its name.
type Shape struct {
	Name string
	Body []byte
}

// shapeHeader makes each shape a message of its own. %s is the shape's name.
const shapeHeader = "Received: from out.example.org by mx.example.com; Fri, 02 Jan 2026 03:04:05 +0000\r\n" +
	"From: Odd <odd@example.org>\r\nTo: me@example.com\r\nSubject: shape %[1]s\r\n" +
	"Date: Fri, 02 Jan 2026 03:04:05 +0000\r\nMessage-ID: <shape.%[1]s@example.org>\r\n"

// oddBodies stand behind an ordinary header and an empty line. They are made when
// they are asked for: "mailrill demo" has this package in every mailrill.
func oddBodies() []struct{ name, body string } {
	return []struct{ name, body string }{
		{"8bit", "na\xefve caf\xe9 \xff\xfe\x80\r\n"},
		{"dot-first", ".first\r\nsecond\r\n"},
		{"dot-last", "first\r\n.last\r\n"},
		{"dot-alone", "before\r\n.\r\nbehind\r\n"},
		{"dot-alone-first", ".\r\nbehind\r\n"},
		{"dot-alone-last", "before\r\n.\r\n"},
		{"dots", ".\r\n..\r\n...\r\n.. \r\n. .\r\n"},
		{"dot-no-end", "before\r\n."},
		{"bare-lf", "one\ntwo\nthree\r\n"},
		{"bare-lf-last", "one\r\ntwo\n"},
		{"bare-cr", "one\rtwo\rthree\r\n"},
		{"bare-cr-last", "one\r\ntwo\r"},
		{"cr-cr-lf", "one\r\r\ntwo\r\r\n"},
		{"lf-dot-crlf", "one\n.\r\ntwo\r\n"},
		{"crlf-dot-lf", "one\r\n.\ntwo\r\n"},
		{"lf-dot-lf", "one\n.\ntwo\r\n"},
		{"cr-dot-cr", "one\r.\rtwo\r\n"},
		{"lf-dots", "one\n..two\n.three\r\n"},
		{"smuggled", "one\n.\r\n+OK 1 evil\r\nMAIL FROM:<evil@example.org>\r\n"},
		{"nul", "a\x00b\r\n\x00\r\n"},
		{"body-empty", ""},
		{"body-empty-line", "\r\n"},
		{"body-first-line-empty", "\r\nsecond\r\n"},
		{"no-final-line-end", "the end"},
		{"blanks", "   \r\n\t\r\n \r\n"},
		{"control", "bell \a, escape \x1b[31m, delete \x7f\r\n"},
		{"imap-words", "a1 OK done\r\n* 1 FETCH (UID 1)\r\n)\r\n{5}\r\n"},
		{"long-line", strings.Repeat("0123456789abcdef", 1<<16) + "\r\n"},
		{"long-line-dots", strings.Repeat(".", 1<<20) + "\r\n"},
		{"buffer-edges", strings.Repeat(strings.Repeat("x", 4094)+"\r\n.", 40) + "\r\n"},
	}
}

// oddHeaders are lines within a header, with a body "text" behind it.
func oddHeaders() []struct{ name, lines string } {
	return []struct{ name, lines string }{
		{"8bit-header", "X-Raw: na\xefve \xc4\xe3\xba\xc3\r\n"},
		{"foreign-trace", "X-Mailrill-ID: abcdefghijklmnopqrstuvwxyz other\r\n"},
		{"foreign-trace-twice", "X-Mailrill-ID: aaaaaaaaaaaaaaaaaaaaaaaaaa one\r\nx-mailrill-id:bbbbbbbbbbbbbbbbbbbbbbbbbb two\r\n"},
		{"no-colon", "this line is no field\r\n"},
		{"folded", "X-Folded: one\r\n two\r\n\tthree\r\n \r\n four\r\n"},
		{"bare-lf-header", "X-One: 1\nX-Two: 2\r\n"},
		{"long-header", "X-Long: " + strings.Repeat("0123456789", 10_000) + "\r\n"},
		{"many-fields", strings.Repeat("X-Many: once more\r\n", 2_000)},
	}
}

// Shapes returns messages that no good mail program writes, and that servers
// serve all the same. No two of them are equal.
func Shapes() []Shape {
	var out []Shape
	add := func(name, message string) { out = append(out, Shape{name, []byte(message)}) }
	for _, o := range oddBodies() {
		add(o.name, fmt.Sprintf(shapeHeader, o.name)+"\r\n"+o.body)
	}
	for _, o := range oddHeaders() {
		add(o.name, fmt.Sprintf(shapeHeader, o.name)+o.lines+"\r\ntext\r\n")
	}
	for _, w := range encodedWords {
		add(w.name, strings.Replace(fmt.Sprintf(shapeHeader, w.name), "shape "+w.name, w.word, 1)+"\r\ntext\r\n")
	}
	add("header-only", fmt.Sprintf(shapeHeader, "header-only"))
	add("header-only-no-end", "Subject: shape header-only-no-end")
	add("no-header", "\r\nThere is no header, only this.\r\n")
	add("no-header-no-empty-line", "There is no header and no empty line.\r\n")
	add("lf-only", "Subject: shape lf-only\nFrom: odd@example.org\n\none\ntwo\n")
	add("mbox-from", "From odd@example.org Fri Jan  2 03:04:05 2026\r\n"+fmt.Sprintf(shapeHeader, "mbox-from")+"\r\nFrom here on\r\n>From there\r\n")
	add("dot-first-of-all", ".Subject: shape dot-first-of-all\r\n\r\ntext\r\n")
	add("attachment", string(attachmentShape()))
	return out
}

// The words "你好", "你好" and "こんにちは" in charsets from before UTF-8.
var encodedWords = []struct{ name, word string }{
	{"subject-gbk", "=?GBK?B?xOO6ww==?="},
	{"subject-big5", "=?Big5?B?p0Gmbg==?="},
	{"subject-iso-2022-jp", "=?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?="},
}

func attachmentShape() []byte {
	l := letter{
		id: "shape.attachment", fromName: "附件", from: "odd@example.org", to: "me@example.com", subject: "shape attachment",
		date: undated, text: "See below.\n", html: "<p>See below.</p>\n", file: "übersicht 报告.pdf", data: bytes.Repeat([]byte("%PDF\x00\r\n."), 3_000),
	}
	return l.bytes()
}

// ShapeNamed returns the shape with a name, nil if there is none.
func ShapeNamed(name string) []byte {
	for _, s := range Shapes() {
		if s.Name == name {
			return s.Body
		}
	}
	return nil
}
