package mailconn

import (
	"strconv"
	"strings"
)

var (
	// pop3Open and smtpOpen are the commands that carry no secret.
	pop3Open = set("CAPA USER STAT LIST UIDL RETR TOP DELE RSET NOOP QUIT UTF8 LANG STLS")
	smtpOpen = set("EHLO LHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT STARTTLS")

	// pop3Long are those whose answers have many lines, those of the second kind
	// only without an argument.
	pop3Long  = set("CAPA RETR TOP")
	pop3Lists = set("LIST UIDL")
)

// A pop3Grammar follows a POP3 connection.
type pop3Grammar struct {
	asked  []string // commands whose answers are still to come
	behind string   // the verb whose lines are being sent
	count  int64    // of their octets
}

func (g *pop3Grammar) sent(s *spoken, line string) string {
	verb := verbIn(line, 0)
	switch {
	case s.learning && line != "*":
		return s.private(line)
	case verb == "PASS":
		g.asked = append(g.asked, verb)
		return s.login(line, 1)
	case verb == "AUTH":
		s.learning = true
		g.asked = append(g.asked, verb)
		return s.login(line, 2)
	case pop3Open[verb]:
		g.asked = append(g.asked, strings.ToUpper(line))
	case line != "*":
		return s.private(line)
	}
	return line
}

func (g *pop3Grammar) received(s *spoken, line string) string {
	if g.behind != "" {
		return g.body(s, line)
	}
	if s.learning && !strings.HasPrefix(line, "+OK") && strings.HasPrefix(line, "+") {
		return "+ " + octets(s.in.size)
	}
	if len(g.asked) == 0 {
		return line // the greeting, or nothing that was asked for
	}
	s.learning = false
	verb, argument, _ := strings.Cut(g.asked[0], " ")
	g.asked = g.asked[1:]
	if strings.HasPrefix(line, "+OK") && (pop3Long[verb] || pop3Lists[verb] && argument == "") {
		g.behind = verb
	}
	return line
}

// body shows the lines of CAPA, and counts those of messages and lists.
func (g *pop3Grammar) body(s *spoken, line string) string {
	if line == "." {
		shown := octets(g.count)
		if g.behind == "CAPA" {
			shown = line
		}
		g.behind, g.count = "", 0
		return shown
	}
	if g.behind == "CAPA" {
		return line
	}
	g.count += s.in.size + 2
	return ""
}

// An smtpGrammar follows an SMTP or LMTP connection.
type smtpGrammar struct {
	data  bool // DATA was sent
	body  bool // and the server waits for the message
	count int64
}

func (g *smtpGrammar) sent(s *spoken, line string) string {
	verb := verbIn(line, 0)
	switch {
	case g.body:
		return g.content(s, line)
	case s.learning && line != "*":
		return s.private(line)
	case verb == "AUTH":
		s.learning = true
		return s.login(line, 2)
	case verb == "DATA":
		g.data = true
	case verb == "BDAT":
		s.out.skip = max(0, number(verbIn(line, 1)))
	case !smtpOpen[verb] && line != "*":
		return s.private(line)
	}
	return line
}

// content counts a message up to its last line.
func (g *smtpGrammar) content(s *spoken, line string) string {
	if line != "." {
		g.count += s.out.size + 2
		return ""
	}
	shown := octets(g.count)
	*g = smtpGrammar{}
	return shown
}

func (g *smtpGrammar) received(s *spoken, line string) string {
	switch {
	case strings.HasPrefix(line, "334"):
		return "334 " + octets(s.in.size)
	case strings.HasPrefix(line, "354"):
		g.body = g.data
	case len(line) < 4 || line[3] != '-':
		s.learning = false
	}
	return line
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
