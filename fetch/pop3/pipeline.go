package pop3

import (
	"context"

	"mailrill/fetch"
)

// With PIPELINING (RFC 2449, 6.6) commands are on their way for so many messages,
// or until the answers come to so many octets, as far as sizes are known; more are
// sent when a quarter of that has come. 4 MiB keep a line of 200 Mbit/s busy for
// 160 ms. 500 commands of twelve octets fill no buffer on either side, so that
// sending them never waits for a server that waits for us to read.
const (
	window       = 500
	windowOctets = 4 << 20
	windowLeast  = 2 // however large they are: one that is read, and the next
)

// each sends one command for each of nums and calls fn with the outcome of each,
// in order; on a nil error what follows the status line is fn's to read. The
// number 0 stands for a message that is not there: nothing is sent for it. An
// error of fn, or of the connection, ends it and the session, and so does a server
// that has had enough of the account.
func (s *session) each(ctx context.Context, verb string, command func(num uint32) string, nums []uint32, fn func(i int, refused error) error) error {
	if err := s.ready(); err != nil {
		return err
	}
	s.touched = s.touched || len(nums) > 0
	p := pipeline{session: s, verb: verb, command: command, nums: nums, most: 1}
	if s.caps.has("PIPELINING") {
		p.most = window
	}
	for i := range nums {
		if err := ctx.Err(); err != nil {
			return s.fail(verb, err)
		}
		outcome, err := p.next(i)
		if err != nil {
			return err
		}
		if r, is := refused(outcome); is && r.Throttled() {
			return s.die(outcome)
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
	most    int    // commands in flight
	sent    int    // the first of nums that was not sent
	reading uint32 // the message whose answer is being read; 0: none
	waiting int    // commands in flight, that one among them
	octets  int64  // that they bring
}

// next returns the outcome of the command for nums[i], a refusal, and apart from
// it the error that ends the session.
func (p *pipeline) next(i int) (outcome, err error) {
	if p.reading != 0 {
		p.waiting--
		p.octets -= p.size(p.reading)
	}
	p.reading = p.nums[i]
	if p.waiting < windowLeast || p.waiting <= p.most*3/4 && p.octets <= windowOctets*3/4 {
		if err := p.fill(); err != nil {
			return nil, err
		}
	}
	if p.reading == 0 {
		return fetch.ErrGone, nil
	}
	outcome = p.session.answer(p.verb)
	if p.session.dead != nil {
		return nil, outcome
	}
	return outcome, nil
}

func (p *pipeline) fill() error {
	var batch []string
	for p.sent < len(p.nums) && p.waiting < p.most && (p.waiting < windowLeast || p.octets < windowOctets) {
		if num := p.nums[p.sent]; num != 0 {
			batch = append(batch, p.command(num))
			p.waiting++
			p.octets += p.size(num)
		}
		p.sent++
	}
	if len(batch) == 0 {
		return nil
	}
	return p.session.send(p.verb, batch...)
}

// size is how many octets the answer for a message is known to bring.
func (p *pipeline) size(num uint32) int64 {
	if p.verb != "RETR" {
		return 0
	}
	return max(p.session.box.size(num), 0)
}
