package bench

import "testing"

// large are messages of 34 MiB, the largest that Gmail takes by APPEND, through
// every pair of ends.
var large = pairs([]string{"pop3", "imap"}, []string{"maildir", "imap", "lmtp"}, far(20, 34<<20), near(2, 3<<20), collectLarge)

// pairs returns a scenario for each source and destination.
func pairs(sources, sinks []string, full, small scale, play func(t testing.TB, s scale, from, to string) figures) (rows []scenario) {
	for _, from := range sources {
		for _, to := range sinks {
			rows = append(rows, scenario{from + "-" + to, full, small, func(t testing.TB, s scale) figures { return play(t, s, from, to) }})
		}
	}
	return rows
}

func collectLarge(t testing.TB, s scale, from, to string) figures {
	r := newRig(t)
	store := letters(0, s.n, s.size)
	dest := r.sink(to)
	source := r.source("a", from, store)
	r.line.set(s)
	floor := r.download(from, source)
	u := r.once()
	r.check(dest, store)
	return u.figures(s.n).above(u, floor)
}
