package imapwire

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/emersion/go-imap/v2/imapclient"

	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// Connect takes over conn, which begins with a greeting, logs in, asks for the
// capabilities unless they came with the login, and sends ID. When it fails, or
// ctx ends before it returns, conn is closed. A refusal is a *reply.Error.
func Connect(ctx context.Context, conn net.Conn, o Options) (*Client, error) {
	w := newWire(conn, o.Notify)
	stop := context.AfterFunc(ctx, func() { w.fail(context.Cause(ctx)) })
	defer stop()
	c := &Client{wire: w, imap: imapclient.New(w, nil)}
	if err := c.begin(ctx, o); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) begin(ctx context.Context, o Options) error {
	if err := c.imap.WaitGreeting(); err != nil {
		return c.Refused("", err)
	}
	if c.wire.preauthenticated() {
		return reply.WithClass(reply.Config, errors.New("the server takes every client for logged in (PREAUTH)"))
	}
	if err := c.askCapabilities(); err != nil {
		return err
	}
	if err := c.login(ctx, o.Auth); err != nil {
		return err
	}
	if err := c.askCapabilities(); err != nil {
		return err
	}
	return c.sendID(o)
}

func (w *wire) preauthenticated() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.facts.preauth
}

// askCapabilities asks unless the server has told them. Gmail tells them after
// the login without being asked, before its tagged answer.
func (c *Client) askCapabilities() error {
	c.wire.mu.Lock()
	seen := c.wire.facts.capsSeen
	c.wire.mu.Unlock()
	if seen {
		return nil
	}
	_, err := c.imap.Capability().Wait()
	return c.Refused("CAPABILITY", err)
}

// login logs in, after which the capabilities are to be learnt anew.
func (c *Client) login(ctx context.Context, auth sasl.Auth) error {
	client, err := auth(ctx)
	if err != nil {
		return err
	}
	client = c.wire.veil.Watch(sasl.Choose(client, func(mech string) bool { return c.wire.offers("AUTH=" + mech) }))
	mech, ir, err := client.Start()
	if err != nil {
		return fmt.Errorf("begin %s: %w", mech, err)
	}
	offered := c.wire.offers("AUTH=" + mech)
	plain, isLogin := client.(sasl.Login)
	switch {
	case offered:
		c.wire.forgetCapabilities()
		return c.authenticate(&mechanism{Client: client, name: mech, initial: ir})
	case !isLogin:
		return reply.WithClass(reply.Config, fmt.Errorf("the server does not offer %s", mech))
	case c.wire.offers("LOGINDISABLED"):
		return reply.WithClass(reply.Config, errors.New("the server takes no passwords here (LOGINDISABLED)"))
	}
	user, password := plain.Credentials()
	if err := checkArgument("user name or password", user+password); err != nil {
		return err
	}
	c.wire.forgetCapabilities()
	return c.Refused("LOGIN", c.imap.Login(user, password).Wait())
}

// forgetCapabilities makes the next list of capabilities that arrives the one
// that counts: what is offered before the login says little about later.
func (w *wire) forgetCapabilities() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.facts.capsSeen = false
}

func (c *Client) authenticate(m *mechanism) error {
	err := c.Refused("AUTHENTICATE", c.imap.Authenticate(m))
	if m.err != nil && err != nil {
		return fmt.Errorf("%w (%w)", err, m.err)
	}
	return err
}

// maxChallenges bounds a login whose server never comes to an end.
const maxChallenges = 10

// A mechanism is a sasl.Client that has been started, and that brings every
// exchange to its end: go-imap leaves it open when Next fails, and the server's
// reasons for a refusal would never arrive.
type mechanism struct {
	sasl.Client
	name    string
	initial []byte
	asked   int
	err     error
}

func (m *mechanism) Start() (string, []byte, error) { return m.name, m.initial, nil }

func (m *mechanism) Next(challenge []byte) ([]byte, error) {
	if m.asked++; m.asked > maxChallenges {
		return nil, errors.New("the server's login has no end")
	}
	answer, err := m.Client.Next(challenge)
	if err == nil {
		return answer, nil
	}
	m.err = err
	if m.name == "OAUTHBEARER" {
		return []byte{1}, nil // RFC 7628 section 3.2.3
	}
	return nil, nil
}

// sendID introduces us where the server wants to know. NetEase refuses SELECT
// ("Unsafe Login") until it was told, after every login. Nothing depends on the
// answer, which is not waited for and passed over when it comes.
func (c *Client) sendID(o Options) error {
	if o.ID == nil || !o.NeedsID && !c.Has("ID") {
		return nil
	}
	list, err := idList(o.ID)
	if err != nil {
		return err
	}
	return c.wire.tell("ID " + list)
}
