package mailconn

import (
	"errors"
	"os"
	"time"

	"mailrill/internal/reply"
)

// An Error is the failure of a connection. An orderly end, which the server may
// bring about at any time, is io.EOF as everywhere, not an Error.
type Error struct {
	Peer string // Dialer.Address
	Err  error
}

func (e *Error) Error() string { return e.Peer + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Class is the class of the cause where it knows one, else network.
func (e *Error) Class() reply.Class {
	if c, ok := errors.AsType[reply.Classed](e.Err); ok {
		return c.Class()
	}
	return reply.Network
}

func (d *Dialer) failed(err error) error { return &Error{d.Address(), err} }

// noAnswer is the error of a peer that made no progress for so long.
type noAnswer time.Duration

func (t noAnswer) Error() string { return "no answer within " + time.Duration(t).String() }
func (t noAnswer) Unwrap() error { return os.ErrDeadlineExceeded }
