package pop3

import (
	"context"

	"mailrill/fetch"
)

// With PIPELINING (RFC 2449, 6.6) up to window commands are on their way, and
// more are sent when no more than refill of them are unanswered: mpop's figures.
// A hundred commands of twelve octets fill no buffer on either side, so that
// sending them never waits for a server that waits for us to read; twenty cover
// a round trip while the next eighty are written in one packet.
const (
	window = 100
	refill = 20
)

// each sends one command for each of nums and calls fn with the outcome of each,
// in order; on a nil error what follows the status line is fn's to read. The
// number 0 stands for a message that is not there: nothing is sent for it. An
// error of fn, or of the connection, ends it and the session.
func (s *session) each(ctx context.Context, verb string, command func(num uint32) string, nums []uint32, fn func(i int, refused error) error) error {
	if err := s.ready(); err != nil {
		return err
	}
	p := pipeline{session: s, verb: verb, command: command, nums: nums, most: 1}
	if s.caps.has("PIPELINING") {
		p.most, p.least = window, refill
	}
	for i := range nums {
		if err := ctx.Err(); err != nil {
			return s.fail(verb, err)
		}
		outcome, err := p.next(i)
		if err != nil {
			return err
		}
		if err := fn(i, outcome); err != nil {
			return s.die(err)
		}
	}
	return nil
}

// A pipeline keeps commands in flight.
type pipeline struct {
	session *session
	verb    string
	command func(num uint32) string
	nums    []uint32
	most    int // commands in flight
	least   int // commands in flight at which more are sent
	sent    int // the first of nums that was not sent
	waiting int // commands without an answer
}

// next returns the outcome of the command for nums[i], a refusal, and apart from
// it the error that ends the session.
func (p *pipeline) next(i int) (outcome, err error) {
	if p.waiting <= p.least {
		if err := p.fill(); err != nil {
			return nil, err
		}
	}
	if p.nums[i] == 0 {
		return fetch.ErrGone, nil
	}
	p.waiting--
	outcome = p.session.answer(p.verb)
	if p.session.dead != nil {
		return nil, outcome
	}
	return outcome, nil
}

func (p *pipeline) fill() error {
	var batch []string
	for p.sent < len(p.nums) && p.waiting < p.most {
		if num := p.nums[p.sent]; num != 0 {
			batch = append(batch, p.command(num))
			p.waiting++
		}
		p.sent++
	}
	if len(batch) == 0 {
		return nil
	}
	return p.session.send(p.verb, batch...)
}
