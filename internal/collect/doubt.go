package collect

import (
	"fmt"
	"time"

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
	p.log.Debug("waiting until it is certain whether some messages have arrived", "seconds", longest.Seconds())
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
	failed, err := v.c.Ledger.Failed(v.hard, b.row.ID)
	if err != nil {
		return err
	}
	gone := b.unlisted(failed, v.resend)
	for k := range v.resend {
		if v.phase == phaseDoubt && k.folder == b.row.ID && gone[k.key] {
			v.gone[k] = true
		}
	}
	if v.o.DryRun {
		return nil
	}
	var cs []ledger.Change
	for _, r := range failed {
		if gone[r.Key] {
			v.log.Debug("a message that could not be collected is gone from the source", "folder", b.name, "key", r.Key, "why", r.Receipt)
			cs = append(cs, ledger.Remove{Folder: r.Folder, Key: r.Key})
			v.tally(func() { v.noFailure(r) })
		}
	}
	if len(cs) > 0 {
		v.log.Warn("messages that could not be collected are gone from the source", "folder", b.name, "messages", len(cs))
	}
	return v.commit(cs...)
}

// unlisted returns the keys of rows and others that the listing does not show.
func (b *box) unlisted(rows []ledger.Row, others map[rowKey]bool) map[string]bool {
	keys := map[string]bool{}
	for _, r := range rows {
		keys[r.Key] = true
	}
	for k := range others {
		keys[k.key] = true
	}
	for _, it := range b.items {
		delete(keys, it.Key)
	}
	return keys
}
