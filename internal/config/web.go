package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Web is the page with metrics and health.
type Web struct {
	Listen         string        // HOST:PORT or the absolute path of a unix socket; "": off
	AllowRemote    bool          // Listen may be an address that other machines can reach
	Hosts          []string      // further names that it may be asked for by
	UnhealthyAfter time.Duration // an account that has failed for longer makes /healthz say so; 0: none does
}

// unhealthyAfter is that of a Web that says nothing.
const unhealthyAfter = 24 * time.Hour

// web reads [web].
func (t *table) web() Web {
	w := Web{AllowRemote: t.boolean("allow_remote", false), Hosts: t.hosts(), UnhealthyAfter: t.unhealthyAfter()}
	w.Listen = t.listen(w.AllowRemote)
	return w
}

// listen reads HOST:PORT or the path of a socket. What others can reach is
// opened only where it is plainly asked for: nobody who asks has to log in.
func (t *table) listen(remote bool) string {
	s := t.str("listen", "")
	host, port, err := net.SplitHostPort(s)
	_, portErr := strconv.ParseUint(port, 10, 16)
	switch {
	case s == "":
		return ""
	case strings.HasPrefix(s, "/"), strings.HasPrefix(s, "~/"), strings.HasPrefix(s, "./"):
		return absolute(t.dir("listen"), s)
	case err != nil, portErr != nil, host == "":
		t.fail("listen", "listen must be HOST:PORT or the path of a unix socket", `"127.0.0.1:8025"`)
	case !remote && !isLoopback(host):
		t.fail("listen", "listen is an address that other machines can reach, and nobody has to log in there",
			`"127.0.0.1:8025"; or allow_remote = true, where a firewall decides who may ask`)
	}
	return s
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

// hosts reads names as a Host header has them, without a port.
func (t *table) hosts() []string {
	names := t.strings("hosts", nil)
	for _, name := range names {
		if _, err := netip.ParseAddr(name); err != nil && strings.ContainsAny(name, ":/*@[] ") {
			t.fail("hosts", "hosts must hold names or addresses alone, without scheme and port", `["mail.example.net"]`)
		}
	}
	return names
}

// unhealthyAfter reads a duration, or "never".
func (t *table) unhealthyAfter() time.Duration {
	if s, _ := t.values["unhealthy_after"].v.(string); s == "never" {
		t.has("unhealthy_after")
		return 0
	}
	return t.duration("unhealthy_after", unhealthyAfter, time.Minute, 366*24*time.Hour)
}
