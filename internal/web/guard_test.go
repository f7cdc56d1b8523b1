package web

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailrill/internal/config"
)

// TestAllowed holds the names by which the server may be asked.
func TestAllowed(t *testing.T) {
	web := config.Web{Listen: "Mail.Example.net:8025", Hosts: []string{"proxy.example.net", "10.0.0.7", "FD00::1"}}
	reached := &net.TCPAddr{IP: net.ParseIP("192.168.1.5"), Port: 8025}
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:8025": true, "127.9.9.9:1": true, "[::1]": true, "[::1]:8025": true, "[::ffff:127.0.0.1]:80": true,
		"localhost": true, "LOCALHOST:8025": true, "localhost.": true,
		"mail.example.net": true, "mail.example.net:443": true, "proxy.example.net": true, "proxy.example.net.": true,
		"10.0.0.7:8025": true, "[fd00::1]:8025": true, "[fd00:0::1]": true,
		"192.168.1.5:8025": true,
		"192.168.1.6:8025": false, "10.0.0.8": false, "0.0.0.0": false, "[::]": false,
		"evil.example": false, "evil.example:8025": false, "127.0.0.1.evil.example": false, "localhost.evil.example": false, "evil.localhost": false,
		"xmail.example.net": false, "example.net": false, "": false, ":8025": false, ".": false,
		"localhost:evil": false, "localhost:80:80": false, "evil.example@localhost": false, "localhost/": false, "[localhost]": false, "[::1": false, "2130706433": false, "0x7f.1": false, "127.1": false,
	} {
		if got := allowed(host, reached, web); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
	if allowed("192.168.1.5", &net.UnixAddr{Name: "/run/web.sock"}, config.Web{Listen: "/run/web.sock"}) || allowed("0.0.0.0", nil, config.Web{Listen: "127.0.0.1:1"}) {
		t.Error("an address that nobody came to")
	}
}

// Whatever is asked: three pages, of two kinds of requests, and nothing that came
// in goes out again.
func TestHostileRequests(t *testing.T) {
	s := open(t, here)
	const own = "Host: localhost\r\n"
	for _, c := range []struct{ request, status string }{
		{"GET / HTTP/1.1\r\n" + own + "\r\n", "200"},
		{"HEAD /metrics HTTP/1.1\r\n" + own + "\r\n", "200"},
		{"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421"},
		{"GET /metrics HTTP/1.1\r\nHost: <script>\r\n\r\n", "4"},
		{"GET /metrics HTTP/1.0\r\n\r\n", "421"},
		{"GET /metrics HTTP/1.1\r\n\r\n", "400"},
		{"GET http://evil.example/metrics HTTP/1.1\r\n" + own + "\r\n", "421"},
		{"GET /metrics HTTP/1.1\r\n" + own + "Host: evil.example\r\n\r\n", "400"},
		{"POST /metrics HTTP/1.1\r\n" + own + "Content-Length: 0\r\n\r\n", "405"},
		{"OPTIONS * HTTP/1.1\r\n" + own + "\r\n", "4"},
		{"OPTIONS /metrics HTTP/1.1\r\n" + own + "Origin: http://evil.example\r\nAccess-Control-Request-Method: GET\r\n\r\n", "405"},
		{"CONNECT localhost:25 HTTP/1.1\r\n" + own + "\r\n", "4"},
		{"TRACE / HTTP/1.1\r\n" + own + "Secret: canary\r\n\r\n", "405"},
		{"GET /metrics HTTP/1.1\r\n" + own + "Content-Length: 5\r\n\r\nhello", "413"},
		{"GET /metrics HTTP/1.1\r\n" + own + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "413"},
		{"GET //metrics HTTP/1.1\r\n" + own + "\r\n", "404"},
		{"GET /metrics/ HTTP/1.1\r\n" + own + "\r\n", "404"},
		{"GET /../../etc/passwd HTTP/1.1\r\n" + own + "\r\n", "404"},
		{"GET /debug/pprof/?canary HTTP/1.1\r\n" + own + "\r\n", "404"},
		{"GET /canary%0d%0aSet-Cookie:x HTTP/1.1\r\n" + own + "\r\n", "404"},
		{"GET / HTTP/1.1\r\n" + own + "X: " + strings.Repeat("canary", 5000) + "\r\n\r\n", "431"},
		{"GET /" + strings.Repeat("canary", 5000) + " HTTP/1.1\r\n" + own + "\r\n", "4"},
		{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03canary\r\n\r\n", "400"},
		{"EHLO canary\r\n\r\n", "400"},
	} {
		got := s.raw(t, c.request)
		_, status, _ := strings.Cut(got, " ")
		if !strings.HasPrefix(status, c.status) || strings.Contains(got, "canary") || strings.Contains(got, "evil") || strings.Contains(got, "script") || strings.Contains(got, "Access-Control") {
			t.Errorf("%.80q: %q", c.request, got)
		}
	}
	if got := s.raw(t, "HEAD /metrics HTTP/1.1\r\n"+own+"\r\n"); !strings.HasSuffix(got, "\r\n\r\n") {
		t.Errorf("HEAD has a body: %q", got)
	}
}

// Each answer says that nobody else may use it, also one that refuses.
func TestSecurityHeaders(t *testing.T) {
	s := open(t, here)
	for _, path := range []string{"/", "/metrics", "/healthz", "/none"} {
		for _, host := range []string{"localhost", "evil.example"} {
			r := s.get(t, path, host)
			for name, value := range headers {
				if r.Header.Get(name) != value {
					t.Errorf("%s of %s: %s is %q", path, host, name, r.Header.Get(name))
				}
			}
			if !r.Close {
				t.Errorf("%s of %s: the connection goes on", path, host)
			}
		}
	}
}

// Who says nothing, or says it slowly, is cut off, is one of a few at a time, and
// keeps nobody else away for longer.
func TestSlowloris(t *testing.T) {
	const dialled = 5 * connections
	var alive, most atomic.Int64
	s := open(t, here, func(s *Server) {
		if s.http.ReadHeaderTimeout != headerTime || s.http.ReadTimeout != headerTime || s.http.WriteTimeout != answerTime {
			t.Error("no timeouts")
		}
		s.http.ReadHeaderTimeout, s.http.ReadTimeout = 50*time.Millisecond, 50*time.Millisecond
		s.http.ConnState = func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				most.Store(max(most.Load(), alive.Add(1)))
			case http.StateClosed:
				alive.Add(-1)
			}
		}
	})
	for range dialled {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: loc")
	}
	if r := s.get(t, "/healthz", "localhost"); r.StatusCode != http.StatusOK {
		t.Errorf("status %d", r.StatusCode)
	}
	if n := most.Load(); n > 2*connections { // those that end are counted until they have
		t.Errorf("%d connections at a time", n)
	}
}
