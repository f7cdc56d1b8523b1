package pop3

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"mailrill/fetch"
)

func retr(num uint32) string { return "RETR " + strconv.FormatUint(uint64(num), 10) }
func top(num uint32) string  { return fmt.Sprintf("TOP %d 0", num) }

// A header is what is to be known of a message's header. It is an io.Writer for
// the message, or its beginning.
type header struct {
	hash     *fetch.HeaderHash
	received receivedField
}

func newHeader() *header { return &header{hash: fetch.NewHeaderHash()} }

// Write never fails.
func (h *header) Write(p []byte) (int, error) {
	h.hash.Write(p)
	return h.received.Write(p)
}

// A look is a way to see headers.
type look struct {
	verb    string
	command func(uint32) string
}

var (
	topHeaders = look{"TOP", top}
	// Where there is no TOP the whole message is read for its header.
	retrHeaders = look{"RETR", retr}
)

// answerBody is the answer to a command for a message, which ends.
func (s *session) answerBody(num uint32) *body {
	return newBody(s.gate.in, s.gate.crlf).whole(s.box.size(num))
}

// headers shows fn the header of each of nums, or the server's refusal.
func (s *session) headers(ctx context.Context, how look, nums []uint32, fn func(num uint32, h *header, refused error) error) error {
	return s.each(ctx, how.verb, how.command, nums, func(i int, refused error) error {
		if refused != nil {
			return fn(nums[i], nil, refused)
		}
		s.spoils(how.verb, nums[i])
		h := newHeader()
		// Some servers ignore the 0 and send the whole message.
		if _, err := io.Copy(h, s.answerBody(nums[i])); err != nil {
			return s.fail(how.verb, err)
		}
		return fn(nums[i], h, nil)
	})
}

// Peek digests headers by TOP. Where there is no TOP nothing is shown.
func (s *session) Peek(ctx context.Context, items []fetch.Item, fn func(it fetch.Item, header [16]byte, telling bool)) error {
	defer s.cutWith(ctx)()
	if !s.caps.hasOrSilent("TOP") {
		return nil
	}
	i := -1
	return ended(ctx, s.headers(ctx, topHeaders, s.numbers(items), func(_ uint32, h *header, _ error) error {
		i++
		if h != nil {
			fn(items[i], h.hash.Sum(), h.hash.Telling())
		}
		return nil
	}))
}

// Dates tells the date of each message's top Received field, by TOP. Where the
// server has no TOP, or refuses it for a message, the date is zero.
func (s *session) Dates(ctx context.Context, items []fetch.Item, fn func(it fetch.Item, meta fetch.Meta)) error {
	defer s.cutWith(ctx)()
	nums := s.numbers(items)
	if !s.caps.hasOrSilent("TOP") {
		for i, it := range items {
			if nums[i] != 0 {
				fn(it, fetch.Meta{})
			}
		}
		return nil
	}
	i := -1
	return ended(ctx, s.headers(ctx, topHeaders, nums, func(num uint32, h *header, refused error) error {
		i++
		switch {
		case h != nil:
			fn(items[i], fetch.Meta{Received: h.received.date()})
		case num != 0:
			fn(items[i], fetch.Meta{})
		}
		return nil
	}))
}
