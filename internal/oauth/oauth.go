// Package oauth signs in with Google and Microsoft by OAuth 2.0 and keeps what
// they give: a refresh token, which stands for the sign-in, and access tokens,
// which mail servers take in place of a password for about an hour.
//
// Think of it as a key cabinet. A SignIn fills it, once, with a person at the
// browser (browser.go, device.go). The Store is the cabinet: one file for each
// login, replaced as a whole and durably (token.go, store.go). A Source hands out
// keys, and has a new one cut before the old one ends (source.go). Of several
// goroutines and processes one asks the provider, the others wait and take what
// it got. Providers may put a new refresh token in the place of the old one, so
// it is on disk before anything that came with it is used.
//
// Nothing here prints, and no error holds a token, a code or a secret.
package oauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/oauth2"
)

// A Provider is who people sign in with: where, and for what.
type Provider struct {
	Key       string // "google" or "microsoft", as in the config
	Endpoints Endpoints
	Redirect  string     // the host that the browser comes back to, as the provider compares it
	Scopes    []string   // what mailrill may do then
	Granted   string     // the scope that must be in the answer, where the answer tells; "": any
	Params    url.Values // of the authorization request, beside the standard's
}

// Endpoints are the addresses that a sign-in goes to.
type Endpoints struct {
	Authorize string // for the browser
	Token     string
	Device    string // "" where a sign-in on another device cannot grant what mail needs
}

// Keys of providers.
const (
	GoogleKey    = "google"
	MicrosoftKey = "microsoft"
)

const googleMail = "https://mail.google.com/"

// Google returns Google, whose one scope is for IMAP, POP3 and SMTP together.
// Its device flow cannot grant that scope.
func Google() Provider {
	return Provider{
		Key: GoogleKey,
		Endpoints: Endpoints{
			Authorize: "https://accounts.google.com/o/oauth2/v2/auth",
			Token:     "https://oauth2.googleapis.com/token",
		},
		Redirect: "127.0.0.1",
		Scopes:   []string{googleMail},
		Granted:  googleMail, // its page has a box that can be left unticked
		// Without consent Google gives a refresh token only the first time.
		Params: url.Values{"access_type": {"offline"}, "prompt": {"consent"}},
	}
}

// microsoftScopes are what each protocol needs.
var microsoftScopes = map[string]string{
	"imap": "https://outlook.office.com/IMAP.AccessAsUser.All",
	"pop3": "https://outlook.office.com/POP.AccessAsUser.All",
	"smtp": "https://outlook.office.com/SMTP.Send",
}

// Microsoft returns Microsoft for accounts of tenant ("" for all kinds) and one
// protocol.
func Microsoft(tenant, protocol string) Provider {
	if tenant == "" {
		tenant = "common"
	}
	base := "https://login.microsoftonline.com/" + url.PathEscape(tenant) + "/oauth2/v2.0/"
	return Provider{
		Key:       MicrosoftKey,
		Endpoints: Endpoints{Authorize: base + "authorize", Token: base + "token", Device: base + "devicecode"},
		Redirect:  "localhost",
		Scopes:    []string{microsoftScopes[protocol], "offline_access"},
	}
}

// A Client is the user's own registration with a provider, and the way there.
type Client struct {
	Provider
	ID     string
	Secret func(context.Context) (string, error) // nil: none
	HTTP   *http.Client                          // of NewHTTPClient
	Now    func() time.Time
}

// ask makes one request for a token. hide is what is sent along and must not
// come back in an error.
func (c *Client) ask(ctx context.Context, redirect string, hide []string, request func(context.Context, *oauth2.Config) (*oauth2.Token, error)) (*oauth2.Token, error) {
	config, err := c.config(ctx, redirect)
	if err != nil {
		return nil, err
	}
	through, done := c.through(ctx)
	defer done()
	answer, err := request(through, config)
	if err != nil {
		return nil, c.failed(ctx, "token", err, append(hide, config.ClientSecret))
	}
	return answer, c.checkAnswer(answer)
}

// config returns what golang.org/x/oauth2 needs. It would try a style of
// authentication that it does not know twice, and the first try can use up a
// code or a refresh token; so the style is said.
func (c *Client) config(ctx context.Context, redirect string) (*oauth2.Config, error) {
	secret := ""
	if c.Secret != nil {
		var err error
		if secret, err = c.Secret(ctx); err != nil {
			return nil, err
		}
	}
	return &oauth2.Config{
		ClientID: c.ID, ClientSecret: secret, RedirectURL: redirect, Scopes: slices.Clone(c.Scopes),
		Endpoint: oauth2.Endpoint{
			AuthURL: c.Endpoints.Authorize, TokenURL: c.Endpoints.Token, DeviceAuthURL: c.Endpoints.Device,
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}, nil
}

// refresh asks for a new access token in the place of old's.
func (c *Client) refresh(ctx context.Context, old *Token) (*Token, error) {
	answer, err := c.ask(ctx, "", []string{old.Refresh, old.Access}, func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		return config.TokenSource(ctx, &oauth2.Token{RefreshToken: old.Refresh}).Token()
	})
	if err != nil {
		return nil, err
	}
	next := *old
	next.take(answer, c.Now())
	return &next, nil
}

// signedIn is the token of a new sign-in.
func (c *Client) signedIn(user string, answer *oauth2.Token) (*Token, error) {
	if answer.RefreshToken == "" {
		return nil, c.misread("it gave no refresh token")
	}
	if err := c.checkScope(answer); err != nil {
		return nil, err
	}
	now := c.Now().UTC()
	t := &Token{Version: version, Provider: c.Key, ClientID: c.ID, Scopes: c.Scopes, User: user, SignedIn: now}
	t.take(answer, now)
	return t, nil
}
