package mailtest

import (
	"fmt"
	"slices"
	"strings"
)

// The providers that the Provider knob of a server can name. What they say and do
// is from published logs and their own pages; where those are silent, a server
// answers as one without a Provider would.
const (
	Gmail   = "gmail"
	QQ      = "qq"
	NetEase = "netease" // 163.com
	Outlook = "outlook"
)

// checkPlay returns an error where a server is to play what it cannot. providers
// are those that it has words of.
func checkPlay[T any](protocol string, providers map[string]T, provider, refuse string) error {
	if _, known := providers[provider]; !known {
		return fmt.Errorf("mailtest: no %s server of %q", protocol, provider)
	}
	if refuse != "" && !slices.Contains(Refusals(provider, protocol), refuse) {
		return fmt.Errorf("mailtest: the %s server of %q has no refusal %q, but %q", protocol, provider, refuse, Refusals(provider, protocol))
	}
	return nil
}

// A refusal is a case in which a provider's server turns a client away.
type refusal struct {
	name  string
	at    string // commands, with blanks between; "BODY" is FETCH of a message, "." the end of DATA
	words string // as a Verdict's Reply; %s is the command
	cut   bool   // the connection is dropped behind them
	late  bool   // the first of each session is answered
	full  bool   // Gmail's POP3: not in recent mode
}

// Refusals returns the names of the cases that a server with this Provider can
// play by its Refuse knob, protocol being "imap", "pop3" or "smtp".
func Refusals(provider, protocol string) (names []string) {
	for _, r := range refusals(protocol)[provider] {
		names = append(names, r.name)
	}
	return names
}

func refusals(protocol string) map[string][]refusal {
	return map[string]map[string][]refusal{"imap": imapRefusals, "pop3": popRefusals, "smtp": smtpRefusals}[protocol]
}

// A turnaway is what a session needs to refuse as its server's Refuse says.
type turnaway struct {
	refusal
	seen bool // a command that it is about was there before
}

func newTurnaway(protocol, provider, name string) *turnaway {
	for _, r := range refusals(protocol)[provider] {
		if r.name == name {
			return &turnaway{refusal: r}
		}
	}
	return &turnaway{}
}

// verdict decides on a command; an own one of the test's goes first.
func (t *turnaway) verdict(own Verdict, command string) Verdict {
	if own != (Verdict{}) || !t.meets(command) {
		return own
	}
	return Verdict{Reply: fill(t.words, strings.ToUpper(command)), Cut: t.cut}
}

func (t *turnaway) meets(command string) bool {
	if !slices.Contains(strings.Fields(t.at), strings.ToUpper(command)) {
		return false
	}
	first := !t.seen
	t.seen = true
	return !first || !t.late
}

// instead puts the plain server's word where a provider's is not known.
func instead(word *string, plain string) {
	if *word == "" {
		*word = plain
	}
}
