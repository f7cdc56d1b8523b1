package mailconn

import "strings"

// imapOpen are the commands that carry no secret.
var imapOpen = set("CAPABILITY NOOP LOGOUT ID ENABLE NAMESPACE SELECT EXAMINE CREATE SUBSCRIBE LIST LSUB STATUS APPEND IDLE " +
	"CHECK CLOSE UNSELECT EXPUNGE SEARCH FETCH STORE COPY MOVE UID GETQUOTA GETQUOTAROOT DELETE RENAME COMPRESS STARTTLS")

// imapTexts are the answers that end with words for people, in which {5} is no
// literal.
var imapTexts = set("OK NO BAD BYE PREAUTH")

// An imapGrammar follows an IMAP connection.
type imapGrammar struct {
	tag     string // of the login under way
	secret  bool   // the command under way is a LOGIN
	ours    bool   // our line goes on behind a literal
	theirs  bool   // so does the server's
	literal []byte // of a LOGIN
}

func (g *imapGrammar) sent(s *spoken, line string) string {
	goesOn := g.ours
	s.out.skip = announced(line)
	g.ours = s.out.skip > 0
	if g.secret && len(g.literal) > 0 {
		s.learn(string(g.literal))
		g.literal = nil
	}
	switch {
	case goesOn && g.secret:
		line = s.hideLast(line)
	case goesOn:
		line = "… " + line
	default:
		line = g.command(s, line)
	}
	if s.out.keep = nil; g.secret && g.ours {
		s.out.keep = &g.literal
	}
	g.secret = g.secret && g.ours
	return line
}

// command shows the beginning of a command, or all of it.
func (g *imapGrammar) command(s *spoken, line string) string {
	verb := verbIn(line, 1)
	switch {
	case s.learning && line != "*":
		return s.private(line)
	case verb == "AUTHENTICATE":
		s.learning, g.tag = true, verbIn(line, 0)
		return s.login(line, 3)
	case verb == "LOGIN":
		g.secret = true
		words := strings.SplitN(line, " ", 3)
		return strings.Join(words[:2], " ") + " " + s.hideLast(strings.Join(words[2:], ""))
	case imapOpen[verb], line == "DONE", line == "*":
		return line
	}
	return s.private(line)
}

// hideLast learns the last argument of a LOGIN, and shows none.
func (s *spoken) hideLast(arguments string) string {
	if arguments = strings.TrimSpace(arguments); arguments == "" || announced(arguments) > 0 {
		return "…"
	}
	last := arguments
	if !strings.HasSuffix(arguments, `"`) {
		last = arguments[strings.LastIndexByte(arguments, ' ')+1:]
	} else if i := openingQuote(arguments); i >= 0 {
		last = arguments[i+1 : len(arguments)-1]
	}
	s.veil.Add(unquote.Replace(last))
	return "…"
}

var unquote = strings.NewReplacer(`\\`, `\`, `\"`, `"`)

// openingQuote returns where the quoted string begins that s ends with.
func openingQuote(s string) int {
	open := -1
	for i, quoted := 0, false; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			if quoted = !quoted; quoted {
				open = i
			}
		}
	}
	return open
}

func (g *imapGrammar) received(s *spoken, line string) string {
	goesOn := g.theirs
	if s.in.skip = announced(line); !goesOn && imapTexts[verbIn(line, 1)] {
		s.in.skip = 0
	}
	g.theirs = s.in.skip > 0
	switch {
	case goesOn && g.theirs:
		return "… " + octets(s.in.skip)
	case goesOn:
		return "" // what is behind a body may be the other half of a secret
	case s.learning && strings.HasPrefix(line, "+"):
		return "+ " + octets(s.in.size)
	case s.learning && verbIn(line, 0) == g.tag:
		s.learning = false
	case verbIn(line, 0) == "*" && verbIn(line, 2) == "FETCH":
		return withoutBodies(s.veil.Hide(line)) // a secret first: a quote may be in its middle
	}
	return line
}

// withoutBodies counts the quoted strings of a FETCH, all but dates: headers and
// bodies may come in them.
func withoutBodies(line string) string {
	var out strings.Builder
	for {
		open := strings.IndexByte(line, '"')
		if open < 0 {
			return out.String() + line
		}
		end := closingQuote(line[open+1:])
		next := min(len(line), open+1+end+1)
		if strings.HasSuffix(line[:open], "INTERNALDATE ") {
			out.WriteString(line[:next])
		} else {
			out.WriteString(line[:open] + octets(int64(end)))
		}
		line = line[next:]
	}
}

// closingQuote returns where the quoted string ends that s begins in.
func closingQuote(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(s)
}
