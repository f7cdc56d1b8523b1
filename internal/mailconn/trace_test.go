package mailconn

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"mailrill/internal/reply"
)

// tracing returns a Trace that writes down the order of what it is told.
func tracing(seen *[]string) *Trace {
	note := func(s string) { *seen = append(*seen, s) }
	return &Trace{
		Resolved:  func([]string) { note("resolved") },
		Connected: func(string) { note("connected") },
		Tunnelled: func() { note("tunnelled") },
		Secured:   func(s tls.ConnectionState) { note("secured for " + s.PeerCertificates[0].Issuer.CommonName) },
		Greeted:   func(line string) { note("greeted " + line) },
	}
}

func TestTraceTellsHowFarADialCame(t *testing.T) {
	config := tlsServer(t)
	honest := serve(t, overTLS(config))
	startTLS := serve(t, overTLS(config, "S: * OK outside", "C: T1 STARTTLS", "S: T1 OK begin"))
	plain := serve(t, func(_ *peer, c net.Conn) { script(c, "S: * OK plain", "E: ") })
	web := serve(t, func(_ *peer, c net.Conn) { script(c, "T: ", "S: HTTP/1.1 400 Bad Request") })
	viaProxy := through(startProxy(t, "socks5", honest), "socks5", proxyPass)
	for _, c := range []struct {
		name string
		d    *Dialer
		want []string
	}{
		{"implicit", &Dialer{Host: "localhost", Port: honest.port()}, []string{"resolved", "connected", "secured for System Root", "greeted hello from inside\r"}},
		{"starttls", &Dialer{Protocol: "imap", Host: "localhost", Port: startTLS.port(), TLS: StartTLS}, []string{"resolved", "connected", "greeted * OK outside\r", "secured for System Root"}},
		{"an address", &Dialer{Host: "127.0.0.1", Port: plain.port(), TLS: None}, []string{"connected", "greeted * OK plain\r"}},
		{"proxy", viaProxy, []string{"connected", "tunnelled", "secured for System Root", "greeted hello from inside\r"}},
		{"no TLS", &Dialer{Host: "127.0.0.1", Port: web.port()}, []string{"connected"}},
		{"nobody", &Dialer{Host: "127.0.0.1", Port: closedPort(t)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			c.d.Trace = tracing(&got)
			login(t, c.d)
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// What comes behind the greeting may be anything: a Trace does not see it.
func TestTraceSeesTheGreetingOnly(t *testing.T) {
	long := strings.Repeat("x", 3*greetingLimit)
	p := serve(t, func(_ *peer, c net.Conn) { script(c, "S~ * OK hi\nsecret", "S: "+long, "E: ") })
	var got []string
	if _, err := login(t, &Dialer{Host: "127.0.0.1", Port: p.port(), TLS: None, Trace: tracing(&got)}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"connected", "greeted * OK hi"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	endless := serve(t, func(_ *peer, c net.Conn) { script(c, "S: "+long, "E: ") })
	got = nil
	if _, err := login(t, &Dialer{Host: "127.0.0.1", Port: endless.port(), TLS: None, Trace: tracing(&got)}); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || len(got[1]) != len("greeted ")+greetingLimit {
		t.Errorf("got %.100q", got)
	}
}

// A web server on the port of the mail server can be told by its answer.
func TestAnswerInHTTPStaysInTheChain(t *testing.T) {
	web := serve(t, func(_ *peer, c net.Conn) { script(c, "T: ", "S: HTTP/1.1 400 Bad Request") })
	_, err := login(t, &Dialer{Host: "127.0.0.1", Port: web.port()})
	wantError(t, err, reply.TLS, "does not speak TLS on this port")
	record, ok := errors.AsType[tls.RecordHeaderError](err)
	if !ok || string(record.RecordHeader[:]) != "HTTP/" {
		t.Errorf("%v", err)
	}
}

func TestReaches(t *testing.T) {
	open := serve(t, func(_ *peer, c net.Conn) {})
	d := &Dialer{Host: "127.0.0.1", Port: closedPort(t)}
	if !d.Reaches(t.Context(), open.port()) || d.Reaches(t.Context(), closedPort(t)) {
		t.Error("a port that is open is not told from one that is closed")
	}
}
