package maildir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"mailrill/deliver"
	"mailrill/internal/reply"
)

// diskClasses are the failures of a disk or of the system that meet every message
// alike, and their classes.
var diskClasses = []struct {
	cause error
	class reply.Class
}{
	{unix.ENOSPC, reply.Full},
	{unix.EDQUOT, reply.Full},
	{unix.EIO, reply.IO},
	{unix.EROFS, reply.Config},
	{os.ErrPermission, reply.Config},
	{unix.EMFILE, reply.Temporary}, // of this process
	{unix.ENFILE, reply.Temporary}, // of the machine
}

// notStored is the fate of a message of which nothing was left behind.
func notStored(err error) error {
	if _, ok := errors.AsType[*bodyError](err); !ok {
		for _, k := range diskClasses {
			if errors.Is(err, k.cause) {
				return fmt.Errorf("%w: %w", deliver.ErrUnavailable, reply.WithClass(k.class, err))
			}
		}
	}
	return fmt.Errorf("%w: %w", deliver.ErrNotTaken, err)
}

// classed gives an error that keeps a folder from being used its class: that of
// diskClasses; the rest (a name too long, a file in the way) is for the config.
func classed(err error) error {
	if err == nil {
		return nil
	}
	for _, k := range diskClasses {
		if errors.Is(err, k.cause) {
			return reply.WithClass(k.class, err)
		}
	}
	return reply.WithClass(reply.Config, err)
}

// stops returns err if it leaves no chance to the messages behind it either.
func stops(err error) error {
	if errors.Is(err, deliver.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// bodyError is a failure to read the message, not to write it: a spool that is
// broken says nothing about the Maildir's disk.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "read message: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// body marks the errors of a message's reader.
type body struct{ r io.Reader }

func (b body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		err = &bodyError{err}
	}
	return n, err
}
