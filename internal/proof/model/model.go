// Package model is a small exhaustive model of the protocol by which
// internal/collect keeps mailrill's promise. It shares no code with it.
//
// Think of it as a board game with two messages. A State is the whole board: the
// disk (ledger and hold), the source, the destination, and where the engine is.
// A move is one step of the engine, one thing that the world does to it (a crash,
// a lost answer, a cut line, a lost ledger …), or the passing of time. Explore
// plays every game that can be played, in every order, and looks at every board:
//
//   - INV1, INV2: a message is at its source, at the destination or in the hold,
//     at every instant;
//   - INV3: a destination that can be asked has at most one copy at every
//     instant, one that cannot at most one more per ambiguous answer;
//   - from every board on, if the world leaves the engine in peace, it comes to
//     rest with everything delivered or held, and everything that is delivered
//     removed from the source (or hidden there, as Gmail does it).
//
// A board is small because the engine's rules need little: of a moment in time
// only whether a grace has passed, of a copy only that it is there. What is left
// out is left out on the safe side: the two messages of a batch move one by one,
// in any order, which allows more games than the engine can play.
//
// Each rule of the engine can be taken away (Rule): the model then must show a
// game that loses or doubles a message. That proves that it sees such games, and
// that the rule is needed.
package model

// Source is a kind of source.
type Source uint8

// The sources. POP3 and IMAP delete what was delivered; Gmail's POP3 lists one
// message at a time, and hides what was retrieved when the session ends with QUIT.
const (
	IMAP Source = iota
	POP3
	Gmail
)

// Destination is a kind of destination.
type Destination uint8

// The destinations: one that can be asked and may store a message after the line
// was cut (IMAP), one that can be asked and stores nothing late (Maildir), and
// one that cannot be asked (SMTP).
const (
	Asked Destination = iota
	Sure
	Deaf
)

// Event is a set of things that the world may do.
type Event uint32

// The events. Each may happen at any time at which it makes sense, and again and
// again, but for those that say "once".
const (
	Crash      Event = 1 << iota // the process is killed
	Abort                        // a pass is cut off, its process goes on (a reload)
	LoseAnswer                   // the destination's answer is lost
	NotTaken                     // the destination refuses a message for now
	CutSource                    // the line to the source breaks
	FailRetr                     // the source refuses one message
	LoseQuit                     // the answer to QUIT is lost
	LoseLedger                   // once: the ledger is gone
	OldLedger                    // once: an older copy of the ledger comes back
	Renumber                     // once: all UIDs change
	Away                         // once: the owner takes a message from the source and brings it back (IMAP: its UID is new)
	OwnerDrops                   // once for each ID: the owner deletes the copy at the destination
	OwnerRetry                   // the owner has a held message tried again, at once
	Hasty                        // a ledger is lost, or brought back, while a server still works on a message
	Breaker                      // so many messages are refused that it must be the destination
)

// Everyday is what any run may meet; it excludes the owner and the loss of state.
const Everyday = Crash | Abort | LoseAnswer | CutSource | FailRetr | LoseQuit

// Rule is a set of rules of the engine that are left out.
type Rule uint32

// The rules, by what happens without them. Those of the second group were found
// to be missing, or half there, when this model was written.
const (
	NoIntent      Rule = 1 << iota // nothing on disk before the delivery
	ConfirmFirst                   // DELIVERED is written before the delivery
	NeverAsk                       // doubts are sent again unasked
	NoGrace                        // a doubt is sent again although it may still arrive
	DeleteFirst                    // a message in doubt is removed from the source
	QuitAlways                     // QUIT although a message is neither delivered nor held
	AdoptNothing                   // copies that the ledger does not know are not taken in
	HoldUnwritten                  // HELD is committed before the hold has the message

	TwinUnasked    // a second source copy of a doubtful message is sent
	ResendUnasked  // a doubt that was sent again, and lost again, is sent a third time unasked
	HeldUnasked    // a held message that was tried again is not looked for at the destination
	HeldNoGrace    // nor is a grace kept before it is tried again
	AbortNoGrace   // a delivery cut off with its pass is sent again without a grace
	TakeBackHidden // the breaker takes back what QUIT has hidden at the source
	DoubtForever   // a doubt does not end when another source copy is delivered
	HeldTwice      // a held message whose delivery is on disk is tried again all the same
	LostForGood    // a message that was given up, and is listed again, is not wanted
)

// A Config is the kind of game.
type Config struct {
	Source      Source
	Destination Destination
	Twins       bool    // the two messages are equal octet for octet
	Refused     [2]bool // the destination refuses the message for good
	Events      Event
	Without     Rule
	// Ambiguous bounds how many ambiguous answers of a Deaf destination there may
	// be in one game: each may cost a copy, and there must be an end.
	Ambiguous uint8
	// Once counts copies that their owner has deleted: it shows the stated limit,
	// that such a copy may come again.
	Once bool
	// Limit is how many boards are looked at; more is an error. 0: ten million.
	Limit int
}

// id is the identity of message m: that of its octets.
func (c *Config) id(m int) int {
	if c.Twins {
		return 0
	}
	return m
}

func (c *Config) may(e Event) bool      { return c.Events&e != 0 }
func (c *Config) lacks(r Rule) bool     { return c.Without&r != 0 }
func (c *Config) canBeAsked() bool      { return c.Destination != Deaf }
func (c *Config) storesLate() bool      { return c.Destination != Sure }
func (c *Config) keepsGrace() bool      { return c.Destination == Asked && !c.lacks(NoGrace) }
func (c *Config) isRefused(id int) bool { return c.Refused[id] }
