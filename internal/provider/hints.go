package provider

import (
	"errors"
	"slices"
	"strings"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// Advice is what follows from an error: its class, what to do about it in one
// or two sentences, and an address of our own table ("" if there is none).
type Advice struct {
	Class reply.Class
	Hint  lang.Text
	URL   string
}

// Hint returns the hint whose English text is en, which is what a ledger keeps.
// A text that is none of ours, such as that of an older mailrill, stays as it is.
func Hint(en string) lang.Text {
	for _, h := range hints() {
		if h.en == en {
			return h.text()
		}
	}
	for _, text := range general {
		if text.EN == en {
			return text
		}
	}
	return lang.Text{EN: en}
}

// Advise sorts err and says what helps against it. key is the provider's preset
// or "", protocol "imap", "pop3", "smtp" or "lmtp". A server seldom tells the
// one cause, so a hint names the likeliest first.
func Advise(err error, key, protocol string) Advice {
	if err == nil {
		return Advice{}
	}
	a := Advice{Class: reply.ClassOf(err)}
	h, ok := lookUp(newCase(err, key, protocol, a.Class))
	if !ok {
		a.Hint = general[a.Class]
		return a
	}
	if h.class != reply.OK {
		a.Class = h.class
	}
	a.Hint, a.URL = h.text(), h.url
	return a
}

// A hint is a row: when it fits, and what it says. What is left empty fits
// everything.
type hint struct {
	keys      []string // presets
	protocols []string
	commands  []string
	codes     []string // response codes, reply codes, enhanced codes
	texts     []string // lower case; one of them stands in the server's words
	within    []reply.Class

	class reply.Class // in place of reply.ClassOf's; OK leaves that
	en    string
	zh    string
	url   string
}

func (h hint) text() lang.Text { return lang.Text{EN: h.en, ZH: h.zh} }

// A situation is an error, prepared for the comparison with rows.
type situation struct {
	key, protocol, command string
	codes                  []string
	text                   string
	class                  reply.Class
}

func newCase(err error, key, protocol string, class reply.Class) situation {
	s := situation{key: key, protocol: protocol, class: class, text: err.Error()}
	if r, ok := errors.AsType[*reply.Error](err); ok {
		s.command = r.Command
		s.codes = []string{strings.ToUpper(r.Code), r.Enhanced}
		s.text = r.Text
	}
	// The lines of an SMTP reply are one text (RFC 5321 4.2.1).
	s.text = strings.ToLower(strings.Join(strings.Fields(s.text), " "))
	return s
}

// lookUp returns the first row that fits. Rows that ask for a code go first,
// for a code is the server's own statement; then those for refused credentials,
// before throttling: QQ names "password is incorrect" and "frequency limited"
// in one sentence.
func lookUp(s situation) (hint, bool) {
	for _, rank := range []func(hint) bool{hasCode, isCredentials, anyRow} {
		for _, h := range hints() {
			if rank(h) && h.fits(s) {
				return h, true
			}
		}
	}
	return hint{}, false
}

func hasCode(h hint) bool       { return len(h.codes) > 0 }
func isCredentials(h hint) bool { return h.class == reply.Credentials }
func anyRow(hint) bool          { return true }

func (h hint) fits(s situation) bool {
	return fits(h.keys, s.key) && fits(h.protocols, s.protocol) && fits(h.commands, s.command) && fits(h.within, s.class) &&
		(h.codes == nil || slices.ContainsFunc(h.codes, func(c string) bool { return slices.Contains(s.codes, c) })) &&
		(h.texts == nil || slices.ContainsFunc(h.texts, func(t string) bool { return strings.Contains(s.text, t) }))
}

func fits[T comparable](list []T, v T) bool { return list == nil || slices.Contains(list, v) }

// general is said where no row fits.
var general = map[reply.Class]lang.Text{
	reply.Usage:       {EN: "see mailrill help"},
	reply.Refused:     {EN: "the destination will not take these messages; see mailrill hold list"},
	reply.Bug:         {EN: "this is a bug in mailrill: please report it"},
	reply.IO:          {EN: "the disk failed: check it, and the permissions of the state folder"},
	reply.Temporary:   {EN: "most likely it passes; mailrill tries again by itself"},
	reply.Network:     {EN: "check the host, the port and this machine's network; mailrill tries again by itself"},
	reply.Limit:       {EN: "most likely a limit of the provider; mailrill waits and tries again by itself"},
	reply.Full:        {EN: "make room on the disk; mailrill goes on by itself"},
	reply.TLS:         {EN: "check host, port and tls, and this machine's clock; do not turn verification off"},
	reply.Credentials: {EN: "most likely the password is wrong, or the provider wants an app password"},
	reply.Config:      {EN: "correct the setting that is named, here or at the provider"},
}
