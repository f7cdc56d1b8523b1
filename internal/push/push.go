// Package push keeps one session of a source from pass to pass.
//
// Think of a telephone line that is not hung up: between two passes it rests in
// a folder, where the server announces new mail (IMAP's IDLE), and a pass that
// comes, for an announcement or on schedule, talks over it without a login. What
// happened in the folder while the line was elsewhere is told when it comes back.
//
// A Line has no clock and starts nothing by itself: it connects when a pass needs
// a session, and when the connection breaks it is without one until the next pass.
// How long to wait, and when to try again, is its owner's business.
package push

import (
	"context"
	"errors"
	"strings"
	"sync"

	"mailrill/fetch"
	"mailrill/internal/mailconn"
)

// A Line is at most one session of a source, which rests in one folder. Its owner
// makes passes over it and waits in between, on one goroutine; only End,
// Connected, GivenUp, Announced and Moved may be called by others.
type Line struct {
	source fetch.Source
	folder string
	ctx    context.Context

	place fetch.Folder // folder as the source tells of it; zero: not known yet

	mu        sync.Mutex
	call      *call  // nil: not connected
	busy      bool   // a pass has it
	announced uint64 // over the calls that have ended
}

// A session is what a source must give for it to be kept: one that can wait, and
// whatever else a pass looks for.
type session interface {
	fetch.Session
	fetch.Waiter
	fetch.Dater
	fetch.Peeker
}

// A call is a connected session.
type call struct {
	session
	cut context.CancelCauseFunc // its connection
}

// New returns a line to a source, which rests in a folder that the source's
// Folders name. It connects to nothing. Its connections live no longer than ctx.
func New(ctx context.Context, source fetch.Source, folder string) *Line {
	return &Line{source: source, folder: folder, ctx: ctx}
}

// End ends the session, where there is one: in good order if it rests, in the
// middle of whatever a pass does with it. The next pass makes another.
func (l *Line) End() {
	l.mu.Lock()
	c, busy := l.call, l.busy
	l.mu.Unlock()
	if c == nil {
		return
	}
	l.forget(c)
	if !busy {
		_ = c.Close(true) // it waits for nothing
	}
	c.cut(errEnded)
}

var errEnded = errors.New("the line was ended")

// Connected reports whether there is a session, and its connection lives.
func (l *Line) Connected() bool {
	c := l.current()
	return c != nil && c.Err() == nil
}

// ErrGivenUp: the session rested, and its connection was given up for another to the
// same login.
var ErrGivenUp = mailconn.ErrGivenUp

// GivenUp reports whether that has happened to the session.
func (l *Line) GivenUp() bool {
	c := l.current()
	return c != nil && errors.Is(c.Err(), ErrGivenUp)
}

// Announced counts the announcements of new mail that came while the line waited,
// over all its sessions: a server that never announces what is then found says
// that it would, and does not.
func (l *Line) Announced() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.announced
	if l.call != nil {
		n += l.call.Announced()
	}
	return int64(n)
}

// Wait rests in the folder until new mail may have come. It returns
//
//	nil                    look: something may have come since the folder was last
//	                       listed over this line, or nobody can know, since the
//	                       line is not connected
//	the error of ctx       nothing has come, and the server is still there
//	errors.ErrUnsupported  the server announces nothing, or not now; passes over
//	                       the line are as good as ever
//	any other              the line is not connected any more
//
// Whoever calls it again without having looked gets nil again.
func (l *Line) Wait(ctx context.Context) error {
	c := l.current()
	if c == nil {
		return l.ctx.Err()
	}
	err := c.Wait(ctx, l.name())
	if l.current() != c {
		return errEnded
	}
	if err == nil {
		err = c.Err() // the end of the connection ends IDLE, too
	}
	if err == nil || errors.Is(err, errors.ErrUnsupported) || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	_ = c.Close(false)
	l.drop(c)
	return err
}

// name is the folder's, as the source writes it where that is known.
func (l *Line) name() string {
	if l.place.Name != "" {
		return l.place.Name
	}
	return l.folder
}

// is reports whether f is the line's folder. INBOX is the one name that is the
// same in any case.
func (l *Line) is(f fetch.Folder) bool {
	return f.Name == l.folder || f.Name == "INBOX" && strings.EqualFold(l.folder, f.Name)
}

func (l *Line) current() *call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.call
}

// drop has the line forget a call, and cuts its connection.
func (l *Line) drop(c *call) {
	l.forget(c)
	c.cut(errEnded)
}

func (l *Line) forget(c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.call == c {
		l.announced += c.Announced()
		l.call, l.busy = nil, false
	}
}
