package model

// A State is a board. It holds no pointers and can be compared.
type state struct {
	// The disk.
	led  ledger
	old  ledger // an older copy of it
	kept bool   // there is one
	hold [2]entry

	// The world.
	src     [2]place
	epoch   uint8    // grows when all UIDs change
	copies  [2]uint8 // at the destination, by ID
	late    [2]bool  // octets without an answer, which the destination may still store
	dropped [2]bool  // the owner has deleted a copy
	doubled [2]uint8 // ambiguous answers of a Deaf destination
	spent   Event    // events that happen once, and have

	proc process
}

// A place is where a message is at its source.
type place uint8

const (
	present place = iota
	hidden        // by Gmail, after QUIT
	removed       // by us
	away          // by its owner, who may bring it back
)

// A ledger is what is on the disk of internal/ledger.
type ledger struct {
	rows    [2][2]row // by epoch (the key) and message
	adopted [2]bool   // by ID
	mark    [2]uint8  // copies at the destination, by ID, when it was last asked
	epoch   uint8
	floor   uint8 // messages up to it are settled and not listed
}

type row struct {
	is fate
	// ripe: of intent, the grace has passed; of failed, it is due again.
	ripe bool
	// tried: of failed, it failed by itself and is tried in a session of its own.
	tried bool
}

type fate uint8

const (
	none fate = iota
	failed
	intent
	delivered
	finished
	held
	lost
)

// terminal: never retrieved again by itself. A lost message is, if it is listed.
func (r row) terminal() bool { return r.is == delivered || r.is == finished || r.is == held }

// An entry is a message in the hold.
type entry struct {
	there bool
	retry bool // tried again by itself, when due
	due   bool
	doubt bool // it was tried, and may have arrived
	ripe  bool // of doubt: the grace has passed
}

// A process is what a crash takes away.
type process struct {
	at      step
	phase   phase
	asked   bool // the destination was read since the start
	stage   [2]stage
	fetched [2]bool    // the body was read in this session
	owed    [2]bool    // and the message is neither delivered nor held: no QUIT
	done    [2]bool    // removed at the source, or DELE is sent; not on disk yet
	absent  [2][2]bool // doubts that are surely not there: asked when the grace was over
	resend  [2][2]bool // doubts to be sent again in this phase
	gone    [2][2]bool // those of them that the source does not list
	drained [2]bool
	mine    [2]bool // by ID: put into the hold by this pass, may be taken back
	broken  bool    // the line to the source
	tripped bool    // the breaker
	worked  bool    // the session settled something
	again   bool    // a failed message is due in this pass
	entry   uint8   // the held message that is tried
}

type step uint8

const (
	down step = iota
	idle
	trying    // of a held message: ask
	handing   // of a held message: deliver
	releasing // of a held message that has arrived: commit
	emptying  // the hold of it
	asking    // about the doubts of earlier passes
	listing
	preparing
	flowing
	flooring
	finishing
	recording // after-actions, IMAP
	closing
	noting // after-actions, POP3, behind QUIT
	settling
	choosing
	mourning
	retrying
	takingBack
	takingOut // of the hold, what the breaker took back
)

type phase uint8

const (
	fresh phase = iota
	doubts
	failures
)

// A stage is where a message is within a session.
type stage uint8

const (
	resting   stage = iota
	wanted          // to be retrieved
	drain           // to be retrieved and thrown away
	queued          // its body is here
	following       // its twin is under way
	begun           // INTENT is on disk, octets may be on the line
	answered        // stored, and the answer is here
	unknown         // the line broke behind the last octet
	refused
	putOff   // refused for now
	setAside // written to the hold
	setForLater
)

// flies: a second source copy would find the delivery under way.
func (g stage) flies() bool { return g >= queued && g != following }

// The ledger's view of an ID.

// settledAs returns how an ID is known to be settled: delivered, held or none.
func (c *Config) settledAs(s *state, id int) fate {
	is := none
	for e := range s.led.rows {
		for m, r := range s.led.rows[e] {
			switch {
			case c.id(m) != id:
			case r.is == delivered || r.is == finished:
				return delivered
			case r.is == held:
				is = held
			}
		}
	}
	if s.led.adopted[id] && (is == none || !c.lacks(HeldUnasked)) {
		return delivered
	}
	return is
}

// eachRow calls f for the rows of an ID.
func (c *Config) eachRow(s *state, id int, f func(e, m int, r *row)) {
	for e := range s.led.rows {
		for m := range s.led.rows[e] {
			if c.id(m) == id {
				f(e, m, &s.led.rows[e][m])
			}
		}
	}
}

// all calls f for every row.
func (l *ledger) all(f func(e, m int, r *row)) {
	for e := range l.rows {
		for m := range l.rows[e] {
			f(e, m, &l.rows[e][m])
		}
	}
}

// any reports whether f holds for a row.
func (l *ledger) any(f func(r row) bool) (yes bool) {
	l.all(func(_, _ int, r *row) { yes = yes || f(*r) })
	return yes
}

// row is the row of message m under its present key.
func (s *state) row(m int) *row { return &s.led.rows[s.epoch][m] }
