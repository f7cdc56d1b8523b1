package mailtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// token answers a request for a token (RFC 6749, 4.1.3 and 6; RFC 8628, 3.4).
func (s *OAuth) token(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		refuseToken(w, "invalid_request", "POST only")
		return
	}
	form := r.PostForm
	answer := s.asked(form)
	switch {
	case answer.Mute:
		<-s.muted
		panic(http.ErrAbortHandler)
	case answer.Status != 0:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer.Status)
		w.Write([]byte(answer.Body))
		return
	case answer.Lose:
		s.grant(discarded{}, form)
		panic(http.ErrAbortHandler)
	case form.Get("client_id") != s.ClientID || form.Get("client_secret") != s.ClientSecret:
		refuseToken(w, "invalid_client", "Unauthorized")
		return
	}
	s.grant(w, form)
}

// discarded is the writer of an answer that is lost.
type discarded struct{}

func (discarded) Header() http.Header         { return http.Header{} }
func (discarded) Write(p []byte) (int, error) { return len(p), nil }
func (discarded) WriteHeader(int)             {}

func (s *OAuth) asked(form url.Values) (a OAuthAnswer) {
	s.mu.Lock()
	s.requests = append(s.requests, form)
	s.mu.Unlock()
	if s.OnToken != nil {
		a = s.OnToken(form)
	}
	return a
}

func (s *OAuth) grant(w http.ResponseWriter, form url.Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch form.Get("grant_type") {
	case "authorization_code":
		s.byCode(w, form)
	case "refresh_token":
		s.byRefresh(w, form)
	case "urn:ietf:params:oauth:grant-type:device_code":
		s.byDevice(w, form)
	default:
		refuseToken(w, "unsupported_grant_type", "")
	}
}

func (s *OAuth) byCode(w http.ResponseWriter, form url.Values) {
	g := s.codes[form.Get("code")]
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case g == nil || g.used || !s.lives(g):
		refuseToken(w, "invalid_grant", "Malformed auth code.")
		return
	case g.redirect != form.Get("redirect_uri"):
		refuseToken(w, "invalid_grant", "redirect_uri does not match")
		return
	case g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		refuseToken(w, "invalid_grant", "code_verifier does not match")
		return
	}
	g.used = true
	s.issue(w, g, !strings.HasSuffix(g.scope, " online"))
}

func (s *OAuth) byRefresh(w http.ResponseWriter, form url.Values) {
	old := form.Get("refresh_token")
	g := s.refresh[old]
	if g == nil || !s.lives(g) {
		text := "Token has been expired or revoked."
		if s.Microsoft {
			text = "AADSTS70000: the fake has no such refresh token: " + old
		}
		refuseToken(w, "invalid_grant", text)
		return
	}
	if s.Microsoft && s.RevokeOld {
		delete(s.refresh, old)
	}
	s.issue(w, g, s.Microsoft)
}

func (s *OAuth) byDevice(w http.ResponseWriter, form url.Values) {
	if len(s.Device) > 0 {
		said := s.Device[0]
		s.Device = s.Device[1:]
		if said == "broken" {
			panic(http.ErrAbortHandler)
		}
		refuseToken(w, said, "said by the fake: "+form.Get("device_code"))
		return
	}
	g := s.codes[form.Get("device_code")]
	if g == nil || g.used || !s.lives(g) {
		refuseToken(w, "expired_token", "")
		return
	}
	g.used = true
	s.issue(w, g, true)
}

const week = 7 * 24 * time.Hour

// issue gives an access token for an hour, and perhaps a refresh token.
func (s *OAuth) issue(w http.ResponseWriter, g *oauthGrant, refresh bool) {
	access := &oauthGrant{user: g.user, scope: g.scope, ends: s.now().Add(time.Hour)}
	answer := map[string]any{"access_token": "canary-access-" + rand.Text(), "token_type": "Bearer", "expires_in": 3600, "scope": strings.TrimSuffix(g.scope, " online")}
	s.access[answer["access_token"].(string)] = access
	if refresh {
		kept := &oauthGrant{user: g.user, scope: g.scope}
		answer["refresh_token"] = "canary-refresh-" + rand.Text()
		if s.Testing {
			kept.ends = s.now().Add(week)
			answer["refresh_token_expires_in"] = int(week.Seconds())
		}
		s.refresh[answer["refresh_token"].(string)] = kept
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(w).Encode(answer)
}

func refuseToken(w http.ResponseWriter, code, text string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": text})
}

// device begins a sign-in on another device; whom it is for, User says.
func (s *OAuth) device(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil || r.PostForm.Get("client_id") != s.ClientID {
		refuseToken(w, "invalid_client", "")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	code := "canary-device-" + rand.Text()
	s.codes[code] = &oauthGrant{user: s.User, scope: r.PostForm.Get("scope"), ends: s.now().Add(15 * time.Minute)}
	interval := s.Interval
	if interval == 0 {
		interval = 5
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{
		"device_code": code, "user_code": "ABCD-1234", "verification_uri": "https://login.example/device", "expires_in": 900, "interval": interval,
	})
}
