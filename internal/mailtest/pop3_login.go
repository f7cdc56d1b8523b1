package mailtest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// popWords is how a server answers; "" is the word of the server without a
// Provider.
type popWords struct {
	greeting  string
	capa      []string
	capaIs    string
	user      string
	welcome   string
	wrong     string // a password that is refused
	noToken   string // a token that is refused, behind the challenge
	deleted   string
	noMessage string // %s is its number
	unknown   string // a command
	farewell  string
}

var popWordsOf = map[string]popWords{
	"": {
		greeting: "+OK Dovecot ready.", capaIs: "+OK", user: "+OK", welcome: "+OK Logged in.", wrong: "-ERR [AUTH] Authentication failed.",
		noToken: "-ERR [AUTH] Authentication failed.", deleted: "+OK Marked to be deleted.", noMessage: "-ERR There's no message %s.",
		unknown: "-ERR Unknown command: %s", farewell: "+OK Logging out.",
		capa: []string{"CAPA", "TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "USER", "SASL PLAIN"},
	},
	Gmail: {
		greeting: "+OK Gpop ready for requests from 127.0.0.1 mailtest", capaIs: "+OK Capability list follows", user: "+OK send PASS",
		welcome: "+OK Welcome.", wrong: "-ERR [AUTH] Username and password not accepted.", noToken: "-ERR [AUTH] Invalid credentials.",
		unknown: "-ERR bad command", farewell: "+OK Farewell.",
		capa: []string{"USER", "RESP-CODES", "EXPIRE 0", "LOGIN-DELAY 300", "TOP", "UIDL", "X-GOOGLE-RICO", "SASL PLAIN XOAUTH2 OAUTHBEARER"},
	},
	QQ: {
		greeting: "+OK XMail POP3 Server v1.0 Service Ready(XMail v1.0)", welcome: "+OK", wrong: "-ERR login fail", noToken: "-ERR login fail",
		capa: []string{"TOP", "UIDL", "USER", "SASL PLAIN XOAUTH2"},
	},
	NetEase: {
		greeting: "+OK Welcome to coremail Mail Pop3 Server (163coms[10774b260cc7a37d26d71b52404dcf5cs])", user: "+OK core mail",
		wrong: "-ERR Unable to log on",
	},
	Outlook: {
		welcome: "+OK User successfully authenticated.", noToken: "-ERR Authentication failure: unknown user name or bad password",
		capa: []string{"TOP", "UIDL", "SASL XOAUTH2"},
	},
}

// words returns how the server answers.
func (s *POP3) words() popWords {
	w, plain := popWordsOf[s.Provider], popWordsOf[""]
	if w.capa == nil {
		w.capa = plain.capa
	}
	instead(&w.greeting, plain.greeting)
	instead(&w.capaIs, plain.capaIs)
	instead(&w.user, plain.user)
	instead(&w.welcome, plain.welcome)
	instead(&w.wrong, plain.wrong)
	instead(&w.noToken, plain.noToken)
	instead(&w.deleted, plain.deleted)
	instead(&w.noMessage, plain.noMessage)
	instead(&w.unknown, plain.unknown)
	instead(&w.farewell, plain.farewell)
	return w
}

// popLogin are the commands that end a login.
const popLogin = "PASS AUTH"

// popRefusals are those of Refuse, by provider.
var popRefusals = map[string][]refusal{
	Gmail: {
		{name: "password", at: popLogin, words: "-ERR [AUTH] Username and password not accepted."},
		{name: "app-password", at: popLogin, words: "-ERR [AUTH] Application-specific password required: https://support.google.com/accounts/answer/185833"},
		{name: "web-login", at: popLogin, words: "-ERR [AUTH] Web login required: https://support.google.com/mail/answer/78754"},
		{name: "not-enabled", at: "STAT LIST UIDL", words: notEnabled},
		{name: "not-enabled-login", at: popLogin, words: notEnabled},
		{name: "domain", at: popLogin, words: "-ERR [SYS/PERM] POP access is disabled for your domain."},
		// What code this one begins with is not published.
		{name: "preparing", at: "STAT", words: "-ERR We are still working on enabling pop for your account so windowed mode is not available. Try again later or consider using POP3 in recent mode.", full: true},
		{name: "bandwidth", at: popLogin, words: popExceeded},
		{name: "bandwidth-retr", at: "RETR", words: popExceeded, late: true},
		{name: "temporary", at: popLogin, words: "-ERR [SYS/TEMP] Temporary system problem. Please try again later."},
	},
	QQ: {
		{name: "password", at: popLogin, words: "-ERR login fail"},
		{name: "app-password", at: popLogin, words: "-ERR Please using authorized code to login."},
	},
	NetEase: {{name: "not-enabled", at: popLogin, words: "-ERR Unable to log on"}},
}

const (
	notEnabled  = "-ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your Gmail settings page and enable your account for POP access."
	popExceeded = "-ERR [AUTH] Account exceeded pop command or bandwidth limits (Failure)"
)

func (c *popSession) greeting() string {
	if c.Greeting != "" {
		return c.Greeting
	}
	return c.words().greeting
}

func (c *popSession) unknown(line string) string {
	if c.Gmail && line == "" {
		return "-ERR Command not understood" // what follows a password that ended in a line break
	}
	verb, _, _ := strings.Cut(line, " ")
	return fill(c.words().unknown, strings.ToUpper(verb))
}

func (c *popSession) setUser(name string) {
	c.user = name
	c.say(c.words().user)
}

func (c *popSession) pass(password string) { c.password(c.user, password) }

// password logs in with a password.
func (c *popSession) password(user, given string) {
	if c.OnlyTokens {
		c.say("-ERR Basic authentication is disabled")
		return
	}
	c.enter(user, given, c.Password)
}

// enter logs in if given is the secret that was expected.
func (c *popSession) enter(user, given, expected string) {
	name, recent := user, false
	if c.Gmail {
		name, recent = strings.CutPrefix(user, "recent:")
	}
	if name != c.User || given != expected {
		c.say(c.words().wrong)
		return
	}
	c.in, c.recent = true, recent
	c.open()
	c.say(c.words().welcome)
}

func (c *popSession) auth(args string) {
	mechanism, response, given := strings.Cut(args, " ")
	mechanism = strings.ToUpper(mechanism)
	switch {
	case !slices.Contains([]string{"PLAIN", "XOAUTH2", "OAUTHBEARER"}, mechanism):
		c.say("-ERR Unsupported authentication mechanism.")
		return
	case given && c.TwoLineAuth:
		c.say("-ERR Protocol error. Connection is closed. 10")
		c.ended = true
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
		c.password(user, password)
		return
	}
	c.bearer(response)
}

// bearer refuses as Gmail does: by a challenge, which begins with "+" and says
// why, and then, after the client's empty line, by an error.
func (c *popSession) bearer(response string) {
	user, token, ok := parseBearer(response)
	if ok && takesToken(c.Token, c.Takes, user, token) {
		c.enter(user, "", "")
		return
	}
	c.k.ask("+ " + bearerRefusal)
	line, err := c.k.line()
	switch {
	case err != nil:
	case line != "" && line != bearerAck:
		c.say(c.unknown(line))
	default:
		c.say(c.words().noToken)
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

// uidlLength is that of the ids of the other providers.
var uidlLength = map[string]int{QQ: 30, NetEase: 22, Outlook: 5}

func (c *popSession) id(m Message, validity uint32) string {
	switch {
	case c.UIDL != nil:
		return c.UIDL(m)
	case c.Gmail:
		return fmt.Sprintf("GmailId%016x", m.GmailID)
	case c.Provider != "":
		return fmt.Sprintf("%0*d", uidlLength[c.Provider], m.UID)
	}
	return fmt.Sprintf("%08x%08x", m.UID, validity) // Dovecot's default format
}
