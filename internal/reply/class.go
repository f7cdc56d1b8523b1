package reply

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// Class sorts every failure by what helps against it. Its values and their
// exit codes are a promise to users (the table in the README).
type Class string

// The classes. The zero Class means that nothing is wrong.
const (
	OK          Class = ""
	Usage       Class = "usage"       // wrong flags
	Refused     Class = "refused"     // messages were put into the hold
	Bug         Class = "bug"         // in mailrill
	IO          Class = "io"          // the disk failed (not: full)
	Temporary   Class = "temporary"   // tried again by itself, as are the next three
	Network     Class = "network"     //
	Limit       Class = "limit"       // a quota or rate of the provider
	Full        Class = "full"        // the disk is full
	TLS         Class = "tls"         // certificate or handshake
	Credentials Class = "credentials" // refused
	Config      Class = "config"      // the config, or a setting at the provider
)

var exitCodes = map[Class]int{
	OK: 0, Usage: 64, Refused: 65, Bug: 70, IO: 74,
	Temporary: 75, Network: 75, Limit: 75, Full: 75,
	TLS: 76, Credentials: 77, Config: 78,
}

// ExitCode returns the exit status of a process that ends with class c.
func (c Class) ExitCode() int { return exitCodes[c] }

// worst lists exit codes from the one that is reported before all others.
var worst = []int{70, 74, 78, 77, 76, 75, 65, 64}

// WorstExit returns the exit status of a process whose parts ended with codes.
func WorstExit(codes ...int) int {
	for _, w := range worst {
		for _, c := range codes {
			if c == w {
				return w
			}
		}
	}
	return 0
}

// A Classed error knows its own class.
type Classed interface {
	error
	Class() Class
}

// WithClass gives err a class. It is for errors whose type tells nothing.
func WithClass(c Class, err error) error { return &classed{c, err} }

type classed struct {
	class Class
	err   error
}

func (c *classed) Error() string { return c.err.Error() }
func (c *classed) Unwrap() error { return c.err }
func (c *classed) Class() Class  { return c.class }

// ClassOf returns the class of err: the one it states itself, else what its
// cause shows. What nobody can name is temporary: mail is never given up for
// an unknown error.
func ClassOf(err error) Class {
	if err == nil {
		return OK
	}
	if c, ok := errors.AsType[Classed](err); ok {
		return c.Class()
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return Full
	case isTLS(err):
		return TLS
	case isNetwork(err):
		return Network
	case isDisk(err):
		return IO
	}
	return Temporary
}

func isTLS(err error) bool {
	var (
		alert     tls.AlertError
		record    tls.RecordHeaderError
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	return errors.As(err, &alert) || errors.As(err, &record) || errors.As(err, &verify) ||
		errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}

func isNetwork(err error) bool {
	netError, isNet := errors.AsType[net.Error](err)
	// An errno has the methods of a net.Error, also that of a broken disk. Those of
	// a connection come in a *net.OpError.
	_, bare := netError.(syscall.Errno)
	return isNet && !bare || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

func isDisk(err error) bool {
	_, isPath := errors.AsType[*fs.PathError](err)
	_, isLink := errors.AsType[*os.LinkError](err)
	return isPath || isLink
}
