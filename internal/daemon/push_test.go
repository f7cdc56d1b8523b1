package daemon

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/fetch"
	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/lang"
	"mailrill/internal/mailconn"
	"mailrill/internal/reply"
)

// pushed runs f beside a daemon with an account that collects from m into h.
func pushed(t *testing.T, m *mailbox, f func(t *testing.T, w *world, h *home), change ...func(*config.Account)) {
	t.Helper()
	h := &home{}
	accounts := func(t *testing.T) []*config.Account {
		a := account(t, "a", "@every 15m")
		a.Poll = account(t, "a", "@every 5m").Schedule
		a.Push, a.Folders, a.MaxConnections = true, m.order, 2
		for _, c := range change {
			c(a)
		}
		return []*config.Account{a}
	}
	live(t, accounts, func(t *testing.T, w *world) { f(t, w, h) }, func(w *world) {
		w.d.Rand = longest
		w.d.Build = func(a *config.Account, _ func()) *collect.Account {
			return &collect.Account{Name: a.Name, To: "home", Source: m, Destination: h, Trace: true, Into: func(fetch.Folder) string { return "" }, MaxDelete: 500}
		}
	})
}

// push returns what status says of an account's folders: a "+" before those that
// are pushed.
func (w *world) push() string {
	var all []string
	for _, p := range w.d.States()[0].Push {
		if p.On {
			all = append(all, "+"+p.Folder)
		} else {
			all = append(all, p.Folder)
		}
	}
	return strings.Join(all, " ")
}

func (w *world) why(folder string) lang.Text {
	for _, p := range w.d.States()[0].Push {
		if p.Folder == folder {
			return p.Why
		}
	}
	return lang.Text{}
}

// A push is followed at once, over the session that rests, and looks at its folder.
func TestPushIsFollowed(t *testing.T) {
	m := newMailbox("INBOX")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		if logins, lists, _ := m.counts(); logins != 1 || lists != "INBOX" || w.push() != "+INBOX" {
			t.Fatalf("at first: %d logins, listed %q, push %q", logins, lists, w.push())
		}
		for i := range 20 {
			m.arrive("INBOX")
			synctest.Wait()
			if h.got() != i+1 {
				t.Fatalf("after push %d there are %d copies", i+1, h.got())
			}
		}
		if logins, _, sessions := m.counts(); logins != 0 || sessions != 1 {
			t.Errorf("%d further logins, %d sessions", logins, sessions)
		}
	})
}

// Each folder has a session of its own, as far as the connections go; the others are
// polled, and status says so. A pass over all needs no login.
func TestPushOnSeveralFolders(t *testing.T) {
	m := newMailbox("Archive", "Work", "INBOX", "Lists")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		if got := w.push(); got != "+INBOX +Archive Work Lists" || w.why("Work") != crowded {
			t.Fatalf("push %q, Work: %v", got, w.why("Work"))
		}
		m.counts()
		for i, folder := range []string{"Archive", "INBOX"} {
			m.arrive(folder)
			synctest.Wait()
			if _, lists, _ := m.counts(); lists != folder || h.got() != i+1 || w.told[len(w.told)-1].Folder != folder {
				t.Errorf("%s: listed %q, %d copies, told of %+v", folder, lists, h.got(), w.told[len(w.told)-1])
			}
		}
		m.arrive("Work")
		synctest.Wait()
		if h.got() != 2 {
			t.Error("Work was looked at before its time")
		}
		time.Sleep(17 * time.Minute)
		logins, lists, sessions := m.counts()
		if h.got() != 3 || logins != 0 || sessions != 2 || lists != "Archive Work INBOX Lists" {
			t.Errorf("on schedule: %d copies, %d logins, %d sessions, listed %q", h.got(), logins, sessions, lists)
		}
	})
}

// Pushes do not put the schedule off.
func TestPushAndSchedule(t *testing.T) {
	m := newMailbox("INBOX", "Work", "Other")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		m.counts()
		for range 40 {
			time.Sleep(time.Minute)
			m.arrive("INBOX")
		}
		time.Sleep(time.Second)
		if _, lists, _ := m.counts(); strings.Count(lists, "Other") != 2 || h.got() != 40 {
			t.Errorf("listed %q, %d copies", lists, h.got())
		}
	})
}

// A session that rests is asked for a sign of life every nine minutes.
func TestIdleIsRenewed(t *testing.T) {
	m := newMailbox("INBOX")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		time.Sleep(95 * time.Minute)
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.signs < 10 || len(m.logins) != 1 {
			t.Errorf("%d signs of life in 95 minutes, %d logins", m.signs, len(m.logins))
		}
	}, func(a *config.Account) { a.Schedule = account(t, "a", "@every 24h").Schedule })
}

// A server without IDLE is polled, more often, and asked again the next day.
func TestIdleIsAbsent(t *testing.T) {
	m := newMailbox("INBOX")
	m.absent = true
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		if w.push() != "INBOX" || w.why("INBOX") != absent {
			t.Errorf("push %q: %v", w.push(), w.why("INBOX"))
		}
		m.counts()
		time.Sleep(time.Hour)
		if _, lists, sessions := m.counts(); strings.Count(lists, "INBOX") < 10 || sessions != 0 {
			t.Errorf("listed %q, %d sessions rest", lists, sessions)
		}
		m.mu.Lock()
		m.absent = false
		m.mu.Unlock()
		time.Sleep(24 * time.Hour)
		m.arrive("INBOX")
		synctest.Wait()
		if w.push() != "+INBOX" || h.got() != 1 {
			t.Errorf("a day later: push %q, %d copies", w.push(), h.got())
		}
	})
}

// One that offers IDLE and refuses it is polled, too, and its words are shown.
func TestIdleIsRefused(t *testing.T) {
	m := newMailbox("INBOX")
	m.refuse = &reply.Error{Protocol: "imap", Command: "IDLE", Text: "not for\x1b[31m you"}
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		why := w.why("INBOX")
		for _, text := range []string{why.EN, why.ZH} {
			if !strings.Contains(text, "not for") || strings.Contains(text, "\x1b") || text == absent.EN {
				t.Errorf("status says %q", text)
			}
		}
	})
}

// A server that accepts IDLE and says nothing is found out, and polled.
func TestIdleIsSilent(t *testing.T) {
	m := newMailbox("INBOX")
	m.silent = true
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		for i := range silentAfter {
			if w.push() != "+INBOX" {
				t.Fatalf("given up after %d times", i)
			}
			m.arrive("INBOX")
			time.Sleep(17 * time.Minute)
		}
		if w.push() != "INBOX" || w.why("INBOX") != silent || h.got() != silentAfter {
			t.Fatalf("push %q: %v; %d copies", w.push(), w.why("INBOX"), h.got())
		}
		m.counts()
		time.Sleep(time.Hour)
		if _, lists, _ := m.counts(); strings.Count(lists, "INBOX") < 10 {
			t.Errorf("polled: %q", lists)
		}
	})
}

// Of a provider that is known to say nothing no session is kept, and status says why.
func TestIdleIsKnownToBeSilent(t *testing.T) {
	m := newMailbox("INBOX")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		if _, _, sessions := m.counts(); w.push() != "INBOX" || w.why("INBOX") != silent || sessions != 0 {
			t.Errorf("push %q: %v; %d sessions rest", w.push(), w.why("INBOX"), sessions)
		}
	}, func(a *config.Account) { a.Push, a.Provider.Quirks.SilentIdle = false, true })
}

// One that announces now and then is believed.
func TestIdleIsSlow(t *testing.T) {
	m := newMailbox("INBOX")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		for i := range 3 * silentAfter {
			m.mu.Lock()
			m.silent = i%silentAfter != 0
			m.mu.Unlock()
			m.arrive("INBOX")
			time.Sleep(17 * time.Minute)
		}
		if w.push() != "+INBOX" {
			t.Errorf("push %q: %v", w.push(), w.why("INBOX"))
		}
	})
}

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

// Pushes wait while what failed has to rest.
func TestPushWaitsForTheBackOff(t *testing.T) {
	m := newMailbox("INBOX")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		rest, _ := w.d.loop("a")
		rest.ask(&request{do: refuseFor(time.Hour)})
		synctest.Wait()
		m.counts()
		m.arrive("INBOX")
		time.Sleep(59 * time.Minute)
		if _, lists, _ := m.counts(); lists != "" {
			t.Errorf("listed %q in the pause", lists)
		}
		time.Sleep(2 * time.Minute)
		if h.got() != 1 {
			t.Error("not brought after the pause")
		}
	})
}

// The destination's connection is kept for a while, and closed then.
func TestDestinationIsKeptAndClosed(t *testing.T) {
	m := newMailbox("INBOX")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		m.arrive("INBOX")
		time.Sleep(time.Second)
		h.mu.Lock()
		before := h.ends
		h.mu.Unlock()
		time.Sleep(keepFor + 2*tick)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.ends != before+1 {
			t.Errorf("closed %d times", h.ends-before)
		}
	})
}

// Folders that come and go are followed by the next pass over all.
func TestFoldersComeAndGo(t *testing.T) {
	m := newMailbox("Work", "Old")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		if got := w.push(); got != "+Work +Old" {
			t.Fatalf("push %q", got)
		}
		m.mu.Lock()
		m.order = []string{"INBOX", "Work"}
		m.mail["INBOX"] = 0
		m.mu.Unlock()
		time.Sleep(32 * time.Minute)
		if got := strings.Fields(w.push()); !slices.Equal(got, []string{"+INBOX", "+Work"}) {
			t.Errorf("push %q", got)
		}
		m.arrive("INBOX")
		m.arrive("Work")
		synctest.Wait()
		if _, _, sessions := m.counts(); h.got() != 2 || sessions != 2 {
			t.Errorf("%d copies, %d sessions", h.got(), sessions)
		}
		m.mu.Lock()
		m.order = []string{"INBOX"} // without that whose session serves all
		m.mu.Unlock()
		time.Sleep(17 * time.Minute)
		if _, _, sessions := m.counts(); w.push() != "+INBOX" || sessions != 1 {
			t.Errorf("push %q, %d sessions", w.push(), sessions)
		}
	})
}

// Pushes wait for the end of the quiet hours.
func TestPushInQuietHours(t *testing.T) {
	m := newMailbox("INBOX")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		time.Sleep(61 * time.Minute)
		m.counts()
		m.arrive("INBOX")
		time.Sleep(57 * time.Minute)
		if _, lists, _ := m.counts(); lists != "" {
			t.Errorf("listed %q in quiet hours", lists)
		}
		time.Sleep(3 * time.Minute)
		if h.got() != 1 {
			t.Errorf("%d copies after them", h.got())
		}
	}, func(a *config.Account) {
		a.Quiet, _ = config.ParseQuiet([]string{"01:00-02:00"}, time.UTC)
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

// Accounts with one login share its connections.
func TestLoginIsShared(t *testing.T) {
	m := newMailbox("INBOX", "Work")
	accounts := func(t *testing.T) (as []*config.Account) {
		for _, name := range []string{"a", "b"} {
			a := account(t, name, "@every 15m")
			a.Push, a.Folders, a.MaxConnections, a.Host, a.User = true, m.order, 2, "mail.example", "me"
			as = append(as, a)
		}
		as[1].User = "ME"
		return as
	}
	live(t, accounts, func(t *testing.T, w *world) {
		if _, _, sessions := m.counts(); sessions != 2 || w.push() != "+INBOX Work" {
			t.Errorf("%d sessions rest, push %q", sessions, w.push())
		}
	}, func(w *world) {
		w.d.Build = func(a *config.Account, _ func()) *collect.Account {
			return &collect.Account{Name: a.Name, To: "home", Source: m, Destination: &home{}, Into: func(fetch.Folder) string { return "" }}
		}
	})
}

// The sessions of a thousand accounts are not made at once.
func TestPushConnectsAreSpaced(t *testing.T) {
	m := newMailbox("INBOX")
	accounts := func(t *testing.T) (as []*config.Account) {
		for i := range 100 {
			a := account(t, strings.Repeat("x", i+1), "@every 15m")
			a.Push, a.Folders, a.MaxConnections = true, m.order, 1
			as = append(as, a)
		}
		return as
	}
	live(t, accounts, func(t *testing.T, w *world) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if len(m.logins) != 100 {
			t.Fatalf("%d logins", len(m.logins))
		}
		for i := range m.logins[50:] {
			if d := m.logins[i+50].Sub(m.logins[i]); d < time.Second {
				t.Fatalf("51 logins within %v", d)
			}
		}
	}, func(w *world) {
		w.d.Build = func(a *config.Account, _ func()) *collect.Account {
			return &collect.Account{Name: a.Name, To: "home", Source: m, Destination: &home{}, Into: func(fetch.Folder) string { return "" }}
		}
	})
}

// Names that differ in case are two folders, unless it is the inbox.
func TestFoldersByCase(t *testing.T) {
	m := newMailbox("INBOX", "work", "Work")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		if got := w.push(); got != "+INBOX +work +Work" {
			t.Fatalf("push %q", got)
		}
		m.arrive("Work")
		synctest.Wait()
		if _, _, sessions := m.counts(); h.got() != 1 || sessions != 3 {
			t.Errorf("%d copies, %d sessions", h.got(), sessions)
		}
	}, func(a *config.Account) { a.Folders, a.MaxConnections = []string{"inbox", "work", "Work"}, 3 })
}

// The folder of the main session goes, that of another becomes the main one: it has
// one session for all that.
func TestMainFolderGoes(t *testing.T) {
	m := newMailbox("Work", "Old")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		m.mu.Lock()
		m.order = []string{"Old", "New"}
		m.mail["New"] = 0
		m.mu.Unlock()
		time.Sleep(17 * time.Minute)
		m.counts()
		m.arrive("Old")
		m.arrive("New")
		synctest.Wait()
		if _, lists, sessions := m.counts(); lists != "Old New" && lists != "New Old" || sessions != 2 || w.push() != "+Old +New" {
			t.Errorf("listed %q, %d sessions, push %q", lists, sessions, w.push())
		}
	})
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

// A pushed folder that is removed ends its session. That is no fault of the account,
// unless the folder was named.
func TestPushedFolderGoes(t *testing.T) {
	m := newMailbox("INBOX", "Work")
	pushed(t, m, func(t *testing.T, w *world, h *home) {
		m.mu.Lock()
		m.order = []string{"INBOX"}
		delete(m.mail, "Work")
		for s := range m.sessions {
			if _, all := s.seen["INBOX"]; !all {
				s.err = errCut
				s.stir()
				delete(m.sessions, s)
			}
		}
		m.mu.Unlock()
		m.counts()
		time.Sleep(time.Minute)
		if logins, _, sessions := m.counts(); w.push() != "+INBOX" || logins != 1 || sessions != 1 || w.states()[0] != Waiting {
			t.Errorf("push %q, %d logins, %d sessions, %q", w.push(), logins, sessions, w.states())
		}
	}, func(a *config.Account) { a.Schedule = account(t, "a", "@every 24h").Schedule })
}
