package mailtest

import (
	"fmt"
	"strconv"
	"strings"
)

// popSession is one connection: first in the AUTHORIZATION, after a login in the
// TRANSACTION state (RFC 1939 section 3). Its list is fixed at the login.
type popSession struct {
	*POP3
	k      *link
	user   string
	in     bool
	recent bool
	list   []*popMessage
	away   *turnaway
	last   int // highest message number that was retrieved
	ended  bool
}

type popMessage struct {
	Message
	number    int
	uidl      string
	retrieved bool
	deleted   bool
}

// popVerbs are the commands of both states, with whether they need a login.
var popVerbs = map[string]struct {
	login bool
	do    func(c *popSession, args string)
}{
	"CAPA": {false, (*popSession).capa},
	"STLS": {false, (*popSession).stls},
	"USER": {false, (*popSession).setUser},
	"PASS": {false, (*popSession).pass},
	"AUTH": {false, (*popSession).auth},
	"QUIT": {false, (*popSession).quit},
	"STAT": {true, (*popSession).stat},
	"LIST": {true, (*popSession).listSizes},
	"UIDL": {true, (*popSession).listUIDL},
	"RETR": {true, (*popSession).retr},
	"TOP":  {true, (*popSession).top},
	"DELE": {true, (*popSession).dele},
	"RSET": {true, (*popSession).rset},
	"NOOP": {true, (*popSession).noop},
	"LAST": {true, (*popSession).lastRead},
}

func (s *POP3) serve(session int, k *link) {
	c := &popSession{POP3: s, k: k, away: newTurnaway("pop3", s.Provider, s.Refuse)}
	c.say(c.greeting())
	c.k.done()
	for !c.ended {
		line, err := k.line()
		if err != nil {
			return // without QUIT nothing takes effect
		}
		var v Verdict
		if s.OnCommand != nil {
			v = s.OnCommand(session, line)
		}
		if k.obey(c.refuse(v, line), c.say) {
			c.do(line)
		}
		k.done()
	}
}

// refuse turns the client away as Refuse says.
func (c *popSession) refuse(own Verdict, line string) Verdict {
	if c.recent && c.away.full {
		return own
	}
	verb, _, _ := strings.Cut(line, " ")
	return c.away.verdict(own, verb)
}

func (c *popSession) do(line string) {
	verb, args, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	v, known := popVerbs[verb]
	switch {
	case !known || verb == "TOP" && c.NoTOP || verb == "UIDL" && c.NoUIDL || verb == "CAPA" && c.NoCAPA:
		c.say(c.unknown(line))
	case v.login && !c.in, !v.login && c.in && verb != "CAPA" && verb != "QUIT":
		c.say(c.unknown(line))
	default:
		v.do(c, args)
	}
}

// say sends one or more whole lines.
func (c *popSession) say(text string) {
	text = crlf(text)
	if c.BareLF {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	c.k.Write([]byte(text))
}

func (c *popSession) sayf(format string, args ...any) { c.say(fmt.Sprintf(format, args...)) }

func (c *popSession) capa(string) {
	c.say(c.words().capaIs)
	for _, name := range c.capabilities() {
		c.say(name)
	}
	c.say(".")
}

func (c *popSession) capabilities() []string {
	if c.Capabilities != nil {
		return c.Capabilities
	}
	var out []string
	for _, name := range c.words().capa {
		if name == "UIDL" && c.NoUIDL || name == "TOP" && c.NoTOP {
			continue
		}
		out = append(out, name)
	}
	if c.Pipelining {
		out = append(out, "PIPELINING")
	}
	if c.StartTLS != nil && !c.k.secure {
		out = append(out, "STLS")
	}
	return out
}

// stls is RFC 2595 section 4.
func (c *popSession) stls(string) {
	if c.StartTLS == nil || c.k.secure {
		c.say(c.unknown("STLS"))
		return
	}
	c.say("+OK Begin TLS negotiation now.")
	c.k.startTLS(c.StartTLS)
}

func (c *popSession) noop(string) { c.say("+OK") }

func (c *popSession) rset(string) {
	for _, m := range c.list {
		m.deleted = false
	}
	c.last = 0
	c.say("+OK")
}

func (c *popSession) dele(args string) {
	if m := c.message(args); m != nil {
		m.deleted = !c.Gmail
		c.say(c.words().deleted)
	}
}

func (c *popSession) lastRead(string) {
	if c.Gmail {
		c.say("-ERR Not supported")
		return
	}
	c.sayf("+OK %d", c.last)
}

// message returns the message with the number that args begins with, or answers
// that there is none.
func (c *popSession) message(args string) *popMessage {
	number, _, _ := strings.Cut(args, " ")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || n < 1 || n > len(c.list):
		c.say(fill(c.words().noMessage, number))
	case c.list[n-1].deleted:
		c.say("-ERR Message is deleted.")
	default:
		return c.list[n-1]
	}
	return nil
}

// quit is where a session takes effect, before the answer: a client that does
// not get it cannot know (RFC 1939 section 6).
func (c *popSession) quit(string) {
	c.ended = true
	if c.in {
		c.commit()
	}
	c.say(c.words().farewell)
}

func (c *popSession) commit() {
	deleted := map[uint32]bool{}
	for _, m := range c.list {
		switch {
		case c.Gmail && m.retrieved && !c.recent:
			c.Store.pop(m.GmailID, c.Disposition)
		case m.deleted:
			deleted[m.UID] = true
		}
	}
	c.Store.removeAll("INBOX", deleted)
}
