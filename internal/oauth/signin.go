package oauth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"mailrill/internal/lang"
)

// A SignIn is the dialogue with the person who signs in.
type SignIn struct {
	Client Client
	User   string
	Lang   lang.Lang // of the page in the browser
	Sleep  func(context.Context, time.Duration) error

	// Show is told the address to open in a browser.
	Show func(address string)
	// ShowCode is told the address to open on any device, and the code to enter
	// there.
	ShowCode func(address, code string)
	// Paste brings the lines that somebody enters: the address of the last page,
	// where the browser runs on another machine and cannot show it. It may be nil,
	// and be closed.
	Paste <-chan string
	// Wrong is told why a line of Paste is not the address that is waited for.
	Wrong func(why lang.Text)
}

// patience is how long a person may take at the browser.
const patience = 10 * time.Minute

var errPatience = refusal("authorize", "expired_token", fmt.Sprintf("nobody has signed in within %v", patience))

// Browser signs in with a browser, which comes back to an address of this machine
// (RFC 8252). The code that it brings is worthless without the verifier, which
// never leaves this process but to the provider (RFC 7636).
func (s *SignIn) Browser(ctx context.Context) (*Token, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	door, err := openDoor(ctx, s.Client.Redirect, s.Lang)
	if err != nil {
		return nil, err
	}
	defer door.close()
	verifier := oauth2.GenerateVerifier()
	address, err := s.address(ctx, door, verifier)
	if err != nil {
		return nil, err
	}
	s.Show(address)
	code, err := s.await(ctx, door)
	if err != nil {
		return nil, err
	}
	answer, err := s.Client.ask(ctx, door.redirect, []string{code, verifier}, func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		return config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	})
	if err != nil {
		return nil, err
	}
	return s.Client.signedIn(s.User, answer)
}

// address is what the browser is to open.
func (s *SignIn) address(ctx context.Context, d *door, verifier string) (string, error) {
	config, err := s.Client.config(ctx, d.redirect)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier)}
	for key, values := range s.Client.Params {
		options = append(options, oauth2.SetAuthURLParam(key, values[0]))
	}
	if strings.Contains(s.User, "@") {
		options = append(options, oauth2.SetAuthURLParam("login_hint", s.User))
	}
	return config.AuthCodeURL(d.state, options...), nil
}

// await waits for the browser, or for the address that somebody pastes.
func (s *SignIn) await(ctx context.Context, d *door) (code string, err error) {
	paste := s.Paste
	for {
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case v := <-d.visits:
			return v.code, v.err
		case line, open := <-paste:
			if !open {
				paste = nil
				continue
			}
			code, err := d.judge(pasted(line))
			if why, foreign := errors.AsType[notOurs](err); foreign {
				s.Wrong(lang.Text(why))
				continue
			}
			return code, err
		}
	}
}

// maxPasted bounds an address that is pasted, in octets.
const maxPasted = 16 << 10

// pasted returns the parameters of an address that somebody has pasted.
func pasted(line string) url.Values {
	line = strings.TrimSpace(line)
	u, err := url.Parse(line)
	if err != nil || len(line) > maxPasted {
		return nil
	}
	return u.Query()
}

// notOurs is why a visitor, or a line, has nothing to do with this sign-in.
type notOurs lang.Text

func (n notOurs) Error() string { return n.EN }

var (
	errNoCode = notOurs{
		EN: "it holds no code, so it is not that of the last page",
		ZH: "其中没有授权码，不是最后一页的地址",
	}
	errOtherState = notOurs{
		EN: "it belongs to another sign-in",
		ZH: "它属于另一次登录",
	}
)

// judge reads what the provider sent along with the browser. Without our state it
// is somebody else's: another sign-in, or a page that wants us to use its code.
func (d *door) judge(q url.Values) (code string, err error) {
	code, refused := q.Get("code"), q.Get("error")
	switch {
	case code == "" && refused == "":
		return "", errNoCode
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(d.state)) != 1:
		return "", errOtherState
	case refused != "":
		return "", refusal("authorize", bounded(refused), q.Get("error_description"))
	}
	return code, nil
}

// newState returns a word that nobody can guess.
func newState() string { return rand.Text() }
