package mailconn

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"golang.org/x/net/proxy"

	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// tunnels are the kinds of proxy: each leads raw, a connection to the proxy, on
// to target. Names are always resolved by the proxy, so that nothing is asked
// of the local network.
var tunnels = map[string]func(ctx context.Context, raw net.Conn, target string, auth *proxyAuth) error{
	"socks5":  socks,
	"socks5h": socks,
	"http":    httpConnect,
}

var proxyPorts = map[string]string{"socks5": "1080", "socks5h": "1080", "http": "80"}

type proxyAuth struct{ user, password string }

// proxyAddress is the HOST:PORT of the proxy; never its user or password.
func (d *Dialer) proxyAddress() string {
	port := d.Proxy.Port()
	if port == "" {
		port = proxyPorts[d.Proxy.Scheme]
	}
	return net.JoinHostPort(d.Proxy.Hostname(), port)
}

// ofProxy says of an error that it was the proxy that could not be reached: it reads
// "dial proxy …", which package provider looks for.
func ofProxy(err error) error {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok {
		return err
	}
	named := *op
	named.Net = "proxy"
	return &named
}

// readProxyAuth returns what the proxy is to be told, nil for nothing.
func (d *Dialer) readProxyAuth(ctx context.Context) (*proxyAuth, error) {
	if d.Proxy == nil || d.Proxy.User.Username() == "" {
		return nil, nil
	}
	password, _ := d.Proxy.User.Password()
	if d.ProxyPassword != nil {
		var err error
		if password, err = d.ProxyPassword(ctx); err != nil {
			return nil, fmt.Errorf("password of the proxy: %w", err)
		}
	}
	return &proxyAuth{d.Proxy.User.Username(), password}, nil
}

func (d *Dialer) tunnel(ctx context.Context, raw net.Conn, auth *proxyAuth) error {
	return tunnels[d.Proxy.Scheme](ctx, raw, net.JoinHostPort(d.Host, fmt.Sprint(d.Port)), auth)
}

// socks speaks SOCKS5 (RFC 1928, 1929). The library gets a context that never
// ends: raw is closed from outside, and its own deadlines would only race.
func socks(ctx context.Context, raw net.Conn, target string, auth *proxyAuth) error {
	var up *proxy.Auth
	if auth != nil {
		up = &proxy.Auth{User: auth.user, Password: auth.password}
	}
	dialer, err := proxy.SOCKS5("tcp", raw.RemoteAddr().String(), up, existing{raw})
	if err != nil {
		return err
	}
	_, err = dialer.(proxy.ContextDialer).DialContext(context.WithoutCancel(ctx), "tcp", target)
	return socksRefusal(err)
}

// existing is a dialer that hands over a connection that is there already.
type existing struct{ net.Conn }

func (e existing) Dial(string, string) (net.Conn, error) { return e.Conn, nil }

func (e existing) DialContext(context.Context, string, string) (net.Conn, error) {
	return e.Conn, nil
}

// socksRefusals are the library's words for what a proxy answers, and the step
// of the dialogue that they belong to; all else is a failure of the connection.
var socksRefusals = []struct{ words, command string }{
	{"username/password authentication failed", "AUTH"},
	{"no acceptable authentication methods", "AUTH"},
	{"unknown error ", "CONNECT"},
}

func socksRefusal(err error) error {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok {
		return err
	}
	for _, r := range socksRefusals {
		if text, found := strings.CutPrefix(op.Err.Error(), r.words); found {
			if r.command == "AUTH" {
				text = r.words
			}
			return refusedByProxy(&reply.Error{Protocol: "proxy", Command: r.command, Text: text})
		}
	}
	return op.Err
}

// refusedByProxy gives a refusal its class. A tunnel that the proxy cannot or
// will not make is the network's fault until somebody shows otherwise.
func refusedByProxy(e *reply.Error) error {
	if e.Command == "AUTH" {
		return reply.WithClass(reply.Credentials, e)
	}
	return reply.WithClass(reply.Network, e)
}

// httpHeaderLimit bounds the answer to CONNECT.
const httpHeaderLimit = 16 << 10

// httpConnect asks an HTTP proxy for a tunnel (RFC 9110 9.3.6).
func httpConnect(_ context.Context, raw net.Conn, target string, auth *proxyAuth) error {
	var veil sasl.Veil
	request := "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n"
	if auth != nil {
		pair := base64.StdEncoding.EncodeToString([]byte(auth.user + ":" + auth.password))
		request += "Proxy-Authorization: Basic " + pair + "\r\n"
		veil.Add(auth.password)
		veil.Add(auth.user + ":" + auth.password)
	}
	if _, err := io.WriteString(raw, request+"\r\n"); err != nil {
		return err
	}
	header, err := readHTTPHeader(raw)
	if err != nil {
		return fmt.Errorf("answer to CONNECT: %w", err)
	}
	return connectAnswer(veil.Hide(header))
}

// readHTTPHeader reads octet by octet, so that nothing is taken that comes
// behind: with starttls and none it is the server's greeting, which may arrive
// together with the answer. With implicit TLS the client speaks first, and
// whatever a proxy puts there makes the handshake fail.
func readHTTPHeader(r io.Reader) (string, error) {
	var header strings.Builder
	for one := []byte{0}; header.Len() < httpHeaderLimit; {
		if _, err := io.ReadFull(r, one); err != nil {
			return "", err
		}
		header.WriteByte(one[0])
		if one[0] == '\n' && strings.HasSuffix(header.String(), "\r\n\r\n") {
			return header.String(), nil
		}
	}
	return "", fmt.Errorf("header is longer than %d octets", httpHeaderLimit)
}

// connectAnswer reads the status line; any 2xx opens the tunnel.
func connectAnswer(header string) error {
	line, _, _ := strings.Cut(header, "\r\n")
	version, rest, _ := strings.Cut(line, " ")
	code, text, _ := strings.Cut(rest, " ")
	switch {
	case !strings.HasPrefix(version, "HTTP/1.") || !isStatus(code):
		return fmt.Errorf("does not answer as an HTTP proxy: %q", reply.Clean(line))
	case code[0] == '2':
		return nil
	case code == "407":
		return refusedByProxy(&reply.Error{Protocol: "proxy", Command: "AUTH", Code: code, Text: text})
	}
	return refusedByProxy(&reply.Error{Protocol: "proxy", Command: "CONNECT", Code: code, Text: text})
}

func isStatus(code string) bool {
	return len(code) == 3 && strings.Trim(code, "0123456789") == ""
}
