package hostile

import (
	"fmt"
	"strconv"
	"strings"
)

// POP3 plays a server with these messages, as they stand between the status
// line and the terminator.
func POP3(mail []string, odd Odd) func(*Conn) {
	return func(c *Conn) {
		if !odd.answers(c, "", "", "") {
			c.Say("+OK ready\r\n")
		}
		for {
			line, ok := c.Line()
			if !ok {
				return
			}
			verb, argument, _ := strings.Cut(line, " ")
			verb = strings.ToUpper(verb)
			c.gave(verb)
			if odd.answers(c, verb, "", line) {
				continue
			}
			c.Say(popAnswer(mail, verb, argument))
			if verb == "QUIT" {
				return
			}
		}
	}
}

func popAnswer(mail []string, verb, argument string) string {
	number, _, _ := strings.Cut(argument, " ")
	n, _ := strconv.Atoi(number)
	switch verb {
	case "CAPA":
		return "+OK\r\nUSER\r\nUIDL\r\nTOP\r\n.\r\n"
	case "STAT":
		return fmt.Sprintf("+OK %d %d\r\n", len(mail), len(strings.Join(mail, "")))
	case "LIST":
		return popList(mail, func(i int) string { return strconv.Itoa(len(mail[i])) })
	case "UIDL":
		return popList(mail, func(i int) string { return fmt.Sprintf("uid-%d", i) })
	case "RETR", "TOP":
		if n < 1 || n > len(mail) {
			return "-ERR no such message\r\n"
		}
		return "+OK\r\n" + mail[n-1] + ".\r\n"
	}
	return "+OK\r\n"
}

func popList(mail []string, value func(i int) string) string {
	var b strings.Builder
	b.WriteString("+OK\r\n")
	for i := range mail {
		fmt.Fprintf(&b, "%d %s\r\n", i+1, value(i))
	}
	return b.String() + ".\r\n"
}
