package collect

import "mailrill/deliver"

// wake has a connection that an earlier pass has left at the destination asked
// whether it lives, while the source is listed.
func (p *pass) wake() {
	if k, ok := p.a.Destination.(deliver.Keeper); ok {
		k.Wake()
	}
}

// rest lets the destination's connection be given up while this pass waits for its
// turn at the source: those who have theirs may be waiting for the destination.
func (p *pass) rest() {
	if r, ok := p.a.Destination.(deliver.Rester); ok {
		r.Rest()
	}
}

// part leaves the destination, whose connection may be kept for the next pass.
func (p *pass) part() {
	if k, ok := p.a.Destination.(deliver.Keeper); ok && p.a.KeepOpen {
		k.Rest()
		return
	}
	if err := p.a.Destination.Close(); err != nil {
		p.log.Debug("close the destination", "err", err)
	}
}
