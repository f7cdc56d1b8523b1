package wire

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailrill/internal/config"
	"mailrill/internal/mailtest"
	"mailrill/internal/oauth"
	"mailrill/internal/reply"
	"mailrill/internal/secret"
)

// proxy is an HTTP proxy that leads everything to one address, and tells where it
// was asked to lead to, and for whom.
func proxy(t *testing.T, to string) (address string, asked <-chan string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	requests := make(chan string, 10)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go lead(conn, to, requests)
		}
	}()
	return ln.Addr().String(), requests
}

func lead(conn net.Conn, to string, requests chan<- string) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	request, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	user, password, _ := parseProxyAuth(request)
	requests <- request.Method + " " + request.Host + " " + user + ":" + password
	there, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer there.Close()
	io.WriteString(conn, "HTTP/1.1 200 go\r\n\r\n")
	go io.Copy(there, in)
	io.Copy(conn, there)
}

func parseProxyAuth(r *http.Request) (string, string, bool) {
	r.Header.Set("Authorization", r.Header.Get("Proxy-Authorization"))
	return r.BasicAuth()
}

// env is an Env whose Google is played behind a proxy, at an address that only the
// proxy knows.
func env(t *testing.T, fake *mailtest.OAuth) (e Env, s config.Server, asked <-chan string) {
	t.Helper()
	fake.ClientID = "id"
	base, err := fake.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fake.Close() })
	proxyAddress, asked := proxy(t, strings.TrimPrefix(base, "http://"))
	e = Env{
		Tokens:    &oauth.Store{Dir: filepath.Join(t.TempDir(), "tokens")},
		Now:       time.Now,
		Endpoints: map[string]oauth.Endpoints{"google": {Authorize: base + mailtest.AuthorizePath, Token: "http://oauth2.example" + mailtest.TokenPath}},
	}
	e.OAuth.Google.ClientID = "id"
	u := &url.URL{Scheme: "http", Host: proxyAddress, User: url.User("u")}
	return e, config.Server{OAuth: "google", User: "me@example.com", Proxy: &config.Proxy{URL: u, Password: &secret.Source{Password: "canary-proxy"}}}, asked
}

// The provider is asked through the account's proxy, which resolves its name.
func TestSignInThroughTheProxy(t *testing.T) {
	fake := &mailtest.OAuth{}
	e, server, asked := env(t, fake)
	in := &oauth.SignIn{Client: e.SignInClient("imap", server), User: server.User, Show: func(address string) { go http.Get(address) }}
	token, err := in.Browser(t.Context())
	if err != nil || !fake.Takes("me@example.com", token.Access) {
		t.Fatal(err)
	}
	if got := <-asked; got != "CONNECT oauth2.example:80 u:canary-proxy" {
		t.Errorf("the proxy was asked %q", got)
	}
}

// A proxy that is away, or wants another password, is told as such.
func TestSignInProxyFails(t *testing.T) {
	e, server, _ := env(t, &mailtest.OAuth{})
	server.Proxy.URL.Host = "127.0.0.1:1"
	in := &oauth.SignIn{Client: e.SignInClient("imap", server), User: server.User, Show: func(address string) { go http.Get(address) }}
	_, err := in.Browser(t.Context())
	if err == nil || reply.ClassOf(err) != reply.Network || !strings.Contains(err.Error(), "oauth2.example") || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
}

// What dials is cut with its context; what is connected is not.
func TestDialUntil(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	here, there := net.Pipe()
	defer there.Close()
	var dialing context.Context
	conn, err := dialUntil(ctx, func(c context.Context) (net.Conn, error) {
		dialing = c
		return here, nil
	})
	cancel()
	if err != nil || conn != here || dialing.Err() != nil {
		t.Errorf("%v, %v", err, dialing.Err())
	}
	ctx, cancel = context.WithCancel(t.Context())
	_, err = dialUntil(ctx, func(c context.Context) (net.Conn, error) {
		cancel()
		<-c.Done()
		return nil, c.Err()
	})
	if err != context.Canceled {
		t.Errorf("%v", err)
	}
}

// Each provider gets what is its own: client, tenant and the scope of a protocol.
func TestSignInClient(t *testing.T) {
	e := Env{Tokens: &oauth.Store{}, Now: time.Now}
	e.OAuth.Google.ClientID, e.OAuth.Microsoft.ClientID, e.OAuth.Microsoft.Tenant = "g", "m", "consumers"
	e.OAuth.Google.ClientSecret = &secret.Source{Password: "s"}
	google := e.SignInClient("pop3", config.Server{OAuth: "google"})
	if google.Key != "google" || google.ID != "g" || google.Secret == nil || google.Endpoints != oauth.Google().Endpoints {
		t.Errorf("%+v", google.Provider)
	}
	microsoft := e.SignInClient("pop3", config.Server{OAuth: "microsoft"})
	if microsoft.Key != "microsoft" || microsoft.ID != "m" || microsoft.Secret != nil || !strings.Contains(microsoft.Endpoints.Token, "/consumers/") || !strings.Contains(microsoft.Scopes[0], "POP") {
		t.Errorf("%+v", microsoft.Provider)
	}
}
