package smtp

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// maxChallenges bounds a login whose server never comes to an end.
const maxChallenges = 10

// login authenticates by what both sides know (RFC 4954).
func (c *client) login(ctx context.Context, auth sasl.Auth) error {
	client, err := auth(ctx)
	if err != nil {
		return err
	}
	if l, ok := client.(sasl.Login); ok && !c.offers("PLAIN") && c.offers("LOGIN") {
		client = &loginClient{l: l}
	}
	mechanism, initial, err := client.Start()
	if err != nil {
		return err
	}
	if !c.offers(mechanism) {
		return reply.WithClass(reply.Config, errors.New("the server does not offer to log in by "+mechanism+" here; with tls = \"none\" most do not"))
	}
	line := "AUTH " + mechanism
	if initial != nil {
		line += " " + encode(initial)
	}
	return c.exchange(client, line)
}

// offers reports whether AUTH lists a mechanism.
func (c *client) offers(mechanism string) bool {
	for _, m := range strings.Fields(c.keywords["AUTH"]) {
		if strings.EqualFold(m, mechanism) {
			return true
		}
	}
	return false
}

// exchange answers challenges until the server has decided. A challenge that
// cannot be answered is cancelled with "*", and its refusal is the error.
func (c *client) exchange(client sasl.Client, line string) error {
	var cause error
	for range maxChallenges {
		a, err := c.ask(line)
		switch {
		case err != nil:
			return err
		case a.ok(2):
			return cause
		case a.code != 334:
			return errors.Join(a.refusal(c.protocol, "AUTH"), cause)
		case cause != nil:
			c.broken = true
			return cause
		}
		challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.Join(a.lines, "")))
		var response []byte
		if err == nil {
			response, err = client.Next(challenge)
		}
		line = encodeResponse(response)
		if err != nil {
			cause, line = err, "*"
		}
	}
	c.broken = true
	return errors.New("the server's login has no end")
}

// encode writes an initial response; an empty one is "=".
func encode(b []byte) string {
	if len(b) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(b)
}

// encodeResponse writes the answer to a challenge; an empty one is an empty line.
func encodeResponse(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// A loginClient is AUTH LOGIN, for servers that offer nothing better: the user
// name answers the first challenge, the password the second, whatever they say.
type loginClient struct {
	l    sasl.Login
	step int
}

func (c *loginClient) Start() (string, []byte, error) { return "LOGIN", nil, nil }

func (c *loginClient) Next([]byte) ([]byte, error) {
	user, password := c.l.Credentials()
	c.step++
	switch c.step {
	case 1:
		return []byte(user), nil
	case 2:
		return []byte(password), nil
	}
	return nil, errors.New("a third challenge to AUTH LOGIN")
}
