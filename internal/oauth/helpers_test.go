package oauth

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/mailtest"
)

const (
	user   = "me@example.com"
	secret = "canary-client-secret"
	name   = "gmail"
)

// A rig is a provider that is played, and a cabinet for what it gives.
type rig struct {
	t    *testing.T
	fake *mailtest.OAuth
	base string
	dir  string

	mu     sync.Mutex
	now    time.Time
	slept  []time.Duration
	client *http.Client
}

func newRig(t *testing.T, fake *mailtest.OAuth) *rig {
	t.Helper()
	r := &rig{t: t, fake: fake, dir: filepath.Join(t.TempDir(), "tokens"), now: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)}
	fake.ClientID, fake.Now = "id", r.clock
	if !fake.Microsoft {
		fake.ClientSecret = secret
	}
	var err error
	if r.base, err = fake.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fake.Close() })
	r.client = NewHTTPClient((&net.Dialer{}).DialContext, time.Minute)
	return r
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// sleep lets the clock jump.
func (r *rig) sleep(ctx context.Context, d time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now, r.slept = r.now.Add(d), append(r.slept, d)
	return ctx.Err()
}

// registration is the client of the fake's provider.
func (r *rig) registration() Client {
	c := Client{Provider: Google(), ID: "id", HTTP: r.client, Now: r.clock, Secret: func(context.Context) (string, error) { return secret, nil }}
	if r.fake.Microsoft {
		c.Provider, c.Secret = Microsoft("", "imap"), nil
	}
	c.Endpoints.Authorize, c.Endpoints.Token = r.base+mailtest.AuthorizePath, r.base+mailtest.TokenPath
	if r.fake.Microsoft {
		c.Endpoints.Device = r.base + mailtest.DevicePath
	}
	return c
}

// signIn is a sign-in whose person opens the address at once.
func (r *rig) signIn() *SignIn {
	return &SignIn{
		Client: r.registration(), User: user, Lang: lang.English, Sleep: r.sleep,
		Show:     func(address string) { go open(address) },
		ShowCode: func(string, string) {},
		Wrong:    func(why lang.Text) { r.t.Errorf("refused what was pasted: %v", why) },
	}
}

// open is a browser: it follows redirections, also to this machine.
func open(address string) (status int, page string) {
	answer, err := http.Get(address)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	b, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(b)
}

// comesBack returns where a provider sends the browser to.
func comesBack(t *testing.T, address string) string {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(address)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer answer.Body.Close()
	return answer.Header.Get("Location")
}

func (r *rig) store() *Store {
	return &Store{Dir: r.dir, Sleep: r.sleep}
}

// signedIn is a source after a sign-in, over s.
func (r *rig) signedIn(s *Store) *Source {
	r.t.Helper()
	token, err := r.signIn().Browser(r.t.Context())
	if err == nil {
		err = s.Save(r.t.Context(), name, token)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return r.source(s)
}

func (r *rig) source(s *Store) *Source {
	return &Source{Store: s, Client: r.registration(), Name: name, User: user}
}

// refreshes counts the requests for a new access token.
func (r *rig) refreshes() (n int) {
	for _, form := range r.fake.Requests() {
		if form.Get("grant_type") == "refresh_token" {
			n++
		}
	}
	return n
}

// noSecret fails where text holds a code, a token or a secret.
func (r *rig) noSecret(text string) {
	r.t.Helper()
	for _, s := range append(r.fake.Secrets(), "canary-") {
		if strings.Contains(text, s) {
			r.t.Errorf("%q is in %q", s, text)
		}
	}
}

func (r *rig) noSecretIn(err error) {
	r.t.Helper()
	r.noSecret(fmt.Sprintf("%v %+v %#v", err, err, err))
}

// file returns the token file, "" without one.
func (r *rig) file() string {
	b, _ := os.ReadFile(filepath.Join(r.dir, name))
	return string(bytes.TrimSpace(b))
}
