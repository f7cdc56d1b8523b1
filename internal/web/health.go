package web

import (
	"maps"
	"slices"
	"sync"
	"time"

	"mailrill/internal/daemon"
	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// A verdict is what /healthz says: sick for the reasons, if there are any, and
// what else its owner may want to know.
type verdict struct {
	Status   string    `json:"status"` // "ok" or "unhealthy"
	Version  string    `json:"version"`
	Accounts int       `json:"accounts"`
	Reasons  []finding `json:"reasons"`
	Warnings []finding `json:"warnings"`
}

func (v *verdict) healthy() bool { return len(v.Reasons) == 0 }

// A finding is something that is not well.
type finding struct {
	What    string     `json:"what"` // one of the words below, for programs
	Account string     `json:"account,omitempty"`
	Class   string     `json:"class,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
	Text    string     `json:"text"` // for people, in their language
}

// What may be found. A refused password of one account is its owner's matter and
// no sickness of the service, until it has lasted.
const (
	loops    = "loops"     // reason: the service's own loops stand still
	overdue  = "overdue"   // reason: an account is not looked at although its time has come
	stuck    = "stuck"     // reason: a pass does not move
	failing  = "failing"   // warning, and reason when it has lasted
	needsYou = "needs you" // the same
	push     = "push"      // warning: new mail is looked for, but not announced
)

var words = map[string]lang.Text{
	loops:    {EN: "the service stands still: %s", ZH: "服务停滞：%s"},
	overdue:  {EN: "its next pass was due at %s", ZH: "下一次收取本应在 %s 开始"},
	stuck:    {EN: "nothing has moved in its pass", ZH: "这次收取没有任何进展"},
	failing:  {EN: "it fails, and is tried again by itself: see mailrill status", ZH: "收取失败，会自动重试：见 mailrill status"},
	needsYou: {EN: "it fails until its owner does something: see mailrill status", ZH: "收取失败，需要您处理：见 mailrill status"},
	push:     {EN: "no push in %d of %d folders: %s", ZH: "%[2]d 个文件夹中有 %[1]d 个没有推送：%[3]s"},
}

// A health finds out what is not well.
type health struct {
	states func() []daemon.Status
	alive  func() error
	now    func() time.Time
	lang   lang.Lang

	mu    sync.Mutex
	known map[string]time.Time // since when this process knows an account
}

func newHealth(states func() []daemon.Status, alive func() error, now func() time.Time, l lang.Lang) *health {
	return &health{states: states, alive: alive, now: now, lang: l, known: map[string]time.Time{}}
}

// done notes that there is an account.
func (h *health) done(out *daemon.Outcome) { h.knownSince(out.Account.Name) }

// knownSince returns since when this process knows an account.
func (h *health) knownSince(account string) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known[account].IsZero() {
		h.known[account] = h.now()
	}
	return h.known[account]
}

// verdict looks at everything. What has lasted for limit is a reason; 0: nothing is
// for its age alone.
func (h *health) verdict(limit time.Duration) *verdict {
	states := h.states()
	v := &verdict{Status: "ok", Accounts: len(states), Reasons: []finding{}, Warnings: []finding{}}
	if err := h.alive(); err != nil {
		v.Reasons = append(v.Reasons, finding{What: loops, Text: h.say(loops, reply.Clean(err.Error()))})
	}
	names := map[string]bool{}
	for _, s := range states {
		names[s.Account.Name] = true
		h.look(v, s, limit)
	}
	h.forget(names)
	if !v.healthy() {
		v.Status = "unhealthy"
	}
	return v
}

// forget drops the accounts that a reload has taken away.
func (h *health) forget(names map[string]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.known, func(account string, _ time.Time) bool { return !names[account] })
}

// look adds what is not well with an account.
func (h *health) look(v *verdict, s daemon.Status, limit time.Duration) {
	now, first := h.now(), h.knownSince(s.Account.Name)
	if s.State == daemon.Off {
		return
	}
	if late(s, now) {
		v.Reasons = append(v.Reasons, h.finding(s, overdue, s.Next, s.Next.UTC().Format(time.RFC3339)))
	}
	if s.State == daemon.Collecting && limit > 0 && !s.Moved.IsZero() && now.Sub(s.Moved) > limit {
		v.Reasons = append(v.Reasons, h.finding(s, stuck, s.Moved))
	}
	if s.Pass.Failures > 0 {
		h.fails(v, s, later(s.Pass.OK, first), limit, now)
	}
	if f := h.pushless(s); f != nil {
		v.Warnings = append(v.Warnings, *f)
	}
}

// fails adds a failure: a reason when it has lasted. since is when the account was
// well, or when this process has begun with it: a restart begins the count anew, so
// that whoever restarts what is unhealthy does not do so for ever.
func (h *health) fails(v *verdict, s daemon.Status, since time.Time, limit time.Duration, now time.Time) {
	what := failing
	if s.State == daemon.NeedsYou {
		what = needsYou
	}
	f := h.finding(s, what, since)
	f.Class = s.Pass.Class
	if limit > 0 && now.Sub(since) > limit {
		v.Reasons = append(v.Reasons, f)
	} else {
		v.Warnings = append(v.Warnings, f)
	}
}

// pushless returns a finding when push is not on wherever it is wanted.
func (h *health) pushless(s daemon.Status) *finding {
	off := slices.DeleteFunc(slices.Clone(s.Push), func(p daemon.Push) bool { return p.On || p.Unable })
	if len(off) == 0 {
		return nil
	}
	f := h.finding(s, push, off[0].Since, len(off), len(s.Push), off[0].Why.In(h.lang))
	return &f
}

func (h *health) finding(s daemon.Status, what string, since time.Time, args ...any) finding {
	f := finding{What: what, Account: s.Account.Name, Text: h.say(what, args...)}
	if !since.IsZero() {
		since = since.UTC()
		f.Since = &since
	}
	return f
}

func (h *health) say(what string, args ...any) string { return words[what].In(h.lang, args...) }

// lateMargin is how late a pass may be beyond two intervals of its schedule: the
// clock is looked at every half minute, and a machine may be busy.
const lateMargin = 10 * time.Minute

// late reports whether an account waits although its time came long ago.
func late(s daemon.Status, now time.Time) bool {
	if s.State == daemon.Collecting || s.Next.IsZero() {
		return false
	}
	interval := max(0, s.Account.Schedule.Next(s.Next).Sub(s.Next))
	return now.Sub(s.Next) > 2*interval+lateMargin
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
