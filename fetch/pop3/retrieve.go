package pop3

import (
	"context"
	"fmt"
	"io"

	"mailrill/fetch"
)

// Retrieve asks for messages by RETR, in order. Where the server offers
// PIPELINING there are always some on their way; Gmail does not, and gets one
// command at a time. A message that the server refuses costs itself only, unless
// it is the account that the server has had enough of.
func (s *session) Retrieve(ctx context.Context, items []fetch.Item, fn func(it fetch.Item, meta *fetch.Meta, r io.Reader, err error) error) error {
	defer s.cutWith(ctx)()
	err := s.each(ctx, "RETR", retr, s.numbers(items), func(i int, refused error) error {
		if refused != nil {
			return fn(items[i], &fetch.Meta{}, nil, s.why(items[i], refused))
		}
		return s.hand(items[i], fn)
	})
	return ended(ctx, err)
}

// hand gives fn one message and reads what it leaves of it.
func (s *session) hand(it fetch.Item, fn func(fetch.Item, *fetch.Meta, io.Reader, error) error) error {
	m := &message{body: newBody(s.gate.in, s.gate.crlf)}
	if m.body.empty() && it.Size != 0 {
		return fn(it, &m.meta, nil, fmt.Errorf("pop3 RETR: %w", fetch.ErrNoBody))
	}
	if err := fn(it, &m.meta, m, nil); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, m.body); err != nil {
		return s.fail("RETR", err)
	}
	for _, num := range s.box.numbers(it) {
		delete(s.spoiled, num)
	}
	return nil
}

// numbers returns the numbers to ask for, 0 for an item that is not in the
// listing, or that List could not read.
func (s *session) numbers(items []fetch.Item) []uint32 {
	nums := make([]uint32, len(items))
	for i, it := range items {
		n := int(it.Num)
		if n >= 1 && n <= len(s.box.keys) && s.box.keys[n-1] == it.Key && keyKind(it.Key) != byNumber {
			nums[i] = it.Num
		}
	}
	return nums
}

// why is the reason that an item cannot be had: what List was told, where it was
// not asked for again.
func (s *session) why(it fetch.Item, refused error) error {
	if reason := s.box.unreadable[it.Key]; reason != nil {
		return reason
	}
	return refused
}

// numbers returns all messages that an item stands for.
func (b *box) numbers(it fetch.Item) []uint32 {
	if equal := b.twins[it.Key]; len(equal) > 0 {
		return equal
	}
	return []uint32{it.Num}
}

// A message is a body on its way to the caller. Its meta is complete at its end.
type message struct {
	body     *body
	received receivedField
	meta     fetch.Meta
}

func (m *message) Read(p []byte) (int, error) {
	n, err := m.body.Read(p)
	m.received.Write(p[:n])
	if err == io.EOF {
		m.meta.Received = m.received.date()
	}
	return n, err
}
