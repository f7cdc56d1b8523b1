package deliver

import (
	"context"
	"errors"
	"time"
)

// A Prober is a Destination that tells what it is like, for one who looks and
// delivers nothing. It changes nothing, and makes no folder.
type Prober interface {
	// Probe connects and logs in, where there is something to log in to.
	Probe(ctx context.Context) (Facts, error)

	// Look tells where messages for folder ("" for the default) would go. Its
	// errors are those of Prepare.
	Look(ctx context.Context, folder string) (Spot, error)
}

// Facts are what a destination tells of itself.
type Facts struct {
	Offers  []string // capabilities, upper case, sorted
	MaxSize int64    // octets of the largest message that it takes; 0: not told
	Quota   *Quota   // nil: not told
}

// A Quota is how much room an account has, in octets.
type Quota struct{ Used, Limit int64 }

// A Spot is a place that messages go to.
type Spot struct {
	Name       string // the folder as the server names it, a directory, a recipient, a program
	Missing    bool   // it is not there yet and is to be made
	FileSystem string // of a directory; "" where there is none, or it is not known
	Free       int64  // octets that are free there; -1 not known
}

// A Trier is a Destination whose copies can be read back and removed.
type Trier interface {
	// Try notes where folder stands, which was prepared: what comes to it from
	// now on can be found.
	Try(ctx context.Context, folder string) (Trial, error)
}

// A Trial looks for one message that was delivered for a try.
type Trial interface {
	// Find returns the copy with that ID, or ErrNotThere: a server may show it
	// later.
	Find(ctx context.Context, id string) (*Copy, error)

	// Remove removes the copy that Find returned, and nothing else. left is where
	// it lies nevertheless, such as the trash; "" nowhere.
	Remove(ctx context.Context) (left string, err error)
}

// A Copy is a message as its destination holds it.
type Copy struct {
	Where    string // as in a Receipt
	Body     []byte
	Received time.Time // arrival date that the destination shows; zero if none
	Flags    []string
}

// ErrNotThere: the destination does not show the message, yet or any more.
var ErrNotThere = errors.New("the destination does not show the message")
