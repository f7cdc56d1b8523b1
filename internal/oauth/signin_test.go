package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

func TestBrowser(t *testing.T) {
	for _, fake := range []*mailtest.OAuth{{}, {Microsoft: true}} {
		r := newRig(t, fake)
		page := make(chan string, 1)
		s := r.signIn()
		s.Show = func(address string) {
			go func() {
				_, text := open(address)
				page <- text
			}()
		}
		token, err := s.Browser(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if text := <-page; !strings.Contains(text, "Close this page") {
			t.Errorf("the page says %q", text)
		}
		if !fake.Takes(user, token.Access) || token.Refresh == "" || token.User != user || !token.Expires.Equal(r.now.Add(time.Hour)) || !token.SignedIn.Equal(r.now) {
			t.Errorf("got %#v, %v", token, token.Expires)
		}
		// One request: a code works once, so a second try would spoil the sign-in.
		if n := len(fake.Requests()); n != 1 {
			t.Errorf("%d requests", n)
		}
	}
}

// A code is worth nothing without its verifier, and nothing the second time.
func TestCodesWorkOnce(t *testing.T) {
	r := newRig(t, &mailtest.OAuth{})
	if _, err := r.signIn().Browser(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, err := http.PostForm(r.base+mailtest.TokenPath, r.fake.Requests()[0])
	if err != nil || again.StatusCode != http.StatusBadRequest {
		t.Errorf("the code works twice: %v, %v", again.Status, err)
	}
	// One that was used up, or is too old, ends the sign-in.
	s := r.signIn()
	s.Show = func(address string) {
		back := comesBack(t, address)
		r.pass(2 * time.Minute)
		go open(back)
	}
	_, err = s.Browser(t.Context())
	if codeOf(err) != "invalid_grant" || reply.ClassOf(err) != reply.Credentials {
		t.Errorf("an old code: %v", err)
	}
	r.noSecretIn(err)
}

// Whoever does not know the state is not let in, and does not end the sign-in
// either.
func TestForeignVisits(t *testing.T) {
	r := newRig(t, &mailtest.OAuth{})
	s := r.signIn()
	s.Show = func(address string) {
		go func() {
			back := comesBack(t, address)
			u, _ := url.Parse(back)
			door := "http://" + u.Host
			evil := strings.Replace(back, "state=", "state=X", 1)
			for _, visit := range []struct {
				address, host string
				status        int
			}{
				{door + "/?code=canary-evil&state=x", u.Host, http.StatusBadRequest},
				{door + "/?code=canary-evil", u.Host, http.StatusBadRequest},
				{door + "/", u.Host, http.StatusBadRequest},
				{evil, u.Host, http.StatusBadRequest},
				{door + "/?error=access_denied&state=x", u.Host, http.StatusBadRequest},
				{back, "evil.example:" + u.Port(), http.StatusMisdirectedRequest},
				{back, "localhost:" + u.Port(), http.StatusMisdirectedRequest},
				{door + "/favicon.ico?" + u.RawQuery, u.Host, http.StatusNotFound},
				{back, u.Host, http.StatusOK},
			} {
				if got := visitAs(visit.address, visit.host); got != visit.status {
					t.Errorf("%s as %s: status %d, want %d", visit.address, visit.host, got, visit.status)
				}
			}
		}()
	}
	if _, err := s.Browser(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, form := range r.fake.Requests() {
		if strings.Contains(form.Get("code"), "evil") {
			t.Error("a foreign code was used")
		}
	}
}

func visitAs(address, host string) int {
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return 0
	}
	request.Host = host
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

// The browser runs on another machine: the address of its last page is pasted.
func TestPaste(t *testing.T) {
	for _, fake := range []*mailtest.OAuth{{}, {Microsoft: true}} {
		r := newRig(t, fake)
		s := r.signIn()
		lines := make(chan string, 10)
		s.Paste = lines
		s.Show = func(address string) {
			back := comesBack(t, address)
			for _, wrong := range []string{"", "yes", "http://", "::%zz", strings.Repeat("x", maxPasted+1), address, strings.Replace(back, "state=", "state=X", 1)} {
				lines <- wrong
			}
			lines <- "  " + back + "\r"
		}
		wrong := 0
		s.Wrong = func(why lang.Text) {
			r.noSecret(why.EN + why.ZH)
			wrong++
		}
		if _, err := s.Browser(t.Context()); err != nil || wrong != 7 {
			t.Errorf("%v, and %d wrong lines", err, wrong)
		}
	}
}

// The end of the input is not the end of the sign-in.
func TestPasteEnds(t *testing.T) {
	r := newRig(t, &mailtest.OAuth{})
	s := r.signIn()
	lines := make(chan string)
	close(lines)
	s.Paste = lines
	if _, err := s.Browser(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRefusedSignIns(t *testing.T) {
	for what, c := range map[string]struct {
		fake  *mailtest.OAuth
		code  string
		class reply.Class
	}{
		"the person says no":          {&mailtest.OAuth{Deny: "access_denied"}, "access_denied", reply.Config},
		"the box is not ticked":       {&mailtest.OAuth{Untick: true}, "access_denied", reply.Config},
		"the provider is out of work": {&mailtest.OAuth{Deny: "temporarily_unavailable"}, "temporarily_unavailable", reply.Temporary},
		"a word that we do not know":  {&mailtest.OAuth{Deny: "canary_nothing\x1b"}, "unknown", reply.Temporary},
	} {
		r := newRig(t, c.fake)
		_, err := r.signIn().Browser(t.Context())
		refusal, ok := errors.AsType[*reply.Error](err)
		if !ok || refusal.Protocol != "oauth" || refusal.Command != "authorize" || refusal.Code != c.code || reply.ClassOf(err) != c.class {
			t.Errorf("%s: %v of class %s", what, err, reply.ClassOf(err))
		}
	}
	r := newRig(t, &mailtest.OAuth{})
	s := r.signIn()
	s.Client.ID = "another"
	if status, _ := open(addressOf(t, s)); status != http.StatusBadRequest {
		t.Errorf("the fake takes every client: %d", status)
	}
	s = r.signIn()
	s.Client.Secret = nil
	if _, err := s.Browser(t.Context()); codeOf(err) != "invalid_client" || reply.ClassOf(err) != reply.Config {
		t.Errorf("without its secret: %v", err)
	}
	s = r.signIn()
	s.Client.Params = nil // then Google gives no refresh token
	if _, err := s.Browser(t.Context()); err == nil || !strings.Contains(err.Error(), "no refresh token") {
		t.Errorf("without a refresh token: %v", err)
	}
}

// addressOf begins a sign-in that nobody completes.
func addressOf(t *testing.T, s *SignIn) (address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s.Show = func(a string) {
		address = a
		cancel()
	}
	if _, err := s.Browser(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a sign-in that was given up: %v", err)
	}
	return address
}

// What the address asks for is what the providers' documentation wants.
func TestAddress(t *testing.T) {
	for key, want := range map[string]url.Values{
		GoogleKey:    {"scope": {"https://mail.google.com/"}, "access_type": {"offline"}, "prompt": {"consent"}},
		MicrosoftKey: {"scope": {"https://outlook.office.com/IMAP.AccessAsUser.All offline_access"}},
	} {
		r := newRig(t, &mailtest.OAuth{Microsoft: key == MicrosoftKey})
		address := addressOf(t, r.signIn())
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		want.Set("client_id", "id")
		want.Set("response_type", "code")
		want.Set("code_challenge_method", "S256")
		want.Set("login_hint", user)
		for k := range want {
			if q.Get(k) != want.Get(k) {
				t.Errorf("%s: %s is %q, want %q", key, k, q.Get(k), want.Get(k))
			}
			q.Del(k)
		}
		if len(q.Get("state")) < 20 || len(q.Get("code_challenge")) != 43 || !strings.HasPrefix(q.Get("redirect_uri"), "http://"+r.registration().Redirect+":") {
			t.Errorf("%s: %v", key, q)
		}
		if len(q) != 3 {
			t.Errorf("%s: beside that %v", key, q)
		}
		r.noSecret(address)
	}
	tenant := Microsoft("a/../b", "pop3")
	if tenant.Endpoints.Token != "https://login.microsoftonline.com/a%2F..%2Fb/oauth2/v2.0/token" || !slices.Contains(tenant.Scopes, "https://outlook.office.com/POP.AccessAsUser.All") {
		t.Errorf("%+v", tenant)
	}
}

func TestNobodySignsIn(t *testing.T) {
	r := newRig(t, &mailtest.OAuth{})
	ctx, cancel := context.WithCancelCause(t.Context())
	s := r.signIn()
	s.Show = func(string) { cancel(errPatience) }
	if _, err := s.Browser(ctx); !errors.Is(err, errPatience) || reply.ClassOf(err) != reply.Credentials {
		t.Errorf("%v", err)
	}
}
