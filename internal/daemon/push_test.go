package daemon

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/fetch"
	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/lang"
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
