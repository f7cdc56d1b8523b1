// Package ledger remembers what became of every message, so that none is
// delivered twice and none is removed from its source too early.
//
// It is an SQLite database in the state folder (WAL, synchronous=FULL): what
// Commit has returned for is on the disk. One process at a time holds it, by a
// flock that the kernel gives back however that process ends.
//
// A message's life is a path through the states of State. Two rules, which the
// engine keeps and every recovery rests on: INTENT is committed before the first
// octet that could complete a delivery, and nothing is done at the source for a
// row that is not DELIVERED or HELD. Rows are never pruned: Gmail's POP3 lists a
// key again after any time.
package ledger

import (
	"errors"
	"time"

	"mailrill/internal/reply"
)

// State is what became of one message. Values are on disk: never renumber them.
type State uint8

const (
	None      State = 0 // no row
	Seen      State = 1 // not wanted: old mail, our own, or a loop
	Old       State = 2 // old mail that is wanted, to be delivered as read
	Failed    State = 3 // not delivered; wanted again at NextTry
	TooLarge  State = 4 // left at the source
	Intent    State = 5 // its delivery was begun: it may have arrived or not
	Delivered State = 6 // acknowledged by the destination
	Finished  State = 7 // delivered, and the after-action is done, or the source copy gone
	Held      State = 8 // refused for good: in the hold until its owner decides
	Lost      State = 9 // begun, not found at the destination, gone from the source; wanted should it be listed again
)

// Terminal reports whether a message in this state is never retrieved again by
// itself.
func (s State) Terminal() bool {
	switch s {
	case Seen, Delivered, Finished, Held:
		return true
	}
	return false
}

// Settled reports whether the message is safe without its source copy.
func (s State) Settled() bool { return s == Delivered || s == Finished || s == Held }

// A Row is one message of one folder. Its key is (Folder, Key). Times come back
// in UTC, to the millisecond. What a state does not need is not kept: no Mark once
// Delivered, Finished or Held, and of Finished only ID, Size, Message, Same, At
// and a short Receipt.
type Row struct {
	Folder   int64     // Folder.ID
	Key      string    // fetch.Item.Key
	State    State     //
	ID       string    // 26 characters, "" before the body was read
	Size     int64     // as listed
	Header   [16]byte  // fetch.HeaderHash of the message
	Message  int64     // hash of its Message-ID field, for trace; 0 if it has none
	Same     uint64    // fetch.Item.Same
	Attempts int       // of Failed: how often it failed; of Intent: how often it was begun
	Begun    time.Time // when its delivery was first begun; kept over retries
	At       time.Time // of this state
	NextTry  time.Time // of Failed
	Mark     string    // of Intent: where the destination stood before
	Receipt  string    // of Delivered: where the copy lies; of Failed, Held, Lost: why
	After    string    // of Delivered: "delete", "seen", "move:FOLDER"; "" keep
	Due      time.Time // of Delivered with an After: when it is to be done
}

// An Account is an account's identity: its Birth name is part of every ID and
// never changes, also when the account is renamed.
type Account struct {
	ID    int64
	Name  string
	Birth string
	// What the last pass left behind; see Pass.
	Pass Pass
}

// A Pass is the outcome of an account's last pass and what follows from it.
type Pass struct {
	At       time.Time // its end; zero: never
	OK       time.Time // end of the last one without an error
	Class    string    // reply.Class of its error, "" if none
	Text     string    // the error in words, cleaned
	Hint     string
	URL      string
	Failures int       // passes in a row that ended in an error
	Refused  int       // logins that were refused since one was taken, however passes between them ended
	NextTry  time.Time // not before this time, by the back-off; zero: at once
}

// A Folder is a source folder and how far it is settled.
type Folder struct {
	ID       int64
	Account  int64
	Name     string
	Looked   bool      // the backlog has been decided
	Validity uint32    // UIDVALIDITY of Floor
	Floor    uint32    // every UID up to it is terminal; without UIDs, so many messages at the head of the listing
	Head     [16]byte  // without UIDs: digest of the keys of those messages
	Full     time.Time // when it was last listed whole
}

// A Destination is what is known of a destination, by its name in the config.
type Destination struct {
	Name       string
	Mark       string // up to where its copies are known (deliver.Finder)
	Known      bool   // it has been read at least once
	Verifiable int8   // 0 unknown, 1 a copy was seen with its trace line and size, -1 it hides them
}

var (
	// ErrLocked: another mailrill runs with this state folder.
	ErrLocked = errors.New("another mailrill runs with this state folder")
	// ErrNewer: a later version of mailrill wrote this state.
	ErrNewer = reply.WithClass(reply.Config, errors.New("the state was written by a newer mailrill"))
	// ErrCorrupt: a checksum is wrong. Nothing is guessed: the state is refused.
	ErrCorrupt = reply.WithClass(reply.IO, errors.New("the state is damaged; to mend it, stop mailrill, remove ledger.db, ledger.db-wal and ledger.db-shm, and name ledger.backup ledger.db; where the destination can be asked what has arrived (imap, maildir) it is enough to remove them"))
	// ErrBroken: the disk failed at a commit. What of it is on the disk is unknown
	// to this process, so this Ledger refuses everything from then on; the next
	// Open reads what is really there.
	ErrBroken = reply.WithClass(reply.IO, errors.New("the disk failed under the state"))
)
