package mailtest

import "strings"

// imapSession is one connection. Commands are done one after the other.
type imapSession struct {
	*IMAP
	*command
	k      *link
	authed bool
	idSent bool
	open   *view // the selected folder, or nil
	ended  bool
	ahead  *string // a line that was read already: IDLE reads while it tells

	upgrade bool // STARTTLS was answered
	away    *turnaway
}

// The states in which a command is allowed (RFC 3501 section 3).
const (
	anyState = iota
	beforeLogin
	afterLogin
	whenSelected
)

// An imapVerb does a command and returns its tagged answer without the tag,
// "OK …", "NO …" or "BAD …".
type imapVerb struct {
	state int
	quiet bool // no EXPUNGE may be told with it (RFC 3501 section 7.4.1)
	do    func(c *imapSession) string
}

var imapVerbs = map[string]imapVerb{
	"CAPABILITY":   {anyState, false, (*imapSession).capability},
	"NOOP":         {anyState, false, (*imapSession).noop},
	"LOGOUT":       {anyState, true, (*imapSession).logout},
	"ID":           {anyState, true, (*imapSession).identify},
	"STARTTLS":     {beforeLogin, true, (*imapSession).starttls},
	"LOGIN":        {beforeLogin, true, (*imapSession).login},
	"AUTHENTICATE": {beforeLogin, true, (*imapSession).authenticate},
	"ENABLE":       {afterLogin, true, (*imapSession).enable},
	"NAMESPACE":    {afterLogin, false, (*imapSession).namespace},
	"LIST":         {afterLogin, false, func(c *imapSession) string { return c.list("LIST") }},
	"LSUB":         {afterLogin, false, func(c *imapSession) string { return c.list("LSUB") }},
	"XLIST":        {afterLogin, false, func(c *imapSession) string { return c.list("XLIST") }},
	"CREATE":       {afterLogin, false, (*imapSession).create},
	"DELETE":       {afterLogin, false, (*imapSession).remove},
	"SUBSCRIBE":    {afterLogin, false, (*imapSession).subscribe},
	"UNSUBSCRIBE":  {afterLogin, false, (*imapSession).subscribe},
	"STATUS":       {afterLogin, false, (*imapSession).status},
	"SELECT":       {afterLogin, true, func(c *imapSession) string { return c.selectFolder(false) }},
	"EXAMINE":      {afterLogin, true, func(c *imapSession) string { return c.selectFolder(true) }},
	"APPEND":       {afterLogin, false, (*imapSession).append},
	"IDLE":         {afterLogin, false, (*imapSession).idle},
	"CHECK":        {whenSelected, false, (*imapSession).noop},
	"CLOSE":        {whenSelected, true, func(c *imapSession) string { return c.leave(true) }},
	"UNSELECT":     {whenSelected, true, func(c *imapSession) string { return c.leave(false) }},
	"EXPUNGE":      {whenSelected, false, (*imapSession).expunge},
	"UID EXPUNGE":  {whenSelected, false, (*imapSession).uidExpunge},
	"FETCH":        {whenSelected, true, func(c *imapSession) string { return c.fetch(false) }},
	"UID FETCH":    {whenSelected, false, func(c *imapSession) string { return c.fetch(true) }},
	"STORE":        {whenSelected, true, func(c *imapSession) string { return c.store(false) }},
	"UID STORE":    {whenSelected, false, func(c *imapSession) string { return c.store(true) }},
	"SEARCH":       {whenSelected, true, func(c *imapSession) string { return c.search(false) }},
	"UID SEARCH":   {whenSelected, false, func(c *imapSession) string { return c.search(true) }},
	"COPY":         {whenSelected, false, func(c *imapSession) string { return c.copy(false, false) }},
	"UID COPY":     {whenSelected, false, func(c *imapSession) string { return c.copy(true, false) }},
	"MOVE":         {whenSelected, false, func(c *imapSession) string { return c.copy(false, true) }},
	"UID MOVE":     {whenSelected, false, func(c *imapSession) string { return c.copy(true, true) }},
}

func (s *IMAP) serve(session int, k *link) {
	c := &imapSession{IMAP: s, k: k, away: newTurnaway("imap", s.Provider, s.Refuse)}
	c.untagged("%s", c.greeting())
	k.done()
	for !c.ended {
		line, err := c.next()
		if err != nil {
			return
		}
		c.handle(session, line)
		k.done()
	}
}

// next reads the next command.
func (c *imapSession) next() (string, error) {
	if c.ahead != nil {
		line := *c.ahead
		c.ahead = nil
		return line, nil
	}
	return c.k.line()
}

func (c *imapSession) handle(session int, line string) {
	tag, rest, ok := strings.Cut(line, " ")
	if !ok || tag == "" {
		c.untagged("BAD Error in IMAP command: no command")
		return
	}
	c.command = &command{k: c.k, tag: tag, rest: rest, caps: c.has, limit: maxLine}
	var v Verdict
	if c.OnCommand != nil {
		v = c.OnCommand(session, rest)
	}
	verb, _, _ := strings.Cut(rest, " ")
	if !c.k.obey(c.away.verdict(v, verb), c.verbatim) {
		c.ended = c.skip() != nil
		return
	}
	done, answer := c.run()
	if c.ahead != nil {
		return // it is answered, and the next one has come
	}
	if answer == "" || c.skip() != nil {
		c.ended = true
		return
	}
	c.update(!done.quiet)
	c.k.printf("%s %s\r\n", tag, answer)
	if c.upgrade {
		c.upgrade = false
		c.k.startTLS(c.StartTLS)
	}
}

// run does the command at hand. An empty answer means that the connection broke.
func (c *imapSession) run() (imapVerb, string) {
	name, err := c.atom()
	name = strings.ToUpper(name)
	if name == "UID" && c.take(" ") {
		second, _ := c.atom()
		name += " " + strings.ToUpper(second)
	}
	verb, known := imapVerbs[name]
	if err != nil || !known || c.lacks(name) {
		return verb, c.unknown(name)
	}
	switch {
	case verb.state == beforeLogin && c.authed:
		return verb, "BAD Already logged in."
	case verb.state >= afterLogin && !c.authed:
		return verb, "BAD Please login first."
	case verb.state == whenSelected && c.open == nil:
		return verb, "BAD No mailbox selected."
	}
	answer := verb.do(c)
	if c.k.cut {
		return verb, ""
	}
	return verb, answer
}

// verbCapabilities are the commands that are unknown unless they are offered.
var verbCapabilities = map[string]string{
	"ID": "ID", "ENABLE": "ENABLE", "NAMESPACE": "NAMESPACE", "IDLE": "IDLE", "XLIST": "XLIST",
	"UNSELECT": "UNSELECT", "UID EXPUNGE": "UIDPLUS", "MOVE": "MOVE", "UID MOVE": "MOVE",
}

func (c *imapSession) lacks(verb string) bool {
	name, optional := verbCapabilities[verb]
	return optional && !c.has(name)
}

func (c *imapSession) unknown(verb string) string {
	return fill(c.words().unknown, verb)
}

// ok is the answer to a command that was done.
func (c *imapSession) ok(what string) string {
	return fill(c.words().done, what)
}

// bad is the answer to a command that could not be read. An error with a
// response code is no error of syntax.
func bad(err error) string {
	if strings.HasPrefix(err.Error(), "[") {
		return "NO " + err.Error()
	}
	return "BAD Error in IMAP command: " + err.Error()
}

func (c *imapSession) untagged(format string, args ...any) {
	c.k.printf("* "+format+"\r\n", args...)
}

// verbatim sends the lines of a Verdict.
func (c *imapSession) verbatim(reply string) {
	lines := strings.SplitAfter(crlf(reply), "\r\n")
	last := len(lines) - 2
	if !strings.HasPrefix(lines[last], "* ") && !strings.HasPrefix(lines[last], "+") {
		lines[last] = c.tag + " " + lines[last]
	}
	c.k.Write([]byte(strings.Join(lines, "")))
}

func (c *imapSession) noop() string { return c.ok("NOOP") }

func (c *imapSession) logout() string {
	c.ended = true
	c.untagged("%s", c.words().bye)
	return c.words().loggedOut
}
