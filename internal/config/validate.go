package config

import (
	"maps"
	"os"
	"slices"
	"time"
)

// whole looks at accounts and destinations together. It is done only when every
// file was read to its end: else what is missing may stand in a broken line.
func (l *loader) whole() {
	l.names()
	l.resolve()
	l.signInsComplete()
	l.anyEnabled()
	l.sourcesTwice()
	l.circles()
	l.warn()
}

func (l *loader) names() {
	first := map[string]bool{}
	for i, a := range l.config.Accounts {
		if first[a.Name] && a.Name != "" {
			l.accounts[i].fail("name", "another account has this name already", "a name is the account's identity in the state")
		}
		first[a.Name] = true
	}
}

// resolve gives each account its destination.
func (l *loader) resolve() {
	names := slices.Sorted(maps.Keys(l.config.Destinations))
	for i, a := range l.config.Accounts {
		t, d := l.accounts[i], l.config.Destinations[a.To]
		if d == nil {
			l.unknownTo(t, a, names)
			continue
		}
		if a.into != "" && !d.HasFolders() {
			t.fail("into", "destination "+a.To+" has no folders", "leave it out")
		}
		if a.User == "" || a.Name == "" {
			continue // said already
		}
		dest := l.dests[a.To]
		c, key, err := d.resolve(a)
		if err != nil {
			dest.fail(key, key+" cannot be filled in for account "+a.Name+": "+err.Error(), "write the value itself, or name another destination")
			continue
		}
		a.Destination = c
		if c.Secret != nil && c.Secret.File != "" {
			dest.checkSecretFile("password_file", c.Secret.File)
		}
	}
}

func (l *loader) unknownTo(t *table, a *Account, names []string) {
	if a.To == "" {
		return // said already
	}
	hint := didYouMean(a.To, names)
	if hint == "" && len(names) > 0 {
		hint = "there is " + list(names)
	}
	if len(names) == 0 {
		hint = "no [destination.NAME] is given"
	}
	t.fail("to", "unknown destination", hint)
}

func (l *loader) anyEnabled() {
	for _, a := range l.config.Accounts {
		if a.Enabled {
			return
		}
	}
	l.errs = append(l.errs, place{l.config.Path, 1, 1}.fault("account", "no enabled account", "[[account]]"))
}

// warn notes what works and most likely is not meant.
func (l *loader) warn() {
	for i, a := range l.config.Accounts {
		t := l.accounts[i]
		t.errs = &l.warnings
		t.warnServer(a.Server)
		if a.Sent && !a.GmailPOP() {
			t.fail("sent", "sent is for Gmail's POP3 only, and changes nothing here", "leave it out")
		}
		if push, set := t.values["push"]; set && push.v == true && !a.Push {
			t.fail("push", "push is not known to work here; the schedule counts", "")
		}
		if gap := a.Provider.PollGap(a.Protocol); gap > 0 && a.Schedule.interval() < gap {
			t.fail("schedule", "the provider wants "+words(gap)+" between two looks", `schedule = "`+gentleSchedule+`"`)
		}
	}
	for name, t := range l.dests {
		d := l.config.Destinations[name]
		t.errs = &l.warnings
		t.warnServer(d.Server)
		if d.Type == TypeLMTP && d.Socket == "" && !t.has("tls") {
			t.fail("", "LMTP servers seldom begin with TLS, which is the default here", `tls = "starttls", or "none" on this machine`)
		}
	}
}

func (t *table) warnServer(s Server) {
	if s.TLS == TLSStart && (s.Port == 993 || s.Port == 995 || s.Port == 465) {
		t.fail(t.first("port", "tls"), "this port most likely begins with TLS", `tls = "implicit"`)
	}
	for key, file := range map[string]string{"ca_file": s.CAFile, "client_cert": s.ClientCert, "client_key": s.ClientKey} {
		if _, err := os.Stat(file); file != "" && err != nil {
			t.fail(key, key+" does not exist", "")
		}
	}
}

// interval is the time between two looks, at its shortest as seen from a
// Thursday's midnight.
func (s Schedule) interval() time.Duration {
	first := s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	return s.Next(first).Sub(first)
}
