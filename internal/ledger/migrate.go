package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"

	"mailrill/internal/fsx"
)

// migrations holds the steps of the schema: the statement at index n leads from
// version n to n+1. A step that was released is never edited; a change of the
// schema is a further step. The version lies in SQLite's user_version, which
// changes in the same transaction as the tables.
var migrations = []string{schema1, schema2, schema3, schema4, schema5}

// schema1 has a table for each of our records, each with its checksum. Times
// are milliseconds, 0 for none; texts are "" for none. A message is clustered by
// its key, so that a folder is read in one sweep; the indexes are partial, so
// that they cost nothing for the many rows that are done.
const schema1 = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE account (
	id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, birth TEXT NOT NULL UNIQUE,
	pass_at INTEGER NOT NULL, pass_ok INTEGER NOT NULL, class TEXT NOT NULL, text TEXT NOT NULL,
	hint TEXT NOT NULL, url TEXT NOT NULL, failures INTEGER NOT NULL, next_try INTEGER NOT NULL,
	sum INTEGER NOT NULL
) STRICT;

CREATE TABLE folder (
	id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES account, name TEXT NOT NULL,
	looked INTEGER NOT NULL, validity INTEGER NOT NULL, floor INTEGER NOT NULL, full_at INTEGER NOT NULL,
	sum INTEGER NOT NULL, UNIQUE (account, name)
) STRICT;

CREATE TABLE destination (
	name TEXT PRIMARY KEY, mark TEXT NOT NULL, known INTEGER NOT NULL, verifiable INTEGER NOT NULL,
	sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE adopted (
	id TEXT PRIMARY KEY, receipt TEXT NOT NULL, destination TEXT NOT NULL,
	sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
	folder INTEGER NOT NULL REFERENCES folder, key TEXT NOT NULL, state INTEGER NOT NULL,
	id TEXT NOT NULL, size INTEGER NOT NULL, header BLOB NOT NULL, message INTEGER NOT NULL,
	same INTEGER NOT NULL, attempts INTEGER NOT NULL, begun INTEGER NOT NULL, at INTEGER NOT NULL,
	next_try INTEGER NOT NULL, mark TEXT NOT NULL, receipt TEXT NOT NULL, action TEXT NOT NULL,
	due INTEGER NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY (folder, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_id ON message (id) WHERE id <> '';
CREATE INDEX message_same ON message (same) WHERE same <> 0;
CREATE INDEX message_doubt ON message (at) WHERE state = 5;
CREATE INDEX message_failed ON message (folder) WHERE state = 3;
CREATE INDEX message_due ON message (folder, due) WHERE state = 6 AND action <> '';
`

// schema2 adds Folder.Head.
const schema2 = `ALTER TABLE folder ADD COLUMN head BLOB;`

// schema3 adds Traffic.
const schema3 = `
CREATE TABLE traffic (
	login TEXT NOT NULL, hour INTEGER NOT NULL, octets INTEGER NOT NULL,
	sum INTEGER NOT NULL, PRIMARY KEY (login, hour)
) STRICT, WITHOUT ROWID;
`

// schema4 adds Pass.Refused.
const schema4 = `ALTER TABLE account ADD COLUMN refused INTEGER;`

// schema5 adds Traffic.Messages and Note.
const schema5 = `
ALTER TABLE traffic ADD COLUMN messages INTEGER;
CREATE TABLE note (
	name TEXT PRIMARY KEY, text TEXT NOT NULL,
	sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`

// version returns the schema version of the database, 0 for an empty one.
func version(ctx context.Context, q querier) (int64, error) {
	v, _, err := one(ctx, q, scanInt, `PRAGMA user_version`)
	if err != nil {
		return 0, err
	}
	tables, _, err := one(ctx, q, scanInt, `SELECT count(*) FROM sqlite_schema`)
	if err != nil {
		return 0, err
	}
	if v < 0 || (v == 0) != (tables == 0) {
		return 0, fmt.Errorf("%w: version %d with %d tables", ErrCorrupt, v, tables)
	}
	return v, nil
}

// migrate brings the schema from version v to that of steps, in one transaction,
// after it has put a copy of the state beside it.
func (l *Ledger) migrate(ctx context.Context, conn *sql.Conn, v int64, steps []string) error {
	if v == int64(len(steps)) {
		return nil
	}
	if v > 0 {
		if err := vacuumInto(ctx, conn, l.fs, filepath.Join(l.dir, fmt.Sprintf("ledger.v%d", v))); err != nil {
			return fmt.Errorf("copy the state before its migration: %w", err)
		}
	}
	script := "BEGIN IMMEDIATE;"
	for _, step := range steps[v:] {
		script += step
	}
	script += fmt.Sprintf("PRAGMA user_version = %d; COMMIT;", len(steps))
	if _, err := conn.ExecContext(ctx, script); err != nil {
		_, _ = conn.ExecContext(ctx, "ROLLBACK") // fails where SQLite has done it
		return fmt.Errorf("migrate the state from version %d: %w", v, translate(err))
	}
	return nil
}

// vacuumInto writes a compact copy of the database to path, durably: path is
// whole or not there. A copy that was there before is replaced.
func vacuumInto(ctx context.Context, db interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, fs fsx.FS, path string) (err error) {
	temp := path + ".new"
	if err := removeIfThere(fs, temp); err != nil {
		return err
	}
	// SQLite takes an empty file, and so its mode is ours.
	file, err := fs.Create(temp)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO ?`, temp)
	err = finish(fs, file, translate(err), temp, path)
	if err != nil {
		return err
	}
	return fs.SyncDir(filepath.Dir(path))
}
