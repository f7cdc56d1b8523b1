package discover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// services are the SRV records of RFC 6186 and RFC 8314 whose servers begin
// with TLS.
var services = []struct{ name, protocol string }{
	{"imaps", "imap"},
	{"pop3s", "pop3"},
	{"submissions", "smtp"},
}

func (s *search) resolver() Resolver {
	if s.o.Resolver != nil {
		return s.o.Resolver
	}
	return net.DefaultResolver
}

// srv reads the records of all services. A target "." says that there is
// decidedly none (RFC 6186 section 3.4); it is left out with all else that is no
// host.
func (s *search) srv(ctx context.Context) (found []Candidate, err error) {
	var failed []error
	for _, service := range services {
		name := "_" + service.name + "._tcp." + s.domain
		_, records, err := s.resolver().LookupSRV(ctx, service.name, "tcp", s.domain)
		failed = append(failed, lookedUp(ctx, name, err))
		slices.SortStableFunc(records, bySRV)
		for _, r := range records {
			found = append(found, Candidate{Protocol: service.protocol, Host: r.Target, Port: int(r.Port), Source: SRV, Where: "SRV " + name})
		}
	}
	return found, errors.Join(failed...)
}

// bySRV puts the lowest priority first, then the heaviest. The draw of RFC 2782
// spreads load; here one answer for ever is better.
func bySRV(a, b *net.SRV) int {
	if a.Priority != b.Priority {
		return int(a.Priority) - int(b.Priority)
	}
	return int(b.Weight) - int(a.Weight)
}

// mx knows providers that keep the mail of other people's domains by the hosts
// that take it.
func (s *search) mx(ctx context.Context) ([]Candidate, error) {
	records, err := s.resolver().LookupMX(ctx, s.domain)
	for _, r := range records {
		if p, known := provider.ByMX(r.Host); known {
			return byPreset(p, "MX "+s.domain+" "+reply.Clean(r.Host)), nil
		}
	}
	return nil, lookedUp(ctx, "MX of "+s.domain, err)
}

func byPreset(p provider.Preset, where string) (found []Candidate) {
	for _, protocol := range []string{"imap", "pop3", "smtp"} {
		if e, known := p.Endpoint(protocol); known && e.TLS == provider.Implicit {
			found = append(found, Candidate{Protocol: protocol, Host: e.Host, Port: e.Port, Provider: p.Key, Source: MX, Where: where})
		}
	}
	return found
}

// lookedUp is nil where the answer was that there is no such record.
func lookedUp(ctx context.Context, name string, err error) error {
	if dns, ok := errors.AsType[*net.DNSError](err); err == nil || ok && dns.IsNotFound {
		return nil
	}
	return fmt.Errorf("%s: %w", name, causeOr(ctx, err))
}
