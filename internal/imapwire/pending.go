package imapwire

import (
	"bytes"
	"strings"
)

// pending follows what go-imap has asked and the server has not answered. It is
// guarded by wire.mu.
type pending struct {
	commands []libCommand
	prompt   bool          // go-imap waits for "+"
	response chan struct{} // while go-imap owes a SASL response; closed when it is written
}

type libCommand struct {
	tag  string
	name string // upper case, with its arguments cut off: "UID STORE"
}

// wrote takes note of what go-imap writes. It returns what is to be sent in its
// place, and whether a command begins.
func (p *pending) wrote(b []byte) (send []byte, begins bool) {
	if p.last() == "AUTHENTICATE" {
		p.prompt = true
		p.responded()
		// go-imap writes the empty response as "=", which is the form of an
		// empty initial response only (RFC 4959).
		if bytes.Equal(b, []byte("=\r\n")) {
			return b[1:], false
		}
		return b, false
	}
	c, begins := parseCommand(b)
	if begins {
		p.commands = append(p.commands, c)
	}
	p.prompt = c.name == "AUTHENTICATE" ||
		bytes.HasSuffix(b, []byte("}\r\n")) && !bytes.HasSuffix(b, []byte("+}\r\n"))
	return b, begins
}

// parseCommand reads the beginning of a command of go-imap, "T12 UID STORE …".
func parseCommand(b []byte) (libCommand, bool) {
	fields := strings.Fields(string(b[:min(len(b), 64)]))
	if len(fields) < 2 || !isTag(fields[0], 'T') {
		return libCommand{}, false
	}
	name := strings.ToUpper(fields[1])
	if name == "UID" && len(fields) > 2 {
		name += " " + strings.ToUpper(fields[2])
	}
	return libCommand{fields[0], name}, true
}

func isTag(s string, letter byte) bool {
	return len(s) > 1 && s[0] == letter && strings.Trim(s[1:], "0123456789") == ""
}

func (p *pending) last() string {
	if len(p.commands) == 0 {
		return ""
	}
	return p.commands[len(p.commands)-1].name
}

// waits reports whether a command whose name ends in one of names runs.
func (p *pending) waits(names ...string) bool {
	for _, c := range p.commands {
		for _, n := range names {
			if strings.HasSuffix(c.name, n) {
				return true
			}
		}
	}
	return false
}

func (p *pending) owed() bool { return len(p.commands) > 0 }

// prompted takes a "+", and reports whether go-imap waited for it: it takes one
// more for the end of the session.
func (p *pending) prompted() bool {
	if !p.prompt {
		return false
	}
	p.prompt = false
	if p.last() == "AUTHENTICATE" {
		p.response = make(chan struct{})
	}
	return true
}

func (p *pending) responded() {
	if p.response != nil {
		close(p.response)
		p.response = nil
	}
}

// answered takes a tagged answer. ok is false for a tag that is not pending.
func (p *pending) answered(tag string) (c libCommand, ok bool) {
	for i, c := range p.commands {
		if c.tag == tag {
			p.commands = append(p.commands[:i], p.commands[i+1:]...)
			p.prompt = false
			return c, true
		}
	}
	return libCommand{}, false
}
