package discover

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A web is what web servers have, by address: a body, or a redirect if it begins
// with "->". What is asked for is kept.
type web struct {
	pages map[string]string
	asked []string
}

func (w *web) RoundTrip(req *http.Request) (*http.Response, error) {
	address := req.URL.String()
	w.asked = append(w.asked, address)
	page, there := w.pages[address]
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: req}
	target, redirect := strings.CutPrefix(page, "->")
	switch {
	case page == "no such host":
		return nil, &net.DNSError{Err: "no such host", Name: req.URL.Host, IsNotFound: true}
	case page == "broken":
		return nil, io.ErrUnexpectedEOF
	case page == "mute":
		<-req.Context().Done()
		return nil, req.Context().Err()
	case !there:
		resp.StatusCode = http.StatusNotFound
	case redirect:
		resp.StatusCode = http.StatusFound
		resp.Header.Set("Location", target)
	}
	resp.Body = io.NopCloser(strings.NewReader(page))
	return resp, nil
}

// dns is a resolver of a test.
type dns struct {
	srv   map[string][]*net.SRV // by service
	mx    []*net.MX
	err   error // of everything that is not there; nil: not found
	asked []string
}

func (d *dns) missing(name string) error {
	if d.err != nil {
		return d.err
	}
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (d *dns) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	d.asked = append(d.asked, "_"+service+"._"+proto+"."+name)
	if d.srv[service] == nil {
		return "", nil, d.missing(name)
	}
	return name, slices.Clone(d.srv[service]), nil
}

func (d *dns) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	d.asked = append(d.asked, "MX "+name)
	if d.mx == nil {
		return nil, d.missing(name)
	}
	return d.mx, nil
}

// find runs Find for example.org.
func find(t *testing.T, w *web, d *dns) ([]Candidate, error) {
	t.Helper()
	return Find(t.Context(), "example.org", Options{Transport: w, Resolver: d})
}

const (
	ownFile   = "https://autoconfig.example.org/mail/config-v1.1.xml"
	wellKnown = "https://example.org/.well-known/autoconfig/mail/config-v1.1.xml"
	central   = "https://autoconfig.thunderbird.net/v1.1/example.org"
)

// entry is an <incomingServer> or <outgoingServer> of a file.
func entry(kind, host, port, socket, user string) string {
	tag := "incomingServer"
	if kind == "smtp" {
		tag = "outgoingServer"
	}
	return "<" + tag + " type=\"" + kind + "\"><hostname>" + host + "</hostname><port>" + port + "</port><socketType>" + socket +
		"</socketType><authentication>password-cleartext</authentication><username>" + user + "</username></" + tag + ">"
}

func config(entries ...string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><clientConfig version="1.1"><emailProvider id="example.org"><domain>example.org</domain>` +
		strings.Join(entries, "") + `</emailProvider></clientConfig>`
}

func imapAt(host string) string { return entry("imap", host, "993", "SSL", "%EMAILADDRESS%") }
