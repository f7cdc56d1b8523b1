// Package discover finds the mail servers of a domain that no preset knows.
//
// It asks, one after another, those who may know: the domain's own web server
// for a file in Thunderbird's format, Thunderbird's public collection of such
// files, the domain's SRV records (RFC 6186, RFC 8314), its MX records. It stops
// at the first that names a server which mail is read from. All of them learn
// the domain; none learns the address, or that it exists.
//
// Nothing is guessed, and nothing is believed that would weaken a login: only
// servers with TLS from the first octet count, and only under names that a
// certificate can bear. Files come over HTTPS alone. Still it is hearsay: DNS
// is not signed, and a domain can name anybody's server. So a Candidate says who
// named it, and whether it is Foreign; a person decides before a password goes
// there.
package discover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"mailrill/internal/mailconn"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// A Resolver answers questions about a domain; *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
}

// Options say by which way to ask. The zero Options ask directly.
type Options struct {
	// Dialer is a pattern for the connections to web servers: its proxy, its roots
	// and its timeout count. Behind a proxy this machine's resolver is asked
	// nothing, since names are the proxy's business then: SRV and MX are left out.
	Dialer mailconn.Dialer
	// Transport, when it is set, carries the requests instead of Dialer.
	Transport http.RoundTripper
	// Resolver is asked for SRV and MX; nil: the system's.
	Resolver Resolver
	// Timeout bounds each question; 0 is 10 seconds.
	Timeout time.Duration
}

const defaultTimeout = 10 * time.Second

// Where a Candidate comes from.
const (
	Autoconfig = "autoconfig" // a file of the domain's own
	Collection = "collection" // Thunderbird's collection
	SRV        = "srv"        // DNS
	MX         = "mx"         // DNS, and the preset of the provider that takes the domain's mail
)

// A Candidate is a server that may be the domain's.
type Candidate struct {
	Protocol string // "imap", "pop3" or "smtp"
	Host     string
	Port     int    // with TLS from the first octet
	Provider string // key of the preset; "" when none is known
	// LocalPart is set when users log in with what stands before the "@".
	LocalPart bool
	Source    string // Autoconfig, Collection, SRV or MX
	Where     string // address of the file, or name of the record; fit to be shown
	Foreign   bool   // Host is not below the domain
}

// Incoming reports whether mail is read from the server.
func (c Candidate) Incoming() bool { return c.Protocol != "smtp" }

// most is how many servers are taken from one source.
const most = 10

// Find returns the servers of a domain, the preferred ones first, all from one
// source. None and no error means that nobody knows any; an error, that none
// was found and somebody could not be asked.
func Find(ctx context.Context, domain string, o Options) ([]Candidate, error) {
	domain, err := Domain(domain)
	if err != nil {
		return nil, reply.WithClass(reply.Config, err)
	}
	s := &search{domain: domain, o: o}
	var failed []error
	for _, ask := range s.sources() {
		found, err := s.ask(ctx, ask)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if found = s.sift(found); hasIncoming(found) {
			return found, nil
		}
		failed = append(failed, err)
	}
	if err := errors.Join(failed...); err != nil {
		return nil, reply.WithClass(reply.Network, err)
	}
	return nil, nil
}

// A search is one run of Find.
type search struct {
	domain string
	o      Options
}

// A source names servers. Nothing and no error means that it knows none.
type source func(context.Context) ([]Candidate, error)

// sources are in the order of how much they can be trusted: who has a
// certificate for the domain speaks for it.
func (s *search) sources() []source {
	all := []source{
		s.file(Autoconfig, "https://autoconfig."+s.domain+"/mail/config-v1.1.xml"),
		s.file(Autoconfig, "https://"+s.domain+"/.well-known/autoconfig/mail/config-v1.1.xml"),
		s.file(Collection, "https://autoconfig.thunderbird.net/v1.1/"+s.domain),
	}
	if s.o.Dialer.Proxy == nil {
		all = append(all, s.srv, s.mx)
	}
	return all
}

func (s *search) ask(ctx context.Context, ask source) ([]Candidate, error) {
	timeout := s.o.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	limited, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %v", timeout))
	defer cancel()
	return ask(limited)
}

// sift leaves out what cannot be a server to log in to, and says of the rest
// whether it is the domain's own.
func (s *search) sift(found []Candidate) (out []Candidate) {
	for _, c := range found {
		host, err := Domain(c.Host)
		if err != nil || !implicit(c.Protocol, c.Port) || len(out) == most {
			continue
		}
		c.Host, c.Foreign = host, !below(host, s.domain)
		if p, known := provider.ByHost(host); known && c.Provider == "" {
			c.Provider = p.Key
		}
		out = append(out, c)
	}
	return out
}

func hasIncoming(cs []Candidate) bool {
	for _, c := range cs {
		if c.Incoming() {
			return true
		}
	}
	return false
}
