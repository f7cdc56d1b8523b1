package pop3

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mailrill/internal/reply"
)

// ready reports why no command can be sent. Octets that wait to be read before a
// command was sent are an answer to nothing: what a body smuggled in, or a
// server out of step. They must not become the answer to what comes next.
func (s *session) ready() error {
	if s.dead == nil && s.gate.in.Buffered() > 0 {
		s.dead = fmt.Errorf("pop3: %w", errUnasked)
	}
	if s.dead != nil {
		return fmt.Errorf("session has ended: %w", s.dead)
	}
	s.gate.status = status{}
	return nil
}

// send sends lines as they are, each a command or a part of one.
func (s *session) send(verb string, lines ...string) error {
	for _, l := range lines {
		if strings.ContainsAny(l, "\r\n\x00") {
			return fmt.Errorf("pop3 %s: an argument holds a line break or NUL", verb)
		}
	}
	if err := s.lib.Send(strings.Join(lines, "\r\n")); err != nil {
		return s.fail(verb, err)
	}
	return nil
}

// answer reads the status line that answers verb.
func (s *session) answer(verb string) error {
	s.gate.status = status{}
	_, err := s.lib.ReadOne()
	return s.outcome(verb, err)
}

// ask sends a command and reads its status line.
func (s *session) ask(verb, line string) error {
	if err := s.ready(); err != nil {
		return err
	}
	if err := s.send(verb, line); err != nil {
		return err
	}
	return s.answer(verb)
}

// outcome says in our terms how a call of go-pop3 ended: nil, a *reply.Error, or
// the error that ends the session.
func (s *session) outcome(verb string, err error) error {
	switch {
	case err == nil:
		return nil
	case s.gate.err != nil:
		return s.fail(verb, s.gate.err)
	case s.gate.status.kind == negative:
		return s.gate.status.refusal(verb)
	}
	return s.fail(verb, err)
}

// fail ends the session with an error of the conversation itself.
func (s *session) fail(verb string, err error) error {
	if verb == "" {
		verb = "greeting"
	}
	return s.die(fmt.Errorf("pop3 %s: %w", verb, err))
}

// die ends the session. The first reason is the one that is told later.
func (s *session) die(err error) error {
	if s.dead == nil {
		s.dead = err
	}
	return err
}

// refused reports whether err is the server's refusal of one command, after
// which the session goes on.
func refused(err error) (*reply.Error, bool) {
	return errors.AsType[*reply.Error](err)
}

// cutWith drops the connection when ctx ends before the function it returns is
// called.
func (s *session) cutWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { s.gate.Close() })
}

// ended adds to an error that ctx has ended, where it has: that is its cause.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}
