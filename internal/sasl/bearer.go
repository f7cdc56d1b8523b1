package sasl

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"mailrill/internal/reply"
)

// Tokens gives the access tokens of one login by OAuth 2.0.
type Tokens interface {
	// Token returns a token that is thought valid.
	Token(ctx context.Context) (string, error)
	// Renew sees to it that Token returns another than refused, which a server
	// did not take. It asks nobody where another has seen to it already.
	Renew(ctx context.Context, refused string) error
}

// Bearer returns an Auth for a user name and tokens. host and port are where the
// login goes to, which OAUTHBEARER tells the server.
func Bearer(user, host string, port int, tokens Tokens) Auth {
	return func(ctx context.Context) (Client, error) {
		token, err := tokens.Token(ctx)
		if err != nil {
			return nil, err
		}
		if strings.ContainsAny(user, "\x00\x01\r\n") || strings.ContainsAny(token, "\x00\x01\r\n") {
			return nil, errors.New("user name or token holds a control character")
		}
		return &bearer{mechanism: xoauth2, user: user, host: host, port: port, token: token, tokens: tokens}, nil
	}
}

// The mechanisms that carry a token.
const (
	xoauth2     = "XOAUTH2"     // Google's and Microsoft's own
	oauthbearer = "OAUTHBEARER" // RFC 7628
)

type bearer struct {
	mechanism  string
	user, host string
	port       int
	token      string
	tokens     Tokens
}

// Choose returns c, in the form that the server takes where there are two. A
// token goes by XOAUTH2, unless only OAUTHBEARER is offered.
func Choose(c Client, offers func(mechanism string) bool) Client {
	b, ok := c.(*bearer)
	if !ok || offers(xoauth2) || !offers(oauthbearer) {
		return c
	}
	other := *b
	other.mechanism = oauthbearer
	return &other
}

func (b *bearer) Start() (mechanism string, initial []byte, err error) {
	if b.mechanism == xoauth2 {
		return xoauth2, []byte("user=" + b.user + "\x01auth=Bearer " + b.token + "\x01\x01"), nil
	}
	text := "n,a=" + escapeName.Replace(b.user) + ",\x01host=" + b.host + "\x01port=" + strconv.Itoa(b.port) + "\x01auth=Bearer " + b.token + "\x01\x01"
	return oauthbearer, []byte(text), nil
}

// escapeName writes a name into a GS2 header (RFC 5801, section 4).
var escapeName = strings.NewReplacer("=", "=3D", ",", "=2C")

// Next answers the challenge by which servers refuse a token. The refusal itself,
// with its reason, comes only when that was answered.
func (b *bearer) Next([]byte) ([]byte, error) {
	if b.mechanism == xoauth2 {
		return []byte{}, nil
	}
	return []byte{1}, nil // RFC 7628, section 3.2.3
}

// Retry calls connect, which logs in by the Auth that it is given, and a second
// time with a renewed token where a server has refused one that was thought
// valid: tokens end early, by a change of password as by an administrator. It is
// a new connection, for servers hang up on who they have refused. Each login passes
// the gate, if there is one.
func Retry[T any](ctx context.Context, auth Auth, gate Gate, connect func(Auth) (T, error)) (T, error) {
	if auth == nil {
		return connect(nil)
	}
	a := &attempt{life: ctx, auth: auth, gate: gate}
	defer a.end(errUnfinished) // after a panic: others wait for it
	v, err := connect(a.begin)
	if a.used == nil || !refused(err) {
		return v, a.end(err)
	}
	var none T
	if err := a.renew(ctx, err); err != nil {
		return none, err
	}
	if v, err = connect(a.begin); refused(err) {
		err = fmt.Errorf("%w (by OAuth, and with a new token again)", err)
	}
	return v, a.end(err)
}

var errUnfinished = errors.New("the login was not finished")

// An attempt is one login, or one after the other with two tokens.
type attempt struct {
	life context.Context
	auth Auth
	gate Gate    // nil: there is none
	pass Pass    // nil: the gate was not passed, or the login has ended
	used *bearer // what the login was made with, if it is by a token
}

// begin is the Auth of the attempt.
func (a *attempt) begin(ctx context.Context) (Client, error) {
	if a.gate != nil && a.pass == nil {
		pass, err := a.gate.Enter(ctx)
		if err != nil {
			return nil, err
		}
		a.pass = pass
	}
	c, err := a.auth(ctx)
	a.used, _ = c.(*bearer)
	return c, err
}

// renew sees to another token for one that was refused.
func (a *attempt) renew(ctx context.Context, refused error) error {
	if a.pass != nil {
		if err := a.pass.Renew(refused); err != nil {
			return a.end(err)
		}
	}
	if err := a.used.tokens.Renew(ctx, a.used.token); err != nil {
		return a.end(err)
	}
	return nil
}

// end tells the gate of the outcome, and returns what it says to that. What was cut
// with its context shows nothing of the line either.
func (a *attempt) end(err error) error {
	if a.pass == nil {
		return err
	}
	pass := a.pass
	a.pass = nil
	if err != nil && !refused(err) && a.life.Err() != nil {
		_ = pass.Leave(errUnfinished)
		return err
	}
	return pass.Leave(err)
}

// refused reports whether err is a server's word that the credentials are wrong.
func refused(err error) bool {
	r, ok := errors.AsType[*reply.Error](err)
	return ok && r.Login() && reply.ClassOf(err) == reply.Credentials
}
