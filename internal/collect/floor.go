package collect

import (
	"bufio"
	"crypto/sha256"
	"slices"

	"mailrill/fetch"
	"mailrill/internal/ledger"
)

// raiseFloor remembers up to where everything is settled, so that the next listing
// is short, or the ledger is asked for little of it. Only rows that are terminal
// are passed, never a message that merely was asked for: a collector that saved the
// highest UID of an interrupted first pass lost 82,000 messages (reliability.md, I2).
func (v *visit) raiseFloor(b *box) error {
	if b.listing.Drains || v.phase != phaseFresh {
		return nil
	}
	n, err := v.settledHead(b)
	if err != nil {
		return err
	}
	row := b.row
	row.Validity = b.listing.Validity
	switch {
	case !b.listing.Stable:
		row.Floor, row.Head = uint32(n), headOf(b.items[:n])
	case n > 0:
		row.Floor = b.items[n-1].Num
	default:
		row.Floor = b.from.UID
	}
	if b.whole {
		row.Full = v.now()
	}
	if row == b.row {
		return nil
	}
	b.row = row
	return v.commit(row)
}

// settledHead counts the items of a listing before the first one that is still to
// be dealt with.
func (v *visit) settledHead(b *box) (n int, err error) {
	n = b.head
	for some := range slices.Chunk(b.rest(), 500) {
		known, err := v.c.Ledger.Lookup(v.hard, b.row.ID, keys(some))
		if err != nil {
			return 0, err
		}
		for _, it := range some {
			if !b.passes(known[it.Key].State) {
				return n, nil
			}
			n++
		}
	}
	return n, nil
}

// passes reports whether the floor may rise above a message in this state. One
// that is too large is looked for again when the folder is listed whole; where it
// always is, max_size may be raised at any time.
func (b *box) passes(s ledger.State) bool {
	return s.Terminal() || s == ledger.TooLarge && b.listing.Stable
}

// knownHead returns how many items at the head of a listing without UIDs are known
// to be settled: those below the floor, if they are the same as when it was raised.
func (b *box) knownHead() int {
	n := int(b.row.Floor)
	if b.listing.Stable || b.listing.Drains || b.whole || n > len(b.items) || headOf(b.items[:n]) != b.row.Head {
		return 0
	}
	return n
}

// headOf digests the keys of items, in their order; of none it is zero.
func headOf(items []fetch.Item) (sum [16]byte) {
	if len(items) == 0 {
		return sum
	}
	hash := sha256.New()
	w := bufio.NewWriter(hash)
	for _, it := range items {
		w.WriteString(it.Key)
		w.WriteByte('\n')
	}
	w.Flush()
	copy(sum[:], hash.Sum(nil))
	return sum
}
