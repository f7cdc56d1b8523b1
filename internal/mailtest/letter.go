package mailtest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"
)

// A letter is a message as a good mail program writes it.
type letter struct {
	id       string // left part of the Message-ID
	fromName string
	from     string
	to       string
	subject  string // "": no Subject field
	date     time.Time
	text     string // lines end in LF here
	html     string // with it the message is multipart/alternative
	file     string // name of an attachment
	data     []byte
	encoding string // of the text: "8bit" (or ""), "quoted-printable", "base64"
	extra    string // further header lines, each with its CRLF
}

// bytes returns the message with CRLF line ends.
func (l letter) bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Received: from out.example.org (out.example.org [192.0.2.25])\r\n\tby mx.example.com with ESMTPS id %s;\r\n\t%s\r\n", l.id, l.date.Format(time.RFC1123Z))
	fmt.Fprintf(&b, "From: %s <%s>\r\nTo: %s\r\n", mime.BEncoding.Encode("utf-8", l.fromName), l.from, l.to)
	if l.subject != "" {
		fmt.Fprintf(&b, "Subject: %s\r\n", strings.ReplaceAll(mime.BEncoding.Encode("utf-8", l.subject), "?= =?", "?=\r\n =?"))
	}
	fmt.Fprintf(&b, "Date: %s\r\nMessage-ID: <%s@example.org>\r\n%sMIME-Version: 1.0\r\n", l.date.Format(time.RFC1123Z), l.id, l.extra)
	switch {
	case l.file != "":
		l.mixed(&b)
	case l.html != "":
		l.alternative(&b)
	default:
		part(&b, "text/plain", l.encoding, l.text)
	}
	return b.Bytes()
}

func (l letter) mixed(b *bytes.Buffer) {
	boundary := "mixed-" + l.id
	fmt.Fprintf(b, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n", boundary, boundary)
	if l.html != "" {
		l.alternative(b)
	} else {
		part(b, "text/plain", l.encoding, l.text)
	}
	name := mime.BEncoding.Encode("utf-8", l.file)
	fmt.Fprintf(b, "\r\n--%s\r\nContent-Type: application/octet-stream; name=\"%s\"\r\nContent-Disposition: attachment; filename=\"%s\"\r\nContent-Transfer-Encoding: base64\r\n\r\n", boundary, name, name)
	wrap64(b, l.data)
	fmt.Fprintf(b, "--%s--\r\n", boundary)
}

func (l letter) alternative(b *bytes.Buffer) {
	boundary := "alt-" + l.id
	fmt.Fprintf(b, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n--%s\r\n", boundary, boundary)
	part(b, "text/plain", l.encoding, l.text)
	fmt.Fprintf(b, "\r\n--%s\r\n", boundary)
	part(b, "text/html", "quoted-printable", l.html)
	fmt.Fprintf(b, "\r\n--%s--\r\n", boundary)
}

// part writes a part's header and its text in CRLF lines.
func part(b *bytes.Buffer, kind, encoding, text string) {
	if encoding == "" {
		encoding = "8bit"
	}
	fmt.Fprintf(b, "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n", kind, encoding)
	text = crlf(text)
	switch encoding {
	case "base64":
		wrap64(b, []byte(text))
	case "quoted-printable":
		w := quotedprintable.NewWriter(b)
		w.Write([]byte(text)) // a bytes.Buffer takes everything
		w.Close()
	default:
		b.WriteString(text)
	}
}

func wrap64(b *bytes.Buffer, data []byte) {
	text := base64.StdEncoding.EncodeToString(data)
	for len(text) > 0 {
		n := min(76, len(text))
		b.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
}
