package oauth

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"mailrill/internal/reply"
)

const (
	usualPause    = 5 * time.Second // between two questions; RFC 8628, 3.2
	longestPause  = time.Minute
	usualDevice   = 15 * time.Minute // for the person, where the provider does not say
	longestDevice = 30 * time.Minute
)

// Device signs in with a browser on any device (RFC 8628), where the provider
// lets that grant access to mail.
func (s *SignIn) Device(ctx context.Context) (*Token, error) {
	d, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(d.VerificationURI); err != nil || u.Host == "" || d.UserCode == "" || !isToken(d.DeviceCode) {
		return nil, s.Client.misread("its answer is not to be understood")
	}
	s.ShowCode(reply.Clean(d.VerificationURI), reply.Clean(d.UserCode))
	answer, err := s.poll(ctx, d)
	if err != nil {
		return nil, err
	}
	return s.Client.signedIn(s.User, answer)
}

// begin asks for the codes. At an answer of "null" the library panics.
func (s *SignIn) begin(ctx context.Context) (d *oauth2.DeviceAuthResponse, err error) {
	config, err := s.Client.config(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() {
		if recover() != nil {
			err = s.Client.misread("its answer is not to be understood")
		}
	}()
	through, done := s.Client.through(ctx)
	defer done()
	if d, err = config.DeviceAuth(through); err != nil {
		return nil, s.Client.failed(ctx, "authorize", err, nil)
	}
	return d, nil
}

// poll asks until the person is done. A failure on the way ends nothing: the
// person may be at it just then.
func (s *SignIn) poll(ctx context.Context, d *oauth2.DeviceAuthResponse) (*oauth2.Token, error) {
	pause := clamp(time.Duration(min(d.Interval, 60))*time.Second, usualPause, longestPause)
	left := usualDevice
	if !d.Expiry.IsZero() {
		left = clamp(time.Until(d.Expiry), usualDevice, longestDevice)
	}
	for end := s.Client.Now().Add(left); s.Client.Now().Before(end); {
		if err := s.Sleep(ctx, pause); err != nil {
			return nil, err
		}
		answer, err := s.askDevice(ctx, d)
		switch code := codeOf(err); {
		case err == nil:
			return answer, nil
		case code == "authorization_pending":
		case code == "slow_down":
			pause = min(pause+usualPause, longestPause)
		case code == "expired_token" || !passes(err) || ctx.Err() != nil:
			return nil, err
		default:
			pause = min(2*pause, longestPause)
		}
	}
	return nil, refusal("token", "expired_token", fmt.Sprintf("nobody has entered the code within %v", left.Round(time.Second)))
}

// clamp keeps what a server says within bounds; nothing and less than nothing
// becomes usual. A ticker of a negative interval panics.
func clamp(d, usual, longest time.Duration) time.Duration {
	if d <= 0 {
		return usual
	}
	return min(d, longest)
}

// askDevice asks once. The library's own loop gives up at the first broken line,
// so that of its functions is used which sends what it is told to; its empty
// "code" counts as none (RFC 6749, 3.2).
func (s *SignIn) askDevice(ctx context.Context, d *oauth2.DeviceAuthResponse) (*oauth2.Token, error) {
	return s.Client.ask(ctx, "", []string{d.DeviceCode}, func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		return config.Exchange(ctx, "",
			oauth2.SetAuthURLParam("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
			oauth2.SetAuthURLParam("device_code", d.DeviceCode))
	})
}
