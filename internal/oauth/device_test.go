package oauth

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

func TestDevice(t *testing.T) {
	const s = time.Second
	for what, c := range map[string]struct {
		fake  *mailtest.OAuth
		slept []time.Duration
		code  string
		class reply.Class
	}{
		"at once":            {&mailtest.OAuth{}, []time.Duration{5 * s}, "", reply.OK},
		"not at once":        {&mailtest.OAuth{Interval: 2, Device: []string{"authorization_pending", "authorization_pending"}}, []time.Duration{2 * s, 2 * s, 2 * s}, "", reply.OK},
		"slower":             {&mailtest.OAuth{Device: []string{"slow_down", "authorization_pending"}}, []time.Duration{5 * s, 10 * s, 10 * s}, "", reply.OK},
		"a line breaks":      {&mailtest.OAuth{Device: []string{"broken", "broken"}}, []time.Duration{5 * s, 10 * s, 20 * s}, "", reply.OK},
		"a word unknown":     {&mailtest.OAuth{Device: []string{"be_right_back"}}, []time.Duration{5 * s, 10 * s}, "", reply.OK},
		"interval -1":        {&mailtest.OAuth{Interval: -1}, []time.Duration{5 * s}, "", reply.OK},
		"a huge interval":    {&mailtest.OAuth{Interval: 1 << 40}, []time.Duration{60 * s}, "", reply.OK},
		"past all":           {&mailtest.OAuth{Interval: 1 << 62}, []time.Duration{60 * s}, "", reply.OK},
		"the person says no": {&mailtest.OAuth{Device: []string{"access_denied"}}, []time.Duration{5 * s}, "access_denied", reply.Config},
		"Microsoft's no":     {&mailtest.OAuth{Device: []string{"authorization_declined"}}, []time.Duration{5 * s}, "authorization_declined", reply.Config},
		"too late":           {&mailtest.OAuth{Device: []string{"expired_token"}}, []time.Duration{5 * s}, "expired_token", reply.Credentials},
	} {
		fake := c.fake
		fake.Microsoft, fake.User = true, user
		r := newRig(t, fake)
		in := r.signIn()
		shown := ""
		in.ShowCode = func(address, code string) { shown = address + " " + code }
		token, err := in.Device(t.Context())
		if shown != "https://login.example/device ABCD-1234" || !slices.Equal(r.slept, c.slept) || codeOf(err) != c.code || reply.ClassOf(err) != c.class {
			t.Errorf("%s: %q, slept %v, %v", what, shown, r.slept, err)
		}
		if err == nil && !fake.Takes(user, token.Access) {
			t.Errorf("%s: %#v", what, token)
		}
		r.noSecretIn(err)
	}
}

// Nobody comes: the code is given up, after a bounded number of questions.
func TestDeviceEnds(t *testing.T) {
	fake := &mailtest.OAuth{Microsoft: true, Interval: 60, Device: slices.Repeat([]string{"authorization_pending"}, 1000)}
	r := newRig(t, fake)
	if _, err := r.signIn().Device(t.Context()); codeOf(err) != "expired_token" || len(r.slept) > 16 {
		t.Errorf("%v after %d questions", err, len(r.slept))
	}
}

// Google's device flow cannot grant access to mail, so there is no address of it.
func TestNoDeviceAtGoogle(t *testing.T) {
	if Google().Endpoints.Device != "" {
		t.Error("there is one")
	}
}

// Who is told to stop does not wait for an endpoint that says nothing, whatever is
// asked of it.
func TestMuteDeviceEndpoint(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan bool)
	mute := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		cancel()
		<-over
	}))
	defer mute.Close()
	defer close(over)
	r := newRig(t, &mailtest.OAuth{Microsoft: true})
	s := r.signIn()
	s.Client.Endpoints.Device = mute.URL
	s.Client.HTTP = NewHTTPClient((&net.Dialer{}).DialContext, 10*time.Second)
	start := time.Now()
	if _, err := s.Device(ctx); !errors.Is(err, context.Canceled) || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	// Without that word it costs one timeout.
	s.Client.HTTP = NewHTTPClient((&net.Dialer{}).DialContext, 20*time.Millisecond)
	if _, err := s.Device(t.Context()); reply.ClassOf(err) != reply.Network {
		t.Errorf("%v of class %s", err, reply.ClassOf(err))
	}
}
