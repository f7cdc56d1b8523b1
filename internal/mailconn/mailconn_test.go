package mailconn

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailrill/internal/reply"
)

func TestCleartextStaysInThisMachine(t *testing.T) {
	proxy := &url.URL{Scheme: "socks5", Host: "127.0.0.1:1080"}
	for _, c := range []struct {
		d  Dialer
		ok bool
	}{
		{Dialer{Host: "127.0.0.1"}, true},
		{Dialer{Host: "127.8.9.10"}, true},
		{Dialer{Host: "::1"}, true},
		{Dialer{Host: "localhost"}, true},
		{Dialer{Host: "LocalHost"}, true},
		{Dialer{Socket: "/run/dovecot/lmtp"}, true},
		{Dialer{Host: "192.168.1.2"}, false},
		{Dialer{Host: "::2"}, false},
		{Dialer{Host: "0.0.0.0"}, false},
		{Dialer{Host: "127.1"}, false},
		{Dialer{Host: "localhost.evil.example"}, false},
		{Dialer{Host: "imap.example.org"}, false},
		{Dialer{Host: "localhost", Proxy: proxy}, false},
		{Dialer{Host: "127.0.0.1", Proxy: proxy}, false},
		{Dialer{Host: "imap.example.org", AllowCleartext: true}, true},
		{Dialer{Host: "imap.example.org", Proxy: proxy, AllowCleartext: true}, true},
	} {
		c.d.TLS, c.d.Port = None, 143
		_, err := c.d.prepare(t.Context())
		switch {
		case c.ok && err != nil:
			t.Errorf("%v: %v", &c.d, err)
		case !c.ok:
			wantError(t, err, reply.Config, `tls = "none"`)
		}
	}
}

// The rule is Dial's: what it refuses is not even connected to.
func TestDialRefusesCleartextBeforeConnecting(t *testing.T) {
	d := &Dialer{Host: "192.0.2.1", Port: 143, TLS: None, Wrap: func(c net.Conn) net.Conn {
		t.Error("connected")
		return c
	}}
	_, err := d.Dial(t.Context())
	wantError(t, err, reply.Config, "192.0.2.1:143: tls = \"none\" is for this machine only")
}

func TestWrongTargets(t *testing.T) {
	for words, d := range map[string]*Dialer{
		"no host is given":                {Port: 993},
		"port 0 does not exist":           {Host: "localhost"},
		"port 65536 does not exist":       {Host: "localhost", Port: 65536},
		"control character":               {Host: "localhost:1 HTTP/1.1\r\nX: y", Port: 993},
		`no starttls for protocol "http"`: {Host: "localhost", Port: 993, TLS: StartTLS, Protocol: "http"},
		"through a proxy":                 {Socket: "/x", Proxy: &url.URL{Scheme: "http", Host: "x"}},
		`kind "https" is not known`:       {Host: "localhost", Port: 993, Proxy: &url.URL{Scheme: "https", Host: "x"}},
		"proxy has no host":               {Host: "localhost", Port: 993, Proxy: &url.URL{Scheme: "http"}},
	} {
		_, err := d.Dial(t.Context())
		wantError(t, err, reply.Config, words)
	}
}

func TestDefaultsAreTheSafeOnes(t *testing.T) {
	if m := (&Dialer{Host: "x"}).mode(); m != Implicit {
		t.Errorf("mode %q", m)
	}
	if m := (&Dialer{Socket: "/x"}).mode(); m != None {
		t.Errorf("mode of a socket %q", m)
	}
	if s := (&Dialer{}).timeout().String(); s != "2m0s" {
		t.Errorf("timeout %s", s)
	}
}

func TestAddress(t *testing.T) {
	proxy := &url.URL{Scheme: "http", Host: "p:80", User: url.UserPassword("me", "Geheimnis")}
	for want, d := range map[string]*Dialer{
		"imap.example.org:993": {Host: "imap.example.org", Port: 993, Proxy: proxy},
		"[::1]:143":            {Host: "::1", Port: 143},
		"/run/lmtp":            {Socket: "/run/lmtp", Host: "x"},
	} {
		if got := fmt.Sprintf("%v", d); got != want || d.Address() != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lmtp")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, listener, func(_ *peer, c net.Conn) {
		script(c, "S: 220 hi")
		io.Copy(io.Discard, c)
	})
	if got, err := login(t, &Dialer{Protocol: "lmtp", Socket: path}); err != nil || got != "220 hi" {
		t.Errorf("got %q, %v", got, err)
	}
	_, err = login(t, &Dialer{Protocol: "lmtp", Socket: path + "x"})
	wantError(t, err, reply.Network, "no such file")
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	d := &Dialer{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port}
	_, err = d.Dial(t.Context())
	wantError(t, err, reply.Network, d.Address()+": connect: ")
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the cause is lost: %v", err)
	}
}

// Wrap is below TLS: what it sees is no cleartext.
func TestWrapIsBelowTLS(t *testing.T) {
	p := serve(t, overTLS(tlsServer(t)))
	var seen strings.Builder
	d := &Dialer{Host: "localhost", Port: p.port(), Wrap: func(c net.Conn) net.Conn {
		return teeConn{c, io.TeeReader(c, &seen)}
	}}
	if _, err := login(t, d); err != nil {
		t.Fatal(err)
	}
	if seen.Len() == 0 || strings.Contains(seen.String(), "hello") {
		t.Errorf("saw %q", seen.String())
	}
}
