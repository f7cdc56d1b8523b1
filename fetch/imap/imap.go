// Package imap collects from IMAP mailboxes (RFC 3501, RFC 9051).
//
// Think of it as a reader that trusts nothing but UIDs. A message is known by
// "UIDVALIDITY/UID", and an answer counts for a message only when its own UID
// says so: what arrives without being asked for, twice, or for another UID is
// discarded. An OK without a body is no empty message, \Seen is nobody's state
// (folders are opened with EXAMINE, bodies are asked for with PEEK), and SEARCH
// is never asked what is new, since servers answer it from stale indexes.
//
// What changes the mailbox is in Finish alone. It selects the folder for
// writing, compares the header of every UID with the message that was delivered
// and then removes by UID: never by EXPUNGE or CLOSE, which would also remove
// what somebody else marked.
//
// A file for each verb: folders.go and roles.go (LIST), list.go, retrieve.go and
// body.go, dates.go, finish.go with verify.go and act.go, wait.go (IDLE).
package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"

	"mailrill/fetch"
	"mailrill/internal/imapwire"
	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// Options say which account to collect from, and how.
type Options struct {
	// Dial returns a connection that is already secure and begins with the
	// server's greeting. The connection is cut when the context ends.
	Dial func(context.Context) (net.Conn, error)
	Auth sasl.Auth
	Gate sasl.Gate // of Auth; nil: none
	// ID is what ID (RFC 2971) tells the server after the login, where it offers
	// the command; nil: nothing.
	ID map[string]string
	// NeedsID: it is told in any case (NetEase).
	NeedsID bool
	// Folders are names (UTF-8, INBOX in any case), patterns in which "*" stands
	// for anything, "role:junk" for the folders of a role, and any of these
	// behind "!" for what is left out. Empty: INBOX.
	Folders []string
	// TrashOnDelete: to delete is to move to the folder whose role is trash.
	// At Gmail, removing from a label only archives.
	TrashOnDelete bool
	// Notice is told, in a sentence for people, what could not be done as asked
	// without being an error. It may be nil.
	Notice func(string)
}

// A Source is an IMAP account.
type Source struct{ o Options }

// New returns a Source.
func New(o Options) *Source { return &Source{o} }

var (
	_ fetch.Source = (*Source)(nil)
	_ fetch.Dater  = (*session)(nil)
	_ fetch.Waiter = (*session)(nil)
)

// Connect dials and logs in.
func (s *Source) Connect(ctx context.Context) (fetch.Session, error) {
	return sasl.Retry(ctx, s.o.Auth, s.o.Gate, func(auth sasl.Auth) (fetch.Session, error) { return s.connect(ctx, auth) })
}

func (s *Source) connect(ctx context.Context, auth sasl.Auth) (fetch.Session, error) {
	conn, err := s.o.Dial(ctx)
	if err != nil {
		return nil, err
	}
	changed := make(chan struct{}, 1)
	client, err := imapwire.Connect(ctx, conn, imapwire.Options{
		Auth: auth, ID: s.o.ID, NeedsID: s.o.NeedsID, Notify: func() { raise(changed) },
	})
	if err != nil {
		return nil, errors.Join(err, drop(conn))
	}
	return &session{o: s.o, conn: conn, client: client, changed: changed, seen: map[string]sight{}}, nil
}

// drop closes a connection that served for nothing. That it was closed before
// is no further fault.
func drop(c io.Closer) error {
	if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	return nil
}

// session is one login.
type session struct {
	o       Options
	conn    net.Conn
	client  *imapwire.Client
	changed chan struct{} // holds a token when there may be something for Wait to see

	boxes []box // what LIST said, once it was asked

	folder   string             // the open one
	selected *imapwire.Selected // as it was when it was opened
	writable bool               // it was opened by SELECT
	fresh    bool               // nothing happened since it was opened

	seen  map[string]sight // folders that were listed
	heard uint64           // announcements until the open folder was opened, or its last listing began
	waits atomic.Uint64    // announcements that came while Wait waited

	probed    bool // bodies came: uidBehind is known
	uidBehind bool // the server sends a body before it says whose it is
	noExpunge bool // the server cannot expunge by UID, whatever it offers
}

// Close ends the session, by LOGOUT when it is to be committed. IMAP defers
// nothing to its end: what was done holds also when LOGOUT fails.
func (s *session) Close(commit bool) error {
	if !commit {
		return drop(s.client)
	}
	err := s.client.Logout()
	_ = s.client.Close()
	if err != nil {
		return fmt.Errorf("log out: %w", err)
	}
	return nil
}

// refused reports whether err is the server's answer to one command, after which
// the next may be sent. A BYE is a refusal of no command: the connection is gone.
// Nor is one that is about the account: the next would be refused too.
func (s *session) refused(err error) bool {
	refusal, ok := errors.AsType[*reply.Error](err)
	return ok && refusal.Command != "" && !refusal.Throttled()
}

// run does a command of go-imap, which knows no context: when ctx ends, the
// connection is dropped.
func (s *session) run(ctx context.Context, verb string, command func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = s.client.Close() })
	defer stop()
	if err := command(); err != nil {
		return s.client.Refused(verb, err)
	}
	return nil
}

func (s *session) notice(format string, args ...any) {
	if s.o.Notice != nil {
		s.o.Notice(fmt.Sprintf(format, args...))
	}
}
