package mailconn

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"mailrill/internal/reply"
)

// tlsConfig reads what the config names; nil for None.
func (d *Dialer) tlsConfig() (*tls.Config, error) {
	if d.mode() == None {
		return nil, nil
	}
	c := &tls.Config{ServerName: d.Host, MinVersion: tls.VersionTLS12}
	if err := d.addRoots(c); err != nil {
		return nil, err
	}
	if err := d.addPin(c); err != nil {
		return nil, err
	}
	return c, d.addClientCert(c)
}

func (d *Dialer) addRoots(c *tls.Config) error {
	if d.CAFile == "" {
		return nil
	}
	pem, err := os.ReadFile(d.CAFile)
	if err != nil {
		return fmt.Errorf("ca_file: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("ca_file %s: holds no certificate in PEM", d.CAFile)
	}
	return nil
}

// addPin replaces the checks of chain and name by that of the key.
func (d *Dialer) addPin(c *tls.Config) error {
	if d.Pin == "" {
		return nil
	}
	pin, err := base64.StdEncoding.DecodeString(d.Pin)
	if err != nil || len(pin) != sha256.Size {
		return errors.New("pin_sha256: is no base64 of 32 octets")
	}
	c.InsecureSkipVerify = true // VerifyConnection below verifies
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if got := sha256.Sum256(s.PeerCertificates[0].RawSubjectPublicKeyInfo); string(got[:]) != string(pin) {
			return fmt.Errorf("the server's key is not the pinned one; it has pin_sha256 = %q",
				base64.StdEncoding.EncodeToString(got[:]))
		}
		return nil
	}
	return nil
}

func (d *Dialer) addClientCert(c *tls.Config) error {
	if d.ClientCert == "" {
		return nil
	}
	key := d.ClientKey
	if key == "" {
		key = d.ClientCert
	}
	cert, err := tls.LoadX509KeyPair(d.ClientCert, key)
	if err != nil {
		return fmt.Errorf("client_cert: %w", err)
	}
	c.Certificates = []tls.Certificate{cert}
	return nil
}

// handshake puts TLS on raw. ctx bounds it.
func (d *Dialer) handshake(ctx context.Context, raw net.Conn, c *tls.Config) (net.Conn, error) {
	conn := tls.Client(&records{Conn: raw}, c)
	err := conn.HandshakeContext(ctx)
	if err == nil {
		d.Trace.secured(conn.ConnectionState())
		return conn, nil
	}
	if _, plain := errors.AsType[tls.RecordHeaderError](err); plain {
		return nil, reply.WithClass(reply.TLS, &explained{d.notTLS(), err})
	}
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the server closed the connection during the TLS handshake: %w", err)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || isOS(err) {
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return nil, reply.WithClass(reply.TLS, fmt.Errorf("TLS handshake: %w", explainTLS(err)))
}

// notTLS says why something that is no TLS came.
func (d *Dialer) notTLS() string {
	if d.mode() == StartTLS {
		return "the server agreed to STARTTLS, but what came then is no TLS"
	}
	return "the server does not speak TLS on this port" + d.portHint()
}

// isOS reports whether err came from the connection below TLS.
func isOS(err error) bool {
	_, isSyscall := errors.AsType[*os.SyscallError](err)
	return isSyscall || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, os.ErrDeadlineExceeded)
}

// explainTLS says in plain words what is wrong with a certificate, or what the
// peer refused; other errors stay as they are.
func explainTLS(err error) error {
	for _, explain := range explanations {
		if words := explain(err); words != "" {
			return reply.WithClass(reply.TLS, &explained{words, err})
		}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return reply.WithClass(reply.TLS, fmt.Errorf("the server refused our side of TLS: %w", op.Err))
	}
	return err
}

// explained is an error in plain words; the library's own stays in the chain.
type explained struct {
	words string
	err   error
}

func (e *explained) Error() string { return e.words }
func (e *explained) Unwrap() error { return e.err }

var explanations = []func(error) string{explainVersion, explainDates, explainName, explainIssuer}

// explainVersion knows an old server by the library's words, for its answer and
// for its alert; they have no type.
func explainVersion(err error) string {
	if strings.Contains(err.Error(), "protocol version") {
		return "the server speaks TLS 1.1 or older only; 1.2 is the least"
	}
	return ""
}

func explainDates(err error) string {
	e, ok := errors.AsType[x509.CertificateInvalidError](err)
	if !ok || e.Reason != x509.Expired {
		return ""
	}
	if now := time.Now(); now.Before(e.Cert.NotBefore) {
		return fmt.Sprintf("the server's certificate is valid from %s on only, and it is %s here: is this machine's clock right?",
			day(e.Cert.NotBefore), day(now))
	}
	return fmt.Sprintf("the server's certificate expired on %s", day(e.Cert.NotAfter))
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func explainName(err error) string {
	e, ok := errors.AsType[x509.HostnameError](err)
	if !ok {
		return ""
	}
	return fmt.Sprintf("the server's certificate is for %s, not for %s", namesOf(e.Certificate), e.Host)
}

// namesOf lists the names that a certificate is for; its common name is none.
func namesOf(c *x509.Certificate) string {
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	const most = 5
	switch {
	case len(names) == 0:
		return "no host at all (it has no subject alternative name)"
	case len(names) > most:
		names = append(names[:most:most], "…")
	}
	return reply.Clean(strings.Join(names, ", "))
}

func explainIssuer(err error) string {
	e, ok := errors.AsType[x509.UnknownAuthorityError](err)
	if !ok {
		return ""
	}
	const hint = "if the server is your own, set ca_file or pin_sha256"
	if e.Cert != nil && e.Cert.Issuer.String() == e.Cert.Subject.String() {
		return "the server's certificate is signed by itself or by an authority that is not trusted: " + hint
	}
	issuer := ""
	if e.Cert != nil {
		issuer = " (" + reply.Clean(e.Cert.Issuer.String()) + ")"
	}
	return "the server's certificate is signed by an authority that is not trusted" + issuer + ": " + hint
}
