package mailconn

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"time"
)

// A Trace is told how far a connection comes, for those who have to say where it
// failed. Its functions are called in this order (with StartTLS, Greeted comes
// before Secured), the last ones on the goroutine that reads; any may be nil. They
// see nothing that is sent, and nothing that comes behind the greeting.
type Trace struct {
	// Resolved: the host's name has these addresses. It is not called for an
	// address, and not where a proxy resolves the name.
	Resolved func(addrs []string)
	// Connected: there is a connection to the server, the proxy or the socket.
	Connected func(to string)
	// Tunnelled: the proxy has led it on to the server.
	Tunnelled func()
	// Secured: TLS stands and the peer was verified.
	Secured func(tls.ConnectionState)
	// Greeted: the first line that the server sent, as it came, up to its end or
	// greetingLimit.
	Greeted func(line string)
}

// greetingLimit is how many octets of a greeting a Trace is told.
const greetingLimit = 1 << 10

// resolving has the resolver tell t what it found.
func (t *Trace) resolving(ctx context.Context) context.Context {
	if t == nil || t.Resolved == nil {
		return ctx
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{DNSDone: func(found httptrace.DNSDoneInfo) {
		if found.Err != nil {
			return
		}
		var addrs []string
		for _, a := range found.Addrs {
			addrs = append(addrs, a.String())
		}
		t.Resolved(addrs)
	}})
}

func (t *Trace) connected(conn net.Conn) {
	if t != nil && t.Connected != nil {
		t.Connected(conn.RemoteAddr().String())
	}
}

func (t *Trace) tunnelled() {
	if t != nil && t.Tunnelled != nil {
		t.Tunnelled()
	}
}

func (t *Trace) secured(s tls.ConnectionState) {
	if t != nil && t.Secured != nil {
		t.Secured(s)
	}
}

// greeting returns conn, and has t told of the first line that is read from it.
func (t *Trace) greeting(conn net.Conn) net.Conn {
	if t == nil || t.Greeted == nil {
		return conn
	}
	return &greeted{Conn: conn, tell: t.Greeted}
}

// A greeted connection tells its first line. Read is used by one goroutine.
type greeted struct {
	net.Conn
	tell func(string) // nil once it was told
	line []byte
}

func (g *greeted) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	for _, c := range p[:n] {
		if g.tell == nil {
			break
		}
		if c == '\n' || len(g.line) == greetingLimit {
			g.tell(string(g.line))
			g.tell, g.line = nil, nil
			break
		}
		g.line = append(g.line, c)
	}
	return n, err
}

// Reaches reports whether the host takes connections on another port, which is
// closed again at once. It asks without the proxy.
func (d *Dialer) Reaches(ctx context.Context, port int) bool {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	conn, err := (&Dialer{Host: d.Host, Port: port, Wrap: d.Wrap}).connect(ctx)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// reachTimeout is enough for a packet that is sent again twice.
const reachTimeout = 10 * time.Second
