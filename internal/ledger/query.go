package ledger

import (
	"context"
	"time"
)

const (
	selectRow = `SELECT ` + rowColumns + `, sum FROM message`
	// The "+" keeps SQLite from sweeping whole folders instead of a partial index.
	ofAccount  = ` +folder IN (SELECT id FROM folder WHERE account = ?) `
	settledNow = ` state IN (6, 7, 8) ` // as State.Settled says
)

// The queries of every pass. Each repeats the condition of the partial index that
// serves it, without which SQLite may not use it.
const (
	rowByKey    = selectRow + ` WHERE folder = ? AND key = ?`
	rowsByKey   = selectRow + ` WHERE folder = ? AND key IN (%s)`
	nextRows    = selectRow + ` WHERE folder = ? AND key > ? ORDER BY key LIMIT 500`
	rowsByID    = selectRow + ` WHERE id = ? AND id <> '' ORDER BY folder, key`
	settledByID = selectRow + ` WHERE id IN (%s) AND id <> '' AND` + settledNow
	settledSame = selectRow + ` WHERE` + ofAccount + `AND same IN (%s) AND same <> 0 AND` + settledNow
	doubts      = selectRow + ` WHERE state = 5 AND` + ofAccount + `ORDER BY at, folder, key`
	failedRows  = selectRow + ` INDEXED BY message_failed WHERE state = 3 AND folder = ?`
	dueRows     = selectRow + ` WHERE folder = ? AND state = 6 AND action <> '' AND due <= ?`
	adoptedByID = `SELECT ` + adoptedColumns + `, sum FROM adopted WHERE id IN (%s)`
)

// Brief is what decides whether a message is wanted.
type Brief struct {
	State    State
	NextTry  time.Time
	Attempts int
	Size     int64
}

// Lookup returns what is known of keys; those without a row are absent. A key
// costs about as much as a row in a scan of the whole folder, so there is none.
func (l *Ledger) Lookup(ctx context.Context, folder int64, keys []string) (map[string]Brief, error) {
	found := make(map[string]Brief)
	err := eachIn(ctx, &l.read, scanRow, func(r Row) {
		found[r.Key] = Brief{r.State, r.NextTry, r.Attempts, r.Size}
	}, keys, rowsByKey, folder)
	return found, err
}

// Get returns the row with that key, and whether there is one.
func (l *Ledger) Get(ctx context.Context, folder int64, key string) (Row, bool, error) {
	return one(ctx, &l.read, scanRow, rowByKey, folder, key)
}

// ByID returns the rows with that ID, in any state and of any folder.
func (l *Ledger) ByID(ctx context.Context, id string) ([]Row, error) {
	return list(ctx, &l.read, scanRow, rowsByID, id)
}

// Found is what is known of a message by its ID: a settled row, or an adopted copy.
type Found struct {
	State   State // Delivered, Finished or Held; Delivered when Adopted
	Receipt string
	Adopted bool // no row tells of it, but a copy was found at a destination
}

// Settled returns what is known of ids; those that are not settled are absent. A
// row of a delivered message counts before an adopted copy, and that before a row
// in the hold: a held message may have arrived when its delivery was tried again.
func (l *Ledger) Settled(ctx context.Context, ids []string) (map[string]Found, error) {
	found := make(map[string]Found)
	err := eachIn(ctx, &l.read, scanAdopted, func(a Adopted) {
		found[a.ID] = Found{Delivered, a.Receipt, true}
	}, ids, adoptedByID)
	if err != nil {
		return nil, err
	}
	err = eachIn(ctx, &l.read, scanRow, func(r Row) {
		if old, known := found[r.ID]; !known || old.State == Held || old.Adopted && r.State != Held {
			found[r.ID] = Found{State: r.State, Receipt: r.Receipt}
		}
	}, ids, settledByID)
	return found, err
}

// SameAs returns, for those ids that the source gives to a message in every
// folder it appears in (Row.Same), a settled row of the account, a delivered one
// before one in the hold.
func (l *Ledger) SameAs(ctx context.Context, account int64, same []uint64) (map[uint64]Row, error) {
	ids := make([]int64, len(same))
	for i, s := range same {
		ids[i] = int64(s)
	}
	found := make(map[uint64]Row)
	err := eachIn(ctx, &l.read, scanRow, func(r Row) {
		if old, known := found[r.Same]; !known || old.State == Held {
			found[r.Same] = r
		}
	}, ids, settledSame, account)
	return found, err
}

// Doubts returns the account's rows in Intent, the oldest first.
func (l *Ledger) Doubts(ctx context.Context, account int64) ([]Row, error) {
	return list(ctx, &l.read, scanRow, doubts, account)
}

// Failed returns the rows of a folder in Failed.
func (l *Ledger) Failed(ctx context.Context, folder int64) ([]Row, error) {
	return list(ctx, &l.read, scanRow, failedRows, folder)
}

// Due returns up to limit rows of a folder whose after-action is to be done by
// now, the longest due first.
func (l *Ledger) Due(ctx context.Context, folder int64, now time.Time, limit int) ([]Row, error) {
	return list(ctx, &l.read, scanRow, dueRows+` ORDER BY due, key LIMIT ?`, folder, millis(now), limit)
}

// DueCount returns how many rows Due would give without a limit, by their After.
func (l *Ledger) DueCount(ctx context.Context, folder int64, now time.Time) (map[string]int, error) {
	counts := make(map[string]int)
	err := each(ctx, &l.read, scanRow, func(r Row) { counts[r.After]++ }, dueRows, folder, millis(now))
	return counts, err
}

// Rows calls fn for every row of a folder, in the order of their keys. fn may use
// the ledger; a row that it adds may be left out.
func (l *Ledger) Rows(ctx context.Context, folder int64, fn func(Row) error) error {
	for last := ""; ; {
		page, err := list(ctx, &l.read, scanRow, nextRows, folder, last)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, r := range page {
			if err := fn(r); err != nil {
				return err
			}
		}
		last = page[len(page)-1].Key
	}
}

// Counts returns how many rows of an account are in each state.
func (l *Ledger) Counts(ctx context.Context, account int64) (map[State]int64, error) {
	type count struct{ state, n int64 }
	counts := make(map[State]int64)
	err := each(ctx, &l.read, func(s scanner) (c count, err error) {
		return c, s.Scan(&c.state, &c.n)
	}, func(c count) { counts[State(c.state)] = c.n },
		`SELECT state, count(*) FROM message WHERE`+ofAccount+`GROUP BY state`, account)
	return counts, err
}

// AllCounts is Counts for all accounts, by their IDs, in one sweep: an account's own
// takes as long.
func (l *Ledger) AllCounts(ctx context.Context) (map[int64]map[State]int64, error) {
	type count struct{ account, state, n int64 }
	counts := make(map[int64]map[State]int64)
	err := each(ctx, &l.read, func(s scanner) (c count, err error) {
		return c, s.Scan(&c.account, &c.state, &c.n)
	}, func(c count) {
		if counts[c.account] == nil {
			counts[c.account] = make(map[State]int64)
		}
		counts[c.account][State(c.state)] += c.n
	}, `SELECT f.account, m.state, m.n FROM (SELECT folder, state, count(*) AS n FROM message GROUP BY folder, state) m JOIN folder f ON f.id = m.folder`)
	return counts, err
}

// Traced is a row with the names of where it was collected.
type Traced struct {
	Account string
	Folder  string
	Row
}

// Trace returns the rows with that MessageHash or that ID; 0 and "" match none.
// It reads the whole state.
func (l *Ledger) Trace(ctx context.Context, message int64, id string) ([]Traced, error) {
	rows, err := list(ctx, &l.read, scanRow,
		selectRow+` WHERE (message = ?1 AND ?1 <> 0) OR (id = ?2 AND ?2 <> '') ORDER BY folder, key`, message, id)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return l.named(ctx, rows)
}

// named adds the names of account and folder to rows.
func (l *Ledger) named(ctx context.Context, rows []Row) ([]Traced, error) {
	accounts, err := l.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	type place struct{ account, folder string }
	places := make(map[int64]place)
	for _, a := range accounts {
		folders, err := l.Folders(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		for _, f := range folders {
			places[f.ID] = place{a.Name, f.Name}
		}
	}
	out := make([]Traced, len(rows))
	for i, r := range rows {
		out[i] = Traced{places[r.Folder].account, places[r.Folder].folder, r}
	}
	return out, nil
}
