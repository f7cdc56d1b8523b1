package provider

import (
	"cmp"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"mailrill/internal/reply"
)

// A Situation is what is known of an error beside its own words. Its zero value
// knows nothing.
type Situation struct {
	Provider string // key of a preset
	Protocol string // "imap", "pop3", "smtp" or "lmtp"
	Shape    Shape  // of the secret that was shown
}

// A Shape is what a secret looks like. From it one of two causes of the same
// refusal can be told: a secret of another kind, or one that has ended.
type Shape int

// The shapes.
const (
	ShapeUnknown Shape = iota
	Letters            // 16 ASCII letters: an app password of Google, an authorization code of QQ
	Other              // anything else that people type
	Token              // an access token of OAuth
)

// evidence is an error and its situation, prepared for the comparison with rows.
type evidence struct {
	key, protocol, command string
	codes                  []string
	text                   string
	shape                  Shape
	fault                  fault
	class                  reply.Class
}

func examine(err error, s Situation) evidence {
	e := evidence{key: s.Provider, protocol: s.Protocol, shape: s.Shape, fault: faultOf(err), class: reply.ClassOf(err), text: err.Error()}
	if r, ok := errors.AsType[*reply.Error](err); ok {
		// Neither a proxy's refusal nor that of a token endpoint is the mail server's.
		e.protocol = cmp.Or(r.Protocol, s.Protocol)
		e.command = r.Command
		e.codes = []string{strings.ToUpper(r.Code), r.Enhanced}
		e.text = r.Text
	}
	// The lines of an SMTP reply are one text (RFC 5321 4.2.1).
	e.text = strings.ToLower(strings.Join(strings.Fields(e.text), " "))
	return e
}

// A fault is what happened before a server said anything, told by the error's
// type: its words differ from system to system.
type fault int

const (
	noFault   fault = iota
	unreached       // no answer to the attempt to connect
	nameless        // the host's name does not exist
	untrusted       // a certificate of an unknown authority
	misnamed        // a certificate for another name
	proxyAway       // no connection to the proxy: nothing was asked of the server
)

func faultOf(err error) fault {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return untrusted
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return misnamed
	}
	dial, dialled := errors.AsType[*net.OpError](err)
	dialled = dialled && dial.Op == "dial"
	if dialled && dial.Net == "proxy" { // as mailconn calls it
		return proxyAway
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return nameless
	}
	if dialled && dial.Timeout() {
		return unreached
	}
	return noFault
}
