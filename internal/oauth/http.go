package oauth

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

// Timeout is how long a request to a provider may take in all.
const Timeout = 30 * time.Second

// NewHTTPClient returns how a provider's endpoints are asked, over connections
// of dial. A request ends after timeout. No redirection is followed, for what is
// sent would go along; and no connection is kept, for requests are an hour apart.
func NewHTTPClient(dial func(ctx context.Context, network, address string) (net.Conn, error), timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dial,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 64 << 10,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		},
	}
}

// through has golang.org/x/oauth2 ask by our HTTP client, until done is called or
// its timeout is over. That library gives only some of its requests a context;
// nor could one be told from none, if the client itself kept the time.
func (c *Client) through(ctx context.Context) (through context.Context, done context.CancelFunc) {
	client := *c.HTTP
	ctx, done = context.WithTimeout(ctx, client.Timeout)
	client.Timeout = 0
	client.Transport = within{ctx, c.HTTP.Transport}
	return context.WithValue(ctx, oauth2.HTTPClient, &client), done
}

type within struct {
	ctx context.Context
	http.RoundTripper
}

func (w within) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Context().Done() == nil {
		r = r.WithContext(w.ctx)
	}
	return w.RoundTripper.RoundTrip(r)
}
