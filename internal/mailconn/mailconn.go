// Package mailconn makes the connections that mail flows over.
//
// Think of it as a pipe fitter: the TCP connection to the server or to a proxy
// is taken once, and then each layer is put on it in turn: the tunnel of the
// proxy, the dialogue that leads to STARTTLS, TLS, and on top a Conn, whose
// deadlines watch progress. Who gets the Conn knows nothing of all this: it
// begins with a greeting, it is as secure as the config demands, it is cut when
// its context ends, and it never hangs for ever.
//
// Nothing here sends a credential of a mailbox. Whatever is wrong with a
// certificate or with STARTTLS is an error of Dial, so no octet of one can
// reach the wrong peer.
package mailconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"mailrill/internal/reply"
)

// Mode says how a connection is protected. The zero Mode is Implicit, or None
// for a unix socket.
type Mode string

// The modes, in the config's words.
const (
	Implicit Mode = "implicit" // TLS from the first octet
	StartTLS Mode = "starttls" // the protocol's STARTTLS or STLS; never continues in the clear
	None     Mode = "none"     // cleartext; see Dialer.AllowCleartext
)

const (
	connectTimeout = 30 * time.Second
	defaultTimeout = 2 * time.Minute
)

// A Dialer makes connections to one server. It may be used by several
// goroutines and reads its files and secrets anew for each connection.
type Dialer struct {
	Protocol string // "imap", "pop3", "smtp" or "lmtp": the dialogue that StartTLS uses
	Host     string // a name or an address; also the name that the certificate must bear
	Port     int
	Socket   string // path of a unix socket, instead of Host and Port

	TLS        Mode
	CAFile     string // PEM; replaces the roots of the system
	Pin        string // base64 SHA-256 of the server's public key (SPKI); stands in for chain and name
	ClientCert string // PEM file of a client certificate
	ClientKey  string // PEM file of its key; "" when ClientCert holds both

	Proxy         *url.URL                              // socks5:// or http://; it resolves Host
	ProxyPassword func(context.Context) (string, error) // instead of one in Proxy

	Timeout        time.Duration // without progress, and for all that Dial does; 0 is 2 minutes
	AllowCleartext bool          // allow None to any host, and through a proxy
	Limit          *Limit        // of the connections at a time; nil: none

	// Wrap, when it is set, is given each TCP or unix connection, below the
	// proxy's tunnel and TLS. It is how tests cut and delay.
	Wrap func(net.Conn) net.Conn
	// Trace, when it is set, is told how far each connection comes.
	Trace *Trace
	// Log, when it is set, gets the dialogue with the server at level debug: its
	// lines without the secrets, and how long the bodies are. It costs time.
	Log *slog.Logger
}

// Address returns HOST:PORT, or the path of the socket, for people.
func (d *Dialer) Address() string {
	if d.Socket != "" {
		return d.Socket
	}
	return net.JoinHostPort(d.Host, strconv.Itoa(d.Port))
}

// String is Address: a Dialer that is printed shows no password of a proxy.
func (d *Dialer) String() string { return d.Address() }

// Dial connects. The connection is cut when ctx ends; it is a *Conn. Errors are
// an *Error: class config for what is refused before connecting, tls for
// certificates, handshakes and STARTTLS, network for the rest, and a refusal of
// the server or the proxy is a *reply.Error in it.
func (d *Dialer) Dial(ctx context.Context) (net.Conn, error) {
	p, err := d.prepare(ctx)
	if err != nil {
		return nil, d.failed(err)
	}
	place, err := d.Limit.enter(ctx)
	if err != nil {
		return nil, d.failed(err)
	}
	setup, cancel := context.WithTimeoutCause(ctx, d.timeout(), noAnswer(d.timeout()))
	defer cancel()
	raw, err := d.connect(setup)
	if err != nil {
		place.leave()
		return nil, d.failed(err)
	}
	conn, err := d.establish(ctx, setup, counted{raw, place}, p)
	if err != nil {
		return nil, d.failed(err)
	}
	conn.place = place
	return conn, nil
}

// prepared is what one connection needs from files and secrets.
type prepared struct {
	tls       *tls.Config // nil for None
	proxyAuth *proxyAuth  // nil without a user name in the proxy's address
}

// prepare finds what is wrong before anything is sent.
func (d *Dialer) prepare(ctx context.Context) (p prepared, err error) {
	if err := d.check(); err != nil {
		return p, reply.WithClass(reply.Config, err)
	}
	if p.tls, err = d.tlsConfig(); err != nil {
		return p, reply.WithClass(reply.Config, err)
	}
	p.proxyAuth, err = d.readProxyAuth(ctx)
	return p, err
}

func (d *Dialer) check() error {
	if err := errors.Join(d.checkTarget(), d.checkProxy()); err != nil {
		return err
	}
	switch d.mode() {
	case Implicit:
		return nil
	case StartTLS:
		if _, spoken := dialogues[d.Protocol]; !spoken {
			return fmt.Errorf("there is no starttls for protocol %q", d.Protocol)
		}
		return nil
	case None:
		return d.checkCleartext()
	}
	return fmt.Errorf("tls %q: it can be implicit, starttls or none", string(d.TLS))
}

func (d *Dialer) checkTarget() error {
	switch {
	case d.Socket != "":
		return nil
	case d.Host == "":
		return errors.New("no host is given")
	case strings.ContainsFunc(d.Host, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return errors.New("the host holds a blank or a control character")
	case d.Port < 1 || d.Port > 65535:
		return fmt.Errorf("port %d does not exist", d.Port)
	}
	return nil
}

func (d *Dialer) checkProxy() error {
	switch {
	case d.Proxy == nil:
		return nil
	case d.Socket != "":
		return errors.New("a unix socket cannot be reached through a proxy")
	case tunnels[d.Proxy.Scheme] == nil:
		return fmt.Errorf("a proxy of kind %q is not known: it can be socks5:// or http://", d.Proxy.Scheme)
	case d.Proxy.Hostname() == "":
		return errors.New("the proxy has no host")
	case d.ProxyPassword != nil && d.Proxy.User.Username() == "":
		return fmt.Errorf("the proxy's password needs a user name: %s://NAME@%s", d.Proxy.Scheme, d.Proxy.Host)
	}
	return nil
}

// checkCleartext keeps passwords and mail off the network: cleartext stays
// inside this machine, unless its owner says otherwise.
func (d *Dialer) checkCleartext() error {
	local := d.Socket != "" || isLoopback(d.Host) && d.Proxy == nil
	if local || d.AllowCleartext {
		return nil
	}
	const hint = `use tls = "implicit" or "starttls"; only allow_cleartext = true permits this`
	if d.Proxy != nil {
		return errors.New(`tls = "none" through a proxy would show the password to everybody on the way: ` + hint)
	}
	return errors.New(`tls = "none" is for this machine only (127.0.0.0/8, ::1, localhost or a unix socket): ` + hint)
}

// isLoopback takes literals and "localhost" only: any other name may resolve to
// this machine today and elsewhere tomorrow.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func (d *Dialer) mode() Mode {
	switch {
	case d.TLS != "":
		return d.TLS
	case d.Socket != "":
		return None
	}
	return Implicit
}

func (d *Dialer) timeout() time.Duration {
	if d.Timeout > 0 {
		return d.Timeout
	}
	return defaultTimeout
}

// connect opens the connection to the server or to the proxy. net.Dialer sets
// keepalive (15 s), which finds a dead peer where no deadline runs.
func (d *Dialer) connect(ctx context.Context) (net.Conn, error) {
	network, address := "tcp", d.Address()
	switch {
	case d.Socket != "":
		network = "unix"
	case d.Proxy != nil:
		address = d.proxyAddress()
	}
	resolving := ctx
	if d.Proxy == nil {
		resolving = d.Trace.resolving(ctx)
	}
	raw, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(resolving, network, address)
	if err != nil {
		if d.Proxy != nil {
			err = ofProxy(err)
		}
		return nil, fmt.Errorf("connect: %w", causeOr(ctx, err))
	}
	d.Trace.connected(raw)
	if d.Wrap != nil {
		raw = d.Wrap(raw)
	}
	return raw, nil
}

// establish puts every layer on raw. The end of setup cuts it, whatever layer
// waits: a silent or dripping peer costs one timeout in all.
func (d *Dialer) establish(ctx, setup context.Context, raw net.Conn, p prepared) (*Conn, error) {
	stop := context.AfterFunc(setup, func() { raw.Close() })
	conn, greeting, err := d.secure(setup, raw, p)
	if !stop() {
		err = errors.Join(err, net.ErrClosed)
	}
	if err != nil {
		raw.Close()
		return nil, d.silence(causeOr(setup, err))
	}
	return newConn(ctx, d, raw, d.listen(conn), greeting), nil
}

// secure returns the connection to the server itself, and the greeting to begin
// it with when its own was spent on STARTTLS.
func (d *Dialer) secure(ctx context.Context, raw net.Conn, p prepared) (conn net.Conn, greeting string, err error) {
	if d.Proxy != nil {
		if err := d.tunnel(ctx, raw, p.proxyAuth); err != nil {
			return nil, "", fmt.Errorf("proxy %s: %w", d.proxyAddress(), err)
		}
		d.Trace.tunnelled()
	}
	if d.mode() == None {
		return d.Trace.greeting(raw), "", nil
	}
	if d.mode() == StartTLS {
		if greeting, err = d.startTLS(d.Trace.greeting(raw)); err != nil {
			return nil, "", err
		}
	}
	if conn, err = d.handshake(ctx, raw, p.tls); err != nil {
		return nil, "", err
	}
	if d.mode() == Implicit {
		conn = d.Trace.greeting(conn)
	}
	return conn, greeting, nil
}

// causeOr returns why ctx ended, when it did: the error of a connection that
// was cut for it says nothing.
func causeOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// silence adds the likeliest reason why a server says nothing: on a port for
// implicit TLS it waits for us to begin.
func (d *Dialer) silence(err error) error {
	if _, silent := errors.AsType[noAnswer](err); silent && d.mode() == StartTLS {
		return fmt.Errorf("%w%s", err, d.portHint())
	}
	return err
}

// portModes are the ports whose kind of TLS is fixed (RFC 8314).
var portModes = map[int]Mode{
	143: StartTLS, 110: StartTLS, 587: StartTLS,
	993: Implicit, 995: Implicit, 465: Implicit,
}

// portHint says that port and mode do not belong together, when they do not.
func (d *Dialer) portHint() string {
	if m, known := portModes[d.Port]; known && m != d.mode() {
		return fmt.Sprintf(": with port %d tls is %q", d.Port, string(m))
	}
	return ""
}
