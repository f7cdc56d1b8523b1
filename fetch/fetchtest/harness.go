// Package fetchtest is the suite that every source must pass: what package fetch
// promises of a Source, checked against a mailbox that the test fills, breaks
// and reads back.
package fetchtest

import (
	"testing"
	"time"

	"mailrill/fetch"
)

// A Harness makes mailboxes of one kind of source and says what it can do.
type Harness struct {
	// New returns a mailbox that holds ms, in order, and nothing else. It ends
	// with the test.
	New func(t *testing.T, ms []Message) Mailbox

	// Served is what the source hands over for a stored body, where that differs
	// (POP3 always ends a message with a line end). nil: the body as it is.
	Served func(body []byte) []byte

	Dates bool // the server knows arrival dates itself; without, the top Received field tells
	Flags bool // messages have flags
	// Undated: this server cannot tell dates without bodies; a Dater's are zero.
	Undated bool

	// Do lists the after-actions that the source can do. Any other is refused.
	Do []fetch.Action
}

// A Message is a message of a mailbox. Dates are whole seconds.
type Message struct {
	Body  []byte
	Date  time.Time
	Flags []string
}

// A Mailbox is one mailbox on a server, and the ways to break it. Messages are
// named by their place in what New was given, from 0.
type Mailbox struct {
	Source fetch.Source
	Folder string // the folder that holds the messages, as Session.Folders names it

	// Messages returns what the mailbox holds now.
	Messages func() []Message
	// Remove takes message i away, as another client does.
	Remove func(i int)

	// Cut makes the server drop the connection after so many octets of the body
	// of message i, as they are served, from now on and in open sessions too.
	Cut func(i, octets int)
	// NoBody makes it answer the request for message i without a body; nil where
	// no server of this kind can be made to.
	NoBody func(i int)
	// Mend undoes Cut and NoBody.
	Mend func()

	// Replace puts m in the place of message i, under the same key, as a server
	// does that gives keys out twice. nil: there is no such server.
	Replace func(i int, m Message)

	// MoveTo is a folder that Move can move to, Moved what it holds. Only for
	// sources that can.
	MoveTo string
	Moved  func() []Message
}
