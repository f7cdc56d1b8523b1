package main

import (
	"context"
	"strings"

	"mailrill/internal/config"
	"mailrill/internal/doctor"
	"mailrill/internal/mailconn"
	"mailrill/internal/provider"
)

// An inquiry is a domain to be asked about, and by which way.
type inquiry struct {
	domain string
	by     mailconn.Dialer
}

// discover asks for the servers of domains, or, without any, of those that the
// config's accounts are at and no preset knows.
func (a *app) discover(ctx context.Context, f checkFlags, domains []string) error {
	inquiries, err := a.inquiries(domains)
	if err != nil {
		return err
	}
	p := &checkPrinter{a: a, json: f.json, lang: a.lang()}
	d := &doctor.Doctor{Now: a.now, Sleep: a.sleep, Begin: p.begin, Done: p.step}
	for _, i := range inquiries {
		p.end(d.Domain(ctx, i.domain, i.by), nil)
	}
	return p.status()
}

// inquiries needs no config where domains are named: who has none yet asks first.
func (a *app) inquiries(domains []string) (all []inquiry, err error) {
	for _, d := range domains {
		all = append(all, inquiry{domain: domainPart(d)})
	}
	if len(domains) > 0 {
		return all, nil
	}
	if err := a.load(); err != nil {
		return nil, err
	}
	for _, acct := range a.cfg.Accounts {
		_, known := provider.ByAddress(acct.User)
		if acct.Enabled && acct.Provider.Key == "" && !known && strings.Contains(acct.User, "@") {
			all = append(all, inquiry{domainPart(acct.User), byProxyOf(acct.Server)})
		}
	}
	if len(all) == 0 {
		return nil, usage("every account is at a provider that is known: name a domain")
	}
	return all, nil
}

// domainPart is what stands behind the "@": others learn the domain, never the
// address.
func domainPart(address string) string {
	return address[strings.LastIndexByte(address, '@')+1:]
}

// byProxyOf goes the way that an account goes.
func byProxyOf(s config.Server) (d mailconn.Dialer) {
	if s.Proxy == nil {
		return d
	}
	d.Proxy = s.Proxy.URL
	if s.Proxy.Password != nil {
		d.ProxyPassword = s.Proxy.Password.Read
	}
	return d
}
