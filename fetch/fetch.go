// Package fetch is the contract of sources: mailboxes that messages are
// collected from.
//
// A source lists and reads. It keeps no state, knows no configuration file and
// no clock, and never decides what is wanted: the caller compares a listing
// with what it remembers and asks for the rest. What a source does to the
// mailbox it does in Finish, and only when it is told to.
//
// Three rules hold for every source, and fetchtest checks them:
//
//   - A body is the exact octets that the server served. One that was cut short
//     ends in an error, never in io.EOF.
//   - An answer of "OK" that brought no body is no empty message; it is an error
//     of that item.
//   - Keys in one listing are unique, and a key never comes to mean another
//     message. Where a server cannot promise that (duplicate UIDLs, no UIDL at
//     all), the source makes a key from the message itself.
package fetch

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// A Source is a mailbox account that can be logged in to.
type Source interface {
	// Connect dials, logs in and returns a session. The session lives no longer
	// than ctx: when ctx ends, its connection is cut. A refusal is (or wraps) a
	// *reply.Error.
	Connect(ctx context.Context) (Session, error)
}

// A Session is one login. It is used by one goroutine, in this order:
// Folders, then for each folder Open, List, Retrieve, Finish, and Close once.
type Session interface {
	// Folders returns the folders to collect from, as the source was configured,
	// in that order. POP3 has one, INBOX. A folder that was named and does not
	// exist is an ErrNoFolder.
	Folders(ctx context.Context) ([]Folder, error)

	// Open selects a folder, by the Name that Folders gave.
	Open(ctx context.Context, folder string) (Listing, error)

	// List returns the messages of the open folder that lie behind from; the zero
	// Cursor means all. A cursor of another Validity counts as zero.
	List(ctx context.Context, from Cursor) ([]Item, error)

	// Retrieve asks for the bodies of items and calls fn once for each, in the
	// order in which the server answers (for POP3: of items), on the caller's
	// goroutine. Knowing all items, it keeps requests in flight where the server
	// allows. fn gets the body, or the error of this one item; meta is complete
	// once r has returned io.EOF. What fn leaves unread is discarded.
	//
	// An error of fn ends Retrieve, which returns it; the session may then only
	// be closed with Close(false). Any other error that Retrieve returns is the
	// connection's: the item whose body was being read got it from r, the items
	// behind it were not begun.
	Retrieve(ctx context.Context, items []Item, fn func(it Item, meta *Meta, r io.Reader, err error) error) error

	// Finish does a to the messages of due in the open folder, after checking
	// that each key still means the message that was delivered. It returns the
	// keys that are done, among them those that are no longer in the mailbox;
	// one left out is to be tried again. Where Listing.Deferred is set, done
	// means done once Close(true) has returned nil.
	Finish(ctx context.Context, due []Due, a AfterAction) (done []string, err error)

	// Close ends the session. With commit false the connection is dropped, so
	// that nothing takes effect that the protocol defers to a regular end (POP3:
	// no QUIT). With commit true a nil error says that it has taken effect.
	Close(commit bool) error
}

// A Sizer is a Session whose List may leave sizes out, since it takes another
// listing to know them. Sizes puts them into items of the open folder.
type Sizer interface {
	Sizes(ctx context.Context, items []Item) error
}

// A Dater is a Session that can tell arrival dates and flags without bodies.
// Like Retrieve it calls fn once an item; an item that is gone is left out.
type Dater interface {
	Dates(ctx context.Context, items []Item, fn func(it Item, meta Meta)) error
}

// A Peeker is a Session that can digest headers without bodies. It calls fn once
// an item with its HeaderHash, and whether that header is telling; an item whose
// header the server does not show is left out.
type Peeker interface {
	Peek(ctx context.Context, items []Item, fn func(it Item, header [16]byte, telling bool)) error
}

// A Waiter is a Session that may outlive a pass, and wait in between for new mail
// in one of its folders. After Rest it waits, or serves the next pass from
// Folders on.
type Waiter interface {
	// Rest ends a pass, in place of Close(true). Nothing of what the pass learned of
	// folders is believed in the next; the open folder stays open. The connection may
	// be given up meanwhile, for somebody who waits for its place at the server.
	Rest()

	// Work begins the next pass. Its error says that the session is gone.
	Work() error

	// Reopen is Open. It does not ask the server where folder is still open and new
	// mail was announced there: List shows that then.
	Reopen(ctx context.Context, folder string) (Listing, error)

	// Wait returns nil as soon as folder may hold mail that came after its last
	// listing in this session, at once if it was not listed: a hint to look, not a
	// fact. Whoever does not look first gets nil again. When ctx ends the server is
	// asked for a sign of life, and after it ctx's error returned: the session is as
	// good as before. Middleboxes drop silent connections, so the caller is to wait
	// anew every nine minutes or so. A server that does not announce mail, or not
	// now, is an errors.ErrUnsupported, after which the session is good, too; after
	// any other error it can only be closed.
	Wait(ctx context.Context, folder string) error

	// Announced counts the announcements of new mail that came while Wait waited.
	Announced() uint64

	// LocalAddr is this machine's end of the connection.
	LocalAddr() net.Addr

	// Err returns why the connection has ended, nil while it lives. Like Announced
	// it may be called by any goroutine.
	Err() error
}

// A Folder is a mailbox as its owner knows it.
type Folder struct {
	Name      string // UTF-8, decoded, with the server's hierarchy separator
	Separator string // "/", ".", or "" for a flat namespace
	Role      string // "inbox", "all", "sent", "junk", "trash", "drafts", "archive", "flagged", "important" or ""
}

// A Listing describes the open folder.
type Listing struct {
	Validity uint32 // IMAP's UIDVALIDITY; 0 for POP3
	Next     uint32 // IMAP's UIDNEXT, 0 if the server did not say
	Count    int    // messages in the folder, or in the window
	Partial  bool   // the server lists a part of the mailbox (Gmail's POP3): a key that is absent proves nothing
	Drains   bool   // a message that was retrieved leaves the listing at Close(true), and others take its place (Gmail's POP3)
	Deferred bool   // what Finish did takes effect with Close(true) only (POP3's DELE and QUIT)
	Stable   bool   // keys never change their meaning for as long as Validity holds, and grow: a Cursor may be used
}

// A Cursor is a place in a listing: everything up to UID is settled.
type Cursor struct {
	Validity uint32
	UID      uint32
}

// An Item is one message of a listing. A listing may hold a million of them.
type Item struct {
	Key  string // what the ledger knows it by; printable ASCII, at most 100 octets
	Num  uint32 // message number (POP3, this session only) or UID
	Size int64  // octets as the server states them, often not exactly; -1 unknown, see Sizer
	// Same is an id that the server gives to one message in every folder it
	// appears in (Gmail's X-GM-MSGID); 0 where there is none.
	Same uint64
}

// Meta is what a source knows of a message besides its octets.
type Meta struct {
	Received time.Time // arrival: INTERNALDATE, or the date of the top Received field; zero if unknown
	Flags    []string  // IMAP flags worth keeping: \Seen, \Answered, \Flagged, \Draft and keywords
}

// A Due is a delivered message whose after-action is to be done.
type Due struct {
	Key    string
	Size   int64    // as listed when it was retrieved
	Header [16]byte // HeaderHash of the message that was delivered
}

// An AfterAction is what becomes of a message at its source once it is delivered.
type AfterAction struct {
	Do     Action
	Folder string // for Move: where to, UTF-8
}

// Action is a kind of AfterAction.
type Action string

// What may be done at the source.
const (
	Keep   Action = "keep"
	Delete Action = "delete"
	Seen   Action = "seen"
	Move   Action = "move"
)

// Errors that a source reports besides the server's own words.
var (
	// ErrNoFolder: a configured folder does not exist at the source.
	ErrNoFolder = errors.New("no such folder at the source")
	// ErrNoBody: the server answered without a body. The message is not empty;
	// it is to be asked for again later.
	ErrNoBody = errors.New("the server sent no body")
	// ErrGone: the message is no longer in the mailbox.
	ErrGone = errors.New("the message is gone from the source")
)
