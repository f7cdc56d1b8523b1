package reply

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// cleanLimit is the longest foreign text that is shown, in octets.
const cleanLimit = 400

// query is the part of an address behind "?": it may hold a token of ours, and
// a link of a server is not ours to recommend. A link in angle brackets may be
// broken over lines, as Gmail's SMTP server does with a long one.
var query = regexp.MustCompile(`(?i)(<https?://[^\s?<>"]*)\?[^<>"]*(>)|(https?://[^\s?<>"]*)\?[^\s<>"]*`)

// Clean makes text of a server or a mail fit for a terminal, a log or a JSON
// value: one line, no control or direction characters, valid UTF-8, bounded,
// and links without their query.
func Clean(s string) string {
	if len(s) > 4*cleanLimit {
		s = s[:4*cleanLimit]
	}
	s = query.ReplaceAllString(strings.ToValidUTF8(s, "\uFFFD"), "$1$2$3")
	s = strings.Map(printable, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= cleanLimit {
		return s
	}
	cut := cleanLimit
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// Steers reports whether r could steer a terminal or rearrange a line: control
// and format characters (C0, C1, DEL, bidi), line separators, private use.
func Steers(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
}

// EscapeJSON escapes in a value of JSON what could move a cursor or reorder text on
// a terminal: encoding/json leaves C1 and the bidirectional controls as they are.
// To a program it is the same value.
func EscapeJSON(value []byte) []byte {
	out := make([]byte, 0, len(value))
	for _, r := range string(value) {
		if ascii := ' ' <= r && r <= '~'; ascii || r == '\n' || !Steers(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			out = fmt.Appendf(out, "\\u%04x", u)
		}
	}
	return out
}

// printable maps line breaks and blanks to a blank, and to "?" whatever can
// move a cursor, hide or reorder text: C0, C1, DEL and the format characters
// (bidirectional controls among them).
func printable(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case Steers(r):
		return '?'
	}
	return r
}
