package daemon

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/fetch"
	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/mailconn"
)

// After a restart of the server all sessions are made again, soon; while it is away
// less and less often.
func TestServerRestarts(t *testing.T) {
	m := newMailbox("INBOX", "Work")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		m.counts()
		m.restart()
		m.arrive("Work")
		synctest.Wait()
		if strings.Contains(w.push(), "+INBOX") || w.why("INBOX") != unarmed {
			t.Errorf("push %q right after the restart", w.push())
		}
		time.Sleep(time.Minute)
		if logins, _, _ := m.counts(); w.push() != "+INBOX +Work" || logins != 2 || h.got() != 1 {
			t.Errorf("push %q, %d logins, %d copies", w.push(), logins, h.got())
		}
		m.setDown(true)
		m.restart()
		time.Sleep(3 * time.Hour)
		if logins, _, _ := m.counts(); logins < 10 || logins > 40 {
			t.Errorf("%d logins in three hours at a server that is away", logins)
		}
		m.setDown(false)
		time.Sleep(16 * time.Minute)
		if w.push() != "+INBOX +Work" {
			t.Errorf("push %q when the server is back", w.push())
		}
	})
}

// A session that has rested for long is made again at once, however often that
// happens: a server may restart each night.
func TestServerRestartsNowAndThen(t *testing.T) {
	m := newMailbox("INBOX")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		for i := range 10 {
			m.restart()
			time.Sleep(time.Minute)
			if w.push() != "+INBOX" {
				t.Fatalf("push %q a minute after restart %d", w.push(), i+1)
			}
			time.Sleep(time.Hour)
		}
	})
}

// A stop waits for no sign of life: neither while all rest, nor while a pass on schedule
// asks for one.
func TestStopBesideADeadLine(t *testing.T) {
	for name, wait := range map[string]time.Duration{"at rest": time.Minute, "on schedule": 16*time.Minute + 30*time.Second} {
		t.Run(name, func(t *testing.T) {
			m := newMailbox("INBOX")
			m.mute = true
			var stopped time.Time
			pushed(t, m, func(t *testing.T, w *world, h *home) {
				time.Sleep(wait)
				stopped = time.Now()
				t.Cleanup(func() {
					if d := time.Since(stopped); d > time.Second {
						t.Errorf("the stop took %v", d)
					}
				})
			}, func(a *config.Account) { a.Schedule = account(t, "a", "@every 15m").Schedule })
		})
	}
}

// A pass that fails ends its session: after an outage of the destination the server
// pushes anew, not since before. The session had rested long enough to count for that.
func TestPassLosesTheSession(t *testing.T) {
	m := newMailbox("INBOX")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		m.restart() // not its first break
		time.Sleep(time.Hour)
		h.setDown(errDown)
		m.arrive("INBOX")
		time.Sleep(time.Hour)
		h.setDown(nil)
		back := time.Now()
		if err := w.d.Collect(t.Context(), []string{"a"}, collect.Options{}, false, func(*Outcome) {}); err != nil {
			t.Error(err)
		}
		if p := w.d.States()[0].Push[0]; !p.On || p.Since.Before(back) {
			t.Errorf("pushed %v since %v before the end of the outage", p.On, back.Sub(p.Since))
		}
		m.restart()
		m.counts()
		time.Sleep(passing.pauses[0] + time.Second)
		if logins, _, _ := m.counts(); logins != 1 {
			t.Errorf("%d logins after the next break", logins)
		}
	})
}

// A server that hangs up at the end of each pass is not hammered either.
func TestServerHangsUpAfterEachPass(t *testing.T) {
	m := newMailbox("INBOX")
	m.hangsUp = true
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		time.Sleep(3 * time.Hour)
		if logins, _, _ := m.counts(); logins > 30 {
			t.Errorf("%d logins in three hours", logins)
		}
	})
}

// A server that cuts each session after a moment is not hammered.
func TestServerCutsEachIdle(t *testing.T) {
	m := newMailbox("INBOX")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		m.counts()
		for range 3 * 3600 {
			time.Sleep(time.Second)
			m.restart()
		}
		if logins, _, _ := m.counts(); logins > 60 {
			t.Errorf("%d logins in three hours", logins)
		}
	})
}

// Announcements behind which there is nothing are followed less and less often; what
// is real then, in a minute.
func TestSpuriousPushes(t *testing.T) {
	m := newMailbox("INBOX")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		m.counts()
		for range 600 {
			m.spurious()
			time.Sleep(time.Second)
		}
		if _, lists, _ := m.counts(); strings.Count(lists, "INBOX") > 25 {
			t.Errorf("listed %d times in ten minutes", strings.Count(lists, "INBOX"))
		}
		m.arrive("INBOX")
		time.Sleep(61 * time.Second)
		if h.got() != 1 {
			t.Error("real mail was not brought")
		}
	})
}

// A machine that slept has lost its sessions, whether they know it or not: they are
// made again, and what came meanwhile is brought, once.
func TestMachineSleeps(t *testing.T) {
	m := newMailbox("INBOX")
	var sleeps atomic.Bool
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		w.setSleep(func(ctx context.Context, d time.Duration) error {
			if sleeps.CompareAndSwap(true, false) {
				d += 3 * time.Hour
			}
			return doze(ctx, d)
		})
		time.Sleep(time.Minute)
		m.counts()
		m.silence(true) // nothing comes over a dead connection
		sleeps.Store(true)
		time.Sleep(time.Hour)
		m.arrive("INBOX")
		time.Sleep(2*time.Hour + 2*time.Minute)
		if logins, _, sessions := m.counts(); logins != 1 || sessions != 1 || h.got() != 1 || w.push() != "+INBOX" {
			t.Errorf("%d logins, %d sessions, %d copies, push %q", logins, sessions, h.got(), w.push())
		}
	})
}

// When this machine has lost its address, as in another network, a session that rests
// is made again.
func TestMachineMoves(t *testing.T) {
	m := newMailbox("INBOX")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		m.counts()
		m.setAddress(net.IPv4(192, 0, 2, 1)) // of documents, and of no machine
		time.Sleep(tick)
		m.setAddress(net.IPv4(127, 0, 0, 1))
		time.Sleep(tick)
		if logins, _, sessions := m.counts(); logins != 1 || sessions != 1 || w.push() != "+INBOX" {
			t.Errorf("%d logins, %d sessions, push %q", logins, sessions, w.push())
		}
	})
}

// Accounts with one login share its connections. One is left to those that are polled:
// they would take it from a session in IDLE each time.
func TestLoginIsShared(t *testing.T) {
	for _, c := range []struct {
		polled      bool
		connections int
		want        string // of the first account
		sessions    int
	}{
		{false, 2, "+INBOX Work", 2},
		{false, 4, "+INBOX +Work", 4},
		{true, 2, "+INBOX Work", 1},
		{true, 3, "+INBOX +Work", 2},
		{true, 1, "+INBOX Work", 1},
	} {
		m := newMailbox("INBOX", "Work")
		accounts := func(t *testing.T) (as []*config.Account) {
			for _, name := range []string{"a", "b"} {
				a := account(t, name, "@every 15m")
				a.Push, a.Folders, a.MaxConnections, a.Host, a.User = true, m.order, c.connections, "mail.example", "me"
				as = append(as, a)
			}
			as[1].User, as[1].Push = "ME", !c.polled
			return as
		}
		live(t, accounts, func(t *testing.T, w *world) {
			if _, _, sessions := m.counts(); sessions != c.sessions || w.push() != c.want {
				t.Errorf("%+v: %d sessions rest, push %q", c, sessions, w.push())
			}
		}, func(w *world) {
			w.d.Build = func(a *config.Account, _ func()) *collect.Account {
				return &collect.Account{Name: a.Name, To: "home", Source: m, Destination: &home{}, Into: func(fetch.Folder) string { return "" }}
			}
		})
	}
}

// Sessions that were given up for others to the same login are not made again before
// the next pass on schedule: they would take the place away from these in turn.
func TestConnectionsGivenUp(t *testing.T) {
	m := newMailbox("INBOX", "Work")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		m.counts()
		m.cut(mailconn.ErrGivenUp)
		synctest.Wait()
		if w.push() != "INBOX Work" || w.why("INBOX") != crowded || w.why("Work") != crowded {
			t.Errorf("push %q: %v, %v", w.push(), w.why("INBOX"), w.why("Work"))
		}
		time.Sleep(10 * time.Minute)
		if logins, lists, _ := m.counts(); logins != 0 || lists != "" {
			t.Errorf("%d logins, listed %q before the next pass is due", logins, lists)
		}
		time.Sleep(7 * time.Minute)
		if logins, _, _ := m.counts(); logins != 2 || w.push() != "+INBOX +Work" {
			t.Errorf("%d logins, push %q after it", logins, w.push())
		}
	})
}

// The same where somebody waits for the place as soon as a pass has ended.
func TestConnectionsGivenUpAtOnce(t *testing.T) {
	m := newMailbox("INBOX")
	m.full = true
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		if logins, _, _ := m.counts(); logins != 1 || w.push() != "INBOX" || w.why("INBOX") != crowded {
			t.Errorf("%d logins, push %q: %v", logins, w.push(), w.why("INBOX"))
		}
		time.Sleep(10 * time.Minute)
		if logins, _, _ := m.counts(); logins != 0 {
			t.Errorf("%d logins before the next pass is due", logins)
		}
	})
}
