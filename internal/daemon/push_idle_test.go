package daemon

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/internal/config"
	"mailrill/internal/reply"
)

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
