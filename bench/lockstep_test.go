package bench

import (
	"testing"
	"time"

	"mailrill/internal/mailtest"
)

// lockstep are servers that answer one thing at a time, as Gmail's do: its POP3
// has no PIPELINING, and its IMAP takes unasked no literals of more than 4096 octets.
var lockstep = []scenario{
	{"pop3-maildir", far(500, 12<<10), near(10, 12<<10), func(t testing.TB, s scale) figures { return popInLockstep(t, s, "maildir") }},
	{"pop3-imap", far(500, 12<<10), near(10, 12<<10), func(t testing.TB, s scale) figures { return popInLockstep(t, s, "imap") }},
	{"imap-append", far(500, 12<<10), near(10, 12<<10), appendInLockstep},
}

// popInLockstep is to take a round trip a message, and nothing more.
func popInLockstep(t testing.TB, s scale, to string) figures {
	r := newRig(t)
	store := letters(0, s.n, s.size)
	from := r.start(&mailtest.POP3{Store: store, User: "u", Password: "p", TLS: r.secure()})
	dest := r.sink(to)
	r.account("a", "pop3", from, true)
	r.line.set(s)
	trip := r.roundTrip("pop3", from)
	u := r.once()
	r.check(dest, store)
	return inRoundTrips(u, s.n, trip, time.Duration(s.n)*trip)
}

// appendInLockstep is to take a round trip a message over each of two connections.
func appendInLockstep(t testing.TB, s scale) figures {
	r := newRig(t)
	store := letters(0, s.n, s.size)
	dest := r.imapSink(&mailtest.IMAP{TLS: r.secure(), Gmail: true})
	r.source("a", "imap", store)
	r.line.set(s)
	trip := r.roundTrip("imap", dest.door)
	dest.door.reset()
	u := r.once()
	connections := dest.door.reset().connections
	r.check(dest, store)
	f := inRoundTrips(u, s.n, trip, time.Duration(s.n)*trip/2)
	f["connections"] = float64(connections)
	return f
}

func inRoundTrips(u usage, n int, trip, floor time.Duration) figures {
	f := u.figures(n).above(u, floor)
	f["round-trip-ms"] = trip.Seconds() * 1000
	return f
}
