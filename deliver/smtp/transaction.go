package smtp

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"mailrill/deliver"
)

// send takes one message through MAIL, RCPT and its octets. careful waits for
// the envelope's answers before the first octet of the message. The receipt is
// the server's last word.
func (d *Destination) send(m *deliver.Message, careful bool) (receipt string, err error) {
	mail, err := d.compose(m)
	if err != nil {
		return "", unread(err)
	}
	w, err := d.c.choose(mail.content)
	if err != nil {
		return "", err
	}
	if err := d.c.fits(mail.content.size); err != nil {
		return "", err
	}
	t := &transaction{c: d.c, mail: mail, way: w, buf: d.buf}
	if err := t.envelope(d.o.Sender, d.o.Recipient); err != nil {
		return "", t.reset(err)
	}
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
	buf  []byte
	due  []string // commands whose answers were not read yet
}

// envelope says MAIL and RCPT.
func (t *transaction) envelope(sender, recipient string) error {
	mail := "MAIL FROM:<" + sender + ">"
	if t.way.body != "" {
		mail += " BODY=" + t.way.body
	}
	if t.c.has("SIZE") {
		mail += " SIZE=" + strconv.FormatInt(t.mail.content.size, 10)
	}
	if !ascii(sender + recipient) {
		mail += " SMTPUTF8"
	}
	if err := t.say("MAIL", mail); err != nil {
		return err
	}
	return t.say("RCPT", "RCPT TO:<"+recipient+">")
}

// say writes a command. Its answer is awaited at once without PIPELINING
// (RFC 2920): some servers throw away what comes too early.
func (t *transaction) say(verb, line string) error {
	t.c.command(line)
	t.due = append(t.due, verb)
	if t.c.has("PIPELINING") {
		return nil
	}
	return t.answers()
}

// answers sends what was written and reads the answers that are due.
func (t *transaction) answers() error {
	if err := t.c.flush(); err != nil {
		return notTaken(err)
	}
	refused, err := t.hear()
	if refused == nil && err != nil {
		return notTaken(err)
	}
	return refused
}

// hear reads the answers that are due. refused is the fate that the first
// refusal means; err is that of the connection. A message whose envelope was
// refused cannot be stored, whatever comes behind.
func (t *transaction) hear() (refused, err error) {
	due := t.due
	t.due = nil
	for _, verb := range due {
		a, err := t.c.read()
		if err != nil {
			return refused, err
		}
		if refused == nil && !agrees(verb, a) {
			refused = envelopeFate(t.c.refusal(a, verb))
		} else if refused != nil && a.code == 354 {
			t.c.broken = true // it waits for a message now
		}
		if a.code == 421 {
			break // nothing comes behind it
		}
	}
	return refused, nil
}

// agrees reports whether an answer lets the transaction go on.
func agrees(verb string, a answer) bool {
	if verb == "DATA" {
		return a.code == 354
	}
	return a.ok()
}

// reset ends a transaction that was refused.
func (t *transaction) reset(refused error) error {
	if t.c.broken {
		return refused
	}
	if a, err := t.c.ask("RSET"); err != nil || !a.ok() {
		t.c.broken = true
	}
	return refused
}

// chunk sends the message as one chunk (RFC 3030), in one go with its envelope
// when it may: BDAT waits for no answer. Its last octet is held back until all
// others are on their way; up to there nothing can have been stored.
func (t *transaction) chunk(careful bool) (string, error) {
	if careful {
		if err := t.answers(); err != nil {
			return "", t.reset(err)
		}
	}
	size := t.mail.content.size
	end := []byte("BDAT " + strconv.FormatInt(size, 10) + " LAST\r\n")
	if size > 0 {
		t.c.out.Write(end)
		var err error
		if end, err = t.pour(t.c.out, 1); err != nil {
			return "", err
		}
	}
	return t.complete(end)
}

// data sends the message behind DATA, when the server says that it may.
func (t *transaction) data() (string, error) {
	err := t.say("DATA", "DATA")
	if err == nil {
		err = t.answers()
	}
	if err != nil {
		return "", t.reset(err)
	}
	if _, err := t.pour(&stuffer{w: t.c.out}, 0); err != nil {
		return "", err
	}
	end := ".\r\n"
	if !t.mail.content.ended {
		end = "\r\n.\r\n"
	}
	return t.complete([]byte(end))
}

// pour sends the message but for its last keep octets, which it returns. When it
// fails the connection can only be dropped: a message that is cut short must
// never be completed.
func (t *transaction) pour(w io.Writer, keep int) (rest []byte, err error) {
	r, err := t.mail.open()
	if err != nil {
		t.c.broken = true
		return nil, unread(err)
	}
	defer r.Close()
	if err := t.copy(w, r, t.mail.content.size-int64(keep)); err != nil {
		return nil, err
	}
	rest = make([]byte, keep+1)
	if n, err := io.ReadFull(r, rest); n != keep || err != io.EOF && err != io.ErrUnexpectedEOF {
		t.c.broken = true
		return nil, unread(errChanged)
	}
	if err := t.c.flush(); err != nil {
		return nil, t.cutOff(err)
	}
	return rest[:keep], nil
}

// errChanged: the octets are not those that were scanned.
var errChanged = errors.New("its size changes while it is read")

// copy writes n octets of r to w, and tells its own errors from the server's.
func (t *transaction) copy(w io.Writer, r io.Reader, n int64) error {
	for n > 0 {
		m, err := r.Read(t.buf[:min(n, int64(len(t.buf)))])
		if _, err := w.Write(t.buf[:m]); err != nil {
			return t.cutOff(err)
		}
		n -= int64(m)
		if err == io.EOF && n > 0 {
			err = errChanged
		}
		if err != nil && err != io.EOF {
			t.c.broken = true
			return unread(err)
		}
	}
	return nil
}

// cutOff is the fate of a message whose octets could not be sent to the end. A
// server that has had enough says so and hangs up: its words tell more than the
// broken connection does.
func (t *transaction) cutOff(cause error) error {
	t.c.broken = true
	if errors.Is(cause, errStray) {
		return notTaken(cause) // the envelope may not even have been sent
	}
	refused, err := t.hear()
	if refused != nil {
		return refused
	}
	if err == nil {
		if a, err := t.c.read(); err == nil && a.code >= 400 {
			return endFate(t.c.refusal(a, t.verb()))
		}
	}
	return notTaken(cause)
}

func (t *transaction) verb() string {
	if t.way.bdat {
		return "BDAT"
	}
	return "DATA"
}

// complete sends the octets that make the message whole, and reads what became
// of it. From here on only the server's answer can say so.
func (t *transaction) complete(end []byte) (string, error) {
	t.c.out.Write(end)
	sent := t.c.flush()
	if errors.Is(sent, errStray) {
		return "", notTaken(sent) // nor was the end sent
	}
	refused, err := t.hear()
	var a answer
	if err == nil && (refused == nil || !t.c.broken) {
		a, err = t.c.readPatiently()
	}
	if err == nil {
		err = t.c.inTurn()
	}
	return t.verdict(a, refused, errors.Join(sent, err))
}

// verdict makes a fate of the last answer (without a code if there was none), of
// what the envelope met, and of the connection's errors.
func (t *transaction) verdict(a answer, refused, err error) (string, error) {
	switch {
	case refused != nil && a.ok():
		t.c.broken = true
		return "", unknown(fmt.Errorf("the server says %q, and said before: %v", t.c.words(a), refused))
	case refused != nil:
		return "", t.reset(refused)
	case errors.Is(err, errStray), err != nil && a.code < 400:
		return "", unknown(err)
	case a.ok():
		return t.c.words(a), nil
	case a.code < 400:
		return "", unknown(t.c.refusal(a, t.verb()))
	}
	return "", t.reset(endFate(t.c.refusal(a, t.verb())))
}
