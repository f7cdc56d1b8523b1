package wire

import (
	"context"
	"net"
	"net/http"
	"strconv"

	"mailrill/internal/config"
	"mailrill/internal/oauth"
	"mailrill/internal/sasl"
)

// auth returns how to log in to the server of an account or destination, nil
// where no login is meant.
func (e Env) auth(name, protocol string, s config.Server) sasl.Auth {
	switch {
	case s.OAuth != "":
		source := &oauth.Source{Store: e.Tokens, Client: e.SignInClient(protocol, s), Name: name, User: s.User}
		return sasl.Bearer(s.User, s.Host, s.Port, source)
	case s.Secret == nil:
		return nil
	}
	return sasl.Password(s.User, s.Secret.Read)
}

// gate returns what a login passes, nil where there is nothing.
func (e Env) gate(name, protocol string, s *config.Server) sasl.Gate {
	if e.Gate == nil {
		return nil
	}
	return e.Gate(name, protocol, s)
}

// SignInClient returns the user's client with the provider that s signs in with,
// reached as s is: through its proxy.
func (e Env) SignInClient(protocol string, s config.Server) oauth.Client {
	c := oauth.Client{HTTP: e.httpClient(s), Now: e.Now}
	switch s.OAuth {
	case oauth.GoogleKey:
		c.Provider, c.ID = oauth.Google(), e.OAuth.Google.ClientID
		if e.OAuth.Google.ClientSecret != nil {
			c.Secret = e.OAuth.Google.ClientSecret.Read
		}
	case oauth.MicrosoftKey:
		c.Provider, c.ID = oauth.Microsoft(e.OAuth.Microsoft.Tenant, protocol), e.OAuth.Microsoft.ClientID
	}
	if other, ok := e.Endpoints[s.OAuth]; ok {
		c.Endpoints = other
	}
	return c
}

// httpClient returns a client for HTTPS over connections that are made as those
// to s: TLS is put on them by the client itself.
func (e Env) httpClient(s config.Server) *http.Client {
	return oauth.NewHTTPClient(func(ctx context.Context, _, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		n, err := strconv.Atoi(port)
		if err != nil {
			return nil, err
		}
		there := config.Server{Host: host, Port: n, TLS: config.TLSNone, AllowCleartext: true, Proxy: s.Proxy, Timeout: oauth.Timeout}
		return dialUntil(ctx, e.dialer("oauth", "https", there, "").Dial)
	}, oauth.Timeout)
}

// dialUntil dials for as long as ctx lasts. The connection itself is not cut when
// ctx ends, as dial's would be: it belongs to the HTTP client then.
func dialUntil(ctx context.Context, dial func(context.Context) (net.Conn, error)) (net.Conn, error) {
	dialing, cut := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cut)
	conn, err := dial(dialing)
	if stop() {
		return conn, err
	}
	if err == nil {
		conn.Close()
	}
	return nil, context.Cause(ctx)
}
