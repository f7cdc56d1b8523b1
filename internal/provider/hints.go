package provider

import (
	"slices"
	"strings"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// Advice is what follows from an error: its class, what most likely caused it
// and what to do about it, and an address of our own table ("" if there is none).
type Advice struct {
	Class reply.Class
	Hint  lang.Text
	URL   string
	Retry time.Duration // when to try again; 0: as the class says
}

// Advise sorts err and says what helps against it. A server seldom tells the one
// cause, so a hint names the likeliest first.
func Advise(err error, s Situation) Advice {
	if err == nil {
		return Advice{}
	}
	e := examine(err, s)
	h, ok := lookUp(e)
	if !ok {
		return Advice{Class: e.class, Hint: general[e.class]}
	}
	if h.class != reply.OK {
		e.class = h.class
	}
	return Advice{Class: e.class, Hint: h.say, URL: h.url, Retry: h.retry}
}

// Hint returns the hint whose English text is en, which is what a ledger keeps.
// A text that is none of ours, such as that of an older mailrill, stays as it is.
func Hint(en string) lang.Text {
	for _, h := range hints() {
		if h.say.EN == en {
			return h.say
		}
	}
	for _, text := range general {
		if text.EN == en {
			return text
		}
	}
	return lang.Text{EN: en}
}

// A hint is a row: when it fits, and what it says. What is left empty fits
// everything.
type hint struct {
	keys      []string // presets
	protocols []string
	commands  []string
	codes     []string // response codes, reply codes, enhanced codes
	texts     []string // lower case; one of them stands in the server's words
	shapes    []Shape
	faults    []fault
	within    []reply.Class

	class reply.Class // in place of reply.ClassOf's; OK leaves that
	say   lang.Text
	url   string
	retry time.Duration
}

// hints is the whole table.
func hints() []hint {
	return slices.Concat(googleHints, oauthHints, chineseHints, otherHints, anyHints)
}

// lookUp returns the first row that fits. Rows that ask for a code go first,
// for a code is the server's own statement; then those for refused credentials,
// before throttling: QQ names "password is incorrect" and "frequency limited"
// in one sentence.
func lookUp(e evidence) (hint, bool) {
	for _, rank := range []func(hint) bool{hasCode, isCredentials, anyRow} {
		for _, h := range hints() {
			if rank(h) && h.fits(e) {
				return h, true
			}
		}
	}
	return hint{}, false
}

func hasCode(h hint) bool       { return len(h.codes) > 0 }
func isCredentials(h hint) bool { return h.class == reply.Credentials }
func anyRow(hint) bool          { return true }

func (h hint) fits(e evidence) bool {
	return fits(h.keys, e.key) && fits(h.protocols, e.protocol) && fits(h.commands, e.command) &&
		fits(h.shapes, e.shape) && fits(h.faults, e.fault) && fits(h.within, e.class) &&
		(h.codes == nil || slices.ContainsFunc(h.codes, func(c string) bool { return slices.Contains(e.codes, c) })) &&
		(h.texts == nil || slices.ContainsFunc(h.texts, func(t string) bool { return strings.Contains(e.text, t) }))
}

func fits[T comparable](list []T, v T) bool { return list == nil || slices.Contains(list, v) }
