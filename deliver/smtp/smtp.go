// Package smtp delivers by SMTP (RFC 5321) and LMTP (RFC 2033).
//
// It is a client of our own, because three things matter here that no library
// gives: to know exactly which octet of a message was handed to the connection,
// since that is the line between "surely not stored" and "unknown"; to carry any
// octets, by BDAT (RFC 3030), where DATA could not; and to save the round trips.
//
// A server cannot be asked what it has taken. When its answer to the end of a
// message is lost, nobody can know (RFC 1047): the message comes again, with the
// same ID. So few messages at a time are at that point (inFlight).
//
// The life of a message: a connection takes it (pool.go), what it holds is
// scanned, a way is chosen (way.go), it is put together (compose.go), sent alone
// (transaction.go) or behind others (flight.go), and the server's answer becomes
// its fate (fate.go).
package smtp

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"mailrill/deliver"
	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// Options say how to reach a server, and with which envelope.
type Options struct {
	// Dial returns a connection that is secure already and begins with the
	// greeting. It watches progress; the answer to a message may take longer, which
	// it learns by SetPatience(time.Duration) if it has that.
	Dial      func(context.Context) (net.Conn, error)
	Auth      sasl.Auth // nil: no login
	Gate      sasl.Gate // of Auth; nil: none
	LMTP      bool
	Hello     string           // our name in EHLO or LHLO
	Sender    string           // envelope sender; "" is the null sender
	Recipient string           // envelope recipient
	Wrap      bool             // send it as a message/rfc822 part of a mail of our own
	Now       func() time.Time // nil: time.Now
	// Connections is how many there may be at a time; 0 means one.
	Connections int
}

// bufferSize is that of what is read and written in one go, in octets.
const bufferSize = 64 << 10

// A Destination is an SMTP or LMTP server and one recipient.
type Destination struct {
	o    Options
	mu   sync.Mutex
	idle *client // the connection that stands, if any
}

// New returns the destination. It connects to nothing.
func New(o Options) *Destination {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Destination{o: o}
}

func (o *Options) protocol() string {
	if o.LMTP {
		return "lmtp"
	}
	return "smtp"
}

// Prepare connects and logs in. SMTP knows no folders.
func (d *Destination) Prepare(ctx context.Context, _ string) error {
	for _, s := range []string{d.o.Hello, d.o.Sender, d.o.Recipient} {
		if strings.ContainsAny(s, "\r\n\x00<>") {
			return unavailable(reply.WithClass(reply.Config, errors.New("a host name, sender or recipient holds a character that would end its command")))
		}
	}
	c := d.take()
	if c == nil {
		var err error
		if c, err = d.connect(ctx); err != nil {
			return unavailable(err)
		}
	}
	d.give(c)
	return nil
}

// Deliver sends the messages, over several connections where that is allowed. Their
// order is kept on one only.
func (d *Destination) Deliver(ctx context.Context, batches <-chan []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) error {
	p := d.newPool(ctx, done)
	p.dispatch(batches)
	if p.panicked != "" {
		panic(p.panicked)
	}
	return p.failed
}

// notReached is the fate of a message whose turn did not come.
func notReached(err error) error {
	if errors.Is(err, deliver.ErrUnavailable) {
		return err
	}
	return notTaken(reply.WithClass(reply.Network, err))
}

// A rester is a connection that may be given up while nothing is under way:
// *mailconn.Conn.
type rester interface {
	Rest(drop func())
	Work() error
}

// Rest implements deliver.Rester.
func (d *Destination) Rest() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.idle == nil {
		return
	}
	if r, ok := d.idle.conn.(rester); ok {
		r.Rest(nil)
	}
}

// take returns the connection that stands, nil if there is none. One that was given
// up while it rested is none.
func (d *Destination) take() *client {
	c := d.swap(nil)
	if c == nil {
		return nil
	}
	if r, ok := c.conn.(rester); ok && r.Work() != nil {
		return nil
	}
	return c
}

// give puts a connection back. One is kept: to hold more while nothing is to be
// sent would be in the way of others.
func (d *Destination) give(c *client) {
	if other := d.swap(c); other != nil {
		other.quit()
	}
}

func (d *Destination) swap(c *client) (before *client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before, d.idle = d.idle, c
	return before
}

// Close ends the session, politely: Deliver leaves none in an unknown state.
func (d *Destination) Close() error {
	if c := d.take(); c != nil {
		return c.quit()
	}
	return nil
}
