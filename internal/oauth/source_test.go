package oauth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mailrill/internal/fsx"
	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

// A token is used until five minutes before its end, and then renewed.
func TestRenewEarly(t *testing.T) {
	for _, fake := range []*mailtest.OAuth{{}, {Microsoft: true, RevokeOld: true}} {
		r := newRig(t, fake)
		source := r.signedIn(r.store())
		first, err := source.Token(t.Context())
		if err != nil || r.refreshes() != 0 {
			t.Fatalf("%v, %d refreshes", err, r.refreshes())
		}
		r.pass(54 * time.Minute)
		if again, err := source.Token(t.Context()); again != first || err != nil || r.refreshes() != 0 {
			t.Errorf("%v, %d refreshes", err, r.refreshes())
		}
		r.pass(2 * time.Minute)
		second, err := source.Token(t.Context())
		if second == first || err != nil || r.refreshes() != 1 || !fake.Takes(user, second) {
			t.Errorf("%v, %d refreshes", err, r.refreshes())
		}
		// Each further one by the refresh token that came last.
		for range 3 {
			r.pass(time.Hour)
			if _, err := r.source(r.store()).Token(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if r.refreshes() != 4 {
			t.Errorf("%d refreshes", r.refreshes())
		}
		info, err := os.Stat(filepath.Join(r.dir, name))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	}
}

// Of many goroutines with two stores over one folder, as in two processes, one
// asks; none gets a token that was replaced.
func TestOneAsks(t *testing.T) {
	fake := &mailtest.OAuth{Microsoft: true, RevokeOld: true}
	r := newRig(t, fake)
	one, two := r.store(), r.store()
	r.signedIn(one)
	r.pass(2 * time.Hour)
	// A real pause for who polls the lock; the clock stands.
	one.Sleep = func(ctx context.Context, _ time.Duration) error { return yield(ctx) }
	two.Sleep = one.Sleep
	var all sync.WaitGroup
	for i := range 20 {
		source := r.source([]*Store{one, two}[i%2])
		all.Go(func() {
			if token, err := source.Token(t.Context()); err != nil || !fake.Takes(user, token) {
				t.Errorf("%q: %v", token, err)
			}
		})
	}
	all.Wait()
	if r.refreshes() != 1 {
		t.Errorf("%d refreshes", r.refreshes())
	}
}

func yield(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Millisecond):
		return nil
	}
}

// A refused token is replaced, unless another has replaced it by then.
func TestRenew(t *testing.T) {
	r := newRig(t, &mailtest.OAuth{})
	source := r.signedIn(r.store())
	first, _ := source.Token(t.Context())
	r.fake.Revoke(false)
	for range 3 {
		if err := source.Renew(t.Context(), first); err != nil {
			t.Fatal(err)
		}
	}
	second, err := source.Token(t.Context())
	if err != nil || second == first || !r.fake.Takes(user, second) || r.refreshes() != 1 {
		t.Errorf("%v, %d refreshes", err, r.refreshes())
	}
	r.fake.Revoke(true)
	if err := source.Renew(t.Context(), second); codeOf(err) != "invalid_grant" || reply.ClassOf(err) != reply.Credentials {
		t.Errorf("a sign-in that was taken back: %v", err)
	}
}

// errKilled stands for the end of the process: from one step on nothing happens
// any more.
var errKilled = errors.New("killed")

// Killed at any step between the provider's answer and the token's use, the
// program finds a whole token file again, old or new, and goes on with it; and
// no access token was used whose refresh token was not on disk.
func TestKilledBetweenRefreshAndSave(t *testing.T) {
	done := false
	for k := 0; !done; k++ {
		if k > 20 {
			t.Fatal("saving has no end")
		}
		fake := &mailtest.OAuth{Microsoft: true}
		r := newRig(t, fake)
		r.signedIn(r.store())
		before := r.file()
		r.pass(2 * time.Hour)
		dying, step := r.store(), 0
		dying.FS = fsx.FS{Fault: func(op, path string) error {
			step++
			if step > k {
				return errKilled
			}
			return nil
		}}
		token, err := r.source(dying).Token(t.Context())
		done = err == nil
		switch {
		case done:
			if !strings.Contains(r.file(), token) {
				t.Errorf("step %d: a token is used that is not on disk", k)
			}
		case token != "" || !errors.Is(err, errKilled):
			t.Errorf("step %d: %q, %v", k, token, err)
		}
		if r.file() != before {
			if t, ok := decode([]byte(r.file())); !ok || !fake.Takes(user, t.Access) {
				r.t.Errorf("step %d: the file is neither the old nor the new", k)
			}
		}
		next := r.source(r.store())
		if token, err := next.Token(t.Context()); err != nil || !fake.Takes(user, token) {
			t.Errorf("step %d: after it %v", k, err)
		}
		if _, err := os.Stat(filepath.Join(r.dir, ".gmail.new")); err == nil && done {
			t.Error("a temporary file stays")
		}
	}
}

// A provider that takes a refresh token once is still there after the disk was
// full: what was got is kept, and saved before it is used.
func TestDiskIsFullForAWhile(t *testing.T) {
	fake := &mailtest.OAuth{Microsoft: true, RevokeOld: true}
	r := newRig(t, fake)
	store, full := r.store(), false
	store.FS = fsx.FS{Fault: func(op, path string) error {
		if full && op == "write" {
			return syscall.ENOSPC
		}
		return nil
	}}
	source := r.signedIn(store)
	r.pass(2 * time.Hour)
	full = true
	for range 3 {
		token, err := source.Token(t.Context())
		if token != "" || reply.ClassOf(err) != reply.Full {
			t.Errorf("%q, %v", token, err)
		}
		r.noSecretIn(err)
	}
	full = false
	token, err := source.Token(t.Context())
	if err != nil || !fake.Takes(user, token) || r.refreshes() != 1 || !strings.Contains(r.file(), token) {
		t.Errorf("%v, %d refreshes", err, r.refreshes())
	}
}

// What another process has written since is newer than what the disk did not take.
func TestLateSaveIsVoid(t *testing.T) {
	fake := &mailtest.OAuth{Microsoft: true}
	r := newRig(t, fake)
	store, full := r.store(), false
	store.FS = fsx.FS{Fault: func(op, path string) error {
		if full && op == "sync" {
			return syscall.ENOSPC
		}
		return nil
	}}
	source := r.signedIn(store)
	r.pass(2 * time.Hour)
	full = true
	source.Token(t.Context())
	full = false
	other, err := r.source(r.store()).Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.pass(56 * time.Minute)
	if token, err := source.Token(t.Context()); err != nil || token == other || r.refreshes() != 3 {
		t.Errorf("%v, %d refreshes", err, r.refreshes())
	}
}

// Failures that pass cost nothing: the file stays as it was, the access token is
// used to its end, and the next try may succeed.
func TestRefreshFails(t *testing.T) {
	echo := func(form url.Values) string {
		return fmt.Sprintf(`{"error":"temporarily_unavailable","error_description":%q}`, form.Encode())
	}
	for what, c := range map[string]struct {
		answer func(url.Values) mailtest.OAuthAnswer
		class  reply.Class
	}{
		"HTTP 503":                {status(503, "<html>canary-page</html>"), reply.Temporary},
		"HTTP 429":                {status(429, ""), reply.Limit},
		"a captive portal":        {status(200, "<html>canary-page</html>"), reply.Temporary},
		"a redirection":           {status(307, ""), reply.Temporary},
		"temporarily":             {func(f url.Values) mailtest.OAuthAnswer { return mailtest.OAuthAnswer{Status: 400, Body: echo(f)} }, reply.Temporary},
		"a word unknown":          {status(400, `{"error":"canary\u001b[31m","error_description":"x"}`), reply.Temporary},
		"an error with 200":       {status(200, `{"error":"server_error"}`), reply.Temporary},
		"no token":                {status(200, `{"token_type":"Bearer"}`), reply.Temporary},
		"a token of two lines":    {status(200, `{"access_token":"canary-a\r\nA1 LOGOUT","token_type":"Bearer"}`), reply.Temporary},
		"a token with ^A":         {status(200, `{"access_token":"canary-a\u0001auth=Bearer b"}`), reply.Temporary},
		"a refresh token of 1 MB": {status(200, `{"access_token":"a","refresh_token":"`+strings.Repeat("canary-", 100000)+`"}`), reply.Temporary},
		"more than the bound":     {status(200, `{"access_token":"`+strings.Repeat("a", 3<<20)+`"}`), reply.Temporary},
		"a MAC token":             {status(200, `{"access_token":"canary-a","token_type":"mac"}`), reply.Temporary},
		"a broken line":           {func(url.Values) mailtest.OAuthAnswer { return mailtest.OAuthAnswer{Lose: true} }, reply.Network},
	} {
		var broken atomic.Bool
		fake := &mailtest.OAuth{OnToken: func(f url.Values) mailtest.OAuthAnswer {
			if !broken.Load() {
				return mailtest.OAuthAnswer{}
			}
			return c.answer(f)
		}}
		r := newRig(t, fake)
		source := r.signedIn(r.store())
		before := r.file()
		broken.Store(true)
		r.pass(57 * time.Minute)
		if token, err := source.Token(t.Context()); err != nil || !fake.Takes(user, token) {
			t.Errorf("%s: in its last minutes: %v", what, err)
		}
		r.pass(10 * time.Minute)
		_, err := source.Token(t.Context())
		if err == nil || reply.ClassOf(err) != c.class || r.file() != before {
			t.Errorf("%s: %v of class %s", what, err, reply.ClassOf(err))
		}
		r.noSecretIn(err)
		broken.Store(false)
		if token, err := source.Token(t.Context()); err != nil || !fake.Takes(user, token) {
			t.Errorf("%s: after it: %v", what, err)
		}
	}
}

func status(code int, body string) func(url.Values) mailtest.OAuthAnswer {
	return func(url.Values) mailtest.OAuthAnswer { return mailtest.OAuthAnswer{Status: code, Body: body} }
}

// invalid_grant is told at once, also in the last minutes, and in the provider's
// words without the token that it repeats.
func TestInvalidGrant(t *testing.T) {
	for _, fake := range []*mailtest.OAuth{{}, {Microsoft: true}} {
		r := newRig(t, fake)
		source := r.signedIn(r.store())
		r.pass(56 * time.Minute)
		fake.Revoke(true)
		_, err := source.Token(t.Context())
		refusal, ok := errors.AsType[*reply.Error](err)
		if !ok || reply.ClassOf(err) != reply.Credentials || refusal.Command != "token" || refusal.Code != "invalid_grant" || refusal.Text == "" {
			t.Errorf("%v", err)
		}
		r.noSecretIn(err)
	}
}

// An endpoint that says nothing costs one timeout.
func TestMuteEndpoint(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var mute atomic.Bool
	asked := make(chan bool, 10)
	fake := &mailtest.OAuth{OnToken: func(url.Values) mailtest.OAuthAnswer {
		asked <- true
		return mailtest.OAuthAnswer{Mute: mute.Load()}
	}}
	r := newRig(t, fake)
	source := r.signedIn(r.store())
	r.pass(2 * time.Hour)
	mute.Store(true)
	source.Client.HTTP = NewHTTPClient((&net.Dialer{}).DialContext, 20*time.Millisecond)
	if _, err := source.Token(t.Context()); reply.ClassOf(err) != reply.Network {
		t.Errorf("%v", err)
	}
	if Timeout <= 0 || Timeout > time.Minute {
		t.Errorf("the real one is %v", Timeout)
	}
	// Nor does it keep a program that is told to stop.
	source.Client.HTTP = r.client
	go func() {
		for range 3 { // the sign-in, the timeout, this one
			<-asked
		}
		cancel()
	}()
	if _, err := source.Token(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// Secrets go to the endpoint and nowhere else.
func TestNoRedirectionIsFollowed(t *testing.T) {
	elsewhere := make(chan string, 1)
	thief, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { elsewhere <- r.URL.String() })}
	go server.Serve(thief)
	defer server.Close()
	redirecting, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	detour := &http.Server{Handler: http.RedirectHandler("http://"+thief.Addr().String(), http.StatusTemporaryRedirect)}
	go detour.Serve(redirecting)
	defer detour.Close()
	r := newRig(t, &mailtest.OAuth{})
	source := r.signedIn(r.store())
	source.Client.Endpoints.Token = "http://" + redirecting.Addr().String()
	r.pass(2 * time.Hour)
	if _, err := source.Token(t.Context()); reply.ClassOf(err) != reply.Temporary {
		t.Errorf("%v", err)
	}
	select {
	case address := <-elsewhere:
		t.Errorf("it went to %s", address)
	default:
	}
}

// A file that is not what the config asks for means: sign in again.
func TestNotSignedIn(t *testing.T) {
	r := newRig(t, &mailtest.OAuth{})
	source := r.source(r.store())
	check := func(what, words string) {
		t.Helper()
		_, err := source.Token(t.Context())
		if codeOf(err) != "login_required" || reply.ClassOf(err) != reply.Credentials || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), "mailrill login gmail") {
			t.Errorf("%s: %v", what, err)
		}
		r.noSecretIn(err)
	}
	check("never", "nobody has signed in")
	source = r.signedIn(r.store())
	source.User = "other@example.com"
	check("another user", "another user")
	source = r.source(r.store())
	source.Client.ID = "id2"
	check("another registration", "another client_id")
	source = r.source(r.store())
	source.Client.Key = MicrosoftKey
	check("another provider", "with google")
	source = r.source(r.store())
	source.Client.Scopes = []string{"more"}
	check("another protocol", "another protocol")
	source = r.source(r.store())
	for _, text := range []string{"", "{", "null", `{"v":2}`, `{"v":1,"refresh_token":"canary a b"}`, strings.Replace(r.file(), `"v": 1`, `"v": 7`, 1)} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("%.20q", text), "damaged")
	}
	if r.refreshes() != 0 {
		t.Error("the provider was asked")
	}
}

// Who waits while another is refused takes that for an answer: behind an endpoint
// that is mute, hundreds of accounts that deliver to one destination would wait for
// one timeout after the other.
func TestFailureIsShared(t *testing.T) {
	const many = 20
	var broken atomic.Bool
	var came atomic.Int32
	fake := &mailtest.OAuth{OnToken: func(url.Values) mailtest.OAuthAnswer {
		if !broken.Load() {
			return mailtest.OAuthAnswer{}
		}
		for came.Load() < many {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond) // from the clock to the lock
		return mailtest.OAuthAnswer{Status: 503}
	}}
	r := newRig(t, fake)
	source := r.signedIn(r.store())
	r.pass(2 * time.Hour)
	broken.Store(true)
	source.Client.Now = func() time.Time {
		came.Add(1)
		return r.clock()
	}
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			if _, err := source.Token(t.Context()); reply.ClassOf(err) != reply.Temporary {
				t.Errorf("%v", err)
			}
		})
	}
	all.Wait()
	if n := r.refreshes(); n != 1 {
		t.Errorf("%d requests", n)
	}
	// Who comes later asks again.
	if source.Token(t.Context()); r.refreshes() != 2 {
		t.Errorf("%d requests", r.refreshes())
	}
	broken.Store(false)
	if _, err := source.Token(t.Context()); err != nil {
		t.Error(err)
	}
}
