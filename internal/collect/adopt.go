package collect

import (
	"context"
	"fmt"
	"time"

	"mailrill/deliver"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

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
	defer p.part()
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
