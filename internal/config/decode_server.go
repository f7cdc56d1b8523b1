package config

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"mailrill/internal/provider"
)

// serverKeys say which server it is: where an account names one of the first
// two itself, none of them is taken from [defaults].
var serverKeys = []string{"provider", "host", "port", "tls", "allow_cleartext", "ca_file", "pin_sha256", "client_cert", "client_key"}

// ports of the protocols, by TLS mode. A port that people use for cleartext is
// the one of STARTTLS too.
var ports = map[string]map[TLSMode]int{
	"imap": {TLSImplicit: 993, TLSStart: 143, TLSNone: 143},
	"pop3": {TLSImplicit: 995, TLSStart: 110, TLSNone: 110},
	"smtp": {TLSImplicit: 465, TLSStart: 587, TLSNone: 587},
	"lmtp": {TLSImplicit: 24, TLSStart: 24, TLSNone: 24},
}

const (
	minTimeout     = time.Second
	maxTimeout     = time.Hour
	defaultTimeout = 2 * time.Minute
)

// server reads what accounts and destinations have in common, but the secret.
// findByAddress allows to find the provider by the user's address.
func (t *table) server(protocol string, findByAddress bool) Server {
	s := Server{
		User:           t.str("user", ""),
		AllowCleartext: t.boolean("allow_cleartext", false),
		CAFile:         t.path("ca_file"),
		PinSHA256:      t.str("pin_sha256", ""),
		ClientCert:     t.path("client_cert"),
		ClientKey:      t.path("client_key"),
		Proxy:          t.proxy(),
		Timeout:        t.duration("timeout", defaultTimeout, minTimeout, maxTimeout),
	}
	s.Host = strings.ToLower(t.str("host", ""))
	t.checkHost(s.Host)
	s.Provider = t.provider(s, findByAddress)
	end := t.endpoint(&s, protocol, findByAddress)
	s.TLS = t.tlsMode(protocol, end)
	s.Port = t.integer("port", defaultPort(protocol, s.TLS, end), 1, 65535)
	t.checkServer(s)
	return s
}

// provider returns the preset that is named, or else belongs to the host or to
// the user's address.
func (t *table) provider(s Server, byAddress bool) provider.Preset {
	if key := t.str("provider", ""); key != "" {
		p, known := provider.ByKey(key)
		if !known {
			hint := didYouMean(key, provider.Keys())
			if hint == "" {
				hint = "known are " + strings.Join(provider.Keys(), ", ") + "; for others set host"
			}
			t.fail("provider", "unknown provider", hint)
		}
		return p
	}
	if s.Host != "" {
		p, _ := provider.ByHost(s.Host)
		return p
	}
	if !byAddress {
		return provider.Preset{}
	}
	p, _ := provider.ByAddress(s.User)
	return p
}

// endpoint returns the provider's server, and makes it the host where none is
// given.
func (t *table) endpoint(s *Server, protocol string, byAddress bool) provider.Endpoint {
	end, known := s.Provider.Endpoint(protocol)
	if s.Host != "" || t.first("socket") != "" {
		return end
	}
	switch {
	case known:
		s.Host = end.Host
	case s.Provider.NoPOP3 && protocol == POP3:
		t.fail(t.first("protocol", "provider", "user"), s.Provider.Key+" has no POP3", `protocol = "imap"`)
	case s.Provider.Key != "":
		t.fail("provider", fmt.Sprintf("no %s server of %s is known", strings.ToUpper(protocol), s.Provider.Key), "set host")
	case byAddress && s.User != "" && t.lacks("host", "provider"):
		t.fail("user", "no host: the provider is not known from the user's address", "set host or provider")
	}
	return end
}

// first returns the first of keys that is set, else "".
func (t *table) first(keys ...string) string {
	for _, k := range keys {
		if _, ok := t.values[k]; ok {
			return k
		}
	}
	return ""
}

// tlsMode reads tls. The preset's mode belongs to the preset's port.
func (t *table) tlsMode(protocol string, end provider.Endpoint) TLSMode {
	unset := TLSImplicit
	port, given := t.values["port"]
	if end.Host != "" && (!given || port.v == int64(end.Port)) {
		unset = TLSMode(end.TLS)
	}
	if protocol == "lmtp" && t.first("socket") != "" {
		unset = TLSNone
	}
	return choice(t, "tls", unset, TLSImplicit, TLSStart, TLSNone)
}

func defaultPort(protocol string, mode TLSMode, end provider.Endpoint) int {
	if end.Host != "" && TLSMode(end.TLS) == mode {
		return end.Port
	}
	return ports[protocol][mode]
}

// plainPorts speak cleartext at first, by their registration.
var plainPorts = map[int]bool{143: true, 110: true, 587: true}

func (t *table) checkServer(s Server) {
	if s.TLS == TLSImplicit && plainPorts[s.Port] {
		t.fail(t.first("port", "tls"), fmt.Sprintf("port %d does not begin with TLS", s.Port), `tls = "starttls", or leave port out`)
	}
	if s.TLS == TLSNone && !s.AllowCleartext {
		t.checkCleartext(s)
	}
	if sum, err := base64.StdEncoding.DecodeString(s.PinSHA256); s.PinSHA256 != "" && (err != nil || len(sum) != sha256.Size) {
		t.fail("pin_sha256", "pin_sha256 is no SHA-256 in base64", "44 characters, the last one =")
	}
	if s.ClientKey != "" && s.ClientCert == "" {
		t.fail("client_key", "client_key without client_cert", "")
	}
	if s.ClientKey != "" {
		t.checkSecretFile("client_key", s.ClientKey)
	}
	if strings.HasPrefix(s.User, "recent:") {
		t.fail("user", `"recent:" is not part of the user's name`, "recent = true")
	}
}

// checkCleartext refuses to show a password to a network.
func (t *table) checkCleartext(s Server) {
	const hint = `tls = "implicit" or "starttls"; allow_cleartext = true if the way there is safe`
	switch {
	case s.Proxy != nil:
		t.fail("tls", "without TLS the proxy reads the password and the mail", hint)
	case t.first("socket") == "" && !loopback(s.Host):
		t.fail("tls", "without TLS everybody on the way reads the password and the mail", hint)
	}
}

// loopback reports whether host is this machine by its very name: an address
// that a name server gives is none of ours.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host == "localhost"
	}
	return ip == netip.IPv6Loopback() || (ip.Is4() && ip.IsLoopback())
}

func (t *table) checkHost(host string) {
	if host == "" {
		return
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return
	}
	switch {
	case strings.Contains(host, "://") || strings.ContainsAny(host, "/@"):
		t.fail("host", "host is a name, not an address with a path", `"imap.example.com"`)
	case strings.ContainsAny(host, ":[]"):
		t.fail("host", "host is a name without a port", `set port; IPv6 addresses stand without brackets`)
	case strings.ContainsAny(host, " \t,;") || len(host) > 253:
		t.fail("host", "host is no name", "")
	}
}
