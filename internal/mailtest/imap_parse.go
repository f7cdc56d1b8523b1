package mailtest

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// command reads a command of IMAP from a link: its first line is there, literals
// and the lines behind them are read when the parser comes to them, so that a
// command can be refused before its literal was sent.
type command struct {
	k     *link
	tag   string
	rest  string // what was not parsed yet, of the line at hand
	caps  func(string) bool
	limit int64 // of a literal outside of APPEND
}

// errSyntax is what a client is told by BAD.
var errSyntax = errors.New("invalid arguments")

func (c *command) take(prefix string) bool {
	rest, ok := strings.CutPrefix(c.rest, prefix)
	c.rest = rest
	return ok
}

func (c *command) space() error {
	if !c.take(" ") {
		return errSyntax
	}
	return nil
}

func (c *command) end() error {
	if c.rest != "" {
		return errSyntax
	}
	return nil
}

// atom reads up to a space, a parenthesis or the end; flags, sets, section names
// in brackets and dates are atoms here.
func (c *command) atom() (string, error) {
	depth := 0
	n := strings.IndexFunc(c.rest, func(r rune) bool {
		switch r {
		case '[':
			depth++
		case ']':
			depth--
		case ' ', '(', ')', '"', '{':
			return depth <= 0
		}
		return false
	})
	if n < 0 {
		n = len(c.rest)
	}
	if n == 0 {
		return "", errSyntax
	}
	atom := c.rest[:n]
	c.rest = c.rest[n:]
	return atom, nil
}

// astring reads an atom, a quoted string or a literal.
func (c *command) astring() (string, error) {
	switch {
	case strings.HasPrefix(c.rest, `"`):
		return c.quoted()
	case strings.HasPrefix(c.rest, "{"):
		l, err := c.literal()
		if err != nil {
			return "", err
		}
		b, err := c.read(l)
		return string(b), err
	}
	return c.atom()
}

func (c *command) quoted() (string, error) {
	var b strings.Builder
	for i := 1; i < len(c.rest); i++ {
		switch c.rest[i] {
		case '"':
			c.rest = c.rest[i+1:]
			return b.String(), nil
		case '\\':
			i++
			if i == len(c.rest) {
				return "", errSyntax
			}
		}
		b.WriteByte(c.rest[i])
	}
	return "", errSyntax
}

// list reads a parenthesised list of strings.
func (c *command) list() (items []string, err error) {
	if !c.take("(") {
		return nil, errSyntax
	}
	for !c.take(")") {
		if len(items) > 0 {
			if err := c.space(); err != nil {
				return nil, err
			}
		}
		item, err := c.astring()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// A literal is announced as {n}, {n+} (RFC 7888) or ~{n} (RFC 3516).
type literal struct {
	size   int64
	sync   bool // the client waits for "+"
	binary bool
}

// literal reads the announcement, which ends its line.
func (c *command) literal() (l literal, err error) {
	l, ok := parseLiteral(c.rest)
	if !ok {
		return l, errSyntax
	}
	if l.binary && !c.caps("BINARY") {
		return l, errors.New("[UNKNOWN-CTE] binary literals are not supported")
	}
	plus, minus := c.caps("LITERAL+"), c.caps("LITERAL-")
	if !l.sync && !plus && (!minus || l.size > 4096) {
		return l, errors.New("non-synchronizing literal is not allowed here")
	}
	return l, nil
}

func parseLiteral(s string) (l literal, ok bool) {
	s, l.binary = strings.CutPrefix(s, "~")
	inner, opened := strings.CutPrefix(s, "{")
	inner, closed := strings.CutSuffix(inner, "}")
	inner, plus := strings.CutSuffix(inner, "+")
	n, err := strconv.ParseUint(inner, 10, 62)
	l.size, l.sync = int64(n), !plus
	return l, opened && closed && err == nil
}

// read takes the octets of a literal and the line behind it.
func (c *command) read(l literal) ([]byte, error) {
	if c.limit > 0 && l.size > c.limit {
		return nil, fmt.Errorf("literal larger than %d octets", c.limit)
	}
	if l.sync {
		c.k.ask("+ OK")
	}
	b, err := c.k.octets(l.size)
	if err != nil {
		return nil, err
	}
	c.rest, err = c.k.line()
	return b, err
}

// skip reads what a client sends without waiting behind a command that was
// refused: further literals and the ends of its lines.
func (c *command) skip() error {
	for {
		i := strings.LastIndexByte(c.rest, '{')
		if i < 0 {
			return nil
		}
		l, ok := parseLiteral(c.rest[i:])
		if !ok || l.sync {
			return nil
		}
		if _, err := io.CopyN(io.Discard, c.k.br, l.size); err != nil {
			return err
		}
		var err error
		if c.rest, err = c.k.line(); err != nil {
			return err
		}
	}
}

// A numSet is a set of UIDs or of sequence numbers, as ranges; 0 stands for "*".
type numSet [][2]uint32

func parseSet(s string) (set numSet, err error) {
	for part := range strings.SplitSeq(s, ",") {
		low, high, isRange := strings.Cut(part, ":")
		if !isRange {
			high = low
		}
		a, errA := parseNum(low)
		b, errB := parseNum(high)
		if errA != nil || errB != nil {
			return nil, errSyntax
		}
		set = append(set, [2]uint32{a, b})
	}
	return set, nil
}

func parseNum(s string) (uint32, error) {
	if s == "*" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if n == 0 {
		return 0, errSyntax
	}
	return uint32(n), err
}

// contains reports whether n is in the set; last is what "*" means.
func (set numSet) contains(n, last uint32) bool {
	for _, r := range set {
		a, b := r[0], r[1]
		if a == 0 {
			a = last
		}
		if b == 0 {
			b = last
		}
		if min(a, b) <= n && n <= max(a, b) {
			return true
		}
	}
	return false
}
