package collect

import (
	"mailrill/fetch"
	"mailrill/internal/ledger"
)

// raiseFloor remembers up to which UID everything is settled, so that the next
// listing is short. Only rows that are terminal are passed, never a message that
// merely was asked for: a collector that saved the highest UID of an interrupted
// first pass lost 82,000 messages (reliability.md, I2).
func (v *visit) raiseFloor(b *box) error {
	if !b.listing.Stable || v.phase != phaseFresh {
		return nil
	}
	known, err := v.c.Ledger.Lookup(v.hard, b.row.ID, keys(b.items))
	if err != nil {
		return err
	}
	row := b.row
	row.Floor, row.Validity = floor(b.from.UID, b.items, known), b.listing.Validity
	if b.from == (fetch.Cursor{}) {
		row.Full = v.now()
	}
	if row == b.row {
		return nil
	}
	b.row = row
	return v.commit(row)
}

// floor returns the highest UID below which every listed message is terminal,
// starting at from. items ascend by UID.
func floor(from uint32, items []fetch.Item, known map[string]ledger.Brief) uint32 {
	for _, it := range items {
		if s := known[it.Key].State; !s.Terminal() && s != ledger.TooLarge {
			break
		}
		from = it.Num
	}
	return from
}
