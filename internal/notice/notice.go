// Package notice tells the owner of accounts what only the owner can mend, once.
//
// Deciding and sending are apart. A Book (book.go) is told how passes end and says,
// by a clock that it is given, what is to be told and when; it connects to nothing. A
// Post (post.go) keeps the book over restarts and sends what it says, on a goroutine
// of its own, in the ways that the owner chose (mail.go, http.go, command.go).
//
// The commit point of a notice is the ledger's commit of the letter that holds it,
// together with the fact that it was told: before it a kill leaves the trouble
// untold, and it is told by the next process; after it the letter is sent, by the next
// process if need be. A kill between the sending and the commit that takes the letter
// away sends it once more.
package notice

import (
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// An Account is what a Book needs to know of an account.
type Account struct {
	Name        string
	Destination string // its name in the config
	Place       string // what tells apart one mailbox that is delivered to from another
}

// An Event is how a pass of an account ended.
type Event struct {
	Account       string
	Class         reply.Class // OK where nothing failed
	AtDestination bool        // that is where it failed
	Reached       bool        // the destination took something
	OneFolder     bool        // no other folder of the account was looked at
	Short         bool        // a limit of ours has left mail where it is
	Since         time.Time   // when it was seen to fail before; zero: it did not
	Words         string      // the server's, cleaned
	Hint          lang.Text
	URL           string
}

// A Kind is what a notice is about.
type Kind string

// The kinds, in the order in which they are told.
const (
	NeedsYou Kind = "needs_you" // something only its owner can mend
	Failing  Kind = "failing"   // it has failed for long
	Back     Kind = "back"      // it works again, after one of these was told
	Away     Kind = "away"      // a destination works again that could not be told of while it did not
	Held     Kind = "held"      // messages were put into the hold
	SignIn   Kind = "sign_in"   // a sign-in is gone, or will be within days
)

var order = []Kind{NeedsYou, Failing, Back, Away, Held, SignIn}

// A Notice is what is told at one time to the owner of one mailbox.
type Notice struct {
	Time        time.Time
	Destination string
	Place       string
	Items       []Item
}

// An Item is one thing that is told.
type Item struct {
	Kind          Kind
	AtDestination bool        `json:",omitempty"`
	Accounts      []string    `json:",omitempty"` // that it concerns
	Class         reply.Class `json:",omitempty"`
	Since         time.Time   `json:",omitzero"`
	Until         time.Time   `json:",omitzero"`
	Count         int         `json:",omitempty"` // of held messages
	Words         string      `json:",omitempty"` // the server's
	Hint          lang.Text   `json:",omitzero"`
	URL           string      `json:",omitempty"`
}

// delays say how long what fails with a class may last before it is told. What only
// the owner can mend is told at once; what may mend itself, within a day.
var delays = map[reply.Class]time.Duration{
	reply.Credentials: 0,
	reply.Config:      0,
	reply.IO:          0, // the disk
	reply.Bug:         time.Hour,
	reply.TLS:         time.Hour, // most certificates that ran out are renewed within it
	reply.Full:        time.Hour, // somebody may be tidying up
	reply.Network:     day,
	reply.Temporary:   day,
	reply.Limit:       day,
}

const day = 24 * time.Hour

// ownersTask reports whether class is told as something that only the owner can mend.
func ownersTask(c reply.Class) bool { return delays[c] < day }

// folderOnly names the classes of a destination's failures that may concern one folder
// of it: another account's success says nothing of them.
var folderOnly = map[reply.Class]bool{reply.Config: true}
