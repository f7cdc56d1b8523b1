package collect

import (
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"mailrill/fetch"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// A box is a source folder in one session: what it lists and what is wanted.
type box struct {
	name    string
	looked  bool // the steps before the after-actions are done
	moved   bool // the server has numbered the folder anew
	whole   bool // nothing that an earlier pass has settled is left out
	row     ledger.Folder
	listing fetch.Listing
	into    string       // destination folder
	from    fetch.Cursor // where items begin
	items   []fetch.Item
	head    int // that many items, the first ones, are settled, and not in known
	known   map[string]ledger.Brief
	wanted  []fetch.Item
	drain   []fetch.Item // settled messages to be retrieved again, so that a window moves on
	down    *claim       // what is reserved of the day's limits for what is wanted
	up      *claim
	res     *Result
}

// relist is how often a folder is listed whole although a floor is known:
// servers make messages visible late, and give UIDs below it (QQ, Exchange).
const relist = 24 * time.Hour

// look opens a folder, lists it and decides what is wanted of it in this phase.
func (v *visit) look(b *box) (err error) {
	if b.row, err = v.c.Ledger.Folder(v.hard, v.account.ID, b.name); err != nil {
		return err
	}
	v.intos[b.row.ID], v.folders[b.row.ID] = b.into, b.name
	if err := v.enter(b); err != nil {
		return err
	}
	b.moved = b.row.Validity != 0 && b.row.Validity != b.listing.Validity
	b.whole = b.moved || v.isWholeDue(b.row)
	b.from = b.cursor()
	if b.items, err = v.session.List(v.hard, b.from); err != nil {
		return fmt.Errorf("%w %s: list: %w", errFolder, b.name, err)
	}
	b.head = b.knownHead()
	if b.known, err = v.c.Ledger.Lookup(v.hard, b.row.ID, keys(b.rest())); err != nil {
		return err
	}
	if err := v.sizes(b); err != nil {
		return err
	}
	if err := v.missing(b); err != nil {
		return err
	}
	if err := v.recognise(b); err != nil {
		return err
	}
	if err := v.backlog(b); err != nil {
		return err
	}
	return v.choose(b)
}

// sizes asks for the sizes that a listing has left out, if there is a message
// whose size matters: one that may be retrieved.
func (v *visit) sizes(b *box) error {
	sizer, ok := v.session.(fetch.Sizer)
	settled := func(it fetch.Item) bool { return b.known[it.Key].State.Terminal() }
	if !ok || !b.listing.Drains && !slices.ContainsFunc(b.rest(), func(it fetch.Item) bool { return !settled(it) }) {
		return nil
	}
	if err := sizer.Sizes(v.hard, b.items); err != nil {
		return fmt.Errorf("%w %s: ask for sizes: %w", errFolder, b.name, err)
	}
	return nil
}

// enter opens a folder.
func (v *visit) enter(b *box) (err error) {
	v.open = b.name
	if b.listing, err = v.session.Open(v.hard, b.name); err != nil {
		return fmt.Errorf("%w %s: %w", errFolder, b.name, err)
	}
	return nil
}

func keys(items []fetch.Item) []string {
	ks := make([]string, len(items))
	for i, it := range items {
		ks[i] = it.Key
	}
	return ks
}

// rest returns the items behind the head.
func (b *box) rest() []fetch.Item { return b.items[b.head:] }

// isWholeDue reports whether a folder's floor is not to be believed this time.
func (v *visit) isWholeDue(f ledger.Folder) bool {
	age := v.c.Now().Sub(f.Full)
	return age >= relist || age < 0
}

// cursor is where the listing begins: behind the floor, or at the very start.
func (b *box) cursor() fetch.Cursor {
	if b.whole || !b.listing.Stable {
		return fetch.Cursor{}
	}
	return fetch.Cursor{Validity: b.row.Validity, UID: b.row.Floor}
}

// oldMail is the receipt of messages that were left alone at the first look.
const oldMail = "old mail"

// backlog decides, at the first look at a folder, which of its old mail is
// wanted. What is not gets a row, so that it stays decided.
func (v *visit) backlog(b *box) error {
	if b.row.Looked || v.phase != phaseFresh {
		return nil
	}
	if err := v.a.Backlog.guard(v.a.Name, reply.Clean(b.row.Name)+" holds", b.items); err != nil {
		b.res.Listed += len(b.items) // choose, which counts them, is not reached
		return err
	}
	old, err := v.unwanted(b)
	if err != nil {
		return err
	}
	var changes []ledger.Change
	for _, it := range b.items {
		switch _, known := b.known[it.Key]; {
		case known:
		case old[it.Key]:
			changes = append(changes, v.row(b, it, ledger.Seen, oldMail))
			b.known[it.Key] = ledger.Brief{State: ledger.Seen}
			b.res.SkippedBacklog++
			b.res.New++
		case v.a.BacklogSeen:
			changes = append(changes, v.row(b, it, ledger.Old, ""))
			b.known[it.Key] = ledger.Brief{State: ledger.Old}
			b.res.New++
		}
	}
	b.row.Looked, b.row.Validity = true, b.listing.Validity
	if v.o.DryRun {
		return nil
	}
	return v.commit(append(changes, b.row)...)
}

// unwanted returns the keys of the old mail that is not wanted.
func (v *visit) unwanted(b *box) (map[string]bool, error) {
	old := map[string]bool{}
	if v.a.Backlog.Kind != BacklogSince {
		for _, it := range b.items[:v.a.Backlog.skip(len(b.items))] {
			old[it.Key] = true
		}
		return old, nil
	}
	dater, ok := v.session.(fetch.Dater)
	if !ok {
		return nil, fmt.Errorf("backlog since: the source cannot tell dates")
	}
	err := dater.Dates(v.hard, b.items, func(it fetch.Item, m fetch.Meta) {
		old[it.Key] = !m.Received.IsZero() && m.Received.Before(v.a.Backlog.Since)
	})
	if err != nil {
		return nil, fmt.Errorf("ask for arrival dates: %w", err)
	}
	return old, nil
}

// row returns a fresh row for an item.
func (p *pass) row(b *box, it fetch.Item, s ledger.State, why string) ledger.Row {
	return ledger.Row{Folder: b.row.ID, Key: it.Key, State: s, Size: it.Size, Same: it.Same, At: p.now(), Receipt: why}
}

// choose sorts the listing into what this session retrieves and what it leaves.
func (v *visit) choose(b *box) error {
	same, err := v.sameElsewhere(b)
	if err != nil {
		return err
	}
	var changes []ledger.Change
	if v.phase == phaseFresh && !b.listing.Drains {
		b.res.Listed = max(b.res.Listed, len(b.items))
	}
	for i := b.head; i < len(b.items); i++ {
		it := b.items[i]
		brief := b.known[it.Key]
		first := v.firstSight(b, it)
		if first && b.listing.Drains {
			b.res.Listed++
		}
		if first && brief.State == ledger.None {
			b.res.New++
		}
		if v.phase == phaseFresh && brief.State == ledger.None {
			if twin, ok := same[it.Same]; ok && it.Same != 0 {
				changes = append(changes, v.twin(b, it, twin))
				continue
			}
		}
		if changed := v.sort(b, i, brief, first); changed.Key != "" {
			changes = append(changes, changed)
		}
	}
	if len(changes) == 0 || v.o.DryRun {
		return nil
	}
	v.progress += len(changes)
	return v.commit(changes...)
}

// firstSight reports whether a message that is counted was not counted before in
// this pass.
func (v *visit) firstSight(b *box, it fetch.Item) bool {
	_, counted := v.counted[v.hash(b, it)]
	return v.phase == phaseFresh && !counted
}

// remember keeps that items were counted, where a further session may list them
// in the same state: what it did not reach when it broke, and where windows move on.
func (v *visit) remember(b *box, items ...fetch.Item) {
	for _, it := range items {
		v.counted[v.hash(b, it)] = struct{}{}
	}
}

// hash stands for a message in a set that may hold a million.
func (v *visit) hash(b *box, it fetch.Item) uint64 {
	return maphash.Comparable(v.seed, rowKey{b.row.ID, it.Key})
}

// want adds an item to those that are wanted. While these lie side by side in the
// listing they are a part of it: a second one of a large box would be large too.
func (b *box) want(i int) {
	first := i - len(b.wanted)
	if len(b.wanted) == 0 || &b.wanted[0] == &b.items[first] {
		b.wanted = b.items[first : i+1 : i+1]
		return
	}
	b.wanted = append(b.wanted, b.items[i])
}

// sort puts one item where it belongs; a row is returned when that must be
// remembered. first is whether the message was not listed before in this pass.
func (v *visit) sort(b *box, i int, brief ledger.Brief, first bool) (changed ledger.Row) {
	switch it := b.items[i]; {
	case v.isWanted(b, it, brief):
		if v.tooLarge(it) && !b.listing.Drains {
			if first || brief.State != ledger.TooLarge {
				b.res.SkippedSize++
				v.remember(b, it)
			}
			if brief.State != ledger.TooLarge {
				changed = v.row(b, it, ledger.TooLarge, "larger than max_size")
			}
			return changed
		}
		b.want(i)
		if v.o.DryRun {
			b.res.Bytes += max(it.Size, 0)
		}
	case brief.State == ledger.Failed && brief.Attempts > 0 && v.phase == phaseFresh:
		v.failedDue = v.failedDue || v.isDue(brief.NextTry)
	case b.listing.Drains && brief.State.Terminal() && v.phase == phaseFresh && !v.drained[it.Key]:
		b.drain = append(b.drain, it)
	}
	return changed
}

func (v *visit) tooLarge(it fetch.Item) bool { return v.a.MaxSize > 0 && it.Size > v.a.MaxSize }

// isWanted reports whether an item is this phase's business.
func (v *visit) isWanted(b *box, it fetch.Item, brief ledger.Brief) bool {
	switch brief.State {
	case ledger.None, ledger.Old, ledger.TooLarge, ledger.Lost:
		return v.phase == phaseFresh
	case ledger.Intent:
		return v.phase == phaseDoubt && v.resend[rowKey{b.row.ID, it.Key}]
	case ledger.Failed:
		due := v.isDue(brief.NextTry)
		if brief.Attempts == 0 {
			return due && v.phase == phaseFresh
		}
		return due && v.phase == phaseFailed
	}
	return false
}

// sameElsewhere finds, for messages that the server shows in several folders
// under one id (Gmail's labels), those that have been delivered already.
func (v *visit) sameElsewhere(b *box) (map[uint64]ledger.Row, error) {
	var ids []uint64
	for _, it := range b.rest() {
		if _, known := b.known[it.Key]; !known && it.Same != 0 {
			ids = append(ids, it.Same)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := v.c.Ledger.SameAs(v.hard, v.account.ID, ids)
	if err != nil {
		return nil, err
	}
	for id, r := range rows {
		// The copy counts only if it went where this one would go.
		into, collected := v.intos[r.Folder]
		if r.ID == "" || !collected || into != b.into {
			delete(rows, id)
		}
	}
	return rows, nil
}

// twin joins an item to the row of the same message in another folder.
func (v *visit) twin(b *box, it fetch.Item, of ledger.Row) ledger.Row {
	b.res.AlreadyThere++
	r := v.row(b, it, of.State, of.Receipt)
	r.ID, r.Header, r.Message = of.ID, of.Header, of.Message
	if of.State == ledger.Finished {
		r.State = ledger.Delivered
	}
	return v.withAfter(r)
}
