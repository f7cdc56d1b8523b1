package pop3

import (
	"slices"
	"strings"
)

// capabilities are what CAPA listed (RFC 2449): an upper-case keyword and its
// arguments. nil: the server does not know CAPA.
type capabilities map[string][]string

func (c capabilities) has(keyword string) bool {
	_, ok := c[keyword]
	return ok
}

// hasOrSilent reports whether keyword may work: it is listed, or nothing is.
func (c capabilities) hasOrSilent(keyword string) bool { return c == nil || c.has(keyword) }

// mechanism reports whether a SASL mechanism is listed.
func (c capabilities) mechanism(name string) bool {
	return slices.Contains(c["SASL"], name)
}

// expires reports whether the server removes what was read (EXPIRE 0).
func (c capabilities) expires() bool {
	days := c["EXPIRE"]
	return len(days) > 0 && days[0] == "0"
}

// capaBudget bounds the answer to CAPA, in octets.
const capaBudget = 64 << 10

// askCapabilities asks for them. Many servers do not know CAPA, some only before
// or after the login: a refusal changes nothing.
func (s *session) askCapabilities() error {
	err := s.ask("CAPA", "CAPA")
	if _, ok := refused(err); ok {
		return nil
	}
	if err != nil {
		return err
	}
	caps := capabilities{}
	err = s.lines("CAPA", capaBudget, func(line []byte) error {
		caps.add(line)
		return nil
	})
	if err == nil {
		s.caps = caps
	}
	return err
}

func (c capabilities) add(line []byte) {
	words := strings.Fields(strings.ToUpper(string(line)))
	if len(words) > 0 {
		c[words[0]] = words[1:]
	}
}
