package mailtest

import (
	"encoding/base64"
	"strings"
)

func (c *smtpSession) auth(args string) {
	mechanism, response, given := strings.Cut(args, " ")
	switch {
	case c.User == "":
		c.say("502 5.5.1 Error: command not implemented")
		return
	case c.user != "":
		c.say("503 5.5.1 Error: already authenticated")
		return
	case c.early():
		c.say(c.words().early)
		return
	}
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		if !given {
			response = c.prompt("")
		}
		user, password, _ := parsePlain(response)
		c.password(user, password)
	case "LOGIN":
		user := response
		if !given {
			user = c.prompt("VXNlcm5hbWU6") // "Username:"
		}
		password := c.prompt("UGFzc3dvcmQ6") // "Password:"
		c.password(decode(user), decode(password))
	case "XOAUTH2", "OAUTHBEARER":
		if !given {
			response = c.prompt("")
		}
		c.bearer(response)
	default:
		c.say(c.words().unknown)
	}
}

func decode(s string) string {
	b, _ := base64.StdEncoding.DecodeString(s) // what is no base64 is no password either
	return string(b)
}

// prompt returns the client's answer, "" if the connection broke.
func (c *smtpSession) prompt(challenge string) string {
	c.k.ask("334 " + challenge)
	line, err := c.k.line()
	c.ended = err != nil
	return line
}

// early reports whether TLS has to come first.
func (c *smtpSession) early() bool { return c.StartTLS != nil && !c.k.secure }

func (c *smtpSession) password(user, given string) {
	c.enter(user, given == c.Password && !c.OnlyTokens, c.words().wrong)
}

func (c *smtpSession) enter(user string, right bool, refusal string) {
	switch {
	case c.ended:
	case user == c.User && right:
		c.user = user
		c.say(c.words().welcome)
	default:
		c.say(refusal)
		c.ended = c.Provider == QQ
	}
}

// bearer refuses a token by a challenge first (RFC 7628 section 3.2.3).
func (c *smtpSession) bearer(response string) {
	user, token, ok := parseBearer(response)
	right := ok && takesToken(c.Token, c.Takes, user, token)
	if !right {
		c.prompt(bearerRefusal)
	}
	c.enter(user, right, c.words().noToken)
}
