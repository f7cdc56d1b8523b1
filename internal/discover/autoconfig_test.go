package discover

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailrill/internal/mailconn"
	"mailrill/internal/mailtest"
)

// What a file may name, and what is left out of it.
func TestEntries(t *testing.T) {
	for _, c := range []struct {
		entry string
		want  []string
	}{
		{imapAt("imap.example.org"), []string{"imap imap.example.org:993"}},
		{entry("imap", " imap.example.org\n", " 993 ", " SSL ", "\n%EMAILADDRESS%\n"), []string{"imap imap.example.org:993"}},
		{entry("imap", "imap.%EMAILDOMAIN%", "993", "SSL", ""), []string{"imap imap.example.org:993"}},
		{entry("imap", "imap.example.org", "143", "STARTTLS", ""), nil},
		{entry("imap", "imap.example.org", "143", "plain", ""), nil},
		{entry("imap", "imap.example.org", "993", "STARTTLS", ""), nil},
		{entry("imap", "imap.example.org", "993", "plain", ""), nil},
		{entry("imap", "imap.example.org", "993", "", ""), nil},
		{entry("imap", "imap.example.org", "143", "SSL", ""), nil},
		{entry("pop3", "imap.example.org", "110", "SSL", ""), nil},
		{entry("imap", "imap.example.org", "0", "SSL", ""), nil},
		{entry("imap", "imap.example.org", "99999", "SSL", ""), nil},
		{entry("imap", "imap.example.org", "-1", "SSL", ""), nil},
		{entry("imap", "imap.example.org", "", "SSL", ""), nil},
		{entry("exchange", "imap.example.org", "993", "SSL", ""), nil},
		{entry("imap", "imap.example.org", "993", "SSL", "shared-user"), nil},
		{imapAt("127.0.0.1"), nil},
		{imapAt("[::1]"), nil},
		{imapAt("localhost"), nil},
		{imapAt("me:pass@imap.example.org"), nil},
		{imapAt("imap.example.org:993"), nil},
		{imapAt("imap.example.org/x"), nil},
		{imapAt("%EMAILLOCALPART%.example.org"), nil},
		{imapAt("imap.exa&#10;mple.org"), nil},
		{imapAt(""), nil},
	} {
		got, err := find(t, &web{pages: map[string]string{ownFile: config(c.entry)}}, &dns{})
		if err != nil || !slices.Equal(show(got), c.want) {
			t.Errorf("%s: %v, %v", c.entry, show(got), err)
		}
	}
}

// Files that are none, or are made to hurt.
func TestBadFiles(t *testing.T) {
	bomb := `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>`
	outside := `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>`
	for name, file := range map[string]string{
		"empty":              "",
		"web page":           "<!doctype html><html><body>Welcome</body></html>",
		"other root":         "<other>" + imapAt("imap.example.org") + "</other>",
		"cut":                config(imapAt("imap.example.org"))[:200],
		"entities that grow": bomb + config(imapAt("&b;.example.org")),
		"entity of a file":   outside + config(imapAt("&a;.example.org")),
		"nesting":            strings.Repeat("<a>", 50_000),
		"too long":           config(imapAt("imap.example.org")) + strings.Repeat(" ", maxFile),
		"other charset":      strings.Replace(config(imapAt("imap.example.org")), "UTF-8", "UTF-7", 1),
	} {
		got, err := find(t, &web{pages: map[string]string{ownFile: file}}, &dns{})
		if got != nil || err == nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestRedirects(t *testing.T) {
	there := "https://conf.hoster.example/example.org.xml"
	for name, target := range map[string]string{
		"to HTTP": "http://autoconfig.example.org/file.xml", "to this machine": "https://127.0.0.1/x", "to its name": "https://localhost/x",
		"to the network": "https://printer.local/x", "to a port": "https://conf.hoster.example:8443/x", "with a user": "https://u:p@conf.hoster.example/x",
		"in a circle": ownFile, "to a file": "file:///etc/passwd", "to an address": "https://[::1]/x",
	} {
		w := &web{pages: map[string]string{ownFile: "->" + target}}
		if got, err := find(t, w, &dns{}); got != nil || err == nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if slices.Contains(w.asked, target) && target != ownFile {
			t.Errorf("%s was followed", name)
		}
	}
	w := &web{pages: map[string]string{ownFile: "->" + there, there: config(imapAt("imap.hoster.example"))}}
	got, err := find(t, w, &dns{})
	if err != nil || len(got) != 1 || got[0].Where != there || !got[0].Foreign {
		t.Errorf("to another host: %+v, %v", got, err)
	}
}

// The address of a file is shown to people.
func TestAddressIsCleaned(t *testing.T) {
	there := "https://conf.hoster.example/x?user=secret"
	w := &web{pages: map[string]string{ownFile: "->" + there, there: config(imapAt("imap.example.org"))}}
	if got, err := find(t, w, &dns{}); err != nil || len(got) != 1 || got[0].Where != "https://conf.hoster.example/x" {
		t.Errorf("%+v, %v", got, err)
	}
}

// Without a Transport a file comes over TLS that is verified, through the
// proxy, which is given the name; the resolver of this machine is asked nothing.
func TestThroughAProxy(t *testing.T) {
	ca, err := mailtest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	roots := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(roots, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if "https://"+r.Host+r.URL.String() == central {
			io.WriteString(w, config(imapAt("imap.example.org")))
			return
		}
		http.NotFound(w, r)
	}))
	// No certificate for example.org itself: that file is not believed.
	server.TLS = ca.Server("autoconfig.example.org", "autoconfig.thunderbird.net")
	server.StartTLS()
	defer server.Close()
	proxy := startProxy(t, server.Listener.Addr().String())

	d := &dns{srv: map[string][]*net.SRV{"imaps": {{Target: "imap.example.org.", Port: 993}}}}
	o := Options{Dialer: mailconn.Dialer{Proxy: &url.URL{Scheme: "http", Host: proxy.Addr().String()}, CAFile: roots}, Resolver: d}
	got, err := Find(t.Context(), "example.org", o)
	if err != nil || len(got) != 1 || got[0].Where != central {
		t.Errorf("%+v, %v", got, err)
	}
	o.Dialer.CAFile = ""
	if got, err := Find(t.Context(), "example.org", o); err == nil || !strings.Contains(err.Error(), "not trusted") {
		t.Errorf("without the authority: %+v, %v", got, err)
	}
	want := []string{"autoconfig.example.org:443", "example.org:443", "autoconfig.thunderbird.net:443"}
	if asked := proxy.asked(); !slices.Equal(asked[:3], want) {
		t.Errorf("the proxy was asked for %v", asked)
	}
	if d.asked != nil {
		t.Errorf("the resolver was asked for %v", d.asked)
	}
}

// A proxy leads everybody to one server.
type proxy struct {
	net.Listener
	targets chan string
}

func startProxy(t *testing.T, server string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	p := &proxy{ln, make(chan string, 100)}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go p.lead(conn, server)
		}
	}()
	return p
}

func (p *proxy) lead(conn net.Conn, server string) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	p.targets <- req.Host
	out, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer out.Close()
	io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	go io.Copy(out, in)
	io.Copy(conn, out)
}

func (p *proxy) asked() (all []string) {
	for len(p.targets) > 0 {
		all = append(all, <-p.targets)
	}
	return all
}

// FuzzParse: whatever a file says, what comes of it is a server that a password
// may be offered to, or nothing.
func FuzzParse(f *testing.F) {
	f.Add([]byte(config(imapAt("imap.example.org"))))
	f.Add([]byte(config(entry("pop3", "127.0.0.1", "995", "SSL", "%EMAILLOCALPART%"))))
	f.Fuzz(func(t *testing.T, data []byte) {
		found, _ := parse(data, "example.org")
		s := &search{domain: "example.org"}
		for _, c := range s.sift(found) {
			if host, err := Domain(c.Host); err != nil || host != c.Host || !implicit(c.Protocol, c.Port) || c.Foreign == below(host, "example.org") {
				t.Errorf("%+v", c)
			}
		}
	})
}
