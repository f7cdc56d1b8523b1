package imap

import (
	"context"
	"time"

	"mailrill/internal/imapwire"
)

// A connection may be kept from one pass to the next (deliver.Keeper). Then the
// next pass costs the destination no login, and to ask whether the connection
// still lives takes no time: the question is on its way while the source is listed.

// wakePatience is how long a kept connection may take to answer. A dead one must not
// hold mail up for as long as one that works on something.
const wakePatience = 10 * time.Second

// An awakening is what a kept connection answers when it is woken.
type awakening struct {
	boxes []imapwire.Mailbox // the folders, where more than INBOX was prepared
	err   error
}

// A rester is a connection that may be given up while nothing is under way:
// *mailconn.Conn.
type rester interface {
	Rest(drop func())
	Work() error
}

// Rest implements deliver.Rester.
func (d *Destination) Rest() {
	if d.session == nil {
		return
	}
	if r, ok := d.session.conn.(rester); ok {
		r.Rest(nil)
	}
}

// Wake implements deliver.Keeper.
func (d *Destination) Wake() {
	if d.woken != nil {
		select {
		case a := <-d.woken: // of a pass without news
			d.awoke(a)
		default: // an answer is still to come
			return
		}
	}
	if d.session == nil {
		return
	}
	answer := make(chan awakening, 1)
	go d.session.wake(answer)
	d.woken = answer
}

// wake asks whether the connection lives. A folder other than INBOX may have gone
// since it was prepared: then the folders are asked for, in place of NOOP.
func (s *session) wake(answer chan<- awakening) {
	patience := time.AfterFunc(wakePatience, func() { s.conn.Close() })
	defer patience.Stop()
	if _, known := s.folders[inbox]; len(s.folders) == 0 || known && len(s.folders) == 1 {
		answer <- awakening{err: s.IMAP().Noop().Wait()}
		return
	}
	boxes, err := s.List(s.ctx)
	answer <- awakening{boxes, err}
}

// awoke takes an answer in.
func (d *Destination) awoke(a awakening) {
	d.woken = nil
	switch {
	case a.err != nil:
		d.drop()
	case a.boxes != nil:
		d.session.boxes = a.boxes
		clear(d.session.folders)
	}
}

// work ends the rest of the connection, and waits for its answer when it was woken,
// or for the end of ctx. A connection that was given up, or does not live, is
// dropped.
func (d *Destination) work(ctx context.Context) {
	if d.session == nil {
		return
	}
	conn := d.session.conn
	if r, ok := conn.(rester); ok && r.Work() != nil || d.session.ctx.Err() != nil {
		d.drop()
		return
	}
	if d.woken == nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	d.awoke(<-d.woken)
}

// connectToKeep connects, and has the connection outlive ctx: begin has it cut by ctx
// for as long as something is under way.
func (d *Destination) connectToKeep(ctx context.Context) (*session, error) {
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { end(context.Cause(ctx)) })
	defer stop()
	s, err := d.connect(life)
	if err != nil {
		end(err)
		return nil, err
	}
	s.end = end
	return s, nil
}
