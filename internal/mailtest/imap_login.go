package mailtest

import (
	"slices"
	"strings"
)

// What the servers offer after login; Dovecot's list is cut to what this server
// does. Of Gmail's list it does not do COMPRESS, CONDSTORE and UTF8.
var (
	dovecotCapabilities = []string{"IMAP4rev1", "SASL-IR", "ID", "ENABLE", "IDLE", "NAMESPACE", "CHILDREN", "UNSELECT",
		"UIDPLUS", "ESEARCH", "MOVE", "MULTIAPPEND", "BINARY", "LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "LITERAL+"}
	gmailCapabilities = []string{"IMAP4rev1", "UNSELECT", "IDLE", "NAMESPACE", "QUOTA", "ID", "XLIST", "CHILDREN", "X-GM-EXT-1",
		"UIDPLUS", "COMPRESS=DEFLATE", "ENABLE", "MOVE", "CONDSTORE", "ESEARCH", "UTF8=ACCEPT", "LIST-EXTENDED", "LIST-STATUS",
		"LITERAL-", "SPECIAL-USE"}
	// Before the login, "AUTH=…" is added.
	dovecotFirst = []string{"IMAP4rev1", "SASL-IR", "LITERAL+", "ID", "ENABLE", "IDLE"}
	gmailFirst   = []string{"IMAP4rev1", "UNSELECT", "IDLE", "NAMESPACE", "QUOTA", "ID", "XLIST", "CHILDREN", "X-GM-EXT-1", "XYZZY", "SASL-IR"}
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
	switch {
	case caps != nil:
	case s.Gmail:
		caps = gmailCapabilities
	default:
		caps = dovecotCapabilities
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
	first := dovecotFirst
	switch {
	case c.Capabilities != nil:
		first = c.Capabilities
	case c.Gmail:
		first = gmailFirst
	}
	out := c.without(first)
	if c.StartTLS != nil && !c.k.secure {
		out = append(out, "STARTTLS")
	}
	if c.Token != "" || c.Gmail {
		out = append(out, "AUTH=XOAUTH2")
	}
	return append(out, "AUTH=PLAIN")
}

func (c *imapSession) greeting() string {
	switch {
	case c.Greeting != "":
		return strings.TrimPrefix(c.Greeting, "* ")
	case c.Gmail:
		return "OK Gimap ready for requests from 127.0.0.1 mailtest"
	}
	return "OK [" + c.offered() + "] Dovecot ready."
}

func (c *imapSession) capability() string {
	c.untagged("%s%s", c.offered(), c.blanks())
	if c.Gmail {
		return "OK Thats all she wrote! mailtest"
	}
	return c.ok("Capability")
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
	return c.enter(user, password, c.Password)
}

// argument reads a space and a string.
func (c *command) argument() (string, error) {
	if err := c.space(); err != nil {
		return "", err
	}
	return c.astring()
}

func (c *imapSession) enter(user, given, expected string) string {
	if user != c.User || given != expected {
		if c.Gmail {
			return "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"
		}
		return "NO [AUTHENTICATIONFAILED] Authentication failed."
	}
	c.authed = true
	if c.Gmail {
		c.untagged("%s", c.offered())
		return "OK " + user + " authenticated (Success)"
	}
	return "OK [" + c.offered() + "] Logged in"
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
		return c.enter(user, password, c.Password)
	case "XOAUTH2":
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
	if ok && c.Token != "" && token == c.Token {
		return c.enter(user, token, c.Token)
	}
	if _, err := c.prompt(bearerRefusal); err != nil {
		return ""
	}
	return "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"
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
	if c.Gmail {
		c.untagged(`ID ("name" "GImap" "vendor" "Google, Inc." "support-url" "http://mail.google.com/support" "remote-host" "127.0.0.1")`)
	} else {
		c.untagged(`ID ("name" "Dovecot")`)
	}
	return c.ok("ID")
}

func (c *imapSession) enable() string {
	c.rest = ""
	c.untagged("ENABLED")
	return c.ok("Enable")
}
