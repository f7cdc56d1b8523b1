package hostile

import "strings"

// SMTP plays a server that takes every message and forgets it; LMTP does the
// same behind LHLO. The verb of what comes behind DATA's terminator is ".".
func SMTP(odd Odd) func(*Conn) {
	return func(c *Conn) {
		if !odd.answers(c, "", "", "") {
			c.Say("220 ready\r\n")
		}
		for {
			line, ok := c.Line()
			if !ok {
				return
			}
			verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
			c.gave(verb)
			if odd.answers(c, verb, "", line) {
				continue
			}
			if !smtpAnswer(c, odd, verb) {
				return
			}
		}
	}
}

func smtpAnswer(c *Conn, odd Odd, verb string) bool {
	switch verb {
	case "EHLO", "LHLO":
		c.Say("250-hello\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n")
	case "AUTH":
		c.Say("235 in\r\n")
	case "DATA":
		c.Say("354 go\r\n")
		for line := ""; line != "."; {
			var ok bool
			if line, ok = c.Line(); !ok {
				return false
			}
		}
		if !odd.answers(c, ".", "", "") {
			c.Say("250 taken\r\n")
		}
	case "QUIT":
		c.Say("221 bye\r\n")
		return false
	default:
		c.Say("250 ok\r\n")
	}
	return true
}
