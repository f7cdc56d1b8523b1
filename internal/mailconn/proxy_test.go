package mailconn

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"mailrill/internal/reply"
)

const (
	proxyUser = "me"
	proxyPass = "Proxy-Geheimnis-4712"
)

// A testProxy takes proxyUser and proxyPass, notes where clients want to go, and
// brings them to target, whatever name they give.
type testProxy struct {
	*peer
	wanted []string
}

func startProxy(t *testing.T, scheme string, target *peer) *testProxy {
	t.Helper()
	p := &testProxy{}
	accept := map[string]func(net.Conn) (string, bool){"socks5": acceptSOCKS, "http": acceptHTTP}[scheme]
	p.peer = serve(t, func(_ *peer, c net.Conn) {
		wanted, ok := accept(c)
		if !ok {
			return
		}
		p.mu.Lock()
		p.wanted = append(p.wanted, wanted)
		p.mu.Unlock()
		splice(c, target)
	})
	return p
}

func splice(c net.Conn, target *peer) {
	up, err := net.Dial("tcp", target.listener.Addr().String())
	if err != nil {
		return
	}
	defer up.Close()
	go func() {
		io.Copy(c, up)
		c.Close()
	}()
	io.Copy(up, c)
}

// acceptSOCKS speaks RFC 1928 with user and password (RFC 1929).
func acceptSOCKS(c net.Conn) (wanted string, ok bool) {
	read := func(n int) []byte {
		b := make([]byte, n)
		io.ReadFull(c, b)
		return b
	}
	read(int(read(2)[1]))
	c.Write([]byte{5, 2})
	user := string(read(int(read(2)[1])))
	pass := string(read(int(read(1)[0])))
	if user != proxyUser || pass != proxyPass {
		c.Write([]byte{1, 1})
		return "", false
	}
	c.Write([]byte{1, 0})
	request := read(4)
	if request[3] != 3 {
		c.Write([]byte{5, 8, 0, 1, 0, 0, 0, 0, 0, 0}) // no name: not what is to arrive here
		return "", false
	}
	name := string(read(int(read(1)[0])))
	port := read(2)
	code := byte(0)
	if name == "refused.example.org" {
		code = 5
	}
	c.Write([]byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0})
	return net.JoinHostPort(name, strconv.Itoa(int(port[0])<<8|int(port[1]))), code == 0
}

func acceptHTTP(c net.Conn) (wanted string, ok bool) {
	request, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil || request.Method != "CONNECT" {
		return "", false
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(proxyUser+":"+proxyPass))
	switch {
	case request.Header.Get("Proxy-Authorization") != want:
		script(c, "S: HTTP/1.1 407 Proxy Authentication Required", "S: Content-Length: 0", "S: ")
		return "", false
	case strings.HasPrefix(request.Host, "refused."):
		script(c, "S: HTTP/1.1 502 no way there", "S: ")
		return "", false
	}
	script(c, "S: HTTP/1.0 200 Connection established", "S: Via: x", "S: ")
	return request.Host, true
}

// through is a dialer to imap.example.org, a name that only the proxy knows.
func through(p *testProxy, scheme, password string) *Dialer {
	return &Dialer{Protocol: "imap", Host: "imap.example.org", Port: 993,
		Proxy:         &url.URL{Scheme: scheme, Host: p.listener.Addr().String(), User: url.User(proxyUser)},
		ProxyPassword: func(context.Context) (string, error) { return password, nil }}
}

func tlsServer(t testing.TB) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{system.issue(t, asItIs)}}
}

func TestProxyGetsTheNameAndTheServerTheRest(t *testing.T) {
	for _, scheme := range []string{"socks5", "http"} {
		for _, way := range ways {
			t.Run(scheme+" "+way.name, func(t *testing.T) {
				server := serve(t, overTLS(tlsServer(t), way.honest...))
				p := startProxy(t, scheme, server)
				d := through(p, scheme, proxyPass)
				d.Protocol, d.TLS = way.protocol, way.mode
				if got, err := login(t, d); err != nil || got != way.greeting {
					t.Fatalf("got %q, %v", got, err)
				}
				raw, _ := p.all()
				if len(p.wanted) != 1 || p.wanted[0] != "imap.example.org:993" {
					t.Errorf("the proxy was asked for %q", p.wanted)
				}
				if _, plain := server.all(); plain != canary || strings.Contains(raw, canary) {
					t.Errorf("the server got %q", plain)
				}
			})
		}
	}
}

func TestProxyRefusals(t *testing.T) {
	nobody := serve(t, func(*peer, net.Conn) {})
	for _, c := range []struct {
		scheme, host, password string
		class                  reply.Class
		words                  string
	}{
		{"socks5", "imap.example.org", "Falsch-4713", reply.Credentials, "proxy AUTH refused: username/password authentication failed"},
		{"http", "imap.example.org", "Falsch-4713", reply.Credentials, "proxy AUTH refused: [407] Proxy Authentication Required"},
		{"socks5", "refused.example.org", proxyPass, reply.Network, "proxy CONNECT refused: connection refused"},
		{"http", "refused.example.org", proxyPass, reply.Network, "proxy CONNECT refused: [502] no way there"},
	} {
		t.Run(c.scheme+" "+c.words, func(t *testing.T) {
			p := startProxy(t, c.scheme, nobody)
			d := through(p, c.scheme, c.password)
			d.Host = c.host
			_, err := d.Dial(t.Context())
			wantError(t, err, c.class, c.words)
			wantError(t, err, c.class, c.host+":993: proxy "+p.listener.Addr().String())
			if r, ok := errors.AsType[*reply.Error](err); !ok || r.Protocol != "proxy" {
				t.Errorf("no refusal by a proxy: %#v", err)
			}
			if strings.Contains(err.Error(), c.password) {
				t.Errorf("the password of the proxy is shown: %v", err)
			}
		})
	}
}

func TestPasswordInTheAddressOfTheProxy(t *testing.T) {
	for _, scheme := range []string{"socks5", "http"} {
		p := startProxy(t, scheme, serve(t, overTLS(tlsServer(t))))
		d := through(p, scheme, "")
		d.Proxy.User, d.ProxyPassword = url.UserPassword(proxyUser, proxyPass), nil
		if _, err := login(t, d); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		d.Proxy.Host = "127.0.0.1:1" // nobody there
		if _, err := login(t, d); err == nil || strings.Contains(err.Error(), proxyPass) {
			t.Errorf("%s: error %v", scheme, err)
		}
	}
}

func TestSecretOfTheProxyThatCannotBeRead(t *testing.T) {
	d := &Dialer{Host: "x", Port: 993, Proxy: &url.URL{Scheme: "socks5", Host: "127.0.0.1:1", User: url.User("me")},
		ProxyPassword: func(context.Context) (string, error) {
			return "", reply.WithClass(reply.Config, errors.New("no file"))
		}}
	_, err := d.Dial(t.Context())
	wantError(t, err, reply.Config, "x:993: password of the proxy: no file")
	d.Proxy.User = nil
	_, err = d.Dial(t.Context())
	wantError(t, err, reply.Config, "needs a user name: socks5://NAME@127.0.0.1:1")
}

func TestProxyThatIsNone(t *testing.T) {
	for _, c := range []struct {
		name, scheme string
		lines        []string
		class        reply.Class
		words        string
	}{
		{"SSH", "http", []string{"S: SSH-2.0-x", "S: "}, reply.Network, "does not answer as an HTTP proxy"},
		{"bad code", "http", []string{"S: HTTP/1.1 2x0 OK", "S: "}, reply.Network, "does not answer as an HTTP proxy"},
		{"endless header", "http", []string{"S: HTTP/1.1 200 OK", "S: X: " + strings.Repeat("x", httpHeaderLimit)}, reply.Network, "longer than 16384"},
		{"hung up", "http", []string{"S: HTTP/1.1 200 OK"}, reply.Network, "answer to CONNECT: EOF"},
		{"octets behind the answer", "http", []string{"S: HTTP/1.1 200 OK", "S: ", "S: * OK [CAPABILITY INJECTED] hi", "E: "}, reply.TLS, "does not speak TLS"},
		{"escape codes", "http", []string{"S: HTTP/1.1 403 \x1b[2Jno", "S: "}, reply.Network, "[403] ?[2Jno"},
		{"HTTP", "socks5", []string{"S: HTTP/1.1 400 Bad Request", "S: "}, reply.Network, "unexpected protocol version 72"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &Dialer{Host: "imap.example.org", Port: 993, Proxy: &url.URL{Scheme: c.scheme, Host: "proxy.example.org"}}
			_, err := against(t, d, overTCP, func(server net.Conn) {
				if c.scheme == "http" {
					script(server, "C: CONNECT imap.example.org:993 HTTP/1.1", "C: Host: imap.example.org:993", "C: ")
				} else {
					io.ReadFull(server, make([]byte, 3))
				}
				script(server, c.lines...)
			})
			wantError(t, err, c.class, c.words)
		})
	}
}

// The server's greeting may come in one piece with the proxy's answer.
func TestGreetingTogetherWithTheAnswerToConnect(t *testing.T) {
	d := &Dialer{Protocol: "imap", Host: "imap.example.org", Port: 143, TLS: None, AllowCleartext: true,
		Proxy: &url.URL{Scheme: "http", Host: "proxy.example.org"}}
	client, server := overTCP()
	defer server.Close()
	go script(server, "C: CONNECT imap.example.org:143 HTTP/1.1", "C: Host: imap.example.org:143", "C: ",
		"S~ HTTP/1.1 200 OK\r\n\r\n* OK hi\r\n")
	conn, err := establishOn(t, d, client)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got, err := readLine(conn); err != nil || got != "* OK hi" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSilentProxy(t *testing.T) {
	for _, scheme := range []string{"socks5", "http"} {
		synctest.Test(t, func(t *testing.T) {
			d := &Dialer{Host: "imap.example.org", Port: 993, Proxy: &url.URL{Scheme: scheme, Host: "proxy.example.org"}}
			_, err := against(t, d, net.Pipe, func(server net.Conn) { io.Copy(io.Discard, server) })
			wantError(t, err, reply.Network, "no answer within 2m0s")
		})
	}
}

func TestPortsOfProxies(t *testing.T) {
	for in, want := range map[string]string{
		"socks5://p": "p:1080", "socks5h://p": "p:1080", "http://p": "p:80", "http://p:3128": "p:3128", "socks5://[::1]": "[::1]:1080",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&Dialer{Proxy: u}).proxyAddress(); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

// A proxy that is not there is named as one: its address alone would be taken for the
// server's.
func TestProxyThatIsNotThere(t *testing.T) {
	d := &Dialer{Host: "imap.example.org", Port: 993, Proxy: &url.URL{Scheme: "socks5", Host: fmt.Sprint("127.0.0.1:", closedPort(t))}}
	_, err := d.Dial(t.Context())
	if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" || op.Net != "proxy" || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("error %v", err)
	}
	if want := "imap.example.org:993: connect: dial proxy 127.0.0.1:"; err == nil || !strings.HasPrefix(err.Error(), want) || reply.ClassOf(err) != reply.Network {
		t.Errorf("error %v, want one that begins with %q", err, want)
	}
}
