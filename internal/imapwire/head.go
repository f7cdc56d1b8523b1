package imapwire

import (
	"bytes"
	"strconv"
)

// A head is how a response begins; the scanner stands behind it.
type head struct {
	tag string // of a tagged answer; "*", "+", or "" for a blank line
	num uint32 // of "* 12 FETCH"
	typ string // one of types, or "" for an unknown or missing one
}

// types are the untagged responses that mean something to us or to go-imap.
var types = func() map[string]string {
	m := map[string]string{}
	for _, t := range []string{"OK", "NO", "BAD", "BYE", "PREAUTH", "CAPABILITY", "FLAGS", "EXISTS", "RECENT",
		"EXPUNGE", "VANISHED", "FETCH", "LIST", "XLIST", "ID", "SEARCH", "ESEARCH", "STATUS", "QUOTA", "QUOTAROOT"} {
		m[t] = t
	}
	return m
}()

// head reads the beginning of the response whose first line was read. Of a status
// response it leaves the line whole, behind the tag.
func (s *scanner) head() (h head) {
	s.space()
	tag := s.until(" ")
	s.space()
	if len(tag) > 0 && tag[0] == '+' {
		return head{tag: "+"}
	}
	if len(tag) != 1 || tag[0] != '*' {
		return head{tag: string(tag[:min(len(tag), 32)])}
	}
	h.tag = "*"
	if len(s.b) > 0 && s.b[0] >= '0' && s.b[0] <= '9' {
		n, err := strconv.ParseUint(string(s.until(" ")), 10, 32)
		if err != nil {
			return h
		}
		h.num = uint32(n)
		s.space()
	}
	line := s.b
	h.typ = known(s.until(" ("))
	if isStatus(h.typ) {
		s.b = line
	}
	return h
}

// known returns the type that word names, without an allocation.
func known(word []byte) string {
	var upper [16]byte
	if len(word) > len(upper) {
		return ""
	}
	for i, c := range word {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper[i] = c
	}
	return types[string(upper[:len(word)])]
}

func isStatus(typ string) bool {
	switch typ {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

// status reads a status response, whose line is no place for literals.
func (s *scanner) status() (status, error) {
	if !s.eol {
		return status{}, errLongLine
	}
	return parseStatus(bytes.TrimRight(s.b, " ")), nil
}
