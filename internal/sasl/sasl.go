// Package sasl gives the SASL mechanisms that mail servers take, as clients of
// one interface for IMAP, POP3 and SMTP.
package sasl

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-sasl"
)

// Client is one exchange of one mechanism, as go-sasl defines it.
type Client = sasl.Client

// Auth gives what a login needs. It is called once for each connection, so that
// a changed secret or a fresh token is used from the next one on.
type Auth func(ctx context.Context) (Client, error)

// A Gate is passed before each login. It keeps one that was refused from being
// repeated too soon.
type Gate interface {
	// Enter returns when the login may be made, or the error that is its outcome.
	Enter(ctx context.Context) (Pass, error)
}

// A Pass is a login that a Gate has let through.
type Pass interface {
	// Renew is told that the login was refused to a token that was thought valid. It
	// returns nil where another one is to be tried; else that is the outcome.
	Renew(err error) error
	// Leave is told the outcome, once, as soon as it is known: others may wait for
	// that. It returns what is to be said of it.
	Leave(err error) error
}

// A Login is a Client that can also be carried by the plain commands (USER and
// PASS, LOGIN, AUTH LOGIN), which many servers offer instead of AUTH PLAIN.
type Login interface {
	Client
	Credentials() (user, password string)
}

// Password returns an Auth for a user name and a secret.
func Password(user string, secret func(context.Context) (string, error)) Auth {
	return func(ctx context.Context) (Client, error) {
		p, err := secret(ctx)
		if err != nil {
			return nil, err
		}
		if err := checkArgument(user); err != nil {
			return nil, fmt.Errorf("user name %w", err)
		}
		if err := checkArgument(p); err != nil {
			return nil, fmt.Errorf("secret %w", err)
		}
		return &login{sasl.NewPlainClient("", user, p), user, p}, nil
	}
}

type login struct {
	sasl.Client
	user, password string
}

func (l *login) Credentials() (string, string) { return l.user, l.password }

// checkArgument refuses what would end a command line or a SASL PLAIN field
// early: one call is one command on the wire, for any string.
func checkArgument(s string) error {
	if strings.ContainsAny(s, "\r\n\x00") {
		return errors.New("holds a line break or NUL")
	}
	return nil
}
