package imapwire

import (
	"bytes"
	"io"
	"strconv"
)

const maxFlags = 1000 // of one message; the rest is dropped

// A message is one FETCH response on its way in: what was read of it, and its
// body, which is still on the wire.
type message struct {
	Response
	w    *wire
	body body
}

// message reads an untagged FETCH up to its body, or to its end. Where r is not
// nil it is the response before this one: a server may spread what it says of a
// message over two.
func (w *wire) message(seq uint32, before *message) (*message, error) {
	m := &message{Response: Response{Seq: seq, Size: -1}, w: w}
	m.body.m = m
	if before != nil && before.Seq == seq {
		m.UID = before.UID
	}
	s := &w.scan
	s.space()
	if len(s.b) == 0 || s.b[0] != '(' {
		m.body.close(odd("a FETCH without a list"))
		return m, s.skipRest()
	}
	s.b = s.b[1:]
	return m, m.read()
}

// read reads attributes until the body's octets begin or the response ends.
func (m *message) read() error {
	begun, err := m.attributes()
	switch {
	case isOdd(err):
		m.body.close(err)
		return m.w.scan.skipRest()
	case err != nil:
		return err
	case !begun:
		m.body.close(io.EOF)
		return m.w.scan.skipRest()
	}
	return nil
}

func (m *message) attributes() (begun bool, err error) {
	s := &m.w.scan
	for {
		closed, err := s.closing()
		if err != nil || closed {
			return false, err
		}
		name, err := s.attributeName()
		if err != nil {
			return false, err
		}
		if len(name) == 0 {
			return false, odd("a FETCH attribute without a name")
		}
		if isBody(name) && m.Section == "" {
			begun, err = m.open(name)
		} else {
			err = m.attribute(name)
		}
		if begun || err != nil {
			return begun, err
		}
	}
}

// attributeName reads a name; that of a section may hold blanks and parentheses
// within its brackets.
func (s *scanner) attributeName() ([]byte, error) {
	line := s.b
	end := len(s.until(" ()[\""))
	if len(s.b) > 0 && s.b[0] == '[' {
		i := bytes.IndexByte(s.b, ']')
		if i < 0 {
			return nil, odd("a section does not end")
		}
		s.b = s.b[i+1:]
		end += i + 1 + len(s.until(" (\""))
	}
	if len(s.b) == 0 && !s.eol {
		return nil, errLongLine
	}
	return line[:end], nil
}

// bodies are the attributes that carry octets of a message.
var bodies = [][]byte{[]byte("BODY["), []byte("BINARY["), []byte("RFC822")}

func isBody(name []byte) bool {
	for _, b := range bodies {
		if len(name) >= len(b) && bytes.EqualFold(name[:len(b)], b) {
			return b[0] != 'R' || !bytes.EqualFold(name, []byte("RFC822.SIZE"))
		}
	}
	return false
}

// sectionName returns the name in upper case, without an allocation where it is
// a usual one.
func sectionName(name []byte) string {
	switch string(name) {
	case "BODY[]":
		return "BODY[]"
	case "BODY[HEADER]":
		return "BODY[HEADER]"
	}
	return string(bytes.ToUpper(name))
}

// open begins the value of a body. begun is false when there are no octets: NIL,
// or a value that is none.
func (m *message) open(name []byte) (begun bool, err error) {
	s := &m.w.scan
	section := sectionName(name)
	s.space()
	if err := s.need("a body"); err != nil {
		return false, err
	}
	if n, ok := s.literal(); ok {
		m.Section, m.BodySize = section, n
		m.body.left, m.body.present = n, true
		return true, nil
	}
	if s.b[0] == '"' {
		s.b = s.b[1:]
		m.Section, m.BodySize = section, -1
		m.body.quoted, m.body.present = true, true
		return true, nil
	}
	if s.b[0] == '(' {
		m.body.spoilt = odd("%s is a list", section)
		return false, s.skip(0)
	}
	v, null, err := s.str()
	if err != nil || null {
		return false, err
	}
	m.body.spoilt = odd("%s is %.40q", section, v)
	if len(s.b) == 0 && bytes.HasSuffix(v, []byte("}")) {
		// "{-1}": no literal, though its line ends like one. The list goes on
		// in the next line.
		return false, m.resume()
	}
	return false, nil
}

// resume goes on in the next line if that cannot be a response of its own.
func (m *message) resume() error {
	s := &m.w.scan
	next, err := s.br.Peek(1)
	if err != nil {
		return cut(err)
	}
	if next[0] != ')' && next[0] != ' ' {
		return odd("a FETCH does not end")
	}
	return s.more()
}

// attribute reads the value of an attribute that is no body. A value that makes
// no sense counts as absent.
func (m *message) attribute(name []byte) error {
	s := &m.w.scan
	if bytes.EqualFold(name, []byte("FLAGS")) {
		return m.flags()
	}
	kind := attributeOf(name)
	s.space()
	if err := s.need("a value"); err != nil {
		return err
	}
	if kind == other || s.b[0] == '(' {
		return s.skip(0)
	}
	v, _, err := s.str()
	if err == nil {
		m.set(kind, string(v))
	}
	return err
}

type attribute int

const (
	other attribute = iota
	uid
	size
	date
	gmailID
)

func attributeOf(name []byte) attribute {
	switch {
	case bytes.EqualFold(name, []byte("UID")):
		return uid
	case bytes.EqualFold(name, []byte("RFC822.SIZE")):
		return size
	case bytes.EqualFold(name, []byte("INTERNALDATE")):
		return date
	case bytes.EqualFold(name, []byte("X-GM-MSGID")):
		return gmailID
	}
	return other
}

func (m *message) set(kind attribute, v string) {
	switch kind {
	case uid:
		if n, err := strconv.ParseUint(v, 10, 32); err == nil {
			m.UID = uint32(n)
		}
	case size:
		if n, err := strconv.ParseInt(v, 10, 64); err == nil && n >= 0 {
			m.Size = n
		}
	case date:
		m.Date = parseDate(v)
	case gmailID:
		if n, err := strconv.ParseUint(v, 10, 64); err == nil {
			m.GmailID = n
		}
	}
}

func (m *message) flags() error {
	m.Flags, m.HasFlags = nil, true
	return m.w.scan.list(func(v []byte) {
		if len(v) > 0 && len(m.Flags) < maxFlags {
			m.Flags = append(m.Flags, flagName(v))
		}
	})
}

// systemFlags are those of RFC 3501 section 2.3.2. Their case does not matter;
// go-imap's server, for one, writes small letters.
var systemFlags = []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, `\Recent`}

// flagName returns v as a string: a system flag as RFC 3501 writes it.
func flagName(v []byte) string {
	if v[0] == '\\' {
		for _, f := range systemFlags {
			if len(v) == len(f) && bytes.EqualFold(v, []byte(f)) {
				return f
			}
		}
	}
	return string(v)
}
