package main

import (
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/emersion/go-message/charset"

	"mailrill/internal/reply"
)

// decodeWords shows a header's text as its sender meant it (RFC 2047), cleaned.
func decodeWords(s string) string {
	d := mime.WordDecoder{CharsetReader: charset.Reader}
	if text, err := d.DecodeHeader(s); err == nil {
		s = text
	}
	return reply.Clean(s)
}

// visible is s with nothing in it that could steer a terminal. It keeps lines
// and length, unlike reply.Clean: errors of a config come many at once.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && reply.Steers(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// number counts things: 1 message, 2 messages.
func number[N int | int64](n N, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// plainJSON passes JSON on, one whole value a Write, with nothing in it that could
// steer a terminal.
type plainJSON struct{ w io.Writer }

func (p plainJSON) Write(value []byte) (int, error) {
	if _, err := p.w.Write(reply.EscapeJSON(value)); err != nil {
		return 0, err
	}
	return len(value), nil
}
