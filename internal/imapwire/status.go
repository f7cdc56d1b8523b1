package imapwire

import (
	"bytes"
	"strings"

	"mailrill/internal/reply"
)

// A status is a status response: OK, NO, BAD, BYE or PREAUTH with its code and
// words.
type status struct {
	kind string // upper case
	code string // upper case, "" if there is none or it is no atom
	args string // what stands behind the code, inside its brackets
	text string
}

// parseStatus reads what stands behind "* " or a tag. Exchange sends codes that
// are no codes, [Error="a b" c=d]: they are cut off, the words are kept.
func parseStatus(b []byte) status {
	kind, rest, _ := bytes.Cut(bytes.TrimLeft(b, " "), []byte{' '})
	st := status{kind: strings.ToUpper(string(kind))}
	rest = bytes.TrimLeft(rest, " ")
	if end := codeEnd(rest); end > 0 {
		code, args, _ := strings.Cut(string(rest[1:end]), " ")
		if isAtom(code) {
			st.code, st.args = strings.ToUpper(code), strings.TrimSpace(args)
		}
		rest = rest[end+1:]
	}
	st.text = strings.TrimSpace(string(rest))
	return st
}

// codeEnd finds the "]" of a response code, 0 if there is none. Flags in
// parentheses and quoted strings may hold one themselves (Gmail's keyword
// "OIB-Seen-[Gmail]/All").
func codeEnd(b []byte) int {
	if len(b) == 0 || b[0] != '[' {
		return 0
	}
	depth, inQuotes := 0, false
	for i, c := range b {
		switch {
		case c == '"':
			inQuotes = !inQuotes
		case inQuotes:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ']' && depth <= 0:
			return i
		}
	}
	return max(0, bytes.IndexByte(b, ']'))
}

// refusal makes an error of a NO, BAD or BYE.
func (st status) refusal(command string) *reply.Error {
	return &reply.Error{Protocol: "imap", Command: command, Code: st.code, Text: st.text}
}
