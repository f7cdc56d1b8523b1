package collect

import (
	"fmt"
	"time"

	"mailrill/fetch"
	"mailrill/internal/ledger"
)

// When a server has numbered its messages anew (another UIDVALIDITY, other
// UIDLs), every key is unknown and none of the old ones means anything. To
// retrieve all of it again and compare the octets is always safe, and needs the
// whole mailbox over the line. So the headers are looked at first: a message
// whose listed size and telling header are those of exactly one message that has
// vanished, and of no other that is new, is that message.

// moveFloor is how many unknown messages make it worth a look whether a POP3
// server has changed its UIDLs. Fewer are cheap to retrieve.
const moveFloor = 10

// A fingerprint is what two listings of one message have in common.
type fingerprint struct {
	size   int64
	header [16]byte
}

// A move is what a folder's rows say of the time before it was numbered anew.
type move struct {
	vanished  map[fingerprint][]ledger.Row
	rows      int       // that are not listed any more
	firstLook time.Time // when the old mail was left alone; zero: none was
	due       []ledger.Row
}

// recognise gives the messages of a folder that was numbered anew their rows
// again. It is done before anything is wanted, and before anything else is
// written: a crash in the middle begins it anew.
func (v *visit) recognise(b *box) error {
	if v.phase != phaseFresh || v.o.DryRun || !b.row.Looked {
		return nil
	}
	unknown := b.unknown()
	if !b.moved && !b.mayHaveMoved(unknown) {
		return nil
	}
	m, err := v.readMove(b)
	if err != nil || !b.moved && 2*m.rows < len(unknown) {
		return err
	}
	v.log.Warn("the server has numbered the folder anew; its messages are compared with what was delivered", "folder", b.name, "messages", len(unknown))
	b.moved = true
	changes, err := v.match(b, m, unknown)
	if err != nil {
		return err
	}
	old, err := v.oldMail(b, m)
	if err != nil {
		return err
	}
	// The old keys are dead: nothing can be done at the source by them.
	for _, r := range m.due {
		r.After, r.Due = "", time.Time{}
		changes = append(changes, r)
	}
	b.row.Validity, b.row.Floor = b.listing.Validity, 0
	return v.commit(append(append(changes, old...), b.row)...)
}

// unknown returns the listed messages without a row.
func (b *box) unknown() (items []fetch.Item) {
	for _, it := range b.rest() {
		if b.known[it.Key].State == ledger.None {
			items = append(items, it)
		}
	}
	return items
}

// mayHaveMoved reports whether so much of a POP3 listing is unknown that its
// UIDLs may have changed. A listing that shows a part proves nothing.
func (b *box) mayHaveMoved(unknown []fetch.Item) bool {
	return !b.listing.Stable && !b.listing.Partial && len(unknown) >= moveFloor && 2*len(unknown) > len(b.items)
}

// readMove reads the rows whose keys are no longer listed.
func (v *visit) readMove(b *box) (*move, error) {
	m := &move{vanished: map[fingerprint][]ledger.Row{}}
	listed := map[string]bool{}
	for _, it := range b.items {
		listed[it.Key] = true
	}
	return m, v.c.Ledger.Rows(v.hard, b.row.ID, func(r ledger.Row) error {
		if listed[r.Key] || r.State == ledger.Finished {
			return nil
		}
		m.rows++
		if r.State == ledger.Seen && r.Receipt == oldMail && (m.firstLook.IsZero() || r.At.Before(m.firstLook)) {
			m.firstLook = r.At
		}
		if r.State == ledger.Delivered && r.After != "" {
			m.due = append(m.due, r)
		}
		if r.State.Terminal() && r.Header != ([16]byte{}) {
			fp := fingerprint{r.Size, r.Header}
			m.vanished[fp] = append(m.vanished[fp], r)
		}
		return nil
	})
}

// match finds the unknown messages whose header tells which they are.
func (v *visit) match(b *box, m *move, unknown []fetch.Item) (changes []ledger.Change, err error) {
	peeker, ok := v.session.(fetch.Peeker)
	if !ok || len(m.vanished) == 0 {
		return nil, nil
	}
	candidates := map[fingerprint][]fetch.Item{}
	err = peeker.Peek(v.hard, unknown, func(it fetch.Item, header [16]byte, telling bool) {
		if telling {
			fp := fingerprint{it.Size, header}
			candidates[fp] = append(candidates[fp], it)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("%w %s: compare headers: %w", errFolder, b.name, err)
	}
	for fp, items := range candidates {
		rows := m.vanished[fp]
		if len(items) != 1 || len(rows) != 1 {
			continue
		}
		r := rows[0]
		r.Key, r.Same = items[0].Key, items[0].Same
		b.known[r.Key] = ledger.Brief{State: r.State, Size: r.Size}
		changes = append(changes, r)
		b.res.AlreadyThere++
	}
	return changes, nil
}

// oldMail marks again what was left alone at the first look, as far as dates
// tell it: all that arrived before then, or before the day that was asked for.
func (v *visit) oldMail(b *box, m *move) (changes []ledger.Change, err error) {
	before := m.firstLook
	if v.a.Backlog.Kind == BacklogSince {
		before = v.a.Backlog.Since
	}
	dater, ok := v.session.(fetch.Dater)
	if !ok || m.firstLook.IsZero() || v.a.Backlog.Kind != BacklogNew && v.a.Backlog.Kind != BacklogSince {
		return nil, nil
	}
	err = dater.Dates(v.hard, b.unknown(), func(it fetch.Item, meta fetch.Meta) {
		if !meta.Received.IsZero() && meta.Received.Before(before) {
			r := v.row(b, it, ledger.Seen, oldMail)
			b.known[it.Key] = ledger.Brief{State: r.State}
			changes = append(changes, r)
			b.res.SkippedBacklog++
		}
	})
	if err != nil {
		return nil, fmt.Errorf("%w %s: ask for arrival dates: %w", errFolder, b.name, err)
	}
	return changes, nil
}
