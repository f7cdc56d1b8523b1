package bench

import (
	"testing"

	"mailrill/internal/mailtest"
)

// nothingNew are passes over a large mailbox of which all is collected already.
var nothingNew = []scenario{
	{"imap", far(100_000, 1<<10), near(50, 1<<10), nothingNewIMAP},
	{"pop3", far(100_000, 1<<10), near(50, 1<<10), nothingNewPOP3},
}

// nothingNewIMAP counts octets, so that it goes without TLS.
func nothingNewIMAP(t testing.TB, s scale) figures {
	r := newRig(t)
	store := letters(0, s.n, s.size)
	from := r.start(&mailtest.IMAP{Store: store, User: "u", Password: "p"})
	dest := r.sink("imap")
	r.account("a", "imap", from, false)
	u := r.again(s, dest, from, store)
	seen := from.reset()
	f := u.ofPass()
	f["round-trips"] = float64(seen.roundTrips())
	f["octets-received"] = float64(seen.octets[down])
	return f
}

// nothingNewPOP3 compares with a client that only reads the listing.
func nothingNewPOP3(t testing.TB, s scale) figures {
	r := newRig(t)
	store := letters(0, s.n, s.size)
	dest := r.sink("imap")
	from := r.source("a", "pop3", store)
	u := r.again(s, dest, from, store)
	seen := from.reset()
	floor := r.uidl(from)
	f := u.ofPass().above(u, floor)
	f["round-trips"] = float64(seen.roundTrips())
	return f
}

// again collects all there is, from near, and returns what the next pass takes
// from far away. It must not disturb the destination.
func (r *rig) again(s scale, dest *sink, from *door, store *mailtest.Store) usage {
	r.t.Helper()
	r.once()
	r.check(dest, store)
	from.reset()
	dest.door.reset()
	r.line.set(s)
	u := r.once()
	if n := dest.door.reset().connections; n > 0 {
		r.t.Errorf("with nothing new the destination was connected %d times", n)
	}
	return u
}
