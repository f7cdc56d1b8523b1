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
	// greeting. It watches progress; the answer to a message may take longer, which
	// it learns by SetPatience(time.Duration) if it has that.
	Dial      func(context.Context) (net.Conn, error)
	Auth      sasl.Auth // nil: no login
	LMTP      bool
	Hello     string           // our name in EHLO or LHLO
	Sender    string           // envelope sender; "" is the null sender
	Recipient string           // envelope recipient
	Wrap      bool             // send it as a message/rfc822 part of a mail of our own
	Now       func() time.Time // nil: time.Now
}

// bufferSize is that of what is read and written in one go, in octets.
const bufferSize = 64 << 10

// A Destination is an SMTP or LMTP server and one recipient.
type Destination struct {
	o   Options
	c   *client // nil: not connected
	buf []byte
}

// New returns the destination. It connects to nothing.
func New(o Options) *Destination {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Destination{o: o, buf: make([]byte, bufferSize)}
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

// Deliver sends the messages one after the other.
func (d *Destination) Deliver(ctx context.Context, batches <-chan []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) error {
	for ms := range batches {
		if err := d.deliverAll(ctx, ms, done); err != nil {
			return err
		}
	}
	return nil
}

func (d *Destination) deliverAll(ctx context.Context, ms []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) error {
	if d.c != nil {
		conn := d.c.conn
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		defer stop()
	}
	var failed error
	for i, m := range ms {
		if err := ctx.Err(); failed == nil && err != nil {
			failed = err
		}
		if failed != nil {
			done(m, deliver.Receipt{}, notReached(failed))
			continue
		}
		receipt, err := d.deliver(ctx, m, i == 0)
		failed = d.settle(err)
		done(m, deliver.Receipt{Where: receipt, Size: m.Size}, err)
	}
	return failed
}

// deliver sends one message. The line may have been closed while it was idle, so
// the first message waits for the envelope's answers, and when no answer came to
// these it begins again on a new line.
func (d *Destination) deliver(ctx context.Context, m *deliver.Message, first bool) (receipt string, err error) {
	if first && d.c != nil {
		before := d.c.replies
		receipt, err := d.send(m, first)
		if !d.c.broken || d.c.replies > before || ctx.Err() != nil {
			return receipt, err
		}
		d.drop()
	}
	if d.c == nil {
		if err := d.Prepare(ctx, ""); err != nil {
			return "", err
		}
	}
	return d.send(m, first)
}

// settle drops a connection that is of no use any more, and returns what keeps
// the messages behind from going on.
func (d *Destination) settle(err error) (failed error) {
	broken := d.c != nil && d.c.broken
	if broken {
		d.drop()
	}
	if errors.Is(err, deliver.ErrUnavailable) || broken && !errors.Is(err, deliver.ErrRejected) {
		return err
	}
	return nil
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

// Close ends the session, politely: Deliver leaves none in an unknown state.
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
