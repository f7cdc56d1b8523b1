package imapwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
)

const (
	maxInFlight  = 64   // APPENDs without an answer
	literalMinus = 4096 // octets that LITERAL- lets go out unasked (RFC 7888)
)

var errEarly = errors.New("the server acknowledged a message before it had it")

// Append stores ms in mailbox (UTF-8), in order, and calls done once for each, on
// the caller's goroutine, as soon as its fate is known:
//
//	nil            stored
//	*reply.Error   refused (NO, BAD): surely not stored; the session lives
//	ErrNotSent     the last octet of the message was never written: surely not
//	               stored. It wraps the reason
//	any other      it may have been stored or not
//
// Append keeps up to 64 messages in flight. With LITERAL+ they go out back to
// back, with LITERAL- those of up to 4096 octets; otherwise each waits for the
// server's "+", and is announced right behind the one before it.
//
// A message that cannot be read in full is never completed with something else:
// the connection is dropped in the middle of it. One that cannot be opened costs
// only itself. Append returns the error of the connection, if it broke, after
// done was called for all. Flags that have no place in the grammar are left out,
// as is \Recent.
func (c *Client) Append(ctx context.Context, mailboxName string, ms []Append, done func(i int, at AppendUID, err error)) error {
	a := &appender{client: c, ms: ms, done: done, fates: make([]fate, len(ms))}
	err := a.begin(ctx, mailboxName)
	if err == nil {
		defer a.leave()
		err = a.run()
	}
	a.settle(err)
	return err
}

// A fate is how far one message has come.
type fate struct {
	tag     uint64
	end     int64 // where the message's last octet lies in the stream; see unsent
	settled bool  // done was called
}

// unsent is the end of a message whose last octet was not queued yet.
const unsent = math.MaxInt64

// An appender runs the APPENDs of one call. The caller's goroutine writes and
// calls done; another reads the answers, since a server that may not write stops
// reading.
type appender struct {
	client   *Client
	x        *exchange
	mailbox  string
	ms       []Append
	done     func(int, AppendUID, error)
	fates    []fate
	next     int // of the first message that was not announced
	inFlight int
	out      *stream
	hushed   bool          // owed is closed
	owed     chan struct{} // a token for each answer that is to be read
	answers  chan answer   // closed when the reading side has ended
	byTag    map[uint64]int
	sending  atomic.Uint64 // tag of the message that is announced and not yet queued in full
}

// An answer is what the reading side found.
type answer struct {
	event
	written int64 // octets of the stream that had been written when it came
}

func (a *appender) begin(ctx context.Context, name string) (err error) {
	if a.mailbox, err = mailbox(name); err != nil {
		return err
	}
	if a.x, err = a.client.wire.begin(ctx, "APPEND"); err != nil {
		return err
	}
	a.out = newStream(a.client.wire)
	a.byTag = map[uint64]int{}
	a.owed = make(chan struct{}, maxInFlight)
	a.answers = make(chan answer, 2*maxInFlight+2)
	a.client.wire.quiet(true)
	go a.read()
	return nil
}

// read is the reading side: for each answer that is owed it reads up to a tagged
// one, and what prompts come before it.
func (a *appender) read() {
	defer close(a.answers)
	for range a.owed {
		for tagged := false; !tagged; {
			ev, err := a.x.next()
			if err != nil {
				return
			}
			if ev.status.kind == "OK" && ev.number == a.sending.Load() {
				a.client.wire.fail(errEarly) // at once: the writing side may be stuck
				return
			}
			tagged = ev.tag != "+"
			a.answers <- answer{ev, a.out.written.Load()}
		}
	}
}

// run appends all messages. Its error is the connection's.
func (a *appender) run() error {
	err := a.sendAll()
	if err == nil {
		err = a.out.flush()
	}
	for err == nil && a.inFlight > 0 {
		_, err = a.wait()
	}
	a.hush()
	if err != nil {
		err = a.client.wire.fail(err)
	}
	for ans := range a.answers { // what came before the connection broke counts
		a.take(ans)
	}
	if err == nil {
		a.x.end()
	}
	return err
}

// hush lets the reading side end once it has read what is owed.
func (a *appender) hush() {
	if !a.hushed {
		a.hushed = true
		close(a.owed)
	}
}

// leave ends the session unless the exchange has ended, also in a panic of done.
func (a *appender) leave() {
	if a.x.ended {
		return
	}
	a.client.wire.fail(errAbandoned)
	a.hush()
	for range a.answers { // until the reading side has ended
	}
	a.x.end()
}

func (a *appender) sendAll() error {
	for a.next < len(a.ms) {
		if err := a.send(a.next); err != nil {
			return err
		}
		if err := a.poll(); err != nil {
			return err
		}
	}
	return nil
}

// send announces message i and sends its octets. A message that cannot be opened
// or that the server refuses is settled, and no error.
func (a *appender) send(i int) error {
	m := &a.ms[i]
	a.next = i + 1
	body, err := m.Open()
	if err != nil {
		a.finish(i, AppendUID{}, fmt.Errorf("%w: %w", ErrNotSent, err))
		return nil
	}
	defer body.Close()
	if err := a.room(); err != nil {
		return err
	}
	f := &a.fates[i]
	f.end = unsent
	a.announce(i)
	if !a.unasked(m.Size) {
		if err := a.out.flush(); err != nil {
			return err
		}
		if wanted, err := a.prompted(i); err != nil || !wanted {
			return err
		}
	}
	if err := a.out.copy(body, m.Size); err != nil {
		return a.breakOff(i, err)
	}
	f.end = a.out.queued
	a.sending.Store(0)
	return a.out.write("\r\n")
}

// announce writes the command up to its literal.
func (a *appender) announce(i int) {
	m, f := &a.ms[i], &a.fates[i]
	tag := a.x.tag()
	f.tag, _ = strconv.ParseUint(tag[1:], 10, 64)
	a.byTag[f.tag] = i
	a.sending.Store(f.tag)
	literal, plus := "{", ""
	if m.Binary && a.client.Has("BINARY") {
		literal = "~{"
	}
	if a.unasked(m.Size) {
		plus = "+"
	} else {
		a.x.prompt.Store(true)
	}
	a.inFlight++
	a.out.write(tag + " APPEND " + a.mailbox + flagList(m.Flags) + dateTime(m.Date) + " " +
		literal + strconv.FormatInt(m.Size, 10) + plus + "}\r\n")
	a.owed <- struct{}{}
}

// unasked reports whether a literal may be sent without waiting for "+".
func (a *appender) unasked(size int64) bool {
	return a.client.Has("LITERAL+") || a.client.Has("LITERAL-") && size <= literalMinus
}

// room waits until another message may be in flight.
func (a *appender) room() error {
	if a.inFlight < maxInFlight {
		return nil
	}
	if err := a.out.flush(); err != nil {
		return err
	}
	for a.inFlight >= maxInFlight {
		if _, err := a.wait(); err != nil {
			return err
		}
	}
	return nil
}

// prompted waits for the "+" for message i, which is announced and flushed. It
// is not wanted any more when the server refuses it.
func (a *appender) prompted(i int) (wanted bool, err error) {
	for !a.fates[i].settled {
		ans, err := a.wait()
		if err != nil {
			return false, err
		}
		if ans.tag == "+" {
			return true, nil
		}
	}
	a.x.prompt.Store(false)
	return false, nil
}

// wait takes the next answer; only now is the connection to expect one.
func (a *appender) wait() (answer, error) {
	a.client.wire.quiet(false)
	defer a.client.wire.quiet(true)
	ans, ok := <-a.answers
	if !ok {
		return answer{}, a.client.wire.cause()
	}
	return ans, a.take(ans)
}

// poll takes the answers that are there.
func (a *appender) poll() error {
	for {
		select {
		case ans, ok := <-a.answers:
			if !ok {
				return a.client.wire.cause()
			}
			if err := a.take(ans); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// take settles the message that a tagged answer belongs to.
func (a *appender) take(ans answer) error {
	i, ok := a.byTag[ans.number]
	if ans.tag == "+" || !ok || a.fates[i].settled {
		return nil
	}
	err := a.x.result(ans.status)
	if err == nil && ans.written < a.fates[i].end {
		return errEarly
	}
	a.inFlight--
	a.finish(i, appendUID(ans.status), err)
	return nil
}

// appendUID reads the code of a tagged OK (RFC 4315).
func appendUID(st status) AppendUID {
	validity, uid, _ := strings.Cut(st.args, " ")
	v, err1 := strconv.ParseUint(validity, 10, 32)
	u, err2 := strconv.ParseUint(strings.TrimSpace(uid), 10, 32)
	if st.kind != "OK" || st.code != "APPENDUID" || err1 != nil || err2 != nil || v == 0 || u == 0 {
		return AppendUID{}
	}
	return AppendUID{uint32(v), uint32(u)}
}

func (a *appender) finish(i int, at AppendUID, err error) {
	a.fates[i].settled = true
	a.done(i, at, err)
}

// breakOff gives message i up in the middle of its octets, err being why. The
// answers to those before it are still awaited.
func (a *appender) breakOff(i int, err error) error {
	if cause := a.client.wire.cause(); cause != nil {
		return cause
	}
	if a.out.flush() == nil {
		for a.inFlight > 1 {
			if _, err := a.wait(); err != nil {
				break
			}
		}
	}
	err = fmt.Errorf("read the message to append: %w", err)
	a.client.wire.fail(err)
	return err
}

// settle calls done for every message whose fate the connection took with it.
func (a *appender) settle(cause error) {
	for i := range a.fates {
		f := &a.fates[i]
		switch {
		case f.settled:
		case a.out == nil || f.end == 0 || a.out.written.Load() < f.end:
			a.finish(i, AppendUID{}, fmt.Errorf("%w: %w", ErrNotSent, cause))
		default:
			a.finish(i, AppendUID{}, fmt.Errorf("append: no answer: %w", cause))
		}
	}
}

var errSize = errors.New("the message is not as long as announced")

// copy queues the size octets of r. The last of them are queued only when r has
// ended there, so that a message of another length never becomes complete.
func (s *stream) copy(r io.Reader, size int64) error {
	for left := size; ; {
		n, err := r.Read(s.piece)
		left -= int64(n)
		switch {
		case left < 0:
			return errSize
		case err == io.EOF && left > 0:
			return fmt.Errorf("%w: %d octets are missing", errSize, left)
		case err != nil && err != io.EOF:
			return err
		case left == 0 && err == nil:
			if err := atEnd(r); err != nil {
				return err
			}
			err = io.EOF
			fallthrough
		default:
			if e := s.writeBytes(s.piece[:n]); e != nil || err == io.EOF {
				return e
			}
		}
	}
}
