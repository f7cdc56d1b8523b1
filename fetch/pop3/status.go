package pop3

import (
	"strings"

	"mailrill/internal/reply"
)

// A status is the first line of an answer (RFC 1939, 3; RFC 5034, 4).
type status struct {
	kind kind
	code string // "AUTH", "SYS/PERM": the response code of RFC 2449, 8
	text string // the server's words behind it
}

type kind int

const (
	nothing kind = iota
	positive
	negative
	challenge // "+ …": AUTH goes on
)

// parseStatus reads a line without its end. Servers vary in case, and some put
// nothing between "-ERR" and "[".
func parseStatus(line []byte) (status, bool) {
	s := string(line)
	word, rest := s, ""
	if i := strings.IndexAny(s, " \t["); i >= 0 {
		word, rest = s[:i], strings.TrimLeft(s[i:], " \t")
	}
	switch strings.ToUpper(word) {
	case "+OK":
		return status{kind: positive, text: rest}, true
	case "-ERR":
		code, text := splitCode(rest)
		return status{kind: negative, code: code, text: text}, true
	case "+":
		return status{kind: challenge, text: rest}, true
	}
	return status{}, false
}

// splitCode takes a response code off the front of an error text.
func splitCode(s string) (code, text string) {
	if !strings.HasPrefix(s, "[") {
		return "", s
	}
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return "", s
	}
	return strings.ToUpper(s[1:end]), strings.TrimLeft(s[end+1:], " \t")
}

// canonical is the status as go-pop3 reads it.
func (st status) canonical() []byte {
	if st.kind == positive {
		return []byte("+OK " + st.text + "\r\n")
	}
	return []byte("-ERR " + st.text + "\r\n")
}

// refusal is a negative status as an error.
func (st status) refusal(verb string) *reply.Error {
	return &reply.Error{Protocol: "pop3", Command: verb, Code: st.code, Text: st.text}
}
