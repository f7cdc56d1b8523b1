package hostile

import (
	"fmt"
	"strconv"
	"strings"
)

// IMAP plays a server with these messages in its INBOX, UID 1 being the first.
// What is appended is taken and forgotten.
func IMAP(mail []string, odd Odd) func(*Conn) {
	return func(c *Conn) {
		if !odd.answers(c, "", "", "") {
			c.Say("* OK ready\r\n")
		}
		for {
			line, ok := c.Line()
			if !ok {
				return
			}
			tag, command, _ := strings.Cut(line, " ")
			verb := imapVerb(command)
			c.gave(verb)
			if command, ok = c.literals(verb, command); !ok {
				return
			}
			if odd.answers(c, verb, tag, command) {
				continue
			}
			imapAnswer(c, mail, tag, verb, command)
		}
	}
}

// literals reads what belongs to a command beyond its line; the message of
// APPEND is not asked for here.
func (c *Conn) literals(verb, command string) (string, bool) {
	for {
		n := literal(command)
		if n < 0 || verb == "APPEND" && strings.Contains(command, "(") {
			return command, true
		}
		if !strings.HasSuffix(command, "+}") {
			c.Say("+ go\r\n")
		}
		text := c.Take(n)
		rest, ok := c.Line()
		if !ok {
			return "", false
		}
		command += string(text) + rest
	}
}

// imapVerb returns the verb of a command; UID and what follows it is one.
func imapVerb(command string) string {
	words := strings.Fields(strings.ToUpper(command))
	switch {
	case len(words) == 0:
		return ""
	case words[0] == "UID" && len(words) > 1:
		return "UID " + words[1]
	}
	return words[0]
}

func imapAnswer(c *Conn, mail []string, tag, verb, command string) {
	done := tag + " OK done\r\n"
	switch verb {
	case "CAPABILITY":
		c.Say("* CAPABILITY IMAP4rev1 AUTH=PLAIN ID UIDPLUS\r\n", done)
	case "AUTHENTICATE":
		c.Say("+ \r\n")
		c.Line()
		c.Say(done)
	case "LIST":
		c.Say("* LIST () \"/\" INBOX\r\n", done)
	case "SELECT", "EXAMINE":
		c.Say(fmt.Sprintf("* %d EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT %d] x\r\n", len(mail), len(mail)+1), done)
	case "UID FETCH":
		imapFetch(c, mail, command)
		c.Say(done)
	case "APPEND":
		n := literal(command)
		if n < 0 {
			c.Say(tag + " BAD no literal\r\n")
			return
		}
		c.Say("+ go\r\n")
		c.Take(n + 2)
		c.Say(done)
	case "LOGOUT":
		c.Say("* BYE\r\n", done)
		c.Hang()
	default:
		c.Say(done)
	}
}

// imapFetch answers UID FETCH: sizes, or whole messages, or their headers.
func imapFetch(c *Conn, mail []string, command string) {
	words := strings.SplitN(command, " ", 4)
	for i, m := range mail {
		if len(words) < 4 || !inSet(words[2], i+1, len(mail)) {
			continue
		}
		c.Say(fmt.Sprintf("* %d FETCH (UID %d RFC822.SIZE %d", i+1, i+1, len(m)))
		switch {
		case strings.Contains(words[3], "HEADER"):
			head, _, _ := strings.Cut(m, "\r\n\r\n")
			head += "\r\n\r\n"
			c.Say(fmt.Sprintf(" BODY[HEADER] {%d}\r\n%s", len(head), head))
		case strings.Contains(words[3], "BODY"):
			c.Say(fmt.Sprintf(" FLAGS () BODY[] {%d}\r\n%s", len(m), m))
		}
		c.Say(")\r\n")
	}
}

// inSet reports whether "1:3,7:*" holds n, the last message being last.
func inSet(set string, n, last int) bool {
	for _, part := range strings.Split(set, ",") {
		low, high, isRange := strings.Cut(part, ":")
		if !isRange {
			high = low
		}
		if from, to := uid(low, last), uid(high, last); from <= n && n <= to || to <= n && n <= from {
			return true
		}
	}
	return false
}

func uid(s string, last int) int {
	if s == "*" {
		return last
	}
	n, _ := strconv.Atoi(s)
	return n
}

// literal returns the size of the literal that a line ends with, or -1.
func literal(line string) int {
	i := strings.LastIndexByte(line, '{')
	if i < 0 || !strings.HasSuffix(line, "}") {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimRight(line[i+1:len(line)-1], "+"))
	if err != nil {
		return -1
	}
	return n
}
