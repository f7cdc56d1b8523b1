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
	}
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		if !given {
			response = c.prompt("")
		}
		user, password, _ := parsePlain(response)
		c.enter(user, password, c.Password)
	case "LOGIN":
		user := response
		if !given {
			user = c.prompt("VXNlcm5hbWU6") // "Username:"
		}
		password := c.prompt("UGFzc3dvcmQ6") // "Password:"
		c.enter(decode(user), decode(password), c.Password)
	case "XOAUTH2":
		if !given {
			response = c.prompt("")
		}
		c.bearer(response)
	default:
		c.say("504 5.5.4 Unrecognized authentication type")
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

func (c *smtpSession) enter(user, given, expected string) {
	if c.ended {
		return
	}
	if user != c.User || given != expected {
		c.say("535 5.7.8 Error: authentication failed")
		return
	}
	c.user = user
	c.say("235 2.7.0 Authentication successful")
}

// bearer refuses a token by a challenge first (RFC 7628 section 3.2.3).
func (c *smtpSession) bearer(response string) {
	user, token, ok := parseBearer(response)
	if !ok || c.Token == "" || token != c.Token {
		c.prompt(bearerRefusal)
		user = "" // nobody
	}
	c.enter(user, token, c.Token)
}
