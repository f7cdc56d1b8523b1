package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"mailrill/internal/discover"
	"mailrill/internal/provider"
)

// discover looks for the servers of a domain that no preset knows, once its
// owner agrees, and has one chosen. It reports whether m has a server now.
func (d *dialogue) discover(ctx context.Context, m *mailbox, given serverFlags, f initFlags, protocols []string) (bool, error) {
	agreed, err := d.mayDiscover(ctx, *m, f)
	if !agreed || err != nil {
		return false, err
	}
	if f.protocol != "" && len(protocols) > 1 {
		protocols = []string{f.protocol}
	}
	found, err := d.a.find(ctx, domainOf(m.address), d.discoverOptions(*m))
	if ctx.Err() != nil {
		return false, err
	}
	found = slices.DeleteFunc(found, func(c discover.Candidate) bool { return !slices.Contains(protocols, c.Protocol) })
	if len(found) == 0 {
		d.say(textNothingFound, domainOf(m.address), because(err))
		return false, nil
	}
	c, chosen, err := d.pick(ctx, *m, found, given)
	if chosen && err == nil {
		m.at(c, given)
	}
	return chosen, err
}

// mayDiscover reports whether others may be asked about the domain.
func (d *dialogue) mayDiscover(ctx context.Context, m mailbox, f initFlags) (bool, error) {
	if f.discover || d.tty == nil {
		return f.discover, nil
	}
	return d.yes(ctx, "discover", askDiscover, domainOf(m.address))
}

// because is what went wrong, a line each, for the end of a sentence.
func because(err error) string {
	if err == nil {
		return ""
	}
	return "\n  " + strings.ReplaceAll(visible(err.Error()), "\n", "\n  ")
}

func (d *dialogue) discoverOptions(m mailbox) discover.Options {
	var o discover.Options
	if m.proxy != "" {
		o.Dialer.Proxy, _ = url.Parse(m.proxy) // it was parsed before
	}
	return o
}

// pick has a server chosen. One of another domain gets a password only from
// somebody who has seen its name.
func (d *dialogue) pick(ctx context.Context, m mailbox, found []discover.Candidate, given serverFlags) (c discover.Candidate, chosen bool, err error) {
	if d.tty == nil {
		return d.first(found, given)
	}
	var options []option
	for i, c := range found {
		text := fmt.Sprintf("%s %s:%d (%s)", strings.ToUpper(c.Protocol), c.Host, c.Port, c.Where)
		if c.LocalPart {
			text += " " + textLoginName.In(d.lang, localPartOf(m.address))
		}
		if c.Foreign {
			text += " " + textOtherDomain.In(d.lang)
		}
		options = append(options, option{strconv.Itoa(i + 1), text}) // one server may be there for two login names
	}
	none := option{"none", optionNone.In(d.lang)}
	answer, err := d.choose(ctx, question{flag: given.flag("host"), text: askServer}, append(options, none))
	i := slices.IndexFunc(options, func(o option) bool { return o.value == answer })
	if err != nil || i < 0 {
		return c, false, err
	}
	return found[i], true, nil
}

// first takes the best server where nobody can choose, unless it is of another
// domain: then it says which flag takes it.
func (d *dialogue) first(found []discover.Candidate, given serverFlags) (discover.Candidate, bool, error) {
	c := found[0]
	if !c.Foreign {
		d.say(textTaken, c.Protocol, c.Host, c.Port, c.Where)
		return c, true, nil
	}
	flag := "--" + given.flag("host") + " " + c.Host
	if c.Provider != "" {
		flag = "--" + given.flag("provider") + " " + c.Provider
	}
	return c, false, usage("%s", textForeign.In(d.lang, c.Host, c.Where, flag))
}

// at makes c the server of m.
func (m *mailbox) at(c discover.Candidate, given serverFlags) {
	m.protocol = c.Protocol
	m.preset, _ = provider.ByKey(c.Provider)
	if c.LocalPart && given.user == "" {
		m.user = localPartOf(m.address)
	}
	if end, known := m.preset.Endpoint(c.Protocol); !known || end.Host != c.Host || end.Port != c.Port {
		m.host, m.port = c.Host, c.Port
	}
}
