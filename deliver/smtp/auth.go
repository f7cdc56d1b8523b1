package smtp

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
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
	if l, ok := client.(sasl.Login); ok {
		client = c.plainOrLogin(l)
	} else {
		client = c.veil.Watch(sasl.Choose(client, c.offers))
	}
	mechanism, initial, err := client.Start()
	if err != nil {
		return err
	}
	if !c.offers(mechanism) {
		return reply.WithClass(reply.Config, errors.New("the server does not offer to log in by "+mechanism+" here; with tls = \"none\" most do not"))
	}
	line := "AUTH " + mechanism
	if initial == nil {
		return c.exchange(client, line)
	}
	whole := line + " " + c.encode(initial, "=")
	if len(whole)+2 > maxCommand {
		return c.exchange(&later{client, initial}, line)
	}
	return c.exchange(client, whole)
}

// maxCommand is the longest AUTH command in octets, its line end included. What
// does not fit goes on a line of its own (RFC 4954 §4); Microsoft's tokens do not.
const maxCommand = 512

// later is a client whose initial response answers the first challenge.
type later struct {
	sasl.Client
	initial []byte
}

func (l *later) Next(challenge []byte) ([]byte, error) {
	if first := l.initial; first != nil {
		l.initial = nil
		return first, nil
	}
	return l.Client.Next(challenge)
}

func (c *client) plainOrLogin(l sasl.Login) sasl.Client {
	_, password := l.Credentials()
	c.veil.Add(password)
	if !c.offers("PLAIN") && c.offers("LOGIN") {
		return &loginClient{l: l}
	}
	return l
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
// cannot be answered is cancelled with "*".
func (c *client) exchange(client sasl.Client, line string) error {
	for range maxChallenges {
		a, err := c.ask(line)
		switch {
		case err != nil:
			return err
		case a.code == 235:
			return nil
		case a.code != 334:
			return c.refusal(a, "AUTH")
		}
		response, err := answerChallenge(client, a)
		if err != nil {
			return c.cancel(err)
		}
		line = c.encode(response, "")
	}
	return errors.New("the server's login has no end")
}

func answerChallenge(client sasl.Client, a answer) ([]byte, error) {
	challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.Join(a.lines, "")))
	if err != nil {
		return nil, fmt.Errorf("read the server's challenge: %w", err)
	}
	return client.Next(challenge)
}

// cancel ends a login that cannot go on because of cause. The answer to it is
// 501 (RFC 4954 §4); any other refusal tells more than cause does.
func (c *client) cancel(cause error) error {
	a, err := c.ask("*")
	if err == nil && a.code >= 400 && a.code != 501 {
		return errors.Join(c.refusal(a, "AUTH"), cause)
	}
	return cause
}

// encode writes a response; empty stands for one without octets.
func (c *client) encode(b []byte, empty string) string {
	if len(b) == 0 {
		return empty
	}
	s := base64.StdEncoding.EncodeToString(b)
	c.veil.Add(s)
	return s
}

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
