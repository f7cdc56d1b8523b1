// Package pop3 collects from POP3 mailboxes (RFC 1939, 2449, 5034).
//
// Think of a session as one conversation in strict order: each answer belongs to
// the oldest question. Whatever breaks that order (an answer that is no answer,
// octets that nobody asked for, a body that was left half read) ends the session
// for good, because the next "+OK" might be meant for something else, or might
// come from the sender of a mail. A session that ended so never says QUIT, and
// without QUIT the server does nothing of what it was told.
//
// The commands go through go-pop3; a gate between it and the network (gate.go)
// lets it see one status line at a time. What is longer than a line, listings
// and messages, is read past the library (dot.go).
//
// A message number means something in its session only. What names a message
// from session to session is its key (keys.go): its UIDL where that is unique,
// else a digest of the message itself.
package pop3

import (
	"context"
	"errors"
	"fmt"
	"net"

	pop3 "github.com/knadh/go-pop3"

	"mailrill/fetch"
	"mailrill/internal/sasl"
)

// Options say how to reach a mailbox, and what its server is known for.
type Options struct {
	// Dial returns a connection that is secure already and begins with the
	// greeting. It watches progress, and is cut when the context ends.
	Dial func(context.Context) (net.Conn, error)
	Auth sasl.Auth
	Gate sasl.Gate // of Auth; nil: none

	// Drains: the server lists a window of the mailbox, and a message that was
	// retrieved leaves it with QUIT (Gmail).
	Drains bool
	// Recent asks Gmail for the last 30 days instead of its window, by putting
	// "recent:" before the user name. It needs a login with a password.
	Recent bool
	// TwoLineAuth sends the credentials of AUTH on a line of their own (Outlook).
	// Long ones are sent so everywhere.
	TwoLineAuth bool
	// MaxList is the largest number of messages that is believed; 0 means two
	// million.
	MaxList int
}

const defaultMaxList = 2_000_000

// Inbox is the one folder of a POP3 mailbox.
const Inbox = "INBOX"

// New returns the mailbox. It connects to nothing.
func New(o Options) *Source {
	if o.MaxList == 0 {
		o.MaxList = defaultMaxList
	}
	return &Source{o}
}

// A Source is a fetch.Source for one POP3 mailbox.
type Source struct{ o Options }

// Connect logs in. A refusal is a *reply.Error with the response code of RFC
// 2449 and RFC 3206 as its Code.
func (s *Source) Connect(ctx context.Context) (fetch.Session, error) {
	return sasl.Retry(ctx, s.o.Auth, s.o.Gate, func(auth sasl.Auth) (fetch.Session, error) { return s.connect(ctx, auth) })
}

func (s *Source) connect(ctx context.Context, auth sasl.Auth) (fetch.Session, error) {
	conn, err := s.o.Dial(ctx)
	if err != nil {
		return nil, err
	}
	session, err := s.greet(ctx, conn, auth)
	if err != nil {
		conn.Close()
		return nil, ended(ctx, err)
	}
	return session, nil
}

func (s *Source) greet(ctx context.Context, conn net.Conn, auth sasl.Auth) (*session, error) {
	session := &session{o: s.o, gate: newGate(conn)}
	lib, err := pop3.New(pop3.Opt{Dialer: dialed{session.gate}}).NewConn()
	if err := session.outcome("", err); err != nil {
		return nil, err
	}
	session.lib = lib
	if err := session.askCapabilities(); err != nil {
		return nil, err
	}
	if err := session.login(ctx, auth); err != nil {
		return nil, err
	}
	// Capabilities may differ from user to user (RFC 2449, 5).
	return session, session.askCapabilities()
}

// dialed is a pop3.Dialer for a connection that exists.
type dialed struct{ net.Conn }

func (d dialed) Dial(string, string) (net.Conn, error) { return d.Conn, nil }

// A session is a fetch.Session, a fetch.Sizer and a fetch.Dater.
type session struct {
	o    Options
	gate *gate
	lib  *pop3.Conn
	caps capabilities

	count   int             // messages, by STAT
	box     box             // what List found
	dead    error           // why nothing more may be said on this connection
	touched bool            // messages were asked for, or marked: QUIT does something
	spoiled map[uint32]bool // messages that QUIT would lose, see unharmed
	closed  bool
}

var (
	_ fetch.Session = (*session)(nil)
	_ fetch.Sizer   = (*session)(nil)
	_ fetch.Dater   = (*session)(nil)
)

// Folders returns INBOX: POP3 knows nothing else.
func (s *session) Folders(context.Context) ([]fetch.Folder, error) {
	return []fetch.Folder{{Name: Inbox, Role: "inbox"}}, nil
}

// Open asks how many messages there are. Some servers let a user in and refuse
// here (Gmail: "not enabled for POP access").
func (s *session) Open(ctx context.Context, folder string) (fetch.Listing, error) {
	if folder != Inbox {
		return fetch.Listing{}, fmt.Errorf("open %q: %w", folder, fetch.ErrNoFolder)
	}
	defer s.cutWith(ctx)()
	if err := s.stat(); err != nil {
		return fetch.Listing{}, ended(ctx, err)
	}
	return fetch.Listing{
		Count:    s.count,
		Partial:  s.partial(),
		Drains:   s.o.Drains,
		Deferred: true,
	}, nil
}

// partial: this is Gmail, which lists a window, or the last 30 days.
func (s *session) partial() bool { return s.o.Drains || s.o.Recent }

func (s *session) stat() (err error) {
	if err := s.ready(); err != nil {
		return err
	}
	s.box = box{}
	s.count, _, err = s.lib.Stat()
	if err := s.outcome("STAT", err); err != nil {
		return err
	}
	if s.count < 0 || s.count > s.o.MaxList {
		return s.fail("STAT", fmt.Errorf("the server counts %d messages, which is not between 0 and %d", s.count, s.o.MaxList))
	}
	return nil
}

// Close with commit says QUIT, and returns nil when the server has answered that
// what was asked for is done, or when there is nothing to be done. In all other cases the connection is dropped
// without QUIT; what was marked for deletion then stays (RFC 1939, 6).
func (s *session) Close(commit bool) error {
	if s.closed {
		return nil
	}
	s.closed = true
	defer s.gate.Close()
	if !commit {
		s.die(net.ErrClosed)
		return nil
	}
	if err := s.ready(); err != nil {
		return err
	}
	if err := s.unharmed(); err != nil {
		return err
	}
	defer s.die(net.ErrClosed)
	if !s.touched {
		return s.send("QUIT", "QUIT")
	}
	return s.outcome("QUIT", s.lib.Quit())
}

var errSpoiled = errors.New("the server removes what was read (EXPIRE 0), and messages were looked at that were not retrieved")

// unharmed refuses the QUIT that would lose mail: where CAPA says EXPIRE 0, the
// server removes at QUIT what was read, by TOP too (GNU mailutils). Gmail says
// EXPIRE 0 as well, but acts on RETR only.
func (s *session) unharmed() error {
	if len(s.spoiled) > 0 {
		return s.fail("QUIT", errSpoiled)
	}
	return nil
}

// spoils notes that the server may remove message num at QUIT although nobody
// was handed it.
func (s *session) spoils(verb string, num uint32) {
	if !s.caps.expires() || s.partial() && verb == "TOP" {
		return
	}
	if s.spoiled == nil {
		s.spoiled = map[uint32]bool{}
	}
	s.spoiled[num] = true
}
