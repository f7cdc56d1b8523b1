package collect

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"mailrill/fetch"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// finished is a row whose after-action was done at the source.
type finished struct{ row ledger.Row }

// withAfter notes in a delivered row what is to become of its source copy. It is
// decided at delivery: a later change of the config holds for later mail.
func (p *pass) withAfter(row ledger.Row) ledger.Row {
	if row.State != ledger.Delivered || p.a.After.Do == fetch.Keep || p.a.After.Do == "" {
		return row
	}
	row.After, row.Due = afterText(p.a.After), row.At.Add(p.a.Delay)
	return row
}

// afterText and parseAfter write an after-action as the ledger keeps it.
func afterText(a fetch.AfterAction) string {
	if a.Do == fetch.Move {
		return string(a.Do) + ":" + a.Folder
	}
	return string(a.Do)
}

func parseAfter(s string) fetch.AfterAction {
	do, folder, _ := strings.Cut(s, ":")
	return fetch.AfterAction{Do: fetch.Action(do), Folder: folder}
}

// dueLimit is how many after-actions are done in one session.
const dueLimit = 10_000

// finishAll does the after-actions that are due, when all folders have been
// looked at: what max_delete bounds is the pass, not a folder. They come from the
// ledger, never from the listing: mail that is not ours is not touched.
func (v *visit) finishAll(boxes []*box) error {
	due, err := v.due(boxes)
	if err != nil || len(due) == 0 {
		return err
	}
	bar, err := v.mayRemove(due)
	if err != nil {
		return err
	}
	for _, b := range boxes {
		if len(due[b]) == 0 || v.ctx.Err() != nil {
			continue
		}
		err := v.timed(b, func(b *box) error { return v.finish(b, due[b], bar) })
		if err != nil {
			return err
		}
	}
	return nil
}

// due returns what is due in those folders whose mail was brought without an
// error. A folder that was numbered anew just now waits for the next pass, and so
// does a message of which the destination need not show the copy yet.
func (v *visit) due(boxes []*box) (map[*box][]ledger.Row, error) {
	due := map[*box][]ledger.Row{}
	for _, b := range boxes {
		if !b.looked || b.moved {
			continue
		}
		rows, err := v.c.Ledger.Due(v.hard, b.row.ID, v.c.Now().Add(-v.shownAfter), dueLimit)
		if err != nil {
			return nil, err
		}
		if len(rows) > 0 {
			due[b] = rows
		}
	}
	return due, nil
}

// finish does what is due in a folder, but for what bar forbids.
func (v *visit) finish(b *box, due []ledger.Row, bar bar) error {
	if v.open != b.name {
		validity := b.listing.Validity
		if err := v.enter(b); err != nil {
			return err
		}
		if b.listing.Validity != validity {
			return nil // the keys mean nothing any more; the next look sees to it
		}
	}
	byAfter := map[string][]ledger.Row{}
	for _, r := range due {
		byAfter[r.After] = append(byAfter[r.After], r)
	}
	for after, rows := range byAfter {
		a := parseAfter(after)
		if err := bar[a.Do]; err != nil {
			b.res.Err = err
			continue
		}
		if err := v.finishRows(b, a, rows); err != nil {
			return err
		}
	}
	return nil
}

// A bar says which after-actions must not be done now, and why.
type bar map[fetch.Action]error

// errUnverifiable: a destination that cannot be asked what it has is no reason
// to remove anything.
var errUnverifiable = errors.New("the destination hides the trace line of what it was given, so that it cannot be asked what has arrived: nothing is removed from the source; use after = \"keep\"")

// mayRemove refuses removals that are too many, or that rest on the word of a
// destination that hides its copies.
func (v *visit) mayRemove(due map[*box][]ledger.Row) (bar, error) {
	deletes, removals := 0, []ledger.Row(nil)
	for _, rows := range due {
		for _, r := range rows {
			switch parseAfter(r.After).Do {
			case fetch.Delete:
				deletes++
				removals = append(removals, r)
			case fetch.Move:
				removals = append(removals, r)
			}
		}
	}
	if len(removals) == 0 {
		return nil, nil
	}
	if ok, err := v.verified(removals); err != nil || !ok {
		unverifiable := reply.WithClass(reply.Config, errUnverifiable)
		return bar{fetch.Delete: unverifiable, fetch.Move: unverifiable}, err
	}
	if n := deletes + v.removed; n > v.a.MaxDelete && !v.o.Unlimited {
		return bar{fetch.Delete: reply.WithClass(reply.Config, fmt.Errorf("%d messages are due to be deleted at the source, more than max_delete = %d: none was; `mailrill finish %s` shows them and goes on", n, v.a.MaxDelete, v.a.Name))}, nil
	}
	return nil, nil
}

// finishRows does one kind of after-action.
func (v *visit) finishRows(b *box, a fetch.AfterAction, rows []ledger.Row) error {
	due, byKey := make([]fetch.Due, len(rows)), map[string]ledger.Row{}
	for i, r := range rows {
		due[i] = fetch.Due{Key: r.Key, Size: r.Size, Header: r.Header}
		byKey[r.Key] = r
	}
	done, err := v.session.Finish(v.hard, due, a)
	var fins []finished
	for _, key := range done {
		if row, ok := byKey[key]; ok {
			fins = append(fins, finished{row})
		}
	}
	b.res.SourceDone += len(fins)
	if b.listing.Deferred {
		v.deferred = append(v.deferred, fins...)
	} else if err := v.commitFinished(fins); err != nil {
		return err
	}
	if err != nil {
		return fmt.Errorf("%s at the source: %w", a.Do, err)
	}
	return nil
}

// commitFinished records after-actions that are proved.
func (p *pass) commitFinished(fins []finished) error {
	cs := make([]ledger.Change, len(fins))
	for i, f := range fins {
		if parseAfter(f.row.After).Do == fetch.Delete {
			p.removed++
		}
		f.row.State, f.row.At, f.row.Due = ledger.Finished, p.now(), time.Time{}
		cs[i] = f.row
	}
	if len(cs) == 0 {
		return nil
	}
	return p.commit(cs...)
}
