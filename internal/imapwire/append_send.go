package imapwire

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// Send sends messages. Its error is the connection's: End is to be given it.
func (a *Appender) Send(ms ...*Append) error {
	a.client.wire.quiet(true)
	first := len(a.open)
	a.open = append(a.open, a.commands(ms)...)
	for _, c := range slices.Clone(a.open[first:]) {
		if err := a.send(c); err != nil {
			return err
		}
		if err := a.poll(); err != nil {
			return err
		}
	}
	return a.out.flush()
}

// commands divides messages among commands.
func (a *Appender) commands(ms []*Append) (cs []*command) {
	multi := a.multi()
	var octets int64
	for _, m := range ms {
		last := len(cs) - 1
		if multi && last >= 0 && !m.Alone && !cs[last].ms[0].Alone && octets+m.Size <= togetherOctets {
			cs[last].ms = append(cs[last].ms, m)
			octets += m.Size
			continue
		}
		cs, octets = append(cs, &command{ms: []*Append{m}}), m.Size
	}
	return cs
}

// send announces a command and sends its octets. A message that cannot be opened
// or that the server refuses is settled, and no error.
func (a *Appender) send(c *command) error {
	bodies := a.bodies(c)
	defer func() {
		for _, b := range bodies {
			b.Close()
		}
	}()
	if len(c.ms) == 0 {
		a.settle(c, nil, nil)
		return nil
	}
	if err := a.room(); err != nil {
		return err
	}
	c.end = unsent
	a.announce(c)
	for i, m := range c.ms {
		a.literal(m)
		if !a.unasked(m.Size) {
			if wanted, err := a.prompted(c); err != nil || !wanted {
				return err
			}
		}
		if err := a.out.copy(bodies[i], m.Size); err != nil {
			return a.breakOff(err)
		}
	}
	c.end = a.out.queued
	a.sending.Store(0)
	return a.out.write("\r\n")
}

// bodies opens the messages of a command. Those that cannot be opened are settled.
func (a *Appender) bodies(c *command) (bodies []io.ReadCloser) {
	var ms []*Append
	for _, m := range c.ms {
		body, err := m.Open()
		if err != nil {
			m.Done(AppendUID{}, notSent(err))
			continue
		}
		ms, bodies = append(ms, m), append(bodies, body)
	}
	c.ms = ms
	return bodies
}

// announce writes a command up to its first message.
func (a *Appender) announce(c *command) {
	tag, number := a.client.wire.tag()
	c.tag = number
	a.sending.Store(number)
	a.out.write(tag + " APPEND " + a.mailbox)
	a.owed <- struct{}{}
}

// literal writes what stands before a message's octets.
func (a *Appender) literal(m *Append) {
	open, plus := "{", ""
	if m.Binary && a.client.Has("BINARY") {
		open = "~{"
	}
	if a.unasked(m.Size) {
		plus = "+"
	} else {
		a.x.prompt.Store(true)
	}
	a.out.write(flagList(m.Flags) + dateTime(m.Date) + " " + open + strconv.FormatInt(m.Size, 10) + plus + "}\r\n")
}

// unasked reports whether a literal may be sent without waiting for "+".
func (a *Appender) unasked(size int64) bool {
	return a.client.Has("LITERAL+") || a.client.Has("LITERAL-") && size <= literalMinus
}

// room waits until another command may be in flight.
func (a *Appender) room() error {
	for a.inFlight() >= maxInFlight {
		if err := a.out.flush(); err != nil {
			return err
		}
		if err := a.wait(); err != nil {
			return err
		}
	}
	return nil
}

// inFlight counts the commands that were announced and have no answer.
func (a *Appender) inFlight() (n int) {
	for _, c := range a.open {
		if c.tag != 0 {
			n++
		}
	}
	return n
}

// prompted waits for the "+" for the command that was announced last. It is not
// wanted any more when the server refuses it.
func (a *Appender) prompted(c *command) (wanted bool, err error) {
	if err := a.out.flush(); err != nil {
		return false, err
	}
	for slices.Contains(a.open, c) {
		ans, ok := <-a.Answers()
		if err := a.Take(ans, ok); err != nil {
			return false, err
		}
		if ans.tag == "+" {
			a.client.wire.quiet(true)
			return true, nil
		}
	}
	a.x.prompt.Store(false)
	return false, nil
}

// wait takes the next answer.
func (a *Appender) wait() error {
	defer a.client.wire.quiet(true)
	ans, ok := <-a.Answers()
	return a.Take(ans, ok)
}

// poll takes the answers that are there.
func (a *Appender) poll() error {
	for {
		select {
		case ans, ok := <-a.answers:
			if err := a.Take(ans, ok); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// breakOff gives a command up in the middle of its octets, err being why. The
// answers to those before it are still awaited.
func (a *Appender) breakOff(err error) error {
	if cause := a.client.wire.cause(); cause != nil {
		return cause
	}
	if a.out.flush() == nil {
		for a.inFlight() > 1 {
			if a.wait() != nil {
				break
			}
		}
	}
	err = fmt.Errorf("read the message to append: %w", err)
	a.client.wire.fail(err)
	return err
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
