package mailconn

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"testing"
	"time"

	"mailrill/internal/reply"
)

// ways are all ways to TLS, and what an honest server says on each before it.
var ways = []struct {
	name     string
	protocol string
	mode     Mode
	honest   []string
	greeting string // that the client is to see
}{
	{"implicit", "imap", Implicit, nil, "hello from inside"},
	{"imap starttls", "imap", StartTLS, []string{"S: * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi", "C: T1 STARTTLS",
		"S: * CAPABILITY INJECTED", "S: T1 OK [CAPABILITY INJECTED] go"}, "* OK ready"},
	{"pop3 starttls", "pop3", StartTLS, []string{"S: +OK hi <1.2@x>", "C: STLS", "S: +OK go"}, "+OK ready"},
	{"smtp starttls", "smtp", StartTLS, []string{"S: 220-welcome", "S: 220 hi", "C: EHLO [127.0.0.1]",
		"S: 250-hi", "S: 250-AUTH PLAIN", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go"}, "220 ready"},
	{"lmtp starttls", "lmtp", StartTLS, []string{"S: 220 hi", "C: LHLO [127.0.0.1]",
		"S: 250 hi", "C: STARTTLS", "S: 220 2.0.0 go"}, "220 ready"},
}

// TestCertificates is the matrix of certificates: whatever is wrong is an error
// in plain words before any octet of a credential is sent, on every way to TLS.
func TestCertificates(t *testing.T) {
	own, stranger := mustAuthority("Own CA"), mustAuthority("Strange CA")
	ownFile := file(t, own.pem)
	edit := func(f func(*x509.Certificate)) tls.Certificate { return own.issue(t, f) }
	good, alone := edit(asItIs), selfSigned(t)
	old := func(from, to uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.MinVersion, c.MaxVersion = from, to }
	}
	for _, c := range []struct {
		name   string
		cert   tls.Certificate
		client func(*Dialer)
		server func(*tls.Config)
		words  string // of the error; "" for success
	}{
		{name: "good", cert: good},
		{name: "good for the system's roots", cert: system.issue(t, asItIs), client: func(d *Dialer) { d.CAFile = "" }},
		{name: "ca_file replaces the system's roots", cert: system.issue(t, asItIs), words: "authority that is not trusted (CN=System Root)"},
		{name: "unknown to the system", cert: good, client: func(d *Dialer) { d.CAFile = "" }, words: "not trusted (CN=Own CA): if the server is your own, set ca_file"},
		{name: "unknown to the CA file", cert: stranger.issue(t, asItIs), words: "not trusted (CN=Strange CA)"},
		{name: "expired", cert: edit(func(c *x509.Certificate) { c.NotAfter = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC) }), words: "expired on 2024-02-29"},
		{name: "not yet valid", cert: edit(func(c *x509.Certificate) { c.NotBefore = time.Date(2098, 1, 1, 0, 0, 0, 0, time.UTC) }), words: "valid from 2098-01-01 on only"},
		{name: "wrong host", cert: edit(func(c *x509.Certificate) { c.DNSNames = []string{"mail.evil.example"} }), words: "is for mail.evil.example, not for localhost"},
		{name: "wildcard of another level", cert: edit(func(c *x509.Certificate) { c.DNSNames = []string{"*.localhost"} }), words: "not for localhost"},
		{name: "no SAN", cert: edit(func(c *x509.Certificate) { c.DNSNames = nil }), words: "no subject alternative name"},
		{name: "NUL in a name", cert: edit(func(c *x509.Certificate) { c.DNSNames = []string{"localhost\x00.evil.example"} }), words: "TLS handshake: "},
		{name: "IP SAN", cert: edit(func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, []net.IP{net.IPv4(127, 0, 0, 1)} }),
			client: func(d *Dialer) { d.Host = "127.0.0.1" }},
		{name: "IP without SAN", cert: good, client: func(d *Dialer) { d.Host = "127.0.0.1" }, words: "not for 127.0.0.1"},
		{name: "self-signed", cert: alone, words: "signed by itself"},
		{name: "not for servers", cert: edit(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), words: "incompatible key usage"},
		{name: "TLS 1.0", cert: good, server: old(tls.VersionTLS10, tls.VersionTLS10), words: "1.2 is the least"},
		{name: "TLS 1.1", cert: good, server: old(tls.VersionTLS10, tls.VersionTLS11), words: "1.2 is the least"},
		{name: "TLS 1.2", cert: good, server: old(tls.VersionTLS12, tls.VersionTLS12)},
		{name: "pin right, for nobody's name", cert: alone, client: func(d *Dialer) { d.Pin, d.Host = pinOf(t, alone), "127.0.0.1" }},
		{name: "pin wrong, chain good", cert: good, client: func(d *Dialer) { d.Pin = pinOf(t, alone) }, words: "not the pinned one"},
	} {
		for _, way := range ways {
			t.Run(c.name+"/"+way.name, func(t *testing.T) {
				config := &tls.Config{Certificates: []tls.Certificate{c.cert}}
				if c.server != nil {
					c.server(config)
				}
				p := serve(t, overTLS(config, way.honest...))
				d := &Dialer{Protocol: way.protocol, Host: "localhost", Port: p.port(), TLS: way.mode, CAFile: ownFile}
				if c.client != nil {
					c.client(d)
				}
				greeting, err := login(t, d)
				raw, plain := p.all()
				if strings.Contains(raw, canary) {
					t.Fatal("the password was sent in the clear")
				}
				if c.words == "" {
					if err != nil || greeting != way.greeting || plain != canary {
						t.Errorf("greeting %q, server got %q: %v", greeting, plain, err)
					}
					return
				}
				wantError(t, err, reply.TLS, c.words)
				if plain != "" {
					t.Errorf("a refused server got %q", plain)
				}
			})
		}
	}
}

func TestServerIsToldTheName(t *testing.T) {
	p := serve(t, overTLS(&tls.Config{Certificates: []tls.Certificate{system.issue(t, asItIs)}}))
	if _, err := login(t, &Dialer{Host: "localhost", Port: p.port()}); err != nil {
		t.Fatal(err)
	}
	if p.all(); p.sni != "localhost" {
		t.Errorf("SNI %q", p.sni)
	}
}

func TestClientCertificate(t *testing.T) {
	own := mustAuthority("Own CA")
	pool := x509.NewCertPool()
	pool.AddCert(own.cert)
	cert, key := keyPairFiles(t, own.issue(t, asItIs))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		p := serve(t, overTLS(&tls.Config{Certificates: []tls.Certificate{own.issue(t, asItIs)},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MaxVersion: version}))
		d := &Dialer{Host: "localhost", Port: p.port(), CAFile: file(t, own.pem), ClientCert: cert, ClientKey: key}
		if _, err := login(t, d); err != nil {
			t.Errorf("%x with a certificate: %v", version, err)
		}
		// In TLS 1.3 the refusal comes behind the client's handshake, with the first Read.
		d.ClientCert = ""
		_, err := login(t, d)
		wantError(t, err, reply.TLS, "the server refused our side of TLS")
	}
}

func TestWrongTLSSettings(t *testing.T) {
	cert, _ := keyPairFiles(t, selfSigned(t))
	for words, d := range map[string]*Dialer{
		"ca_file: open /nonexistent":                {CAFile: "/nonexistent"},
		"holds no certificate in PEM":               {CAFile: file(t, []byte("hello"))},
		"pin_sha256: is no base64 of 32 octets":     {Pin: "AAAA"},
		"pin_sha256: is no base64 of 32 octets\x00": {Pin: "sha256//" + pinOf(t, selfSigned(t))},
		"client_cert: ":                             {ClientCert: cert},
		"client_cert: open /nonexistent":            {ClientCert: "/nonexistent", ClientKey: "/nonexistent"},
		`tls "ssl": it can be implicit`:             {TLS: "ssl"},
	} {
		d.Host, d.Port = "localhost", 1 // nobody listens there: a connection would be another error
		_, err := d.Dial(t.Context())
		wantError(t, err, reply.Config, strings.TrimSuffix(words, "\x00"))
	}
}

// A server without TLS, on a port that tells what its owner meant.
func TestPlainServerOnATLSPort(t *testing.T) {
	for port, hint := range map[int]string{
		143: `: with port 143 tls is "starttls"`, 110: `: with port 110 tls is "starttls"`, 587: `: with port 587 tls is "starttls"`, 993: "", 4711: "",
	} {
		client, server := overTCP()
		go script(server, "S: * OK hello, this is no TLS")
		_, err := establishOn(t, &Dialer{Host: "localhost", Port: port}, client)
		wantError(t, err, reply.TLS, "does not speak TLS on this port"+hint)
		if hint == "" && strings.Contains(err.Error(), "with port") {
			t.Errorf("a hint for nothing: %v", err)
		}
		server.Close()
	}
}

func TestServerThatHangsUpInTheHandshake(t *testing.T) {
	p := serve(t, func(_ *peer, c net.Conn) { c.Read(make([]byte, 1<<12)) })
	_, err := login(t, &Dialer{Host: "localhost", Port: p.port()})
	wantError(t, err, reply.Network, "handshake")
}
