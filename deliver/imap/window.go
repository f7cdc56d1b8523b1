package imap

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mailrill/deliver"
	"mailrill/internal/imapwire"
)

// A window is the time in which messages for one folder are on their way over a
// connection.
type window struct {
	d       *Destination
	s       *session
	name    string // of the folder, as it was asked for
	folder  string // as the server calls it
	batches <-chan []*deliver.Message
	done    doneFunc

	a      *imapwire.Appender
	held   []*deliver.Message // taken, and not yet worth a command
	octets int64              // of held
	again  []*imapwire.Append // refused together with others: to be sent alone
	wary   bool               // and one after the other: it may be the account
	more   []*deliver.Message // taken, and not for this window
	stop   error              // the account takes no more
}

// deliver sends ms and the batches that come while messages are on their way.
// Then the session is free again to see that the server hangs up. The error says
// that the connection is lost, or that the account takes no more.
func (w *window) deliver(ctx context.Context, ms []*deliver.Message) (err error) {
	if w.a, err = w.s.Appender(ctx, w.folder); err != nil {
		w.s.lost = true
		fail(ms, notTaken(err), w.done)
		return fmt.Errorf("append messages: %w", err)
	}
	defer w.a.Close()
	w.hold(ms)
	for err == nil && (w.a.Busy() || len(w.again)+len(w.held) > 0) {
		err = w.turn()
	}
	if err = w.a.End(err); err != nil {
		w.s.lost = true
		fail(w.held, notTaken(err), w.done)
		w.giveUp(err)
		return fmt.Errorf("append messages: %w", err)
	}
	return w.stop
}

// turn sends what may be sent now, or takes a batch or an answer.
func (w *window) turn() error {
	switch last := w.batches == nil || w.more != nil; {
	case len(w.again) > 0 && w.stop != nil:
		w.giveUp(w.stop)
		return nil
	case len(w.again) > 0 && w.wary && w.a.Busy(): // how the one before fares tells
	case len(w.again) > 0:
		return w.resend()
	case len(w.held) > 0 && w.stop != nil:
		fail(w.release(), notTaken(w.stop), w.done)
		return nil
	case len(w.held) > 0 && (last || w.a.Worthwhile(w.octets)):
		return w.send(w.release())
	}
	batches := w.batches
	if len(w.again) > 0 || w.more != nil || w.stop != nil || w.a.Full() {
		batches = nil
	}
	select {
	case ms, ok := <-batches:
		w.take(ms, ok)
		return nil
	case ans, ok := <-w.a.Answers():
		return w.a.Take(ans, ok)
	}
}

// resend sends again, alone, what was refused together.
func (w *window) resend() error {
	n := len(w.again)
	if w.wary {
		n = 1
	}
	now := w.again[:n]
	w.again = w.again[n:]
	w.wary = w.wary && len(w.again) > 0
	return w.a.Send(now...)
}

// giveUp settles what was to be sent again, and will not be.
func (w *window) giveUp(why error) {
	for _, p := range w.again {
		p.Done(imapwire.AppendUID{}, fmt.Errorf("%w: %w", imapwire.ErrNotSent, why))
	}
	w.again = nil
}

// take holds a batch, or keeps it for the next window.
func (w *window) take(ms []*deliver.Message, ok bool) {
	switch {
	case !ok:
		w.batches = nil
	case !w.fits(ms):
		w.more = ms
	default:
		w.hold(ms)
	}
}

func (w *window) hold(ms []*deliver.Message) {
	w.held = append(w.held, ms...)
	for _, m := range ms {
		w.octets += m.Size
	}
}

// release returns what was held, and holds it no more.
func (w *window) release() []*deliver.Message {
	ms := w.held
	w.held, w.octets = nil, 0
	return ms
}

// fits reports whether nothing is to be asked before ms can follow.
func (w *window) fits(ms []*deliver.Message) bool {
	_, known := w.s.flags[w.folder]
	return !slices.ContainsFunc(ms, func(m *deliver.Message) bool {
		return m.Folder != w.name || hasKeyword(m) && !known
	})
}

func (w *window) send(ms []*deliver.Message) error {
	var batch []*imapwire.Append
	for _, m := range w.s.dropTooLarge(ms, w.done) {
		batch = append(batch, w.appendOf(m))
	}
	return w.a.Send(batch...)
}

func (w *window) appendOf(m *deliver.Message) *imapwire.Append {
	s := &spool{m: m, cut: w.s.conn.Close}
	p := &imapwire.Append{
		Flags:  permitted(m.Flags, w.s.keeps(w.folder)),
		Date:   m.Received,
		Size:   m.Size,
		Open:   s.open,
		Binary: w.s.Has("BINARY") && holdsNUL(m),
	}
	p.Done = func(at imapwire.AppendUID, err error) {
		if err == nil {
			w.done(m, deliver.Receipt{Where: where(w.folder, at), Size: m.Size}, nil)
			return
		}
		w.failed(m, p, s.blame(err))
	}
	return p
}

// failed passes on what kept a message from being stored. One that was refused
// together with others is tried alone. Where it is the account that takes no more
// (all of a batch, or any of it) they go one after the other: a mailbox that is
// nearly full has room for some.
func (w *window) failed(m *deliver.Message, p *imapwire.Append, err error) {
	together := errors.Is(err, imapwire.ErrTogether)
	err = w.d.fate(err)
	unavailable := errors.Is(err, deliver.ErrUnavailable)
	if together {
		p.Alone, w.wary = true, w.wary || unavailable
		w.again = append(w.again, p)
		return
	}
	if w.stop == nil && unavailable {
		w.stop = err
	}
	w.done(m, deliver.Receipt{}, err)
}
