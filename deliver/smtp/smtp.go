// Package smtp delivers by SMTP (RFC 5321) and LMTP (RFC 2033).
//
// It is a client of our own, because three things matter here that no library
// gives: to know exactly which octet of a message was handed to the connection,
// since that is the line between "surely not stored" and "unknown"; to carry any
// octets, by BDAT (RFC 3030), where DATA could not; and to save the round trips.
//
// A server cannot be asked what it has taken. When its answer to the end of a
// message is lost, nobody can know (RFC 1047): the message comes again, with the
// same ID. So only one message at a time is at that point.
//
// The life of a message: what it holds is scanned, a way is chosen (way.go), it
// is put together (compose.go), sent (transaction.go), and the server's answer
// becomes its fate (fate.go).
package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"mailrill/deliver"
	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// Options say how to reach a server, and with which envelope.
type Options struct {
	// Dial returns a connection that is secure already and begins with the
	// greeting. It watches progress: the answer to a message may take ten minutes
	// (RFC 5321 §4.5.3.2.6), so its timeout should not be short.
	Dial      func(context.Context) (net.Conn, error)
	Auth      sasl.Auth // nil: no login
	LMTP      bool
	Hello     string           // our name in EHLO or LHLO
	Sender    string           // envelope sender; "" is the null sender
	Recipient string           // envelope recipient
	Wrap      bool             // send it as a message/rfc822 part of a mail of our own
	Now       func() time.Time // nil: time.Now
}

// A Destination is an SMTP or LMTP server and one recipient.
type Destination struct {
	o Options
	c *client // nil: not connected
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
	if d.c != nil {
		return nil
	}
	c, err := d.connect(ctx)
	if err != nil {
		return unavailable(err)
	}
	d.c = c
	return nil
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", deliver.ErrUnavailable, err) }

// Deliver sends the messages one after the other.
func (d *Destination) Deliver(ctx context.Context, ms []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) error {
	var failed error
	for i, m := range ms {
		if failed == nil && d.c == nil {
			failed = d.Prepare(ctx, "")
		}
		if failed != nil {
			done(m, deliver.Receipt{}, notReached(failed))
			continue
		}
		// The line may have been closed while it was idle. The first message waits
		// for the envelope's answers, so that this is no doubt.
		receipt, err := d.send(m, i == 0)
		if errors.Is(err, deliver.ErrUnavailable) || d.c.broken && !errors.Is(err, deliver.ErrRejected) {
			failed = err
		}
		if d.c.broken {
			d.drop()
		}
		done(m, deliver.Receipt{Where: receipt, Size: m.Size}, err)
	}
	return failed
}

// notReached is the fate of a message whose turn did not come.
func notReached(err error) error {
	if errors.Is(err, deliver.ErrUnavailable) {
		return err
	}
	return notTaken(reply.WithClass(reply.Network, err))
}

// drop cuts the connection.
func (d *Destination) drop() {
	d.c.conn.Close()
	d.c = nil
}

// Close ends the session, politely when it is in a known state.
func (d *Destination) Close() error {
	if d.c == nil {
		return nil
	}
	c := d.c
	d.c = nil
	c.command("QUIT")
	c.flush()
	return c.conn.Close()
}
