package collect

import (
	"context"
	"fmt"
	"time"

	"mailrill/deliver"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// A doubt is a row that is INTENT: its delivery was begun, and nobody knows how
// it ended. The destination knows. It is asked at the beginning of a pass and
// once more at its end; what is there becomes DELIVERED, what is surely not there
// is sent again. Lost state is the same case seen from the other side: copies of
// ours that the ledger knows nothing of are adopted, and a source message whose
// ID was adopted is not delivered again.

// waitLimit is the longest that a pass waits for a doubt to settle; what needs
// longer is left to the next one.
const waitLimit = 15 * time.Second

// askDoubts asks about the doubts that earlier passes left.
func (p *pass) askDoubts() error {
	doubts, err := p.doubts()
	if err != nil || len(doubts) == 0 {
		return err
	}
	if p.finder != nil {
		if err := p.ask(); err != nil {
			return err
		}
	}
	return p.settleKnown()
}

// settleKnown ends the doubts about messages that the ledger knows to be there: a
// pass of another account has seen their copy, or a further source copy was
// delivered.
func (p *pass) settleKnown() error {
	doubts, err := p.doubts()
	if err != nil || len(doubts) == 0 {
		return err
	}
	ids := make([]string, len(doubts))
	for i, d := range doubts {
		ids[i] = d.ID
	}
	known, err := p.c.Ledger.Settled(p.hard, ids)
	if err != nil {
		return err
	}
	var cs []ledger.Change
	for _, d := range doubts {
		found, ok := known[d.ID]
		if !ok { // killed before the row said so?
			if ok, err = p.c.Hold.Has(p.a.Name, d.ID); err != nil {
				return err
			}
			found = ledger.Found{State: ledger.Held, Receipt: "in the hold already"}
		}
		if ok {
			cs = append(cs, p.joined(d, found))
			p.tally(func() { p.folderOf(d).AlreadyThere++ })
		}
	}
	return p.commit(cs...)
}

// joined is the row of one more source copy of a message that is safe already.
func (p *pass) joined(row ledger.Row, found ledger.Found) ledger.Row {
	row.State, row.Receipt, row.At, row.NextTry = found.State, found.Receipt, p.now(), time.Time{}
	if row.State == ledger.Finished {
		row.State = ledger.Delivered
	}
	return p.withAfter(row)
}

// folderOf returns the Result of a row's folder.
func (p *pass) folderOf(row ledger.Row) *Result { return p.report.result(p.folders[row.Folder]) }

func (p *pass) doubts() ([]ledger.Row, error) { return p.c.Ledger.Doubts(p.hard, p.account.ID) }

// settleDoubts ends the doubts that can be ended now: those of earlier passes
// and those of this one.
func (p *pass) settleDoubts() error {
	doubts, err := p.doubts()
	if err != nil || len(doubts) == 0 || p.ctx.Err() != nil {
		return err
	}
	if err := p.await(doubts); err != nil {
		return err
	}
	if err := p.askDoubts(); err != nil {
		return err
	}
	if err := p.sessions(phaseDoubt); err != nil {
		return err
	}
	return p.mourn()
}

// chooseDoubts finds the doubts that a session is to send again. Each session
// chooses anew: one that was sent in the session before, and lost again, has
// become a new doubt that nobody has asked about.
func (p *pass) chooseDoubts() error {
	clear(p.resend)
	doubts, err := p.doubts()
	for _, d := range doubts {
		if p.absent(d) {
			p.resend[rowKey{d.Folder, d.Key}] = true
		}
	}
	return err
}

// ripe is when a doubt may be sent again if it is still not there. A delivery
// whose end nobody has recorded, by a crash or a full disk, was cut at the latest
// when this pass began; one that an earlier process began, when this one began. A
// destination that cannot be asked gets a message again only in a later pass.
func (p *pass) ripe(d ledger.Row) time.Time {
	early := d.At.Before(p.report.Start)
	switch {
	case p.begunAhead(d), d.NextTry.IsZero() && !d.At.After(p.report.Start):
		return p.report.Start.Add(p.graceAfter(nil))
	case p.finder == nil && early:
		return d.At
	case p.finder == nil, d.NextTry.IsZero():
		return p.now().Add(timeoutGrace)
	case d.At.Before(p.c.Started):
		return later(d.NextTry, p.c.Started.Add(p.finder.Settles()))
	}
	return d.NextTry
}

// begunAhead reports whether a delivery was begun in what is still to come: the
// clock was set back since. It stays so when the clock has come by that time.
func (p *pass) begunAhead(d ledger.Row) bool {
	k := rowKey{d.Folder, d.Key}
	if d.At.After(p.now()) {
		p.ahead[k] = d.At
	}
	at, ok := p.ahead[k]
	return ok && at.Equal(d.At)
}

// absent reports whether a doubt is surely not at the destination, so that it may
// be sent again: the destination was asked after it was ripe. One that cannot be
// asked gets the benefit of the doubt.
func (p *pass) absent(d ledger.Row) bool {
	asked := p.asked
	if p.finder == nil {
		asked = p.c.Now()
	}
	return !asked.Before(p.ripe(d))
}

// doubtOf returns the doubt that another source copy of the message has left, if
// it may be at the destination still.
func (p *pass) doubtOf(pc *parcel) (doubt ledger.Row, ok bool, err error) {
	rows, err := p.c.Ledger.ByID(p.hard, pc.msg.ID)
	for _, r := range rows {
		own := r.Folder == pc.row.Folder && r.Key == pc.row.Key
		if r.State == ledger.Intent && !own && !p.absent(r) {
			return r, true, err
		}
	}
	return doubt, false, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// await waits until the first doubts are ripe, if that is soon.
func (p *pass) await(doubts []ledger.Row) error {
	var longest time.Duration
	for _, d := range doubts {
		if wait := p.ripe(d).Sub(p.c.Now()); wait <= waitLimit {
			longest = max(longest, wait)
		}
	}
	if longest <= 0 {
		return nil
	}
	p.log.Info("waiting until it is certain whether some messages have arrived", "seconds", longest.Seconds())
	if err := p.c.Sleep(p.ctx, longest); err != nil && p.hard.Err() != nil {
		return err
	}
	return p.hard.Err()
}

// mourn records messages that were begun, are not at the destination and are
// gone from their source, and says so loudly. Listings that show a part only
// prove nothing, nor does a message that is there under a new key (UIDVALIDITY).
func (p *pass) mourn() error {
	if err := p.settleKnown(); err != nil {
		return err
	}
	for k := range p.resend {
		row, ok, err := p.c.Ledger.Get(p.hard, k.folder, k.key)
		if err != nil {
			return err
		}
		if !ok || row.State != ledger.Intent || !p.gone[k] {
			continue
		}
		wanted, err := p.isWantedElsewhere(row)
		if err != nil {
			return err
		}
		if wanted {
			continue
		}
		row.State, row.At = ledger.Lost, p.now()
		if err := p.commit(row); err != nil {
			return err
		}
		p.log.Error("a message was begun, is not at the destination, and is gone from the source: somebody deleted it there", "key", row.Key, "id", row.ID)
		p.folderOf(row).Err = reply.WithClass(reply.Temporary, fmt.Errorf("message %s disappeared from the source while its delivery was in doubt", row.Key))
	}
	return nil
}

// isWantedElsewhere reports whether another source copy of the message, at which
// this pass has not looked in vain, is still to be brought.
func (p *pass) isWantedElsewhere(row ledger.Row) (bool, error) {
	rows, err := p.c.Ledger.ByID(p.hard, row.ID)
	for _, r := range rows {
		k := rowKey{r.Folder, r.Key}
		if !r.State.Terminal() && !p.gone[k] {
			return true, err
		}
	}
	return false, err
}

// missing notes which doubts a whole listing does not show. Messages that failed
// and are gone were deleted by their owner: nothing is left to be done for them.
func (v *visit) missing(b *box) error {
	if b.listing.Partial {
		return nil
	}
	listed := map[string]bool{}
	for _, it := range b.items {
		listed[it.Key] = true
	}
	for k := range v.resend {
		if v.phase == phaseDoubt && k.folder == b.row.ID && !listed[k.key] {
			v.gone[k] = true
		}
	}
	failed, err := v.c.Ledger.Failed(v.hard, b.row.ID)
	if err != nil || v.o.DryRun {
		return err
	}
	var cs []ledger.Change
	for _, r := range failed {
		if !listed[r.Key] {
			v.log.Warn("a message that could not be collected is gone from the source", "folder", b.name, "key", r.Key, "why", r.Receipt)
			cs = append(cs, ledger.Remove{Folder: r.Folder, Key: r.Key})
			v.tally(func() { v.noFailure(r) })
		}
	}
	return v.commit(cs...)
}

// askOnce asks a destination what it has, the first time that this process is
// about to deliver to it.
func (p *pass) askOnce() error {
	if p.finder == nil {
		return nil
	}
	p.c.mu.Lock()
	asked := p.c.asked[p.place]
	p.c.mu.Unlock()
	if asked {
		return nil
	}
	return p.ask()
}

// askBatch is how many IDs are looked up together.
const askBatch = 512

// ask reads the destination from where it was read last, adopts what the ledger
// does not know, and settles the doubts that it finds.
func (p *pass) ask() error {
	d, err := p.c.Ledger.Destination(p.hard, p.place)
	if err != nil {
		return err
	}
	return p.askFrom(d.Mark)
}

// askFrom is ask from a mark of one's own; "" reads everything.
func (p *pass) askFrom(mark string) error {
	began := p.c.Now() // to the instant: a wait ends just when a doubt is ripe
	a := &adoption{p: p, found: map[string]deliver.Receipt{}}
	mark, err := p.finder.Arrived(p.hard, mark, a.add)
	if err == nil {
		err = a.flush()
	}
	if err != nil {
		return p.destinationError(fmt.Errorf("ask what has arrived: %w", err))
	}
	p.asked = began
	err = p.note(func(d *ledger.Destination) {
		d.Mark, d.Known = mark, true
		if a.verdict != 0 {
			d.Verifiable = a.verdict
		}
	})
	if err != nil {
		return err
	}
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	if p.c.asked == nil {
		p.c.asked = map[string]bool{}
	}
	p.c.asked[p.place] = true
	return nil
}

// An adoption takes in what a destination has of ours.
type adoption struct {
	p       *pass
	found   map[string]deliver.Receipt
	verdict int8
}

func (a *adoption) add(id string, r deliver.Receipt) error {
	if size, ok := a.p.sampled(id); ok && (r.Size == size || size == anySize) {
		a.verdict = 1
	}
	a.found[id] = r
	if len(a.found) < askBatch {
		return nil
	}
	return a.flush()
}

// flush brings the ledger up to date with found. Doubts are settled before
// anything else, so that a copy that exists always ends them.
func (a *adoption) flush() error {
	if len(a.found) == 0 {
		return nil
	}
	ids := make([]string, 0, len(a.found))
	for id := range a.found {
		ids = append(ids, id)
	}
	known, err := a.p.c.Ledger.Settled(a.p.hard, ids)
	if err != nil {
		return err
	}
	var cs []ledger.Change
	for id, r := range a.found {
		if k, ok := known[id]; ok && k.State != ledger.Held {
			continue
		}
		settled, err := a.settle(id, r)
		if err != nil {
			return err
		}
		cs = append(cs, settled...)
	}
	clear(a.found)
	return a.p.commit(cs...)
}

// settle returns what is to be written about one copy that the ledger does not
// know to be there.
func (a *adoption) settle(id string, r deliver.Receipt) ([]ledger.Change, error) {
	rows, err := a.p.c.Ledger.ByID(a.p.hard, id)
	if err != nil {
		return nil, err
	}
	var cs []ledger.Change
	for _, row := range rows {
		if !a.p.isDoubt(row) {
			continue
		}
		row.State, row.At, row.Receipt, row.NextTry = ledger.Delivered, a.p.now(), r.Where, time.Time{}
		cs = append(cs, a.p.withAfter(row))
		a.p.tally(func() { a.p.folderOf(row).AlreadyThere++ })
	}
	return append(cs, ledger.Adopted{ID: id, Receipt: r.Where, Destination: a.p.place}), nil
}

// isDoubt reports whether a row is a doubt of this account that no goroutine is
// at work on. Another account's is left to its own pass, which finds the ID
// adopted.
func (p *pass) isDoubt(row ledger.Row) bool {
	if row.State != ledger.Intent && row.State != ledger.Lost && row.State != ledger.Failed {
		return false
	}
	_, ours := p.folders[row.Folder]
	return ours
}

// sampleSize is how many deliveries of a pass are remembered to verify the
// destination with.
const sampleSize = 16

// anySize is the size of a sample whose copy was delivered by an earlier pass.
const anySize = -1

func (p *pass) sampled(id string) (size int64, ok bool) {
	p.tally(func() { size, ok = p.sample[id] })
	return size, ok
}

// verified reports whether the destination shows our trace line, so that it can
// be asked what has arrived. One that hides it (headers stripped, copies merged)
// is no reason to remove anything from a source. It is looked for in what this
// pass has delivered or else, once, in what the ledger calls delivered.
func (p *pass) verified(delivered []ledger.Row) (bool, error) {
	if p.finder == nil {
		return true, nil
	}
	d, err := p.c.Ledger.Destination(p.hard, p.place)
	if err != nil || d.Verifiable > 0 || d.Verifiable < 0 && len(p.sample) == 0 {
		return d.Verifiable > 0, err
	}
	for _, r := range delivered[:min(len(delivered), sampleSize)] {
		if _, fresh := p.sample[r.ID]; !fresh {
			p.sample[r.ID] = anySize
		}
	}
	for _, from := range []string{d.Mark, ""} {
		if err := p.askFrom(from); err != nil {
			return false, err
		}
		now, err := p.c.Ledger.Destination(p.hard, p.place)
		if err != nil || now.Verifiable > 0 {
			return err == nil, err
		}
		if d.Verifiable < 0 {
			return false, nil // all of it was read before
		}
	}
	p.log.Warn("the destination does not show the trace line of what was just delivered: doubts may be delivered twice, and nothing is removed from the source", "destination", p.a.To)
	return false, p.note(func(d *ledger.Destination) { d.Verifiable = -1 })
}

// note changes what is known of the destination. Another account's pass may do
// so at the same time.
func (p *pass) note(change func(*ledger.Destination)) error {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	d, err := p.c.Ledger.Destination(p.hard, p.place)
	if err != nil {
		return err
	}
	change(&d)
	return p.commit(d)
}

// Rebuild reads all copies at the account's destination into the ledger.
func (c *Collector) Rebuild(ctx context.Context, a *Account) (copies int, err error) {
	p := c.newPass(ctx, a, Options{})
	defer a.Destination.Close()
	if p.finder == nil {
		return 0, reply.WithClass(reply.Config, fmt.Errorf("destination %s cannot be asked what it has: only imap and maildir can, with trace = true", a.To))
	}
	if err := p.begin(); err != nil {
		return 0, err
	}
	if err := a.Destination.Prepare(ctx, ""); err != nil {
		return 0, err
	}
	d, err := c.Ledger.Destination(ctx, p.place)
	if err != nil {
		return 0, err
	}
	ad := &adoption{p: p, found: map[string]deliver.Receipt{}}
	d.Mark, err = p.finder.Arrived(ctx, "", func(id string, r deliver.Receipt) error {
		copies++
		return ad.add(id, r)
	})
	if err == nil {
		err = ad.flush()
	}
	if err != nil {
		return copies, err
	}
	d.Known = true
	return copies, c.Ledger.Commit(ctx, d)
}
