package smtp

import (
	"cmp"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"mailrill/deliver"
)

// inFlight is how many messages may be without an answer over all connections:
// each is a possible second copy when the lines break.
const inFlight = 64

// flies reports whether messages may follow one another without waiting for an
// answer: BDAT waits for none (RFC 3030), where commands may come early (RFC 2920).
//
// A server that once speaks out of turn must not have us take one answer for
// another. Enhanced codes (RFC 2034) tell the answer to a message from those to its
// envelope, if the server uses them so: go-smtp answers everything with 2.0.0, and
// Cyrus a message, too, with 2.1.5. The message that went carefully has shown it.
func (c *client) flies() bool {
	return c.has("CHUNKING") && c.has("PIPELINING") && c.has("ENHANCEDSTATUSCODES") && c.telling
}

// A flight is the time in which messages follow one another on a connection. The
// lane's goroutine writes them; another reads the answers, which come in order.
// Each message begins with RSET: what became of the one before makes no odds.
type flight struct {
	*lane
	owed   chan *transaction // in the order of their answers
	landed sync.WaitGroup
	left   atomic.Int64  // messages without a fate
	ended  error         // why the connection is of no use any more; no message's fate
	dead   chan struct{} // closed then
}

// stale is how long a connection may have had nothing to do before a message goes
// carefully again: some servers hang up after ten seconds (Postfix under stress).
const stale = 5 * time.Second

// fly sends messages as they come, until there are no more, or the connection has
// ended, or it has had nothing to do for so long that it may have. It returns the
// message that it then had in hand.
func (l *lane) fly() (careful *deliver.Message) {
	defer l.cutWith()()
	f := &flight{lane: l, owed: make(chan *transaction, max(inFlight/l.most-1, 0)), dead: make(chan struct{})}
	f.landed.Go(func() {
		f.guard(f.land)
		for range f.owed { // after a panic
		}
	})
	defer f.finish()
	for {
		waits := f.d.o.Now()
		m := f.more()
		switch {
		case m == nil:
			return nil
		case f.left.Load() == 0 && f.d.o.Now().Sub(waits) >= stale:
			return m
		case !f.send(m):
			return nil
		}
	}
}

// finish waits for the answers. The connection is of use no more if something was
// not written or not answered.
func (f *flight) finish() {
	unsent := f.c.out.Flush()
	close(f.owed)
	f.landed.Wait()
	if f.c.broken || unsent != nil || f.left.Load() > 0 {
		f.drop()
	}
}

// more returns the next message, nil when the flight is to end.
func (f *flight) more() *deliver.Message {
	select {
	case <-f.dead:
		return nil
	case <-f.stopped:
		return nil
	default:
	}
	select {
	case m := <-f.queue:
		return m
	default:
		f.c.out.Flush() // an error shows in the answers
	}
	select {
	case <-f.dead:
	case <-f.stopped:
	case m := <-f.queue:
		return m
	}
	return nil
}

// send writes a message behind those before it. It reports false when nothing may
// follow: the octets of the next message would belong to this one.
func (f *flight) send(m *deliver.Message) (whole bool) {
	t, err := f.begin(m)
	if err != nil {
		f.tell(m, "", err)
		return true
	}
	t.laid = make(chan struct{})
	defer close(t.laid)
	f.left.Add(1)
	select {
	case f.owed <- t:
	default:
		f.c.out.Flush() // an error shows in the answers
		f.owed <- t
	}
	return f.lay(t)
}

// lay writes what belongs to a message. Its end, which is its last octet, or the
// command if it has none, comes when all others were read.
func (f *flight) lay(t *transaction) (whole bool) {
	t.end = math.MaxInt64
	t.due = []string{"MAIL", "RCPT"}
	out := f.c.out
	out.WriteString("RSET\r\n" + t.from() + "\r\n" + t.to() + "\r\n")
	end := []byte(t.last())
	if t.mail.content.size > 0 {
		out.Write(end)
		t.fail = errPanic // unless octets returns
		var err error
		if end, t.fail, err = t.octets(out, 1); t.fail != nil || err != nil {
			return false
		}
	}
	t.end = f.c.sent.n.Load() + int64(out.Buffered()) + 1
	out.Write(end)
	return true
}

// land reads the answers and tells the fates.
func (f *flight) land() {
	for t := range f.owed {
		<-t.laid
		receipt, err := f.outcome(t)
		if failed := keepsBack(err, f.c.broken); failed != nil {
			f.stop(failed)
		}
		f.tell(t.m, receipt, err)
		f.left.Add(-1)
	}
}

// outcome is what became of a message. One that cannot be read is given up when
// those before it are answered.
func (f *flight) outcome(t *transaction) (receipt string, err error) {
	switch {
	case f.ended != nil:
	case t.fail != nil:
		f.end(t.fail)
	default:
		f.end(t.begun())
	}
	if f.ended != nil {
		return "", f.lost(t)
	}
	a, refused, err := t.heard()
	if f.c.broken {
		f.end(cmp.Or(err, f.c.gone)) // from here on whole stays as it is
	}
	switch {
	case refused != nil:
		return "", refused
	case err != nil && !t.whole():
		return "", notTaken(err)
	}
	return t.verdict(a, err)
}

// begun reads the answer to the RSET before a message. A refusal is no matter: what
// it leaves shows in the answer to MAIL. Nor does its enhanced code tell anything:
// Gmail's is 2.1.5.
func (t *transaction) begun() error {
	a, err := t.c.read()
	switch {
	case err != nil:
		return err
	case a.code < 400 && !a.ok():
		return t.c.refusal(a, "RSET")
	}
	return t.c.gone
}

// heard reads the answers to a message and its envelope. refused is what the
// envelope met; err is that of the connection.
func (t *transaction) heard() (a answer, refused, err error) {
	refused, err = t.hear()
	if err == nil && !t.c.broken {
		a, err = t.lastAnswer()
	}
	if err == nil {
		if err = t.stray(a, refused); err != nil {
			t.c.broken = true
			return a, nil, err
		}
	}
	return a, refused, err
}

// lastAnswer reads the answer to a message. Who does not have it whole has nothing
// to take his time for, but may say why he wants no more of it.
func (t *transaction) lastAnswer() (answer, error) {
	if t.end == math.MaxInt64 {
		return t.c.read()
	}
	return t.c.readPatiently()
}

// stray returns what shows that answers and commands do not match any more: each
// answer may then be that to something else.
func (t *transaction) stray(a answer, refused error) error {
	switch {
	case a.code == 0 && t.c.gone == nil:
		return errStray // hear saw it
	case t.vague, a.aboutAddress(), a.code/100 == 3, a.ok() && !t.whole():
		return fmt.Errorf("%w: %q", errStray, t.c.words(a))
	case a.ok() && refused != nil:
		return fmt.Errorf("%w: it says %q, and said before: %v", errStray, t.c.words(a), refused)
	}
	return nil
}

// end gives the connection up, if there is a reason.
func (f *flight) end(why error) {
	if why != nil {
		f.ended = why
		f.c.broken = true
		f.c.conn.Close()
		f.c.sent.settle()
		close(f.dead)
	}
}

// whole reports whether the end of a message was handed to the connection. A no is
// only final when the connection is closed.
func (t *transaction) whole() bool { return t.c.sent.n.Load() >= t.end }

// lost is the fate of a message whose answers will not come.
func (f *flight) lost(t *transaction) error {
	switch {
	case t.fail != nil:
		return unread(t.fail)
	case f.c.gone != nil || !t.whole():
		return notReached(f.ended)
	}
	return unknown(f.ended)
}
