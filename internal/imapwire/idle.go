package imapwire

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// A rest is an IDLE (RFC 2177) that the server has taken.
type rest struct {
	number uint64        // of its tag
	left   bool          // DONE was sent
	ended  chan struct{} // closed at its tagged answer
}

// Idle has the server announce what comes into the open mailbox, from now on and
// until the next command, whichever it is: DONE goes out in front of that, in the
// same write, so that it costs no round trip. Options.Notify tells of
// announcements. While IDLE lasts already, Idle does nothing.
//
// A server without IDLE, and one that refuses it for more than the moment, is an
// errors.ErrUnsupported; the session lives.
func (c *Client) Idle(ctx context.Context) error {
	if !c.Has("IDLE") {
		return fmt.Errorf("IDLE: %w", errors.ErrUnsupported)
	}
	if c.wire.resting() {
		return c.wire.cause()
	}
	x, err := c.wire.begin(ctx, "IDLE")
	if err != nil {
		return err
	}
	defer x.abandon()
	x.prompt.Store(true)
	number, err := x.send("IDLE")
	if err != nil {
		return err
	}
	ev, err := x.next()
	if err != nil {
		return err
	}
	if ev.tag == "+" {
		c.wire.rest(number)
		x.end()
		return nil
	}
	x.prompt.Store(false)
	x.end()
	return x.noIdle(ev.status)
}

// noIdle makes an error of an answer to IDLE that is not "+".
func (x *exchange) noIdle(st status) error {
	switch err := x.result(st); {
	case err == nil:
		return fmt.Errorf("%w: the server ends IDLE before it begins", errors.ErrUnsupported)
	case st.code == "UNAVAILABLE", st.code == "INUSE": // it passes
		return err
	default:
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
}

// Done ends IDLE, if it lasts, and waits for the server's answer: it shows that
// the server is still there.
func (c *Client) Done() error {
	w := c.wire
	w.mu.Lock()
	idle := w.idle
	w.mu.Unlock()
	if idle == nil {
		return w.cause()
	}
	w.quiet(false)
	defer w.quiet(true)
	if _, err := w.write(nil); err != nil {
		return err
	}
	select {
	case <-idle.ended:
		return nil
	case <-w.dead:
		return w.cause()
	}
}

// Idles reports whether IDLE lasts.
func (c *Client) Idles() bool { return c.wire.resting() }

// resting reports whether IDLE lasts.
func (w *wire) resting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.idle != nil && !w.idle.left
}

// rest notes that the server has taken IDLE.
func (w *wire) rest(number uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = &rest{number: number, ended: make(chan struct{})}
}

// done is what goes out in front of a command to end IDLE, if it lasts.
func (w *wire) done() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.idle == nil || w.idle.left {
		return ""
	}
	w.idle.left = true
	return "DONE\r\n"
}

// endIdle takes a tagged answer that may be that of IDLE. It reports whether the
// server ends it by itself. The caller holds mu.
func (w *wire) endIdle(tag string) (byItself bool) {
	if w.idle == nil || tag != "X"+strconv.FormatUint(w.idle.number, 10) {
		return false
	}
	byItself = !w.idle.left
	close(w.idle.ended)
	w.idle = nil
	return byItself
}
