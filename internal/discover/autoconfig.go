package discover

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"mailrill/internal/mailconn"
	"mailrill/internal/reply"
)

const (
	// The largest file of Thunderbird's collection has about 40 KiB.
	maxFile      = 256 << 10
	maxRedirects = 3
	maxHeader    = 64 << 10
)

// file returns the source that reads the file at address.
func (s *search) file(from, address string) source {
	return func(ctx context.Context) ([]Candidate, error) {
		found, err := s.read(ctx, from, address)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", address, err)
		}
		return found, nil
	}
}

func (s *search) read(ctx context.Context, from, address string) ([]Candidate, error) {
	data, where, err := s.get(ctx, address)
	if data == nil || err != nil {
		return nil, err
	}
	found, err := parse(data, s.domain)
	for i := range found {
		found[i].Source, found[i].Where = from, where
	}
	return found, err
}

// get returns the body at address and where it lay in the end; nil when nothing
// is there, be it the file or the whole host.
func (s *search) get(ctx context.Context, address string) (data []byte, where string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", err
	}
	client := s.client(ctx)
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return nil, "", unlessMissing(causeOr(ctx, err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, "", unlessAbsent(resp.StatusCode)
	}
	data, err = io.ReadAll(io.LimitReader(resp.Body, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("the file is longer than %d octets", maxFile)
	}
	return data, reply.Clean(resp.Request.URL.String()), causeOr(ctx, err)
}

// client returns a client for one request. Its connections live as long as ctx.
func (s *search) client(ctx context.Context) *http.Client {
	transport := s.o.Transport
	if transport == nil {
		transport = &http.Transport{
			DialTLSContext: func(_ context.Context, _, address string) (net.Conn, error) { return s.dial(ctx, address) },
			// A file that grows when it is unpacked is not wanted.
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeader,
		}
	}
	return &http.Client{Transport: transport, CheckRedirect: checkRedirect}
}

func (s *search) dial(ctx context.Context, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	d := s.o.Dialer
	d.Host, d.TLS = host, mailconn.Implicit
	if d.Port, err = strconv.Atoi(port); err != nil {
		return nil, err
	}
	return d.Dial(ctx)
}

// checkRedirect follows to where a stranger may send us: HTTPS, its own port, a
// host on the Internet. Candidates say where their file lay in the end.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errors.New("redirected too often")
	}
	return checkTarget(req.URL)
}

func checkTarget(u *url.URL) error {
	switch {
	case u.Scheme != "https":
		return errors.New("redirected away from HTTPS")
	case u.User != nil, u.Port() != "" && u.Port() != "443":
		return errors.New("redirected to an address with a user or a port")
	}
	if _, err := Domain(u.Hostname()); err != nil {
		return fmt.Errorf("redirected: %w", err)
	}
	return nil
}

// unlessMissing is nil where the host does not exist: most domains have none
// for this.
func unlessMissing(err error) error {
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return nil
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // the address is said already
	}
	return err
}

func unlessAbsent(status int) error {
	if status >= 400 && status < 500 {
		return nil
	}
	return fmt.Errorf("the web server answers %d", status)
}

// causeOr is why ctx ended, when it did, and err else.
func causeOr(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// A clientConfig is the part of Thunderbird's format that matters here.
type clientConfig struct {
	XMLName   xml.Name `xml:"clientConfig"`
	Providers []struct {
		Incoming []serverEntry `xml:"incomingServer"`
		Outgoing []serverEntry `xml:"outgoingServer"`
	} `xml:"emailProvider"`
}

type serverEntry struct {
	Type     string `xml:"type,attr"`
	Host     string `xml:"hostname"`
	Port     string `xml:"port"`
	Socket   string `xml:"socketType"`
	Username string `xml:"username"`
}

var errFile = errors.New("this is no file of mail servers")

// parse reads a file. encoding/xml knows no entities but XML's own five, so that
// nothing in it can grow.
func parse(data []byte, domain string) (found []Candidate, err error) {
	var c clientConfig
	if err := xml.Unmarshal(data, &c); err != nil {
		return nil, errFile // the parser's words hold some of the file's
	}
	for _, p := range c.Providers {
		for _, e := range append(p.Incoming, p.Outgoing...) {
			if candidate, ok := e.candidate(domain); ok {
				found = append(found, candidate)
			}
		}
	}
	return found, nil
}

// candidate leaves out servers that begin without TLS, and those whose users
// have names that an address does not tell.
func (e serverEntry) candidate(domain string) (Candidate, bool) {
	port, err := strconv.Atoi(strings.TrimSpace(e.Port))
	user := strings.TrimSpace(e.Username)
	host := strings.ReplaceAll(strings.TrimSpace(e.Host), "%EMAILDOMAIN%", domain)
	known := user == "" || user == "%EMAILADDRESS%" || user == "%EMAILLOCALPART%"
	if err != nil || !known || strings.TrimSpace(e.Socket) != "SSL" {
		return Candidate{}, false
	}
	return Candidate{Protocol: e.Type, Host: host, Port: port, LocalPart: user == "%EMAILLOCALPART%"}, true
}
