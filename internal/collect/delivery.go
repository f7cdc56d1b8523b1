package collect

import "time"

// A Delivery is a message that has just reached its destination, as its source's
// session brought it: copies that were found there, and messages from the hold,
// are none.
type Delivery struct {
	Account, To string
	Received    time.Time // arrival at the source; zero if unknown
	At          time.Time // when the destination's answer was there
	// CaughtUp is when the account's last pass without an error had ended: what
	// arrived later is new mail, whatever came of it since. Zero: never.
	CaughtUp time.Time
}

// tellOf tells of a message that was delivered. It is called under the pass's lock.
func (p *pass) tellOf(pc *parcel) {
	if p.c.Delivered == nil {
		return
	}
	p.c.Delivered(Delivery{Account: p.a.Name, To: p.a.To, Received: pc.msg.Received, At: pc.row.At, CaughtUp: p.account.Pass.OK})
}
