package collect

import (
	"errors"
	"fmt"
	"io"
	"time"

	"mailrill/deliver"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// A holding is a message that this pass put into the hold.
type holding struct {
	row    ledger.Row
	reason error
	res    *Result
	// back is the state that the row returns to if the destination is to blame;
	// None where it was not the destination that refused.
	back ledger.State
	// kept: its source copy may be hidden by now (keepHeld). It stays in the hold.
	kept bool
}

// putIntoHold makes a parcel safe in the hold and returns the row that says so.
// retry is when it is tried again by itself, or zero; back as in a holding.
func (p *pass) putIntoHold(b *box, pc *parcel, why error, retry time.Time, back ledger.State) (ledger.Row, error) {
	row := pc.row
	row.State, row.At, row.Receipt, row.NextTry = ledger.Held, p.now(), reply.Clean(why.Error()), time.Time{}
	e := Entry{
		ID: pc.msg.ID, Account: p.a.Name, To: p.a.To, Into: pc.msg.Folder, Folder: b.row.Name, Key: row.Key,
		Size: pc.body.Size, Begun: pc.msg.Begun, Held: row.At, Received: pc.msg.Received, Flags: pc.msg.Flags,
		Subject: reply.Clean(pc.header.subject), From: reply.Clean(pc.header.from),
		Class: string(reply.ClassOf(why)), Reason: row.Receipt, Retry: retry, Attempts: row.Attempts,
	}
	if back == ledger.Intent {
		e.Doubt = row.At.Add(p.graceAfter(why))
	}
	if err := p.c.Hold.Put(e, pc.body.Open(nil)); err != nil {
		if errors.Is(err, ErrHoldFull) {
			err = reply.WithClass(reply.Config, err)
		}
		return row, fmt.Errorf("put a refused message into the hold: %w", err)
	}
	p.tally(func() {
		b.res.Held++
		p.held = append(p.held, holding{row, why, b.res, back, false})
	})
	return row, nil
}

const (
	breakerCount = 20 // more refusals in a pass: it is the destination, not the mail
	breakerFloor = 5  // fewer are never too many, however small the pass
	breakerShare = 5  // one in so many of a pass
)

// errBreaker stops an account whose destination refuses too much.
var errBreaker = errors.New("the destination refuses too many messages: most likely the cause is there and not in the mail. Nothing was put aside; the account stops until the next pass")

// breaker reports, with an error, that the destination has refused too many of
// the messages that this pass was to bring.
func (p *pass) breaker() error {
	var n int
	var last error
	p.tally(func() {
		for _, h := range p.held {
			if h.back != ledger.None {
				n, last = n+1, h.reason
			}
		}
	})
	if n <= breakerCount && (n < breakerFloor || n*breakerShare <= p.wanted) {
		return nil
	}
	return reply.WithClass(reply.Config, fmt.Errorf("%w: %w", errBreaker, last))
}

// keepHeld leaves what is in the hold there from now on: the session that brought
// it ends regularly, and Gmail then hides what was retrieved; a server with
// EXPIRE 0 deletes it. The hold's copy is the only one that can be relied on.
func (p *pass) keepHeld() {
	for i := range p.held {
		p.held[i].kept = true
	}
}

// takeBack undoes what the destination's refusals put into the hold: the messages
// are at their source still, and are wanted again.
func (p *pass) takeBack() error {
	var kept, taken []holding
	var cs []ledger.Change
	for _, h := range p.held {
		if h.back == ledger.None || h.kept {
			kept = append(kept, h)
			continue
		}
		rows, err := p.c.Ledger.ByID(p.hard, h.row.ID)
		if err != nil {
			return err
		}
		for _, row := range rows { // its own, and those of further source copies
			if row.State == ledger.Held || row.State == ledger.Intent {
				cs = append(cs, p.takenBack(row, h))
			}
		}
		taken = append(taken, h)
	}
	cs, err := p.lowerFloors(cs)
	if err != nil {
		return err
	}
	if err := p.commit(cs...); err != nil {
		return err
	}
	for _, h := range taken {
		h.res.Held--
		if err := p.c.Hold.Remove(p.a.Name, h.row.ID); err != nil {
			return err
		}
	}
	p.held = kept
	return nil
}

// tellHeld logs which of the messages that were refused are in the hold, now that
// this pass takes none back any more. Why, and whose they are, the hold shows: the
// server's words may hold addresses.
func (p *pass) tellHeld() {
	for _, h := range p.held {
		if h.back != ledger.None {
			p.log.Warn("message was refused and put into the hold", "key", h.row.Key, "id", h.row.ID)
		}
	}
}

// lowerFloors adds to the rows that were taken back that their folders are listed
// from the start again: a floor may have passed them while they were held.
func (p *pass) lowerFloors(cs []ledger.Change) ([]ledger.Change, error) {
	lowered := map[int64]bool{}
	for _, c := range cs {
		lowered[c.(ledger.Row).Folder] = true
	}
	folders, err := p.c.Ledger.Folders(p.hard, p.account.ID)
	for _, f := range folders {
		if lowered[f.ID] {
			f.Floor = 0
			cs = append(cs, f)
		}
	}
	return cs, err
}

// takenBack is the row of a message that was taken back. One that may have
// arrived stays a doubt.
func (p *pass) takenBack(row ledger.Row, h holding) ledger.Row {
	row.State, row.Attempts, row.NextTry = h.back, 0, time.Time{}
	if h.back == ledger.Intent {
		row.NextTry = row.At.Add(p.graceAfter(h.reason))
	}
	return row
}

// retryHeld tries the held messages whose time has come.
func (p *pass) retryHeld() error {
	entries, err := p.c.Hold.List(p.a.Name)
	if err != nil {
		return err
	}
	var ids []string
	for _, e := range entries {
		if !e.Retry.IsZero() && p.isDue(e.Retry) {
			ids = append(ids, e.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err = p.deliverHeld(ids)
	if limit, waits := errors.AsType[*LimitError](err); waits {
		p.waiting["the hold"] = limit
		return nil
	}
	return err
}

// deliverHeld brings held messages to the destination and takes those that have
// arrived out of the hold. The row stays HELD until then: a crash in between
// leaves the entry, and the destination is asked before it is sent again.
func (p *pass) deliverHeld(ids []string) (delivered int, err error) {
	for _, id := range ids {
		e, err := p.c.Hold.Get(p.a.Name, id)
		if err != nil {
			return delivered, fmt.Errorf("no held message %s of account %s: %w", id, p.a.Name, err)
		}
		ok, err := p.deliverEntry(e)
		if err != nil {
			return delivered, err
		}
		if ok {
			delivered++
		}
	}
	return delivered, nil
}

// deliverEntry delivers one held message. A refusal keeps it in the hold and is
// no error.
func (p *pass) deliverEntry(e Entry) (delivered bool, err error) {
	if err := p.prepare(e.Into); err != nil {
		return false, err
	}
	sure, err := p.awaitEntry(e)
	if err != nil {
		return false, err
	}
	receipt, err := p.arrivedBefore(e.ID)
	if err != nil {
		return false, err
	}
	if receipt == "" && !sure {
		p.log.Debug("a held message may have arrived when it was tried last; it is too early to say", "id", e.ID, "until", e.Doubt)
		return false, nil
	}
	if receipt == "" {
		room := p.up.claim()
		if !room.add(p.c.Now(), e.Size) {
			short := room.short(p.c.Now(), e.Size)
			short.Left, short.Octets = 1, e.Size
			return false, p.destinationError(short)
		}
		defer room.end()
		room.spend(p.c.Now(), e.Size, e.Size)
		if err := p.c.Ledger.Reserve(); err != nil {
			return false, fmt.Errorf("write the ledger: %w", err)
		}
		receipt, err = p.sendEntry(&e)
	}
	switch {
	case errors.Is(err, deliver.ErrUnavailable):
		return false, errors.Join(err, p.c.Hold.Update(e))
	case err != nil:
		e.Attempts++
		e.Reason, e.Class = reply.Clean(err.Error()), string(reply.ClassOf(err))
		if !e.Retry.IsZero() {
			e.Retry = p.now().Add(pause(e.Attempts))
		}
		p.log.Debug("a held message is refused again", "id", e.ID, "err", err)
		return false, p.c.Hold.Update(e)
	}
	return true, p.releaseEntry(e, receipt)
}

// awaitEntry waits, not for long, until it is sure that a copy that an earlier
// attempt may have brought would be there.
func (p *pass) awaitEntry(e Entry) (sure bool, err error) {
	if e.Doubt.IsZero() || p.finder == nil {
		return true, nil
	}
	ripe := later(e.Doubt, p.c.Started.Add(p.finder.Settles()))
	if e.Doubt.After(p.report.Start.Add(timeoutGrace)) { // the clock was set back since
		ripe = p.report.Start.Add(p.finder.Settles())
	}
	if wait := ripe.Sub(p.c.Now()); wait > 0 && wait <= waitLimit {
		if err := p.c.Sleep(p.ctx, wait); err != nil {
			return false, err
		}
	}
	return !p.c.Now().Before(ripe), nil
}

// releaseEntry records that a held message has arrived and removes it.
func (p *pass) releaseEntry(e Entry, receipt string) error {
	rows, err := p.c.Ledger.ByID(p.hard, e.ID)
	if err != nil {
		return err
	}
	for i, r := range rows {
		r.State, r.At, r.Receipt = ledger.Delivered, p.now(), receipt
		rows[i] = p.withAfter(r)
	}
	cs := append(changes(rows), ledger.Adopted{ID: e.ID, Receipt: receipt, Destination: p.place})
	if err := p.commitAnswers(cs...); err != nil {
		return err
	}
	return p.c.Hold.Remove(p.a.Name, e.ID)
}

// arrivedBefore reports whether an earlier attempt has brought the message after
// all: one that was cut short, or one that was killed before the entry was removed.
func (p *pass) arrivedBefore(id string) (receipt string, err error) {
	if p.finder != nil {
		if err := p.ask(); err != nil {
			return "", err
		}
	}
	known, err := p.c.Ledger.Settled(p.hard, []string{id})
	if f, ok := known[id]; ok && f.State != ledger.Held {
		receipt = f.Receipt
		if receipt == "" {
			receipt = "found at the destination"
		}
	}
	return receipt, err
}

// sendEntry delivers a held message. That it may have arrived is on the disk before
// the first octet, and stays there until the contrary is sure.
func (p *pass) sendEntry(e *Entry) (receipt string, err error) {
	file, err := p.c.Hold.Open(p.a.Name, e.ID)
	if err != nil {
		return "", err
	}
	defer file.Close()
	pc := &parcel{body: &Body{Size: e.Size, data: file}}
	pc.msg = &deliver.Message{ID: e.ID, Account: p.a.Name, Begun: e.Begun, Received: e.Received, Flags: e.Flags, Folder: e.Into}
	if pc.msg.Digest, err = digestOf(pc.body.Open(nil)); err != nil {
		return "", err
	}
	p.seal(pc)
	e.Doubt = p.now().Add(p.graceAfter(nil))
	if err := p.c.Hold.Update(*e); err != nil {
		return "", err
	}
	fate := errSilent
	err = p.a.Destination.Deliver(p.hard, deliver.Batch(pc.msg), func(_ *deliver.Message, r deliver.Receipt, err error) {
		receipt, fate = r.Where, err
	})
	if fate == nil {
		return receipt, nil
	}
	e.Doubt = time.Time{}
	if !isCertain(fate) {
		e.Doubt = p.now().Add(p.graceAfter(fate))
	}
	return "", errors.Join(fate, err)
}

// isCertain reports whether a fate says that the message was not stored.
func isCertain(fate error) bool {
	for _, certain := range []error{deliver.ErrRejected, deliver.ErrSkipped, deliver.ErrNotTaken, deliver.ErrUnavailable} {
		if errors.Is(fate, certain) {
			return true
		}
	}
	return false
}

func digestOf(r io.Reader) (sum [32]byte, err error) {
	h := newDigest()
	_, err = io.Copy(h, r)
	h.Sum(sum[:0])
	return sum, err
}
