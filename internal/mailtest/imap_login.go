package mailtest

import (
	"slices"
	"strings"
)

// gmailAppendLimit is what Gmail states; 34 MiB.
const gmailAppendLimit = 35651584

func (s *IMAP) appendLimit() int64 {
	if s.AppendLimit == 0 && s.Gmail {
		return gmailAppendLimit
	}
	return s.AppendLimit
}

// capabilities returns what is offered after login.
func (s *IMAP) capabilities() []string {
	caps := s.Capabilities
	if caps == nil {
		caps = s.words().after
	}
	out := s.without(caps)
	stated := slices.ContainsFunc(out, func(name string) bool { return strings.HasPrefix(name, "APPENDLIMIT") })
	if s.appendLimit() > 0 && !stated {
		out = append(out, "APPENDLIMIT="+itoa(s.appendLimit()))
	}
	return out
}

func (s *IMAP) without(caps []string) (out []string) {
	for _, name := range caps {
		if !slices.Contains(s.Without, name) {
			out = append(out, name)
		}
	}
	return out
}

// has reports whether a capability is offered after login. Literals and ID are
// taken by the same rule before it.
func (s *IMAP) has(name string) bool { return slices.Contains(s.capabilities(), name) }

func (c *imapSession) offered() string {
	caps := c.capabilities()
	if !c.authed {
		caps = c.firstCapabilities()
	}
	return "CAPABILITY " + strings.Join(caps, " ")
}

func (c *imapSession) firstCapabilities() []string {
	first := c.Capabilities
	if first == nil {
		first = c.words().first
	}
	out := c.without(first)
	if c.StartTLS != nil && !c.k.secure {
		out = append(out, "STARTTLS")
	}
	if c.Provider != "" {
		return out
	}
	if c.Token != "" || c.Takes != nil {
		out = append(out, c.without([]string{"AUTH=XOAUTH2", "AUTH=OAUTHBEARER"})...)
	}
	return append(out, "AUTH=PLAIN")
}

func (c *imapSession) greeting() string {
	switch {
	case c.Greeting != "":
		return strings.TrimPrefix(c.Greeting, "* ")
	case c.words().greeting != "":
		return c.words().greeting
	}
	return "OK [" + c.offered() + "] Dovecot ready."
}

func (c *imapSession) capability() string {
	c.untagged("%s%s", c.offered(), c.blanks())
	return c.words().capability
}

func (c *imapSession) blanks() string {
	if c.TrailingBlanks {
		return "  "
	}
	return ""
}

// starttls is done once its answer is on the way.
func (c *imapSession) starttls() string {
	if c.StartTLS == nil || c.k.secure {
		return c.unknown("STARTTLS")
	}
	c.upgrade = true
	return "OK Begin TLS negotiation now."
}

func (c *imapSession) login() string {
	user, err := c.argument()
	if err != nil {
		return bad(err)
	}
	password, err := c.argument()
	if err != nil {
		return bad(err)
	}
	return c.password(user, password)
}

// argument reads a space and a string.
func (c *command) argument() (string, error) {
	if err := c.space(); err != nil {
		return "", err
	}
	return c.astring()
}

// password logs in with a password.
func (c *imapSession) password(user, given string) string {
	if c.OnlyTokens {
		return "NO Basic authentication is disabled."
	}
	return c.enter(user, given, c.Password)
}

func (c *imapSession) enter(user, given, expected string) string {
	w := c.words()
	if user != c.User || given != expected {
		return w.wrong
	}
	c.authed = true
	done := fill(w.loggedIn, user)
	switch w.tells {
	case "untagged":
		c.untagged("%s", c.offered())
	case "code":
		return "OK [" + c.offered() + "]" + strings.TrimPrefix(done, "OK")
	}
	return done
}

func (c *imapSession) authenticate() string {
	mechanism, err := c.argument()
	if err != nil {
		return bad(err)
	}
	var response string
	if c.take(" ") {
		response, c.rest = c.rest, ""
	} else if response, err = c.prompt(""); err != nil {
		return ""
	}
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		user, password, _ := parsePlain(response)
		return c.password(user, password)
	case "XOAUTH2", "OAUTHBEARER":
		return c.bearer(response)
	}
	return "NO Unsupported authentication mechanism."
}

func (c *imapSession) prompt(challenge string) (string, error) {
	c.k.ask("+ " + challenge)
	return c.k.line()
}

// bearer refuses a token by a challenge first, as Gmail does.
func (c *imapSession) bearer(response string) string {
	user, token, ok := parseBearer(response)
	if ok && takesToken(c.Token, c.Takes, user, token) {
		return c.enter(user, "", "")
	}
	if _, err := c.prompt(bearerRefusal); err != nil {
		return ""
	}
	return c.words().wrong
}

func (c *imapSession) identify() string {
	if err := c.space(); err != nil {
		return bad(err)
	}
	if strings.ToUpper(c.rest) == "NIL" {
		c.rest = ""
	} else if _, err := c.command.list(); err != nil {
		return bad(err)
	}
	if err := c.end(); err != nil {
		return bad(err)
	}
	c.idSent = true
	c.untagged("ID %s", c.words().id)
	return c.ok("ID")
}

func (c *imapSession) enable() string {
	c.rest = ""
	c.untagged("ENABLED")
	return c.ok("Enable")
}
