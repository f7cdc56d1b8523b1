// Package deliver is the contract of destinations: places that messages are
// brought to.
//
// A destination writes. Its one duty is to know what became of each message it
// was given, and to say so truthfully: stored for good, refused for good, surely
// not stored, or unknown. Where it can be asked later (a Finder), an unknown
// fate is settled by asking, never by guessing.
package deliver

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"
)

// A Message is a message on its way. Its octets are delivered as they are.
type Message struct {
	ID       string    // 26 characters of base32: the same message has the same ID for ever
	Account  string    // the account that it was collected for
	Size     int64     // octets that Open yields, trace line included
	Digest   [32]byte  // SHA-256 of the body as the source served it, without the trace line
	Begun    time.Time // when its delivery was first begun; the same for each retry
	Received time.Time // arrival at the source; zero if unknown
	Flags    []string  // IMAP flags worth keeping, never \Recent or \Deleted
	Folder   string    // where in the destination, "/" between levels; "" for its default

	// Open yields the octets. It may be called again, also at the same time.
	Open func() (io.ReadSeekCloser, error)
}

// A Receipt says where a copy lies, for people, and how large it is there.
type Receipt struct {
	Where string // "INBOX 1375069811/532", "new/1763632800.ID.HOST,S=1234", a server's last reply
	Size  int64  // octets of the copy; -1 unknown
}

// A Destination takes messages. It connects when it is first needed, again
// when its connection broke, and is used by one goroutine.
type Destination interface {
	// Prepare connects, and sees to it that folder ("" for the default) can take
	// messages, making it where that is allowed. Nothing is retrieved from a
	// source before it has returned nil. Its error is ErrUnavailable or a
	// connection's.
	Prepare(ctx context.Context, folder string) error

	// Deliver stores the messages of batches, in order where it can, and calls
	// done once for each as soon as its fate is known, on any goroutine but never
	// two at a time:
	//
	//	nil             stored; it survives a crash of either machine
	//	ErrRejected     this message will never be taken
	//	ErrSkipped      it was not stored: the destination has it from elsewhere.
	//	                Nothing is done at its source for it
	//	ErrNotTaken     it surely was not stored, and may be tried again
	//	ErrUnavailable  surely not stored; nobody's message would be taken now
	//	any other       it may have arrived or not
	//
	// It takes the next batch when it has room for more on its way, without
	// waiting for the fate of those before, and returns when batches is closed and
	// all fates are known. Sooner it returns only with the error that keeps it from
	// going on; done has then been called for every message of the batches that it
	// took. A message whose body has begun is finished, or broken off, within the
	// deadlines of the connection; ctx cuts it.
	Deliver(ctx context.Context, batches <-chan []*Message, done func(*Message, Receipt, error)) error

	Close() error
}

// Batch returns the batches of one who has all of its messages: a single one.
func Batch(ms ...*Message) <-chan []*Message {
	batches := make(chan []*Message, 1)
	batches <- ms
	close(batches)
	return batches
}

// A Finder is a Destination that can be asked what has arrived: through it a
// doubtful message reaches the destination exactly once.
type Finder interface {
	// Arrived calls fn for every copy with a trace line of ours that came after
	// mark ("" means ever, in all folders) and returns where the destination
	// stands now. Marks are opaque and printable. A copy that came before the
	// call is never missed; one that came before mark may be reported again.
	Arrived(ctx context.Context, mark string, fn func(id string, r Receipt) error) (newMark string, err error)

	// Settles is how long after the end of a connection a copy may still turn
	// up; 0 where what is not there will never be.
	Settles() time.Duration
}

// A Rester is a Destination that can let its connection rest.
type Rester interface {
	// Rest says that nothing is to be done for now. Whatever connection there is may
	// be given up meanwhile, for somebody who waits for its place at the server; the
	// next call then connects anew.
	Rest()
}

// A Keeper is a Rester whose connection is worth keeping from one pass to the next,
// with Rest in place of Close. Close ends it, at any time between two calls.
type Keeper interface {
	Rester
	// Wake has the connection asked whether it still lives, and does not wait for
	// the answer: the next call does. Where there is no connection it does nothing.
	Wake()
}

// A Slow Finder does not show at once what it has stored.
type Slow interface {
	// ShowsAfter is how long a copy may be there and not be shown; 0 where it
	// never is.
	ShowsAfter() time.Duration
}

// The fates that Deliver can be sure of. They are wrapped together with their
// reason, mostly a *reply.Error.
var (
	ErrRejected    = errors.New("refused for good")
	ErrSkipped     = errors.New("the destination has this message already, from elsewhere")
	ErrNotTaken    = errors.New("not taken")
	ErrUnavailable = errors.New("destination unavailable")
)

// TraceField is the name of the field in the first line of every copy. Its
// value is the ID, a space and the account's name.
const TraceField = "X-Mailrill-ID"

// IDLength is how many characters an ID has.
const IDLength = 26

// IsID reports whether s has the form of an ID: characters of base32, a-z2-7.
func IsID(s string) bool {
	return len(s) == IDLength && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") == ""
}
