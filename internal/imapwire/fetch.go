package imapwire

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Fetch sends UID FETCH uids (items) and calls fn, on the caller's goroutine,
// once for each untagged FETCH that arrives until the tagged answer: unsolicited
// ones and messages that nobody asked for are among them.
//
// body is nil when the response brought no octets of a message. r is partial, it
// holds what came before the body, until body has returned io.EOF, which it does
// only after the closing parenthesis was read: UID and FLAGS may come behind. A
// body that was cut short ends in an error, never in io.EOF; that error is the
// connection's (it wraps io.ErrUnexpectedEOF) and Fetch returns it, or it spoils
// this one response and Fetch goes on. An attribute that makes no sense is as if
// it were absent. What fn leaves unread is discarded; body is of no use after fn
// has returned, r is fn's to keep.
//
// An error of fn closes the connection and is returned as it is. A refusal by the
// server is a *reply.Error; messages may have come before it.
func (c *Client) Fetch(ctx context.Context, uids, items string, fn func(r *Response, body io.Reader) error) error {
	f, err := c.Fetcher(ctx, items, fn)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Send(uids); err != nil {
		return err
	}
	return f.Wait()
}

// A Fetcher sends UID FETCH commands without waiting for the answers to those
// before, so that the line is never idle between two of them. Of its function the
// same is true as of Fetch's. The session does nothing else until Close.
type Fetcher struct {
	x     *exchange
	items string
	fn    func(r *Response, body io.Reader) error

	owed    []uint64         // numbers of the commands without an answer, oldest first
	results map[uint64]error // of those that were answered before their turn
	limit   int              // answers to all commands so far
	answers int
	before  *message // the one before, whose number the next may repeat
	shifts  int
}

// Fetcher begins to ask for items of messages.
func (c *Client) Fetcher(ctx context.Context, items string, fn func(r *Response, body io.Reader) error) (*Fetcher, error) {
	if err := checkArgument("fetch items", items); err != nil {
		return nil, err
	}
	x, err := c.wire.begin(ctx, "UID FETCH", "FETCH")
	if err != nil {
		return nil, err
	}
	return &Fetcher{x: x, items: items, fn: fn, results: map[uint64]error{}, shifts: x.w.shifts}, nil
}

// Send asks for the messages of a set of UIDs.
func (f *Fetcher) Send(uids string) error {
	if strings.Trim(uids, "0123456789:,*") != "" || uids == "" {
		return fmt.Errorf("fetch: %.40q is no set of UIDs", uids)
	}
	number, err := f.x.send("UID FETCH " + uids + " (" + f.items + ")")
	if err != nil {
		return err
	}
	f.owed = append(f.owed, number)
	f.limit += answersLimit(uids)
	return nil
}

// Wait takes messages until the oldest command is answered. Its error is the
// server's refusal of that command, a *reply.Error after which the next may be
// waited for, or it ends the session.
func (f *Fetcher) Wait() error {
	oldest := f.owed[0]
	for {
		if result, answered := f.results[oldest]; answered {
			f.owed = f.owed[1:]
			delete(f.results, oldest)
			return result
		}
		ev, err := f.x.next()
		if err != nil {
			return err
		}
		if ev.tag != "*" {
			f.results[ev.number] = f.x.result(ev.status)
			continue
		}
		if err := f.take(ev); err != nil {
			return err
		}
	}
}

// Close ends the session if a command has no answer yet.
func (f *Fetcher) Close() {
	if len(f.owed) == 0 {
		f.x.end()
	}
	f.x.abandon()
}

// maxAnswers bounds the answers to a FETCH of all messages from some UID on.
const maxAnswers = 4_000_000

// answersLimit bounds the answers to a FETCH: a few for each message that is
// asked for, and as many again that nobody asked for as in any other command.
func answersLimit(uids string) int {
	limit := maxNoise
	for part := range strings.SplitSeq(uids, ",") {
		low, high, isRange := strings.Cut(part, ":")
		if !isRange {
			high = low
		}
		from, errFrom := strconv.ParseUint(low, 10, 32)
		to, errTo := strconv.ParseUint(high, 10, 32)
		switch {
		case isRange && (errFrom != nil || errTo != nil):
			return maxAnswers
		case from > to:
			from, to = to, from
		}
		if to-from > maxAnswers/4 {
			return maxAnswers
		}
		limit += 4 * int(to-from+1)
	}
	return min(limit, maxAnswers)
}

// take gives one FETCH to the function.
func (f *Fetcher) take(ev event) error {
	w := f.x.w
	if f.answers == f.limit {
		return w.fail(errNoise)
	}
	f.answers++
	if f.shifts != w.shifts { // message numbers mean something else now
		f.before, f.shifts = nil, w.shifts
	}
	m, err := w.message(ev.num, f.before)
	if err != nil {
		return w.fail(err)
	}
	if err := m.deliver(f.fn); err != nil {
		w.fail(err)
		return err
	}
	f.before = m
	return nil
}

// deliver gives the message to fn, and leaves what fn did not read.
func (m *message) deliver(fn func(r *Response, body io.Reader) error) error {
	var r io.Reader
	switch {
	case m.body.present:
		r = &m.body
	case m.body.spoilt != nil:
		m.body.err = m.body.spoilt
		r = &m.body
	}
	if err := fn(&m.Response, r); err != nil {
		return err
	}
	err := m.body.drain()
	m.body.err = errLate
	return err
}
