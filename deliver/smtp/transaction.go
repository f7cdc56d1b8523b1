package smtp

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"mailrill/deliver"
)

// send takes one message through MAIL, RCPT and its octets. It waits for the
// envelope's answers before the first octet of the message. The receipt is the
// server's last word.
func (l *lane) send(m *deliver.Message) (receipt string, err error) {
	t, err := l.begin(m)
	if err != nil {
		return "", err
	}
	if receipt, err = t.do(); err != nil {
		t.reset()
	}
	return receipt, err
}

func (t *transaction) do() (receipt string, err error) {
	if err := t.envelope(); err != nil {
		return "", err
	}
	if t.way.bdat {
		return t.chunk()
	}
	return t.data()
}

// begin puts a message together and chooses its way.
func (l *lane) begin(m *deliver.Message) (*transaction, error) {
	mail, err := l.d.compose(m, l.buf)
	if err != nil {
		return nil, unread(err)
	}
	w, err := l.c.choose(mail.content)
	if err != nil {
		return nil, err
	}
	if err := l.c.fits(mail.content.size); err != nil {
		return nil, err
	}
	return &transaction{c: l.c, o: &l.d.o, m: m, mail: mail, way: w, buf: l.buf}, nil
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
	o    *Options
	m    *deliver.Message
	mail *mail
	way  way
	buf  []byte
	due  []string // commands whose answers were not read yet

	vague bool // the code of an answer to the envelope did not tell what it answers

	// Of one that follows others (flight.go):
	laid chan struct{} // closed when its octets were written, or could not be
	end  int64         // where its end begins in what is sent; never if it could not be written
	fail error         // why its octets could not be read
}

// envelope says MAIL and RCPT.
func (t *transaction) envelope() error {
	if err := t.say("MAIL", t.from()); err != nil {
		return err
	}
	return t.say("RCPT", t.to())
}

// from is the MAIL command.
func (t *transaction) from() string {
	mail := "MAIL FROM:<" + t.o.Sender + ">"
	if t.way.body != "" {
		mail += " BODY=" + t.way.body
	}
	if t.c.has("SIZE") {
		mail += " SIZE=" + strconv.FormatInt(t.mail.content.size, 10)
	}
	if !ascii(t.o.Sender + t.o.Recipient) {
		mail += " SMTPUTF8"
	}
	return mail
}

func (t *transaction) to() string { return "RCPT TO:<" + t.o.Recipient + ">" }

// last is the BDAT command of the message's only chunk (RFC 3030).
func (t *transaction) last() string {
	return "BDAT " + strconv.FormatInt(t.mail.content.size, 10) + " LAST\r\n"
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
		t.vague = t.vague || a.ok() && !a.aboutAddress()
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
func (t *transaction) reset() {
	if t.c.broken {
		return
	}
	if a, err := t.c.ask("RSET"); err != nil || !a.ok() {
		t.c.broken = true
	}
}

// chunk sends the message as one chunk (RFC 3030). Its last octet is held back
// until all others are on their way; up to there nothing can have been stored.
func (t *transaction) chunk() (string, error) {
	if err := t.answers(); err != nil {
		return "", err
	}
	end := []byte(t.last())
	if t.mail.content.size > 0 {
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
		return "", err
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
	rest, unreadable, err := t.octets(w, keep)
	if unreadable != nil {
		t.c.broken = true
		return nil, unread(unreadable)
	}
	if err == nil {
		err = t.c.flush()
	}
	if err != nil {
		return nil, t.cutOff(err)
	}
	return rest, nil
}

// errChanged: the octets are not those that were scanned.
var errChanged = errors.New("its size changes while it is read")

// octets writes the message to w but for its last keep octets, which it returns. It
// tells errors of reading it from those of w.
func (t *transaction) octets(w io.Writer, keep int) (rest []byte, unreadable, err error) {
	r, unreadable := t.mail.open()
	if unreadable != nil {
		return nil, unreadable, nil
	}
	defer r.Close()
	for left := t.mail.content.size - int64(keep); left > 0; {
		n, readErr := r.Read(t.buf[:min(left, int64(len(t.buf)))])
		if _, err := w.Write(t.buf[:n]); err != nil {
			return nil, nil, err
		}
		left -= int64(n)
		switch {
		case readErr == io.EOF && left > 0:
			return nil, errChanged, nil
		case readErr != nil && readErr != io.EOF:
			return nil, readErr, nil
		}
	}
	rest = make([]byte, keep+1)
	if n, err := io.ReadFull(r, rest); n != keep || err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, errChanged, nil
	}
	return rest[:keep], nil, nil
}

// cutOff is the fate of a message whose octets could not be sent to the end. A
// server that has had enough says so and hangs up: its words tell more than the
// broken connection does.
func (t *transaction) cutOff(cause error) error {
	t.c.broken = true
	if errors.Is(cause, errStray) {
		return notTaken(cause) // the envelope may not even have been sent
	}
	if a, err := t.c.read(); err == nil && a.code >= 400 {
		return endFate(t.c.refusal(a, t.verb()))
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
	a, err := t.c.readPatiently()
	if err == nil {
		err = t.c.inTurn()
	}
	t.c.telling = a.ok() && !a.aboutAddress() && !t.vague
	return t.verdict(a, errors.Join(sent, err))
}

// verdict makes a fate of the last answer (without a code if there was none), and
// of the connection's errors.
func (t *transaction) verdict(a answer, err error) (string, error) {
	switch {
	case errors.Is(err, errStray), err != nil && a.code < 400:
		return "", unknown(err)
	case a.ok():
		return t.c.words(a), nil
	case a.code < 400:
		return "", unknown(t.c.refusal(a, t.verb()))
	}
	return "", endFate(t.c.refusal(a, t.verb()))
}
