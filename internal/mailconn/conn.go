package mailconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// writePiece is what must get through within one timeout: a slow upload
	// counts as progress at 136 octets a second. It is the size of a TLS record.
	writePiece = 16 << 10
	// A peer that sends an octet now and then for ever passes every deadline. So
	// in dripTimeouts timeouts spent on waiting for it, without a command from us
	// in between, it must send dripOctets; with the default timeout that is about
	// 870 octets a second.
	dripTimeouts = 10
	dripOctets   = 1 << 20
)

// A Conn is a connection whose deadlines watch progress: each Read that waits
// longer than the timeout fails, and so does each Write that does not get a
// piece of 16 KiB through in that time. A peer that drips is cut, too. Deadlines
// that a library sets are ignored. Time that a reader does not spend in Read
// (a slow destination, a full channel) does not count.
//
// Errors are *Error and name the peer; an orderly end is io.EOF.
type Conn struct {
	net.Conn // TLS, or the raw connection
	raw      io.Closer
	place    *place // under the dialer's limit
	peer     string
	timeout  time.Duration
	ctx      context.Context
	stop     func() bool // of the cut at the end of ctx
	in, out  atomic.Int64

	greeting string // what is left of a synthetic greeting; Read's alone

	mu     sync.Mutex
	quiet  bool
	spare  time.Duration // SetPatience
	since  time.Time     // when the drip was last reset
	waited time.Duration // in Read, since then
	came   int           // octets since then
}

func newConn(ctx context.Context, d *Dialer, raw, conn net.Conn, greeting string) *Conn {
	c := &Conn{since: time.Now(), Conn: conn, raw: raw, peer: d.Address(), timeout: d.timeout(), ctx: ctx, greeting: greeting, place: &place{}}
	c.stop = context.AfterFunc(ctx, func() { raw.Close() })
	return c
}

// Counters returns the octets received and sent so far, TLS not counted.
func (c *Conn) Counters() (in, out int64) { return c.in.Load(), c.out.Load() }

// SetQuiet(true) says that nothing is expected from the peer (IMAP's IDLE, a
// reader that waits between two commands): Read then waits for as long as ctx
// lasts, also one that waits already. SetQuiet(false) starts the timeout again,
// for a waiting Read from now on.
func (c *Conn) SetQuiet(quiet bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet = quiet
	c.resetDrip()
	c.arm()
}

// SetPatience lets each Read wait for d where that is longer than the timeout, as
// for an answer that a server works hard for (RFC 5321 §4.5.3.2.6); 0 ends it.
func (c *Conn) SetPatience(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spare = d
}

// limit is how long a Read may wait. It is called under the lock.
func (c *Conn) limit() time.Duration { return max(c.timeout, c.spare) }

// arm sets the deadline of the Read that waits or is about to.
func (c *Conn) arm() {
	if c.quiet {
		c.Conn.SetReadDeadline(time.Time{})
		return
	}
	c.Conn.SetReadDeadline(time.Now().Add(c.limit()))
}

func (c *Conn) resetDrip() { c.since, c.waited, c.came = time.Now(), 0, 0 }

// Read reads; see Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if c.greeting != "" {
		n := copy(p, c.greeting)
		c.greeting = c.greeting[n:]
		return n, nil
	}
	c.mu.Lock()
	c.arm()
	limit := c.limit()
	c.mu.Unlock()
	began := time.Now()
	n, err := c.Conn.Read(p)
	c.in.Add(int64(n))
	if err != nil {
		return n, c.explain(err, limit)
	}
	if err := c.checkDrip(n, began); err != nil {
		return n, &Error{c.peer, err}
	}
	return n, nil
}

// checkDrip counts what came, and how long a Read that began at began waited
// for it since the last reset.
func (c *Conn) checkDrip(n int, began time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.quiet {
		return nil
	}
	if began.Before(c.since) {
		began = c.since
	}
	c.waited += time.Since(began)
	c.came += n
	switch {
	case c.came >= dripOctets:
		c.resetDrip()
	case c.waited > dripTimeouts*c.limit():
		return fmt.Errorf("only %d octets came within %v: %w", c.came, c.waited.Round(time.Second), os.ErrDeadlineExceeded)
	}
	return nil
}

// Write writes p in pieces, each with a deadline of its own.
func (c *Conn) Write(p []byte) (written int, err error) {
	c.mu.Lock()
	c.resetDrip()
	c.mu.Unlock()
	for err == nil && len(p) > 0 {
		var n int
		c.Conn.SetWriteDeadline(time.Now().Add(c.timeout))
		n, err = c.Conn.Write(p[:min(len(p), writePiece)])
		c.out.Add(int64(n))
		written += n
		p = p[n:]
	}
	return written, c.explain(err, c.timeout)
}

// explain puts an error of the connection, which had to make progress within
// limit, into words and names the peer.
func (c *Conn) explain(err error, limit time.Duration) error {
	switch {
	case err == nil || err == io.EOF:
		return err
	case c.ctx.Err() != nil:
		err = context.Cause(c.ctx)
	case c.place.isCalled():
		err = ErrGivenUp
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = noAnswer(limit)
	default:
		err = explainTLS(err)
	}
	return &Error{c.peer, err}
}

// Rest says that nothing is under way. While the connection rests it may be given
// up for somebody who waits for its place under the Limit: drop, unless it is nil, is
// called then, once and on a goroutine of its own, and the connection is closed: whoever
// reads from it gets ErrGivenUp. A connection under no Limit rests undisturbed.
func (c *Conn) Rest(drop func()) {
	c.place.rest(func() {
		if drop != nil {
			drop()
		}
		c.Close()
	})
}

// Work ends the rest. From a nil error on the connection is not given up; ErrGivenUp
// says that it was. Without a rest before it does nothing.
func (c *Conn) Work() error {
	if err := c.place.work(); err != nil {
		return &Error{c.peer, err}
	}
	return nil
}

// Close closes the connection. It waits no longer than the 5 s that crypto/tls
// gives to its farewell.
func (c *Conn) Close() error {
	c.stop()
	return errors.Join(ignoreClosed(c.Conn.Close()), ignoreClosed(c.raw.Close()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// SetDeadline does nothing: deadlines here watch progress. The libraries set
// fixed ones, which cut a long message on a slow line.
func (c *Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing, as SetDeadline.
func (c *Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing, as SetDeadline.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }
