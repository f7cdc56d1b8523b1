package ledger

import "context"

// A Note is something to be remembered over restarts, in the words of whoever
// remembers it. As a Change it takes the place of the note of its name; without a
// text it is forgotten.
type Note struct {
	Name string
	Text string
}

const (
	noteColumns = `name, text`
	putNote     = `INSERT OR REPLACE INTO note (` + noteColumns + `, sum) VALUES (?,?,?)`
	dropNote    = `DELETE FROM note WHERE name = ?`
)

func (n *Note) columns() []any { return []any{n.Name, n.Text} }

func scanNote(s scanner) (n Note, err error) {
	var sum int64
	if err = s.Scan(&n.Name, &n.Text, &sum); err != nil {
		return n, err
	}
	return n, verify("note", n.columns(), sum)
}

func (n Note) apply(ctx context.Context, tx *tx) error {
	switch {
	case n.Name == "":
		return bug("note without a name")
	case n.Text == "":
		return tx.exec(ctx, dropNote, n.Name)
	}
	return tx.exec(ctx, putNote, summed(n.columns())...)
}

// Notes returns all notes, by name.
func (l *Ledger) Notes(ctx context.Context) ([]Note, error) {
	return list(ctx, &l.read, scanNote, `SELECT `+noteColumns+`, sum FROM note ORDER BY name`)
}
