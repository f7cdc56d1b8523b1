package mailtest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The texts of the two servers that POP3 plays. Gmail's are from published logs.
const (
	popGreeting = iota
	popCapa
	popUser
	popWelcome
	popWrong
	popDeleted
	popNoMessage
	popFarewell
)

var (
	dovecotTexts = []string{
		popGreeting:  "+OK Dovecot ready.",
		popCapa:      "+OK",
		popUser:      "+OK",
		popWelcome:   "+OK Logged in.",
		popWrong:     "-ERR [AUTH] Authentication failed.",
		popDeleted:   "+OK Marked to be deleted.",
		popNoMessage: "-ERR There's no message %s.",
		popFarewell:  "+OK Logging out.",
	}
	gmailTexts = []string{
		popGreeting:  "+OK Gpop ready for requests from 127.0.0.1 mailtest",
		popCapa:      "+OK Capability list follows",
		popUser:      "+OK send PASS",
		popWelcome:   "+OK Welcome.",
		popWrong:     "-ERR [AUTH] Username and password not accepted.",
		popDeleted:   "+OK marked for deletion",
		popNoMessage: "-ERR Message number out of range.%.0s",
		popFarewell:  "+OK Farewell.",
	}
	dovecotCapa = []string{"CAPA", "TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "USER", "SASL PLAIN"}
	gmailCapa   = []string{"USER", "RESP-CODES", "EXPIRE 0", "LOGIN-DELAY 300", "TOP", "UIDL", "X-GOOGLE-RICO", "SASL PLAIN XOAUTH2 OAUTHBEARER"}
)

func (c *popSession) text(n int) string {
	switch {
	case n == popGreeting && c.Greeting != "":
		return c.Greeting
	case c.Gmail:
		return gmailTexts[n]
	}
	return dovecotTexts[n]
}

func (c *popSession) unknown(line string) string {
	verb, _, _ := strings.Cut(line, " ")
	switch {
	case c.Gmail && line == "":
		return "-ERR Command not understood" // what follows a password that ended in a line break
	case c.Gmail:
		return "-ERR bad command"
	}
	return "-ERR Unknown command: " + strings.ToUpper(verb)
}

func (c *popSession) setUser(name string) {
	c.user = name
	c.say(c.text(popUser))
}

func (c *popSession) pass(password string) {
	c.enter(c.user, password, c.Password)
}

// enter logs in if given is the secret that was expected.
func (c *popSession) enter(user, given, expected string) {
	name, recent := user, false
	if c.Gmail {
		name, recent = strings.CutPrefix(user, "recent:")
	}
	if name != c.User || given != expected {
		c.say(c.text(popWrong))
		return
	}
	c.in, c.recent = true, recent
	c.open()
	c.say(c.text(popWelcome))
}

func (c *popSession) auth(args string) {
	mechanism, response, given := strings.Cut(args, " ")
	mechanism = strings.ToUpper(mechanism)
	if !slices.Contains([]string{"PLAIN", "XOAUTH2"}, mechanism) {
		c.say("-ERR Unsupported authentication mechanism.")
		return
	}
	if !given {
		c.k.ask("+ ")
		var err error
		if response, err = c.k.line(); err != nil {
			return
		}
	}
	if mechanism == "PLAIN" {
		user, password, _ := parsePlain(response)
		c.enter(user, password, c.Password)
		return
	}
	c.bearer(response)
}

// bearer refuses as Gmail does: by a challenge, which begins with "+" and says
// why, and then, after the client's empty line, by an error.
func (c *popSession) bearer(response string) {
	user, token, ok := parseBearer(response)
	if ok && c.Token != "" && token == c.Token {
		c.enter(user, token, c.Token)
		return
	}
	c.k.ask("+ " + bearerRefusal)
	line, err := c.k.line()
	switch {
	case err != nil:
	case line != "":
		c.say("-ERR bad command")
	default:
		c.say("-ERR [AUTH] Invalid credentials.")
	}
}

const defaultWindow = 250

func (c *popSession) open() {
	var ms []Message
	var validity uint32
	switch {
	case c.recent:
		now := time.Now
		if c.Now != nil {
			now = c.Now
		}
		ms = c.Store.since(now().AddDate(0, 0, -30))
	case c.Gmail:
		ms = c.Store.unpopped()
		window := c.Window
		if window == 0 {
			window = defaultWindow
		}
		ms = ms[:min(window, len(ms))]
	default:
		ms, validity = c.Store.inbox()
	}
	for i, m := range ms {
		c.list = append(c.list, &popMessage{Message: m, number: i + 1, uidl: c.id(m, validity)})
	}
}

func (c *popSession) id(m Message, validity uint32) string {
	switch {
	case c.UIDL != nil:
		return c.UIDL(m)
	case c.Gmail:
		return fmt.Sprintf("GmailId%016x", m.GmailID)
	}
	return fmt.Sprintf("%08x%08x", m.UID, validity) // Dovecot's default format
}
