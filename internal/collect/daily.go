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

// A Daily is how many octets a login may move in 24 hours in one direction.
// Providers suspend a mailbox that moves more (Gmail: 500 MB of uploads), so it is
// better to stop below that. A Limit of 0 means none, and then nothing is counted.
type Daily struct {
	Login string // what is counted together, for people too: "reading me@gmail.com at pop.gmail.com over pop3"
	Limit int64
}

// A LimitError says that a login has moved what it may move in a day. What waits
// is collected from Until on.
type LimitError struct {
	Daily
	Until  time.Time
	Left   int   // messages that wait
	Octets int64 // of these, as listed
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("daily_limit of %s for %s is used up: %d messages (%s) wait until %s",
		lang.Size(e.Limit), e.Login, e.Left, lang.Size(e.Octets), e.Until.Local().Format(time.DateTime))
}

// Class implements reply.Classed.
func (e *LimitError) Class() reply.Class { return reply.Limit }

// A meter keeps an account to its limit of what a login moves.
type meter struct {
	Daily
	*traffic
}

// A traffic counts what a login moves, for all accounts of the process. The ledger
// keeps it by the hour, so that no restart begins a new day.
type traffic struct {
	mu       sync.Mutex
	hours    map[int64]int64 // octets, by the hour since 1970
	fresh    map[int64]int64 // of these, what the ledger does not have
	reserved int64           // for messages that are about to be moved
}

// meter returns that of a login, nil for one without a limit.
func (c *Collector) meter(ctx context.Context, d Daily) (*meter, error) {
	if d.Limit == 0 {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.traffic[d.Login]; t != nil {
		return &meter{d, t}, nil
	}
	m := &meter{d, newTraffic()}
	moved, err := c.Ledger.Traffic(ctx, d.Login)
	if err != nil {
		return nil, err
	}
	for _, t := range moved {
		m.hours[hourOf(t.Hour)] = t.Octets
	}
	if c.traffic == nil {
		c.traffic = map[string]*traffic{}
	}
	c.traffic[d.Login] = m.traffic
	return m, nil
}

func newTraffic() *traffic { return &traffic{hours: map[int64]int64{}, fresh: map[int64]int64{}} }

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// used is what was moved within the last 24 hours. An hour counts until all of it
// is that old; one that lies ahead was written by a clock that was wrong.
func (t *traffic) used(now time.Time) (octets int64) {
	for h, n := range t.hours {
		if h > hourOf(now)-25 && h <= hourOf(now) {
			octets += n
		}
	}
	return octets
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

// reserve takes room for n octets, if there is room.
func (m *meter) reserve(now time.Time, n int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.fits(m.used(now)+m.reserved, n) {
		return false
	}
	m.reserved += n
	return true
}

// A claim is what a session has reserved with a meter. The nil claim has no limit.
type claim struct {
	m    *meter
	left int64
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
		c.left += n
	}
	return ok
}

// reservedPause is how long to wait where only what other sessions have reserved
// leaves no room: they may give it back.
const reservedPause = 15 * time.Minute

// until returns when there may be room for n more octets, for which there is none
// now: when the oldest hour of what is used counts no more.
func (c *claim) until(now time.Time, n int64) time.Time {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	if c.m.fits(c.m.used(now)+c.left, n) {
		return now.Add(reservedPause)
	}
	first := hourOf(now)
	for h, n := range c.m.hours {
		if n > 0 && h > hourOf(now)-25 {
			first = min(first, h)
		}
	}
	return time.Unix(first*3600, 0).Add(25 * time.Hour)
}

// spend counts octets that were moved, for a message that n were reserved for.
func (c *claim) spend(now time.Time, n, octets int64) {
	if c == nil {
		return
	}
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	c.giveBack(min(n, c.left))
	c.m.hours[hourOf(now)] += octets
	c.m.fresh[hourOf(now)] += octets
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

func (c *claim) giveBack(n int64) {
	c.left -= n
	c.m.reserved -= n
}

// unwritten takes what the ledger does not have yet.
func (m *meter) unwritten() (cs []ledger.Change) {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for h, n := range m.fresh {
		cs = append(cs, ledger.Traffic{Login: m.Login, Hour: time.Unix(h*3600, 0), Octets: n})
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
		m.fresh[hourOf(t.Hour)] += t.Octets
	}
}

// afford leaves of what is wanted of a folder what the day's limits of the source
// and the destination have room for, the first messages of the listing. The rest
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
func (v *visit) overdrawn(b *box, short *claim, need int64, left []fetch.Item) {
	e := &LimitError{Daily: short.m.Daily, Until: short.until(v.c.Now(), need), Left: len(left)}
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
			all = &LimitError{Daily: e.Daily, Until: e.Until}
		}
		if e.Until.Before(all.Until) {
			all.Daily, all.Until = e.Daily, e.Until
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
