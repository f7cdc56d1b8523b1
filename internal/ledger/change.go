package ledger

import (
	"context"
	"fmt"

	"mailrill/internal/reply"
)

// A Change is one thing that Commit makes durable: a Row, Folder, Destination,
// PassOf, Adopted, Traffic, Note or Remove.
type Change interface {
	apply(ctx context.Context, tx *tx) error
}

// PassOf is the outcome of a pass of an account.
type PassOf struct {
	Account int64
	Pass    Pass
}

// Adopted is a copy with an ID of ours that was found at a destination and that
// no row tells of: the state was lost, or another mailrill delivered it.
type Adopted struct {
	ID          string
	Receipt     string
	Destination string
}

// Remove forgets one row. It is no error when there is none.
type Remove struct {
	Folder int64
	Key    string
}

const (
	putRow         = `INSERT OR REPLACE INTO message (` + rowColumns + `, sum) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`
	setFolder      = `UPDATE folder SET (` + folderColumns + `, sum) = (?,?,?,?,?,?,?,?,?) WHERE id = ?`
	setAccount     = `UPDATE account SET (` + accountColumns + `, sum) = (?,?,?,?,?,?,?,?,?,?,?,?,?) WHERE id = ?`
	putDestination = `INSERT OR REPLACE INTO destination (` + destinationColumns + `, sum) VALUES (?,?,?,?,?)`
	putAdopted     = `INSERT OR REPLACE INTO adopted (` + adoptedColumns + `, sum) VALUES (?,?,?,?)`
	removeRow      = `DELETE FROM message WHERE folder = ? AND key = ?`
)

// apply puts the row in the place of the one with its key, if there is one. Of
// a settled row it keeps what can still be asked for, nothing else: see shorten.
func (r Row) apply(ctx context.Context, tx *tx) error {
	if r.Key == "" || r.State < Seen || r.State > Lost {
		return bug("row %q of folder %d in state %d", r.Key, r.Folder, r.State)
	}
	r.shorten()
	return tx.exec(ctx, putRow, summed(r.columns())...)
}

// receiptLimit is how long a receipt may be, in octets, to stay in a tombstone.
const receiptLimit = 48

// shorten drops what a settled message needs no more. Rows are never removed, so
// their size is the size of the state after years.
func (r *Row) shorten() {
	if r.State.Settled() {
		r.Mark = ""
	}
	if r.State != Finished {
		return
	}
	*r = Row{
		Folder: r.Folder, Key: r.Key, State: r.State, ID: r.ID, Size: r.Size,
		Message: r.Message, Same: r.Same, At: r.At, Receipt: r.Receipt,
	}
	if len(r.Receipt) > receiptLimit {
		r.Receipt = ""
	}
}

// apply updates the folder with this ID.
func (f Folder) apply(ctx context.Context, tx *tx) error {
	return tx.update(ctx, "folder", setFolder, append(summed(f.columns()), f.ID)...)
}

// apply puts what is known of the destination in the place of what was.
func (d Destination) apply(ctx context.Context, tx *tx) error {
	return tx.exec(ctx, putDestination, summed(d.columns())...)
}

func (p PassOf) apply(ctx context.Context, tx *tx) error {
	a, found, err := one(ctx, tx.conn, scanAccount, accountByID, p.Account)
	if err != nil {
		return err
	}
	if !found {
		return bug("pass of account %d, which does not exist", p.Account)
	}
	a.Pass = p.Pass
	return tx.update(ctx, "account", setAccount, append(summed(a.columns()), a.ID)...)
}

func (a Adopted) apply(ctx context.Context, tx *tx) error {
	if a.ID == "" {
		return bug("adopted copy without an ID")
	}
	return tx.exec(ctx, putAdopted, summed(a.columns())...)
}

func (r Remove) apply(ctx context.Context, tx *tx) error {
	return tx.exec(ctx, removeRow, r.Folder, r.Key)
}

// bug is the error of a change that no caller may ask for.
func bug(format string, args ...any) error {
	return reply.WithClass(reply.Bug, fmt.Errorf("ledger: bad change: "+format, args...))
}
