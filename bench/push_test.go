package bench

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mailrill/internal/mailtest"
)

// pushed is how long a message takes that a server announces, from the announcement
// until its copy lies in the mailbox of a Dovecot, one message after the other. Both
// servers are equally far away; the copy is seen beside the Dovecot, not through the
// line.
var pushed = []scenario{
	{"far", far(1000, 12<<10), scale{n: 3, size: 12 << 10, rtt: 2 * time.Millisecond}, pushFromHere},
	{"near", scale{n: 1000, size: 12 << 10}, scale{n: 3, size: 12 << 10}, pushFromHere},
	{"dovecot-near", scale{n: 100, size: 12 << 10}, scale{n: 1, size: 12 << 10}, pushFromDovecot},
}

// A message that comes by push makes the program speak to the source three times: to
// list, to retrieve and to rest again; and twice to the destination: to ask whether
// the connection lives, while the source is listed, and to hand the message over.
// Before all of them it leaves the folder there in which it has found the trace line
// of the first copy ever.
const (
	sourceFlights = 3
	sinkFlights   = 2
)

// pushFromHere has a server of ours announce: at once, as Dovecot does not.
func pushFromHere(t testing.TB, s scale) figures {
	r := newRig(t)
	dovecot := r.dovecot()
	dest := r.dovecotSink(dovecot)
	server := &mailtest.IMAP{Store: letters(0, 1, s.size), User: "u", Password: "p", TLS: r.secure()}
	source := r.start(server)
	r.account("a", "imap", source, true)
	r.line.set(s)
	service := r.serve()
	server.AwaitIdle(1)
	source.reset()
	dest.door.reset()
	took := r.push(s.n, filepath.Join(dovecot.Maildir("to"), "new"), func(i int) time.Time {
		server.AwaitIdle(1)
		at := time.Now()
		server.Store.Add("INBOX", mailtest.Message{Body: letter(i, s.size)})
		return at
	})
	server.AwaitIdle(1)
	read, written := source.reset(), dest.door.reset()
	if got := service.stop(t); got != 0 {
		t.Errorf("the service ended with %d", got)
	}
	r.check(dest, server.Store)
	if read.connections+written.connections > 0 || read.flights > sourceFlights*s.n || written.flights > sinkFlights*s.n+1 {
		t.Errorf("%d messages made the program connect %d times, and speak %d times to the source and %d times to the destination",
			s.n, read.connections+written.connections, read.flights, written.flights)
	}
	return latencies(took)
}

// settled is enough for the program to be at rest again where nothing is far: a
// Dovecot does not say.
const settled = 100 * time.Millisecond

// pushFromDovecot has the whole way between two mailboxes of a Dovecot, which holds
// its announcement back for half a second.
func pushFromDovecot(t testing.TB, s scale) figures {
	r := newRig(t)
	dovecot := r.dovecot()
	dest := r.dovecotSink(dovecot)
	r.dovecotAccount(dovecot)
	from, to := dovecot.Maildir("from"), filepath.Join(dovecot.Maildir("to"), "new")
	r.deliverLocally(dovecot, from, letter(0, s.size))
	service := r.serve()
	for !holds(to) {
		time.Sleep(settled)
	}
	took := r.push(s.n, to, func(i int) time.Time {
		time.Sleep(settled)
		return r.deliverLocally(dovecot, from, letter(i, s.size))
	})
	if got := service.stop(t); got != 0 {
		t.Errorf("the service ended with %d", got)
	}
	r.check(dest, letters(0, s.n+1, s.size))
	return latencies(took)
}

// push has n messages announced, and returns how long each took until it lay in the
// folder.
func (r *rig) push(n int, folder string, announce func(i int) time.Time) (took []time.Duration) {
	r.t.Helper()
	arrivals := r.watch(folder)
	for i := range n {
		at := announce(i + 1)
		select {
		case seen := <-arrivals:
			took = append(took, seen.Sub(at))
		case <-time.After(time.Minute):
			r.t.Fatalf("message %d has not arrived", i+1)
		}
	}
	return took
}

func latencies(took []time.Duration) figures {
	slices.Sort(took)
	at := func(part float64) float64 { return took[int(part*float64(len(took)-1))].Seconds() * 1000 }
	return figures{"median-ms": at(0.5), "p99-ms": at(0.99), "most-ms": at(1)}
}
