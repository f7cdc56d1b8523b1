package mailtest

import (
	"crypto/rand"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// OAuth plays the endpoints at which people sign in by OAuth 2.0, Google's or
// with Microsoft Microsoft's. Opening the address of an authorization request is
// all that a person has to do: they consent at once, and are sent back.
//
// A code works once, for a minute, and with its verifier only (RFC 7636). Google
// keeps a refresh token; Microsoft gives a new one with each answer, and the old
// ones go on for as long as RevokeOld does not say otherwise.
type OAuth struct {
	ClientID     string
	ClientSecret string // Google's; "": none is asked for
	Microsoft    bool
	User         string // who signs in; "": whom the login_hint names
	RevokeOld    bool   // a refresh token that was replaced is refused
	Testing      bool   // Google: the app is in testing, its refresh tokens end after 7 days
	Untick       bool   // the person leaves the box for mail unticked
	Deny         string // the person, or the provider, refuses with this code: "access_denied"
	Interval     int    // of the device flow, in seconds; 0: 5
	// Now is the clock of all that ends; nil: time.Now.
	Now func() time.Time

	// Device says what questions of the device flow are answered with before the
	// token comes: "authorization_pending", "slow_down", "access_denied", …; and
	// "broken" is a line that breaks.
	Device []string
	// OnToken is asked about each request for a token: with a status, that and body
	// are the answer, and nothing is done. With Mute it is never answered. With Lose
	// it is done, and the line breaks before the answer.
	OnToken func(form url.Values) OAuthAnswer

	mu       sync.Mutex
	server   *http.Server
	listener net.Listener
	muted    chan struct{}
	requests []url.Values
	codes    map[string]*oauthGrant // also the device codes
	refresh  map[string]*oauthGrant
	access   map[string]*oauthGrant
}

// An OAuthAnswer stands in for the answer of the token endpoint.
type OAuthAnswer struct {
	Status int
	Body   string
	Mute   bool
	Lose   bool
}

// An oauthGrant is what a code or a token stands for.
type oauthGrant struct {
	user      string
	scope     string
	redirect  string
	challenge string
	used      bool
	ends      time.Time // zero: never
}

// Endpoint paths behind the address that Start returns.
const (
	AuthorizePath = "/authorize"
	TokenPath     = "/token"
	DevicePath    = "/devicecode"
)

// Start listens on 127.0.0.1 and returns "http://HOST:PORT".
func (s *OAuth) Start() (base string, err error) {
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return "", err
	}
	s.codes, s.refresh, s.access = map[string]*oauthGrant{}, map[string]*oauthGrant{}, map[string]*oauthGrant{}
	s.muted = make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc(AuthorizePath, s.authorize)
	mux.HandleFunc(TokenPath, s.token)
	if s.Microsoft {
		mux.HandleFunc(DevicePath, s.device)
	}
	s.server = &http.Server{Handler: mux, ErrorLog: log.New(io.Discard, "", 0)}
	go s.server.Serve(s.listener)
	return "http://" + s.listener.Addr().String(), nil
}

// Close ends the server.
func (s *OAuth) Close() error {
	if s.server == nil {
		return errNotStarted
	}
	close(s.muted)
	return s.server.Close()
}

// Requests returns what the token endpoint was asked, in order.
func (s *OAuth) Requests() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Takes reports whether token is one that was issued to user and is valid still:
// what a mail server asks.
func (s *OAuth) Takes(user, token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.access[token]
	return g != nil && strings.EqualFold(g.user, user) && s.lives(g)
}

// Revoke ends all access tokens, and with all the refresh tokens, too.
func (s *OAuth) Revoke(all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.access)
	if all {
		clear(s.refresh)
	}
}

// Secrets returns every code and token that was ever given out or taken.
func (s *OAuth) Secrets() (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.requests {
		for _, key := range []string{"code", "code_verifier", "refresh_token", "device_code", "client_secret"} {
			out = append(out, f.Get(key))
		}
	}
	for _, m := range []map[string]*oauthGrant{s.codes, s.refresh, s.access} {
		for secret := range m {
			out = append(out, secret)
		}
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

func (s *OAuth) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func (s *OAuth) lives(g *oauthGrant) bool { return g.ends.IsZero() || s.now().Before(g.ends) }

// authorize consents, and sends the browser back.
func (s *OAuth) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	redirect, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || !s.ours(redirect) || q.Get("client_id") != s.ClientID || q.Get("response_type") != "code" {
		http.Error(w, "Error 400: redirect_uri_mismatch", http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	switch {
	case s.Deny != "":
		back.Set("error", s.Deny)
		back.Set("error_description", "said by the fake: "+s.Deny)
	case q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43:
		back.Set("error", "invalid_request")
	default:
		back.Set("code", s.consent(q))
	}
	redirect.RawQuery = back.Encode()
	http.Redirect(w, r, redirect.String(), http.StatusFound)
}

// ours: desktop clients come back to this machine, at any port; Microsoft
// compares the word "localhost".
func (s *OAuth) ours(u *url.URL) bool {
	want := "127.0.0.1"
	if s.Microsoft {
		want = "localhost"
	}
	return u.Scheme == "http" && u.Hostname() == want && u.Port() != "" && (u.Path == "" || u.Path == "/")
}

func (s *OAuth) consent(q url.Values) (code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &oauthGrant{user: s.User, scope: q.Get("scope"), redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), ends: s.now().Add(time.Minute)}
	if g.user == "" {
		g.user = q.Get("login_hint")
	}
	if s.Untick {
		g.scope = "openid"
	}
	if !s.Microsoft && (q.Get("access_type") != "offline" || q.Get("prompt") != "consent") {
		g.scope += " online" // no refresh token
	}
	code = "canary-code-" + rand.Text()
	s.codes[code] = g
	return code
}
