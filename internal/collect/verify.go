package collect

import "mailrill/internal/ledger"

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
	nothingNew := len(p.sample) == 0 && p.shownAfter == 0
	if err != nil || d.Verifiable > 0 || d.Verifiable < 0 && nothingNew {
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
