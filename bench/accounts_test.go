package bench

import (
	"fmt"
	"net"
	"testing"
	"time"

	"mailrill/internal/mailtest"
)

// accounts are many accounts in one process, n of them.
var accounts = append(
	pairs([]string{"pop3", "imap"}, []string{"maildir", "imap"}, far(500, 20<<10), near(12, 20<<10), collectAccounts),
	scenario{"one-stalls", far(500, 20<<10), near(12, 20<<10), collectBesideStalled})

const perAccount = 20

// exits is max_connections of a destination over the network: who has so many
// accounts collected into one mailbox allows it more than 4.
const exits = 24

func collectAccounts(t testing.TB, s scale, from, to string) figures {
	r := newRig(t)
	dest := r.sink(to)
	if dest.door != nil {
		fmt.Fprintf(&r.config, "max_connections = %d\n", exits)
	}
	all, doors := r.sources(s, from)
	r.line.set(s)
	floor := r.download("pop3", r.start(&mailtest.POP3{Store: all, User: "u", Password: "p", TLS: r.secure()}))
	u := r.once()
	r.check(dest, all)
	f := u.figures(s.n*perAccount).above(u, floor)
	f["source-round-trips/account"] = roundTripsEach(doors)
	if dest.door != nil {
		f["sink-round-trips/account"] = float64(dest.door.reset().roundTrips()) / float64(s.n)
	}
	return f
}

func roundTripsEach(doors []*door) float64 {
	trips := 0
	for _, d := range doors {
		trips += d.reset().roundTrips()
	}
	return float64(trips) / float64(len(doors))
}

// sources starts a server for each account, and returns the doors to them and a
// mailbox of all their messages.
func (r *rig) sources(s scale, protocol string) (all *mailtest.Store, doors []*door) {
	r.t.Helper()
	all = mailtest.NewStore()
	for i := range s.n {
		store := letters(i*perAccount, perAccount, s.size)
		doors = append(doors, r.source(fmt.Sprintf("a%d", i), protocol, store))
		for _, m := range store.Messages("INBOX") {
			all.Add("INBOX", mailtest.Message{Body: m.Body})
		}
	}
	return all, doors
}

// collectBesideStalled has the server of the first account say nothing until all
// the others have been collected. If they waited for it, this would never end.
func collectBesideStalled(t testing.TB, s scale) figures {
	r := newRig(t)
	dest := r.sink("maildir")
	stalled := &mute{until: make(chan struct{})}
	r.account("stalled", "pop3", r.start(stalled), true)
	all, _ := r.sources(s, "pop3")
	r.line.set(s)
	var others time.Duration
	left, begun := s.n, time.Now()
	r.ended = func(string) {
		if left--; left == 0 {
			others = time.Since(begun)
			close(stalled.until)
		}
	}
	u := r.run(75, "--once", "--json")
	r.check(dest, all)
	f := u.figures(s.n * perAccount)
	f["s"] = others.Seconds()
	return f
}

// A mute server takes connections and says nothing, until it hangs up.
type mute struct {
	net.Listener
	until chan struct{}
}

func (m *mute) Start() (addr string, err error) {
	if m.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return "", err
	}
	go func() {
		for {
			c, err := m.Accept()
			if err != nil {
				return
			}
			go func() {
				<-m.until
				c.Close()
			}()
		}
	}()
	return m.Addr().String(), nil
}
