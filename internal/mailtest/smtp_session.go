package mailtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// smtpSession is one connection. The envelope is that of the message at hand.
type smtpSession struct {
	*SMTP
	k      *link
	id     int
	hello  bool
	user   string
	begun  bool // MAIL was taken
	env    Delivery
	chunks []byte
	bdat   bool // a chunk was taken: only BDAT or RSET may follow
	broken bool // a chunk was refused: the message is lost
	ended  bool
	away   *turnaway
}

var smtpVerbs = map[string]func(c *smtpSession, args string){
	"EHLO":     func(c *smtpSession, _ string) { c.greet(!c.LMTP) },
	"HELO":     func(c *smtpSession, _ string) { c.greet(!c.LMTP) },
	"LHLO":     func(c *smtpSession, _ string) { c.greet(c.LMTP) },
	"AUTH":     (*smtpSession).auth,
	"STARTTLS": (*smtpSession).starttls,
	"MAIL":     (*smtpSession).mail,
	"RCPT":     (*smtpSession).rcpt,
	"DATA":     (*smtpSession).data,
	"BDAT":     (*smtpSession).chunk,
	"RSET":     func(c *smtpSession, _ string) { c.reset(); c.say(c.words().ok) },
	"NOOP":     func(c *smtpSession, _ string) { c.say(c.words().ok) },
	"QUIT":     func(c *smtpSession, _ string) { c.ended = true; c.say(c.words().bye) },
}

func (s *SMTP) serve(session int, k *link) {
	c := &smtpSession{SMTP: s, k: k, id: session, away: newTurnaway("smtp", s.Provider, s.Refuse)}
	c.say(c.greeting())
	k.done()
	for !c.ended {
		line, err := k.line()
		if err != nil {
			return
		}
		c.handle(line)
		k.done()
	}
}

func (c *smtpSession) handle(line string) {
	verb, args, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	if !c.k.obey(c.verdict(line), c.verbatim) {
		if verb == "BDAT" {
			c.discard(args)
		}
		return
	}
	do := smtpVerbs[verb]
	if do == nil || verb == "BDAT" && !c.has("CHUNKING") {
		c.say("500 5.5.2 Error: command not recognized")
		return
	}
	do(c, args)
}

func (c *smtpSession) verdict(line string) Verdict {
	var own Verdict
	if c.OnCommand != nil {
		own = c.OnCommand(c.id, line)
	}
	verb, _, _ := strings.Cut(line, " ")
	return c.away.verdict(own, verb)
}

func (c *smtpSession) verbatim(reply string) { c.k.Write([]byte(crlf(reply))) }

// enhanced is a reply's code with the enhanced code (RFC 2034) behind it.
var enhanced = regexp.MustCompile(`^([245]\d\d[ -])[245]\.\d{1,3}\.\d{1,3} `)

func (c *smtpSession) say(reply string) {
	if !c.has("ENHANCEDSTATUSCODES") {
		reply = enhanced.ReplaceAllString(reply, "$1")
	}
	c.verbatim(reply)
}

func (s *SMTP) greeting() string {
	if s.Greeting != "" {
		return s.Greeting
	}
	return s.words().greeting
}

func (s *SMTP) capabilities() (out []string) {
	caps := s.Capabilities
	if caps == nil {
		caps = s.words().offers
	}
	for _, name := range caps {
		word, _, _ := strings.Cut(name, " ")
		if !slices.Contains(s.Without, word) {
			out = append(out, name)
		}
	}
	if s.User != "" && !slices.ContainsFunc(out, func(name string) bool { return strings.HasPrefix(name, "AUTH ") }) {
		out = append(out, s.words().auth)
	}
	return out
}

func (s *SMTP) has(name string) bool {
	return slices.ContainsFunc(s.capabilities(), func(c string) bool {
		word, _, _ := strings.Cut(c, " ")
		return strings.EqualFold(word, name)
	})
}

// greet answers the hello; right is whether it is that of the protocol (RFC 2033
// section 4.1: an LMTP server takes no EHLO, and the other way round).
func (c *smtpSession) greet(right bool) {
	if !right {
		c.say("500 5.5.1 Error: wrong protocol")
		return
	}
	c.reset()
	c.hello = true
	lines := append([]string{c.words().hello}, c.capabilities()...)
	if c.early() { // no AUTH before it
		lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "AUTH") })
		lines = append(lines, "STARTTLS")
	}
	for i, line := range lines {
		c.verbatim(fmt.Sprintf("250%c%s", "- "[b2i(i == len(lines)-1)], line))
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// starttls forgets everything that was said before (RFC 3207 section 4.2).
func (c *smtpSession) starttls(string) {
	if c.StartTLS == nil || c.k.secure {
		c.say("502 5.5.1 Error: command not implemented")
		return
	}
	c.say("220 2.0.0 Ready to start TLS")
	c.k.startTLS(c.StartTLS)
	c.reset()
	c.hello, c.user = false, ""
}

func (c *smtpSession) reset() {
	c.begun, c.bdat, c.broken = false, false, false
	c.env, c.chunks = Delivery{}, nil
}

func (c *smtpSession) mail(args string) {
	from, params, ok := parsePath(args, "FROM:")
	switch {
	case !c.hello:
		c.say("503 5.5.1 Error: send HELO first")
	case c.User != "" && c.user == "" && c.early():
		c.say(c.words().early)
	case c.User != "" && c.user == "":
		c.say("530 5.7.0 Authentication required")
	case c.begun:
		c.say("503 5.5.1 Error: nested MAIL command")
	case !ok:
		c.say("501 5.5.4 Syntax: MAIL FROM:<address>")
	default:
		c.begin(from, params)
	}
}

func (c *smtpSession) begin(from, params string) {
	refusal := c.refuseParams(params)
	if refusal == "" && c.Provider == QQ && from != c.User {
		refusal = qqSender
	}
	if refusal == "" && c.RefuseSender != nil {
		refusal = c.RefuseSender(from)
	}
	if refusal != "" {
		c.say(refusal)
		return
	}
	c.begun = true
	c.env = Delivery{From: from, Params: params, User: c.user}
	c.say(c.words().sender)
}

// refuseParams refuses what was not offered.
func (c *smtpSession) refuseParams(params string) string {
	for param := range strings.FieldsSeq(params) {
		name, value, _ := strings.Cut(strings.ToUpper(param), "=")
		capability := map[string]string{"SIZE": "SIZE", "BODY": "8BITMIME", "SMTPUTF8": "SMTPUTF8"}[name]
		if value == "BINARYMIME" {
			capability = value
		}
		if capability == "" || !c.has(capability) {
			return "555 5.5.4 Unsupported option: " + param
		}
		var size int64
		if _, err := fmt.Sscan(value, &size); name == "SIZE" && err == nil && c.MaxSize > 0 && size > c.MaxSize {
			return "552 5.3.4 Message size exceeds fixed limit"
		}
	}
	return ""
}

// parsePath reads FROM:<address> or TO:<address> and the parameters behind it.
func parsePath(args, keyword string) (address, params string, ok bool) {
	if len(args) < len(keyword) || !strings.EqualFold(args[:len(keyword)], keyword) {
		return "", "", false
	}
	rest, opened := strings.CutPrefix(strings.TrimLeft(args[len(keyword):], " "), "<")
	end := strings.LastIndexByte(rest, '>')
	if !opened || end < 0 {
		return "", "", false
	}
	return rest[:end], strings.TrimSpace(rest[end+1:]), true
}

func (c *smtpSession) rcpt(args string) {
	to, _, ok := parsePath(args, "TO:")
	switch {
	case !c.begun:
		c.say("503 5.5.1 Error: need MAIL command")
		return
	case !ok || to == "":
		c.say("501 5.1.3 Bad recipient address syntax")
		return
	}
	if c.RefuseRecipient != nil {
		if refusal := c.RefuseRecipient(to); refusal != "" {
			c.say(refusal)
			return
		}
	}
	c.env.To = append(c.env.To, to)
	c.say(c.words().to)
}
