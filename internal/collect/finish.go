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

// finish does the after-actions that are due in a folder. They come from the
// ledger, never from the listing: mail that is not ours is not touched.
func (v *visit) finish(b *box) error {
	due, err := v.c.Ledger.Due(v.hard, b.row.ID, v.c.Now(), dueLimit)
	if err != nil || len(due) == 0 {
		return err
	}
	byAfter := map[string][]ledger.Row{}
	for _, r := range due {
		byAfter[r.After] = append(byAfter[r.After], r)
	}
	if err := v.mayRemove(byAfter); err != nil {
		b.res.Err = err
		delete(byAfter, string(fetch.Delete))
		for after := range byAfter {
			if parseAfter(after).Do == fetch.Move && errors.Is(err, errUnverifiable) {
				delete(byAfter, after)
			}
		}
	}
	for after, rows := range byAfter {
		if err := v.finishRows(b, parseAfter(after), rows); err != nil {
			return err
		}
	}
	return nil
}

// errUnverifiable: a destination that cannot be asked what it has is no reason
// to remove anything.
var errUnverifiable = errors.New("the destination hides the trace line of what it was given, so that it cannot be asked what has arrived: nothing is removed from the source; use after = \"keep\"")

// mayRemove refuses removals that are too many, or that rest on the word of a
// destination that hides its copies.
func (v *visit) mayRemove(due map[string][]ledger.Row) error {
	n := len(due[string(fetch.Delete)])
	if n > v.a.MaxDelete && !v.o.Unlimited {
		return reply.WithClass(reply.Config, fmt.Errorf("%d messages are due to be deleted at the source, more than max_delete = %d: none was; `mailrill finish %s` shows them and goes on", n, v.a.MaxDelete, v.a.Name))
	}
	if v.finder == nil {
		return nil
	}
	d, err := v.c.Ledger.Destination(v.hard, v.a.To)
	if err == nil && d.Verifiable < 0 {
		err = reply.WithClass(reply.Config, errUnverifiable)
	}
	return err
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
		f.row.State, f.row.At, f.row.Due = ledger.Finished, p.now(), time.Time{}
		cs[i] = f.row
	}
	if len(cs) == 0 {
		return nil
	}
	return p.commit(cs...)
}
