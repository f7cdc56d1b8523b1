package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"mailrill/internal/fsx"
)

// Backup puts a compact copy of the state into ledger.backup in the state
// folder, at most once a day: it is quietly skipped while the last one is fresh.
// Commits go on meanwhile.
func (l *Ledger) Backup(ctx context.Context, now time.Time) error {
	path := filepath.Join(l.dir, "ledger.backup")
	if l.write == nil {
		return errReadOnly
	}
	if err := l.disk.err(); err != nil {
		return err
	}
	l.backup.Lock() // the second of two finds a fresh one
	defer l.backup.Unlock()
	fresh, err := l.fresh(ctx, path, now)
	if err != nil || fresh {
		return err
	}
	if err := vacuumInto(ctx, &l.read, l.fs, path); err != nil {
		return fmt.Errorf("back up the state: %w", err)
	}
	return l.update(ctx, func(ctx context.Context, tx *tx) error {
		return tx.exec(ctx, `INSERT OR REPLACE INTO meta (name, value) VALUES ('backup', ?)`, millis(now))
	})
}

// fresh reports whether the backup at path is there and less than a day old. A
// backup of the future, by a clock that was wrong, is not fresh.
func (l *Ledger) fresh(ctx context.Context, path string, now time.Time) (bool, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	last, _, err := one(ctx, &l.read, scanInt, `SELECT value FROM meta WHERE name = 'backup'`)
	age := now.Sub(fromMillis(last))
	return age >= 0 && age < 24*time.Hour, err
}

func removeIfThere(fsys fsx.FS, path string) error {
	if err := fsys.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// finish syncs what was written to file, unless writing it failed, and gives it
// its name; else it removes it.
func finish(fsys fsx.FS, file *fsx.File, err error, temp, path string) error {
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = fsys.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
	}
	return err
}

// CopyTo puts a copy of the state into dir, which must not hold one. It is for a
// pass that must change nothing.
func (l *Ledger) CopyTo(ctx context.Context, dir string) error {
	return vacuumInto(ctx, &l.read, l.fs, filepath.Join(dir, "ledger.db"))
}
