package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"mailrill/internal/reply"
)

// Commit makes changes durable, all or none, and returns when they are: after a
// nil they survive a power cut, after an error none of them was made. Calls at
// the same time share one transaction and one fsync.
//
// An end of ctx is heeded only until the writer has taken the changes. A full
// disk (class full) is rolled back, and Commit may be called again. After any
// other error of the disk the Ledger answers ErrBroken for good.
func (l *Ledger) Commit(ctx context.Context, changes ...Change) error {
	if len(changes) == 0 {
		return l.disk.err()
	}
	return l.update(ctx, func(ctx context.Context, tx *tx) error {
		for _, c := range changes {
			if err := c.apply(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// A request is one call's part of a transaction. do may run twice: once more,
// alone, after a group in which something went wrong was rolled back.
type request struct {
	do     func(context.Context, *tx) error
	result chan error
}

var errReadOnly = fmt.Errorf("change the state: it is open for reading only: %w", fs.ErrPermission)

// update has the writer run do in a transaction and waits until it is durable.
func (l *Ledger) update(ctx context.Context, do func(context.Context, *tx) error) error {
	if l.write == nil {
		return errReadOnly
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r := request{do, make(chan error, 1)}
	select {
	case l.write.requests <- r:
		return <-r.result
	case <-l.write.quit:
		return fmt.Errorf("change the state: %w", fs.ErrClosed)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// groupLimit bounds the calls that share a transaction.
const groupLimit = 512

// A writer is the one goroutine that changes the database.
type writer struct {
	db       *sql.DB
	tx       *tx
	disk     *health
	full     func() bool
	ask      func(op string) error // fsx.FS.Ask
	requests chan request
	quit     chan struct{}
	done     chan struct{}
}

func (l *Ledger) startWriter(db *sql.DB, conn *sql.Conn) *writer {
	w := &writer{
		db: db, tx: &tx{conn, map[string]*sql.Stmt{}}, disk: l.disk, full: l.diskFull,
		ask:      func(op string) error { return l.fs.Ask(op, l.path()) },
		requests: make(chan request), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go w.run()
	return w
}

func (w *writer) close() error {
	close(w.quit)
	<-w.done
	return errors.Join(w.tx.close(), w.db.Close())
}

func (w *writer) run() {
	defer close(w.done)
	for {
		select {
		case r := <-w.requests:
			w.commit(w.gather(r))
		case <-w.quit:
			return
		}
	}
}

// gather adds to first those that wait already: while one transaction is synced
// the calls for the next one pile up.
func (w *writer) gather(first request) []request {
	group := []request{first}
	for len(group) < groupLimit {
		select {
		case r := <-w.requests:
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}

// commit makes the group durable. When something is wrong with one call its
// transaction is undone, and each is tried alone, so that it spoils no other.
func (w *writer) commit(group []request) {
	err := w.transact(group...)
	for _, r := range group {
		if err != nil && len(group) > 1 {
			r.result <- w.transact(r)
		} else {
			r.result <- err
		}
	}
}

func (w *writer) transact(group ...request) error {
	ctx := context.Background() // what was taken is brought to its end
	err := w.disk.err()
	if err == nil {
		err = w.tx.exec(ctx, "BEGIN IMMEDIATE")
	}
	for _, r := range group {
		if err == nil {
			err = r.do(ctx, w.tx)
		}
	}
	if err == nil {
		err = w.ask("commit")
	}
	if err == nil {
		err = w.tx.exec(ctx, "COMMIT")
	}
	if err == nil {
		_ = w.ask("committed")
		return nil
	}
	// It fails where SQLite has rolled back by itself (a full disk, an I/O error)
	// or has not begun; there is nothing more to undo then.
	_ = w.tx.exec(ctx, "ROLLBACK")
	return w.judge(err)
}

// judge breaks the ledger after an error of the disk: what a failed fsync has
// left is unknown, and a second one would report success without having written
// (Rebello et al., USENIX ATC 2020). A full disk is no such error.
func (w *writer) judge(err error) error {
	if resultCode(err) != sqlite3.SQLITE_IOERR {
		return err
	}
	if w.full() {
		return full(err)
	}
	return w.disk.fail(err)
}

// full is an error of a full disk that SQLite does not call so.
func full(err error) error {
	return reply.WithClass(reply.Full, fmt.Errorf("the disk is full: %w", err))
}

// diskFull reports whether the disk takes no more. SQLite hands on ENOSPC as a
// code of its own, but not EDQUOT (a user's quota), nor what shared memory or a
// network file system say; so the disk is asked with a file that is gone at once.
func (l *Ledger) diskFull() bool {
	file, err := l.fs.Temp(l.dir)
	if err == nil {
		_, err = file.Write(make([]byte, 256<<10))
		err = errors.Join(err, file.Sync(), file.Close())
	}
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// health remembers the error that broke the ledger.
type health struct{ failed atomic.Pointer[error] }

func (h *health) err() error {
	if err := h.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (h *health) fail(err error) error {
	err = fmt.Errorf("%w: %w", ErrBroken, err)
	h.failed.CompareAndSwap(nil, &err)
	return h.err()
}

// tx is the writer's connection within a transaction.
type tx struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt // prepared, by their text; all are constants
}

func (t *tx) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.affect(ctx, query, args...)
	return err
}

// update is exec for a statement that has to change one record.
func (t *tx) update(ctx context.Context, table, query string, args ...any) error {
	n, err := t.affect(ctx, query, args...)
	if err == nil && n != 1 {
		err = bug("no such %s", table)
	}
	return err
}

func (t *tx) affect(ctx context.Context, query string, args ...any) (int64, error) {
	s, ok := t.statements[query]
	if !ok {
		var err error
		if s, err = t.conn.PrepareContext(ctx, query); err != nil {
			return 0, translate(err)
		}
		t.statements[query] = s
	}
	result, err := s.ExecContext(ctx, args...)
	if err != nil {
		return 0, translate(err)
	}
	return result.RowsAffected()
}

func (t *tx) close() error {
	var errs []error
	for _, s := range t.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, t.conn.Close())...)
}

// translate gives an error of SQLite the class that users see, and makes damage
// ErrCorrupt.
func translate(err error) error {
	if _, done := errors.AsType[reply.Classed](err); done {
		return err
	}
	switch resultCode(err) {
	case sqlite3.SQLITE_FULL:
		return reply.WithClass(reply.Full, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR:
		// ERROR is a statement that it does not understand. Ours are constants, so
		// it is the schema that is damaged: a flipped bit in the name of a column.
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return reply.WithClass(reply.IO, err)
	}
	return err
}

// resultCode returns SQLite's primary result code of err, 0 if it has none.
func resultCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}
