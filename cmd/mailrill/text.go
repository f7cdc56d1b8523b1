package main

import (
	"fmt"
	"io"
	"mime"
	"strings"
	"unicode/utf16"

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

// plainJSON passes JSON on, one whole value a Write, and escapes what could move
// a cursor or reorder text on a terminal: encoding/json leaves C1 and the
// bidirectional controls as they are. To a program it is the same value.
type plainJSON struct{ w io.Writer }

func (p plainJSON) Write(value []byte) (int, error) {
	var out strings.Builder
	for _, r := range string(value) {
		if r == '\n' || !reply.Steers(r) {
			out.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&out, "\\u%04x", u)
		}
	}
	if _, err := io.WriteString(p.w, out.String()); err != nil {
		return 0, err
	}
	return len(value), nil
}
