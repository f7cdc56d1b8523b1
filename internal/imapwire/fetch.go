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
	if strings.Trim(uids, "0123456789:,*") != "" || uids == "" {
		return fmt.Errorf("fetch: %.40q is no set of UIDs", uids)
	}
	if err := checkArgument("fetch items", items); err != nil {
		return err
	}
	x, err := c.wire.begin(ctx, "UID FETCH", "FETCH")
	if err != nil {
		return err
	}
	defer x.abandon()
	if err := x.send("UID FETCH " + uids + " (" + items + ")"); err != nil {
		return err
	}
	return x.fetch(answersLimit(uids), fn)
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

func (x *exchange) fetch(limit int, fn func(r *Response, body io.Reader) error) error {
	var before *message
	shifts := x.w.shifts
	for n := 0; ; n++ {
		ev, err := x.next()
		if err != nil {
			return err
		}
		if ev.tag != "*" {
			x.end()
			return x.result(ev.status)
		}
		if n == limit {
			return x.w.fail(errNoise)
		}
		if shifts != x.w.shifts { // message numbers mean something else now
			before, shifts = nil, x.w.shifts
		}
		m, err := x.w.message(ev.num, before)
		if err != nil {
			return x.w.fail(err)
		}
		if err := m.deliver(fn); err != nil {
			x.w.fail(err)
			return err
		}
		before = m
	}
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
