package sasl

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailrill/internal/reply"
)

// tokens gives the first of the list; Renew takes it off.
type tokens struct {
	list    []string
	refused []string
	err     error // of Renew
}

func (t *tokens) Token(context.Context) (string, error) { return t.list[0], nil }

func (t *tokens) Renew(_ context.Context, refused string) error {
	t.refused = append(t.refused, refused)
	if t.err == nil && len(t.list) > 1 {
		t.list = t.list[1:]
	}
	return t.err
}

// The vectors of Google's description and of RFC 7628, section 4.1.
func TestBearer(t *testing.T) {
	google := Bearer("someuser@example.com", "imap.example.com", 143, &tokens{list: []string{"ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"}})
	rfc := Bearer("user@example.com", "server.example.com", 143, &tokens{list: []string{"vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="}})
	odd := Bearer("a,b=c", "h", 1, &tokens{list: []string{"t"}})
	for name, c := range map[string]struct {
		auth    Auth
		offered []string
		mech    string
		initial string
		next    string
	}{
		"XOAUTH2": {google, []string{"XOAUTH2", "OAUTHBEARER"}, "XOAUTH2",
			"dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==", ""},
		"neither is offered": {google, []string{"PLAIN"}, "XOAUTH2",
			"dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==", ""},
		"OAUTHBEARER": {rfc, []string{"PLAIN", "OAUTHBEARER"}, "OAUTHBEARER",
			"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB", "\x01"},
		"odd name": {odd, []string{"OAUTHBEARER"}, "OAUTHBEARER",
			base64.StdEncoding.EncodeToString([]byte("n,a=a=2Cb=3Dc,\x01host=h\x01port=1\x01auth=Bearer t\x01\x01")), "\x01"},
	} {
		client, err := c.auth(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		client = Choose(client, func(m string) bool { return slices.Contains(c.offered, m) })
		mech, initial, err := client.Start()
		if err != nil || mech != c.mech || base64.StdEncoding.EncodeToString(initial) != c.initial {
			t.Errorf("%s: %s %q, %v", name, mech, initial, err)
		}
		if got, err := client.Next([]byte(`{"status":"400"}`)); err != nil || got == nil || string(got) != c.next {
			t.Errorf("%s: the challenge is answered by %q, %v", name, got, err)
		}
	}
}

// A login is one command for any token and name.
func TestBearerRefusesControls(t *testing.T) {
	for _, c := range [][2]string{{"me\x01auth=Bearer x", "t"}, {"me", "t\r\nA1 LOGOUT"}, {"me\x00", "t"}, {"me", "t\x01"}} {
		if client, err := Bearer(c[0], "h", 1, &tokens{list: []string{c[1]}})(t.Context()); err == nil {
			t.Errorf("%q gives %v", c, client)
		}
	}
}

func TestVeilHidesBothForms(t *testing.T) {
	for _, offered := range []string{"XOAUTH2", "OAUTHBEARER"} {
		c, _ := Bearer("me", "h", 1, &tokens{list: []string{"canary-token"}})(t.Context())
		var v Veil
		c = v.Watch(Choose(c, func(m string) bool { return m == offered }))
		_, initial, _ := c.Start()
		if got := v.Hide("what is CANARY-token, " + base64.StdEncoding.EncodeToString(initial) + ", me?"); got != "what is …, …, me?" {
			t.Errorf("%s: %q", offered, got)
		}
	}
}

var (
	errWrong = &reply.Error{Protocol: "imap", Command: "AUTHENTICATE", Code: "AUTHENTICATIONFAILED", Text: "Invalid credentials"}
	errBusy  = &reply.Error{Protocol: "imap", Command: "AUTHENTICATE", Text: "too many simultaneous connections"}
	errLater = &reply.Error{Protocol: "imap", Command: "SELECT", Code: "AUTHENTICATIONFAILED"}
	errLine  = errors.New("the line broke")
	errGrant = reply.WithClass(reply.Credentials, &reply.Error{Protocol: "oauth", Command: "token", Code: "invalid_grant"})
)

// A server that refuses a token is asked once more, with another one; nothing
// else is a reason to.
func TestRetry(t *testing.T) {
	for name, c := range map[string]struct {
		answers []error // of the server
		renew   error
		used    []string
		want    error
	}{
		"taken":                  {[]error{nil}, nil, []string{"old"}, nil},
		"refused, then taken":    {[]error{errWrong, nil}, nil, []string{"old", "new"}, nil},
		"refused twice":          {[]error{errWrong, errWrong}, nil, []string{"old", "new"}, errWrong},
		"no new token":           {[]error{errWrong}, errGrant, []string{"old"}, errGrant},
		"a limit at the login":   {[]error{errBusy}, nil, []string{"old"}, errBusy},
		"not at the login":       {[]error{errLater}, nil, []string{"old"}, errLater},
		"a broken line":          {[]error{errLine}, nil, []string{"old"}, errLine},
		"refused, then a broken": {[]error{errWrong, errLine}, nil, []string{"old", "new"}, errLine},
	} {
		source := &tokens{list: []string{"old", "new", "third"}, err: c.renew}
		var used []string
		got, err := Retry(t.Context(), Bearer("me", "h", 1, source), nil, func(auth Auth) (string, error) {
			client, err := auth(t.Context())
			if err != nil {
				return "", err
			}
			used = append(used, client.(*bearer).token)
			return "in", c.answers[len(used)-1]
		})
		if !slices.Equal(used, c.used) || !errors.Is(err, c.want) || (err == nil) != (got == "in" && c.want == nil) {
			t.Errorf("%s: %q, %v with %q", name, got, err, used)
		}
		if c.want != nil && reply.ClassOf(err) != reply.ClassOf(c.want) {
			t.Errorf("%s: class %s", name, reply.ClassOf(err))
		}
		if len(source.refused) > 1 || len(source.refused) == 1 && source.refused[0] != "old" {
			t.Errorf("%s: renewed for %q", name, source.refused)
		}
	}
}

// A password is tried once: another try only brings a lock-out nearer.
func TestPasswordsAreNotRetried(t *testing.T) {
	auth := Password("me", func(context.Context) (string, error) { return "secret", nil })
	n := 0
	_, err := Retry(t.Context(), auth, nil, func(a Auth) (int, error) {
		n++
		_, err := a(t.Context())
		return 0, errors.Join(err, errWrong)
	})
	if n != 1 || !errors.Is(err, errWrong) {
		t.Errorf("%d tries, %v", n, err)
	}
	if v, err := Retry(t.Context(), nil, nil, func(a Auth) (bool, error) { return a == nil, nil }); !v || err != nil {
		t.Errorf("without a login: %v, %v", v, err)
	}
}

// A turnstile is a Gate that takes notes.
type turnstile struct {
	shut    error
	noOther bool // token is to be tried
	notes   []string
}

func (g *turnstile) Enter(context.Context) (Pass, error) {
	g.notes = append(g.notes, "enter")
	return g, g.shut
}

func (g *turnstile) Renew(err error) error {
	g.notes = append(g.notes, "renew")
	if g.noOther {
		return err
	}
	return nil
}

func (g *turnstile) Leave(err error) error {
	g.notes = append(g.notes, fmt.Sprint(err))
	if err != nil {
		err = fmt.Errorf("noted: %w", err)
	}
	return err
}

// A login passes the gate, which learns once how it ended.
func TestRetryPassesTheGate(t *testing.T) {
	shut := errors.New("shut")
	for name, c := range map[string]struct {
		gate    turnstile
		answers []error // of the server; none: the login panics
		tokens  tokens
		want    string
		err     error
	}{
		"taken":               {turnstile{}, []error{nil}, tokens{}, "enter, <nil>", nil},
		"a broken line":       {turnstile{}, []error{errLine}, tokens{}, "enter, " + errLine.Error(), errLine},
		"refused, then taken": {turnstile{}, []error{errWrong, nil}, tokens{}, "enter, renew, <nil>", nil},
		"refused twice":       {turnstile{}, []error{errWrong, errWrong}, tokens{}, "enter, renew, " + errWrong.Error() + " (by OAuth, and with a new token again)", errWrong},
		"no new token":        {turnstile{}, []error{errWrong}, tokens{err: errGrant}, "enter, renew, " + errGrant.Error(), errGrant},
		"no other try":        {turnstile{noOther: true}, []error{errWrong}, tokens{}, "enter, renew, " + errWrong.Error(), errWrong},
		"the gate is shut":    {turnstile{shut: shut}, []error{nil}, tokens{}, "enter", shut},
		"a bug":               {turnstile{}, nil, tokens{}, "enter, " + errUnfinished.Error(), nil},
	} {
		answers := c.answers
		login := func(auth Auth) (bool, error) {
			if _, err := auth(t.Context()); err != nil {
				return false, err
			}
			if _, err := auth(t.Context()); err != nil { // who asks again is still at the same login
				return false, err
			}
			err := answers[0]
			answers = answers[1:]
			return true, err
		}
		c.tokens.list = []string{"1", "2", "3", "4"}
		_, err := func() (_ bool, err error) {
			defer func() { _ = recover() }()
			return Retry(t.Context(), Bearer("me", "h", 1, &c.tokens), &c.gate, login)
		}()
		if got := strings.Join(c.gate.notes, ", "); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %s; %v", name, got, err)
		}
		if c.err != nil && c.err != shut && !strings.HasPrefix(err.Error(), "noted: ") {
			t.Errorf("%s: what the gate says is lost: %v", name, err)
		}
	}
}

// What was cut by who asked says nothing of the line. A refusal is one all the same.
func TestRetryOfOneWhoHasGone(t *testing.T) {
	for answer, want := range map[error]string{errLine: "enter, " + errUnfinished.Error(), errBusy: "enter, " + errUnfinished.Error(), errWrong: "enter, " + errWrong.Error()} {
		ctx, leave := context.WithCancel(t.Context())
		gate := &turnstile{}
		_, err := Retry(ctx, Password("me", func(context.Context) (string, error) { return "x", nil }), gate, func(auth Auth) (int, error) {
			_, err := auth(ctx)
			leave()
			return 0, errors.Join(err, answer)
		})
		if got := strings.Join(gate.notes, ", "); got != want || !errors.Is(err, answer) {
			t.Errorf("%v: %s; %v", answer, got, err)
		}
	}
}
