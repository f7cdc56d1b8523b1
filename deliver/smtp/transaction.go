package smtp

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"mailrill/deliver"
	"mailrill/internal/reply"
)

// send takes one message through MAIL, RCPT and its octets. careful waits for
// the envelope's answers before the first octet of the message. The receipt is
// the server's last word.
func (d *Destination) send(m *deliver.Message, careful bool) (receipt string, err error) {
	mail, err := d.compose(m)
	if err != nil {
		return "", fmt.Errorf("%w: read the message: %w", deliver.ErrNotTaken, err)
	}
	w, err := d.c.choose(mail.content)
	if err != nil {
		return "", err
	}
	if err := d.c.fits(mail.content.size); err != nil {
		return "", err
	}
	t := &transaction{c: d.c, mail: mail, way: w}
	t.envelope(d.o.Sender, d.o.Recipient)
	if w.bdat {
		return t.chunk(careful)
	}
	return t.data()
}

// fits holds the size against the server's SIZE (RFC 1870).
func (c *client) fits(size int64) error {
	limit, err := strconv.ParseInt(c.keywords["SIZE"], 10, 64)
	if err != nil || limit <= 0 || size <= limit {
		return nil
	}
	return fmt.Errorf("%w: it has %d octets, the server takes %d at most", deliver.ErrRejected, size, limit)
}

// A transaction is one message on one connection.
type transaction struct {
	c    *client
	mail *mail
	way  way
}

// envelope writes MAIL and RCPT.
func (t *transaction) envelope(sender, recipient string) {
	line := "MAIL FROM:<" + sender + ">"
	if t.way.body != "" {
		line += " BODY=" + t.way.body
	}
	if t.c.has("SIZE") {
		line += " SIZE=" + strconv.FormatInt(t.mail.content.size, 10)
	}
	t.c.command(line)
	t.c.command("RCPT TO:<" + recipient + ">")
}

// answers sends what was written and reads the answers to MAIL and RCPT. A
// refusal leaves a transaction open, which RSET ends.
func (t *transaction) answers() error {
	if err := t.c.flush(); err != nil {
		return notTaken(err)
	}
	var refused error
	for _, command := range []string{"MAIL", "RCPT"} {
		a, err := t.c.read()
		if err != nil {
			return notTaken(err)
		}
		if !a.ok(2) && refused == nil {
			refused = envelopeFate(a.refusal(t.c.protocol, command))
		}
	}
	return refused
}

// reset ends a transaction that was refused before its octets.
func (t *transaction) reset(refused error) error {
	if t.c.broken {
		return refused
	}
	if a, err := t.c.ask("RSET"); err != nil || !a.ok(2) {
		t.c.broken = true
	}
	return refused
}

// chunk sends the message as one chunk (RFC 3030), in one go with its envelope
// when it may: BDAT waits for no answer. Its last octet is held back until all
// others are on their way; up to there nothing can have been stored.
func (t *transaction) chunk(careful bool) (string, error) {
	if careful || !t.c.has("PIPELINING") {
		if err := t.answers(); err != nil {
			return "", t.reset(err)
		}
		careful = true
	}
	t.c.command("BDAT " + strconv.FormatInt(t.mail.content.size, 10) + " LAST")
	if err := t.octets(t.c.out); err != nil {
		return "", err
	}
	var refused error
	if !careful {
		refused = t.envelopeAnswers()
	}
	return t.verdict("BDAT", refused)
}

// envelopeAnswers reads the answers to MAIL and RCPT when the octets are sent
// already. A connection that ends here leaves a doubt.
func (t *transaction) envelopeAnswers() (refused error) {
	for _, command := range []string{"MAIL", "RCPT"} {
		a, err := t.c.read()
		if err != nil {
			return err
		}
		if !a.ok(2) && refused == nil {
			refused = envelopeFate(a.refusal(t.c.protocol, command))
		}
	}
	return refused
}

// data sends the message behind DATA, when the server says that it may.
func (t *transaction) data() (string, error) {
	if err := t.answers(); err != nil {
		return "", t.reset(err)
	}
	a, err := t.c.ask("DATA")
	if err != nil {
		return "", notTaken(err)
	}
	if a.code != 354 {
		return "", t.reset(endFate(a.refusal(t.c.protocol, "DATA")))
	}
	out := &stuffer{w: t.c.out}
	if err := t.octets(out); err != nil {
		return "", err
	}
	if t.c.in.Buffered() > 0 {
		t.c.broken = true
		return "", notTaken(errors.New("the server answered before the message was complete"))
	}
	end := ".\r\n"
	if !t.mail.content.ended {
		end = "\r\n.\r\n"
	}
	t.c.out.WriteString(end)
	if err := t.c.flush(); err != nil {
		return "", unknown(err)
	}
	return t.verdict("DATA", nil)
}

// octets writes the message. For BDAT the last octet completes it, so the ones
// before are flushed first; for DATA only the terminator, which is not written
// here, does. Whatever fails leaves a connection that can only be dropped: a
// message that is cut short must never be completed.
func (t *transaction) octets(w io.Writer) error {
	r, err := t.mail.open()
	if err != nil {
		t.c.broken = true
		return notTaken(fmt.Errorf("read the message: %w", err))
	}
	defer r.Close()
	last := int64(0)
	if t.way.bdat && t.mail.content.size > 0 {
		last = 1
	}
	if _, err := io.CopyN(w, r, t.mail.content.size-last); err != nil {
		t.c.broken = true
		return notTaken(err)
	}
	if err := t.c.flush(); err != nil {
		return notTaken(err)
	}
	if last == 0 {
		return nil
	}
	if _, err := io.CopyN(w, r, last); err != nil {
		t.c.broken = true
		return notTaken(err)
	}
	if err := t.c.flush(); err != nil {
		return unknown(err)
	}
	return nil
}

// verdict reads the answer to the whole message. refused is what the envelope
// met, when its answers came behind the octets.
func (t *transaction) verdict(command string, refused error) (string, error) {
	if t.c.broken {
		return "", unknown(refused)
	}
	a, err := t.c.read()
	switch {
	case err != nil:
		return "", unknown(err)
	case t.c.in.Buffered() > 0:
		t.c.broken = true // a reply too many: who knows what the next would answer
	}
	if refused != nil {
		return "", t.reset(refused)
	}
	if !a.ok(2) {
		return "", endFate(a.refusal(t.c.protocol, command))
	}
	return reply.Clean(a.refusal(t.c.protocol, command).Words()), nil
}
