package collect

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"mailrill/fetch"
	"mailrill/internal/lang"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// A Daily is what a login may move in one direction: octets in 24 hours, and
// messages in a while. Providers suspend a mailbox that moves more (Gmail: 500 MB of
// uploads), so it is better to stop below that. A Limit of 0 means none; without any
// limit nothing is counted.
type Daily struct {
	Login string // what is counted together, for people too: "reading me@gmail.com at pop.gmail.com over pop3"
	Limit int64
	Rate  Rate
}

// A LimitError says that a login has moved what it may move for now. What waits
// is collected from Until on.
type LimitError struct {
	Daily
	ByRate bool // it is the rate that is used up
	Until  time.Time
	Left   int   // messages that wait
	Octets int64 // of these, as listed
}

func (e *LimitError) Error() string {
	limit := "daily_limit of " + lang.Size(e.Limit)
	if e.ByRate {
		limit = "rate_limit of " + e.Rate.String()
	}
	return fmt.Sprintf("%s for %s is used up: %d messages (%s) wait until %s",
		limit, e.Login, e.Left, lang.Size(e.Octets), e.Until.Local().Format(time.DateTime))
}

// Class implements reply.Classed.
func (e *LimitError) Class() reply.Class { return reply.Limit }

// A meter keeps an account to its limits of what a login moves.
type meter struct {
	Daily
	*traffic
}

// A traffic counts what a login moves, for all accounts of the process. The ledger
// keeps it by the hour, so that no restart begins a new hour or day.
type traffic struct {
	mu       sync.Mutex
	octets   *tally
	messages map[time.Duration]*tally // by the time that a rate is for
	fresh    map[int64]amount         // what the ledger does not have, by the hour since 1970
	reserved amount                   // for messages that are about to be moved
}

// An amount is so much mail.
type amount struct{ octets, messages int64 }

// meter returns that of a login, nil for one without a limit.
func (c *Collector) meter(ctx context.Context, d Daily) (*meter, error) {
	if d.Limit == 0 && d.Rate.Messages == 0 {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.traffic[d.Login]; t != nil {
		return &meter{d, t}, nil
	}
	t, err := loadTraffic(ctx, c.Ledger, d.Login, c.Now())
	if err != nil {
		return nil, err
	}
	if c.traffic == nil {
		c.traffic = map[string]*traffic{}
	}
	c.traffic[d.Login] = t
	return &meter{d, t}, nil
}

func newTraffic() *traffic {
	t := &traffic{octets: newTally(aDay, time.Hour), messages: map[time.Duration]*tally{}, fresh: map[int64]amount{}}
	for per, slot := range rateSlots {
		t.messages[per] = newTally(per, slot)
	}
	return t
}

const aDay = 24 * time.Hour

// loadTraffic reads what a login has moved, by the hour. The messages of an hour
// may all have been its last.
func loadTraffic(ctx context.Context, l *ledger.Ledger, login string, now time.Time) (*traffic, error) {
	moved, err := l.Traffic(ctx, login)
	if err != nil {
		return nil, err
	}
	t := newTraffic()
	for _, m := range moved {
		t.octets.add(m.Hour, m.Octets)
		last := m.Hour.Add(time.Hour - time.Second)
		if last.After(now) && !m.Hour.After(now) {
			last = now
		}
		for _, messages := range t.messages {
			messages.add(last, m.Messages)
		}
	}
	return t, nil
}

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// reserve takes room for a message of n octets, if there is room.
func (m *meter) reserve(now time.Time, n int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lacks(now, m.reserved, n) != lackNothing {
		return false
	}
	m.reserved.octets += n
	m.reserved.messages++
	return true
}

// A lack is the limit that leaves no room for a message.
type lack int

const (
	lackNothing lack = iota
	lackOctets
	lackMessages
)

// lacks says which limit leaves no room for a message of n octets beside what was
// moved and what is reserved.
func (m *meter) lacks(now time.Time, reserved amount, n int64) lack {
	switch {
	case m.Rate.Messages > 0 && m.messages[m.Rate.Per].used(now)+reserved.messages >= int64(m.Rate.Messages):
		return lackMessages
	case m.Limit > 0 && !m.fits(m.octets.used(now)+reserved.octets, n):
		return lackOctets
	}
	return lackNothing
}

// fits reports whether a message of n octets may go where so many are taken. One
// that is larger than the limit goes when half of it is free: were it to wait for a
// day on which nothing is moved, other accounts of the login could keep it for ever.
func (m *meter) fits(taken, n int64) bool {
	if n > m.Limit {
		return taken <= m.Limit/2
	}
	return taken+n <= m.Limit
}

// A claim is what a session has reserved with a meter. The nil claim has no limit.
type claim struct {
	m    *meter
	left amount
}

func (m *meter) claim() *claim {
	if m == nil {
		return nil
	}
	return &claim{m: m}
}

// add reserves room for one more message.
func (c *claim) add(now time.Time, n int64) bool {
	if c == nil {
		return true
	}
	ok := c.m.reserve(now, n)
	if ok {
		c.left.octets += n
		c.left.messages++
	}
	return ok
}

// reservedPause is how long to wait where only what other sessions have reserved
// leaves no room: they may give it back.
const reservedPause = 15 * time.Minute

// short returns the error of a message of n octets for which there is no room now:
// until the oldest of what counts against its limit counts no more.
func (c *claim) short(now time.Time, n int64) *LimitError {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	e := &LimitError{Daily: c.m.Daily}
	switch c.m.lacks(now, c.left, n) {
	case lackOctets:
		e.Until = c.m.octets.frees(now)
	case lackMessages:
		e.ByRate, e.Until = true, c.m.messages[c.m.Rate.Per].frees(now)
		if rest := now.Add(c.m.Rate.rest()); e.Until.Before(rest) {
			e.Until = rest
		}
	default:
		e.ByRate, e.Until = c.m.lacks(now, c.m.reserved, n) == lackMessages, now.Add(reservedPause)
	}
	return e
}

// spend counts a message of so many octets that was moved, for which n were
// reserved.
func (c *claim) spend(now time.Time, n, octets int64) {
	if c == nil {
		return
	}
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	c.giveBack(amount{min(n, c.left.octets), min(1, c.left.messages)})
	c.m.octets.add(now, octets)
	for _, t := range c.m.messages {
		t.add(now, 1)
	}
	fresh := c.m.fresh[hourOf(now)]
	c.m.fresh[hourOf(now)] = amount{fresh.octets + octets, fresh.messages + 1}
}

// end gives back what was not needed.
func (c *claim) end() {
	if c == nil {
		return
	}
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	c.giveBack(c.left)
}

func (c *claim) giveBack(a amount) {
	c.left = amount{c.left.octets - a.octets, c.left.messages - a.messages}
	c.m.reserved = amount{c.m.reserved.octets - a.octets, c.m.reserved.messages - a.messages}
}

// unwritten takes what the ledger does not have yet.
func (m *meter) unwritten() (cs []ledger.Change) {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for h, a := range m.fresh {
		cs = append(cs, ledger.Traffic{Login: m.Login, Hour: time.Unix(h*3600, 0), Octets: a.octets, Messages: a.messages})
		delete(m.fresh, h)
	}
	return cs
}

// restore has what could not be written be written later.
func (m *meter) restore(cs []ledger.Change) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range cs {
		t := c.(ledger.Traffic)
		a := m.fresh[hourOf(t.Hour)]
		m.fresh[hourOf(t.Hour)] = amount{a.octets + t.Octets, a.messages + t.Messages}
	}
}

// afford leaves of what is wanted of a folder what the limits of the source and
// the destination have room for, the first messages of the listing. The rest
// is a later pass's.
func (v *visit) afford(b *box) {
	b.down, b.up = v.down.claim(), v.up.claim()
	now := v.c.Now()
	if v.phase == phaseFresh { // a further session sees anew who has to wait
		delete(v.waiting, b.name)
	}
	for i, it := range b.wanted {
		n := max(it.Size, 0)
		short, need := b.down, n
		ok := b.down.add(now, n)
		if ok && !b.up.add(now, v.copySize(it)) {
			ok, short, need = false, b.up, v.copySize(it)
		}
		if !ok {
			v.overdrawn(b, short, need, b.wanted[i:])
			b.wanted = b.wanted[:i]
			b.drain = nil
			return
		}
	}
	for i, it := range b.drain {
		n := max(it.Size, 0)
		if !b.down.add(now, n) {
			v.overdrawn(b, b.down, n, b.drain[i:])
			b.drain = b.drain[:i]
			return
		}
	}
}

// copySize is how large the copy of a message will be, as far as the listing tells.
func (p *pass) copySize(it fetch.Item) int64 {
	n := max(it.Size, 0)
	if p.a.Trace {
		n += int64(len(traceLine(noID, p.a.Name)))
	}
	return n
}

// noID is as long as each ID.
const noID = "aaaaaaaaaaaaaaaaaaaaaaaaaa"

// overdrawn notes that messages of a folder have to wait, the first of them for
// room for need octets.
func (v *visit) overdrawn(b *box, by *claim, need int64, left []fetch.Item) {
	e := by.short(v.c.Now(), need)
	e.Left = len(left)
	for _, it := range left {
		e.Octets += max(it.Size, 0)
	}
	v.waiting[b.name] = e
}

// overLimit returns the error of a pass in which messages had to wait, nil for any
// other.
func (p *pass) overLimit() error {
	var all *LimitError
	for _, e := range p.waiting {
		if all == nil {
			all = &LimitError{Daily: e.Daily, ByRate: e.ByRate, Until: e.Until}
		}
		if e.Until.Before(all.Until) {
			all.Daily, all.ByRate, all.Until = e.Daily, e.ByRate, e.Until
		}
		all.Left, all.Octets = all.Left+e.Left, all.Octets+e.Octets
	}
	switch {
	case all == nil:
		return nil
	case p.up != nil && all.Login == p.up.Login:
		return p.destinationError(all)
	}
	return all
}

// counted counts what is read of a body.
type counted struct {
	io.Reader
	n int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += int64(n)
	return n, err
}

// meters finds those of the account's logins.
func (p *pass) meters() (err error) {
	if p.down, err = p.c.meter(p.hard, p.a.Down); err != nil {
		return err
	}
	p.up, err = p.c.meter(p.hard, p.a.Up)
	return err
}

// moved adds to changes what the ledger does not know yet of what was moved.
func (p *pass) moved(changes []ledger.Change) (all []ledger.Change, undo func()) {
	down, up := p.down.unwritten(), p.up.unwritten()
	all = append(append(changes[:len(changes):len(changes)], down...), up...)
	return all, func() {
		p.down.restore(down)
		p.up.restore(up)
	}
}
