package oauth

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// version is that of a token file.
const version = 1

const (
	early     = 5 * time.Minute // before its end an access token is renewed
	shortLife = time.Minute     // of an access token, at least
	longLife  = 24 * time.Hour  // at most; a server that means more is asked sooner
	usualLife = time.Hour       // where the provider does not say
	maxToken  = 16 << 10        // octets of a token
	maxFile   = 256 << 10       // octets of a token file
)

// A Token is what a token file holds: a sign-in and its latest access token.
type Token struct {
	Version   int       `json:"v"`
	Provider  string    `json:"provider"`
	ClientID  string    `json:"client_id"` // tokens work for the registration only that got them
	Scopes    []string  `json:"scopes"`
	User      string    `json:"user"`
	SignedIn  time.Time `json:"signed_in"`
	Refreshed time.Time `json:"refreshed"` // when the refresh token was last used
	Ends      time.Time `json:"ends,omitzero"`
	Refresh   string    `json:"refresh_token"`
	Access    string    `json:"access_token"`
	Expires   time.Time `json:"expires"` // of Access
}

// Format prints whose sign-in it is for every verb, and no token.
func (t Token) Format(f fmt.State, _ rune) { io.WriteString(f, t.what()) }

// LogValue is what Format prints.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.what()) }

func (t Token) what() string { return "sign-in of " + t.User + " with " + t.Provider }

// fresh reports whether the access token can be used for a while. Of one that is
// short-lived the last quarter is left unused instead of five minutes.
func (t *Token) fresh(now time.Time) bool {
	margin := min(early, t.Expires.Sub(t.Refreshed)/4)
	return t.Access != "" && now.Before(t.Expires.Add(-margin)) && !now.Before(t.Refreshed.Add(-early))
}

// take puts in what an answer brought. Most answers bring no refresh token; then
// the old one goes on, and its end was told before: unless that is over.
func (t *Token) take(a *oauth2.Token, now time.Time) {
	t.Access, t.Refreshed, t.Expires = a.AccessToken, now.UTC(), now.UTC().Add(life(a.ExpiresIn))
	renewed := a.RefreshToken != "" && a.RefreshToken != t.Refresh
	if a.RefreshToken != "" {
		t.Refresh = a.RefreshToken
	}
	switch left := seconds(a, "refresh_token_expires_in"); {
	case left > 0:
		t.Ends = now.UTC().Add(left)
	case renewed, now.After(t.Ends):
		t.Ends = time.Time{}
	}
}

// life is how long an access token is used, whatever the provider says.
func life(seconds int64) time.Duration {
	if seconds == 0 {
		return usualLife
	}
	return min(max(time.Duration(seconds)*time.Second, shortLife), longLife)
}

// seconds reads a number of seconds that the library does not know.
func seconds(a *oauth2.Token, key string) time.Duration {
	const decade = 10 * 365 * 24 * 3600
	n, ok := a.Extra(key).(float64)
	if !ok || n <= 0 {
		return 0
	}
	return time.Duration(min(n, decade)) * time.Second
}

// checkAnswer refuses what cannot be a token: it is to stand in a command.
func (c *Client) checkAnswer(a *oauth2.Token) error {
	switch {
	case !isToken(a.AccessToken) || a.RefreshToken != "" && !isToken(a.RefreshToken):
		return c.misread("what it gave is no token")
	case a.TokenType != "" && !strings.EqualFold(a.TokenType, "bearer"):
		return c.misread("it gave a token of another kind than bearer")
	}
	return nil
}

// isToken: RFC 6749, appendices A.12 and A.17, without the blank.
func isToken(s string) bool {
	return s != "" && len(s) <= maxToken && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// checkScope finds out whether the person has left the box for mail unticked.
func (c *Client) checkScope(a *oauth2.Token) error {
	granted, told := a.Extra("scope").(string)
	if c.Granted == "" || !told || slices.Contains(strings.Fields(granted), c.Granted) {
		return nil
	}
	return refusal("authorize", "access_denied", "the access to mail was not granted; sign in again and tick every box")
}

// fits says why t is not the sign-in that is wanted, or "".
func (t *Token) fits(c *Client, user string) string {
	switch {
	case t.Provider != c.Key:
		return "it was made with " + t.Provider
	case t.ClientID != c.ID:
		return "it was made with another client_id"
	case !strings.EqualFold(t.User, user):
		return "it is that of another user"
	case slices.ContainsFunc(c.Scopes, func(s string) bool { return !slices.Contains(t.Scopes, s) }):
		return "it was made for another protocol"
	}
	return ""
}

func (t *Token) encode() ([]byte, error) {
	data, err := json.MarshalIndent(t, "", "  ")
	return append(data, '\n'), err
}

// decode reads a token file. What is damaged is as good as none.
func decode(data []byte) (*Token, bool) {
	t := &Token{}
	err := json.Unmarshal(data, t)
	return t, err == nil && t.Version == version && isToken(t.Refresh) && (t.Access == "" || isToken(t.Access))
}
