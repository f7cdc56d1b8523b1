package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"mailrill/internal/lang"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
)

// A diagnosis is a cause that no server names: it shows in how a connection
// failed. They are looked at before the server's own words.
type diagnosis struct {
	fits func(ctx context.Context, c *chain, err error) bool
	note provider.Note
}

var diagnoses = []diagnosis{
	{isPortal, provider.NotePortal},
	{isIntercepted, provider.NoteIntercepted},
	{isBlocked, provider.NoteBlockedPort},
}

// diagnose says what err most likely means and what to do.
func (c *chain) diagnose(ctx context.Context, err error) Failure {
	advice := c.advise(err)
	for _, d := range diagnoses {
		if d.fits(ctx, c, err) {
			return Failure{Class: advice.Class, Hint: withIssuer(err, d.note.Text), URL: d.note.URL}
		}
	}
	refusal, ok := errors.AsType[*reply.Error](err)
	login := ok && refusal.Login() && advice.Class == reply.Credentials
	return Failure{Class: advice.Class, Hint: Said{Text: advice.Hint}, URL: advice.URL, Retry: advice.Retry, Login: login}
}

func (c *chain) advise(err error) provider.Advice {
	return provider.Advise(err, provider.Situation{Provider: c.end.Provider.Key, Protocol: c.end.protocol, Shape: c.end.shape})
}

// isPortal: a web server answered, in place of TLS or of a greeting.
func isPortal(_ context.Context, c *chain, err error) bool {
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return isHTTP(string(record.RecordHeader[:]))
	}
	return isHTTP(c.end.greeting)
}

// isIntercepted: the server of a provider, whose certificate everybody's machine
// trusts, shows one that this one does not. Somebody's own server may well have
// an authority of its own: that is the config's matter.
func isIntercepted(_ context.Context, c *chain, err error) bool {
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	return unknown && c.end.Provider.Key != "" && c.end.CAFile == "" && c.end.PinSHA256 == ""
}

// webPort is the port that is open where any is.
const webPort = 443

// isBlocked: nothing answers on the mail port, and the same host does on another.
func isBlocked(ctx context.Context, c *chain, err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	if c.stage() != Connect || c.end.Proxy != nil || c.end.socket != "" || !ok || !timeout.Timeout() {
		return false
	}
	return c.d.reaches(ctx, c.end.Server, webPort)
}

// withIssuer puts who has signed a certificate in front of what that means.
func withIssuer(err error, text lang.Text) Said {
	e, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(e.UnverifiedCertificates) == 0 {
		return Said{Text: text}
	}
	return Said{
		lang.Text{EN: "the certificate was issued by %s; %s", ZH: "证书签发者为 %s；%s"},
		[]any{reply.Clean(strings.TrimSpace(e.UnverifiedCertificates[0].Issuer.String())), Said{Text: text}},
	}
}
