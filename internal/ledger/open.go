package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"mailrill/internal/fsx"
)

// A Ledger is an open state folder. It is safe for concurrent use.
type Ledger struct {
	dir   string
	fs    fsx.FS
	lock  *os.File // nil when it is read only
	disk  *health
	read  pool
	write *writer // nil when it is read only
	close func() error

	backup  sync.Mutex // held while one is made
	reserve reserve
}

// Open opens the state in dir for reading and writing, and makes it when there
// is none. It brings an older state up to date, after it has put a copy beside
// it, and checks its structure. It removes nothing. The folder stays locked until
// Close or the end of the process.
//
// Errors: ErrLocked, ErrNewer, ErrCorrupt, or the disk's.
func Open(dir string) (*Ledger, error) { return OpenFS(dir, fsx.FS{}) }

// OpenFS is Open on the file system of a test. Its Fault is asked about the files
// that SQLite does not make, and as "commit" and "committed" around each COMMIT;
// what it says to the latter changes nothing, for then the changes are durable.
func OpenFS(dir string, fs fsx.FS) (*Ledger, error) { return open(dir, fs, migrations) }

func open(dir string, fs fsx.FS, steps []string) (*Ledger, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := fs.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("make state folder: %w", err)
	}
	l := newLedger(dir, fs)
	if l.lock, err = lock(filepath.Join(dir, "lock")); err != nil {
		return nil, fmt.Errorf("lock state folder %s: %w", dir, err)
	}
	if err := l.start(context.Background(), steps); err != nil {
		l.Close()
		return nil, fmt.Errorf("open state %s: %w", l.path(), err)
	}
	return l, nil
}

func newLedger(dir string, fs fsx.FS) *Ledger {
	l := &Ledger{dir: dir, fs: fs, disk: new(health)}
	l.close = sync.OnceValue(l.shut)
	return l
}

func (l *Ledger) path() string { return filepath.Join(l.dir, "ledger.db") }

// lock takes the kernel's lock on the file at path, which is never removed: a
// second process could then lock another file of the same name.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, ErrLocked
	}
	return nil, err
}

func (l *Ledger) start(ctx context.Context, steps []string) error {
	if err := l.create(); err != nil {
		return err
	}
	db, err := connect(l.path(), toWrite, 1)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		err = l.prepare(ctx, conn, steps)
	}
	if err != nil {
		if conn != nil {
			conn.Close()
		}
		db.Close()
		if err = translate(err); resultCode(err) == sqlite3.SQLITE_IOERR && l.diskFull() {
			return full(err)
		}
		return err
	}
	l.write = l.startWriter(db, conn)
	return l.openPool(toRead)
}

func (l *Ledger) openPool(m mode) (err error) {
	l.read.disk = l.disk
	l.read.DB, err = connect(l.path(), m, 4)
	return err
}

// create makes an empty database file, for SQLite would make it readable to all.
func (l *Ledger) create() error {
	file, err := l.fs.Create(l.path())
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return l.fs.SyncDir(l.dir)
}

// A mode is what connections are for.
type mode int

// Even to read, SQLite makes files beside the database, and only a connection
// that might write takes them away again when it is the last one. So a Ledger
// that only looks on has such connections; what writes asks for a writer first.
const (
	toRead  mode = iota // beside a connection of this process that writes
	toWrite             // the one that writes
	toLook              // to read, with no other connection in this process
)

// connect opens a pool of connections. Never open the database file by os.Open
// beside it: closing that would drop SQLite's POSIX locks on it.
func connect(path string, m mode, connections int) (*sql.DB, error) {
	q := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "foreign_keys(1)", "trusted_schema(0)",
	}}
	switch m {
	case toRead:
		q["mode"] = []string{"ro"}
	case toWrite:
		// FULL: the WAL is synced at each commit, before Commit returns.
		q["_pragma"] = append(q["_pragma"], "journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(4194304)")
	}
	c, err := sqlite.NewConnector("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(connections)
	return db, nil
}

// prepare checks the database and brings its schema up to date.
func (l *Ledger) prepare(ctx context.Context, conn *sql.Conn, steps []string) error {
	v, err := version(ctx, conn)
	if err != nil {
		return err
	}
	if v > int64(len(steps)) {
		return fmt.Errorf("%w (version %d, not %d)", ErrNewer, v, len(steps))
	}
	result, _, err := one(ctx, conn, scanText, `PRAGMA quick_check(1)`)
	if err != nil {
		return err
	}
	if result != "ok" {
		return fmt.Errorf("%w: %s", ErrCorrupt, strings.TrimSpace(result))
	}
	return l.migrate(ctx, conn, v, steps)
}

// OpenReadOnly opens the state in dir to look at it, also while another process
// writes to it. Without a state its error is fs.ErrNotExist.
func OpenReadOnly(dir string) (*Ledger, error) { return openReadOnly(dir, migrations) }

func openReadOnly(dir string, steps []string) (*Ledger, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	l := newLedger(dir, fsx.FS{})
	if _, err := os.Stat(l.path()); err != nil {
		return nil, err
	}
	if err := l.openPool(toLook); err != nil {
		return nil, err
	}
	if err := l.current(context.Background(), steps); err != nil {
		l.read.Close()
		return nil, fmt.Errorf("open state %s: %w", l.path(), err)
	}
	return l, nil
}

// current returns nil if the state can be read as it is.
func (l *Ledger) current(ctx context.Context, steps []string) error {
	v, err := version(ctx, &l.read)
	switch want := int64(len(steps)); {
	case err != nil:
		return err
	case v == 0: // its first Open has not come to its end
		return fs.ErrNotExist
	case v > want:
		return fmt.Errorf("%w (version %d, not %d)", ErrNewer, v, want)
	case v < want:
		return fmt.Errorf("its version is %d, not %d: the next run brings it up to date", v, want)
	}
	return nil
}

// Close waits for the commits under way, closes the state and unlocks its folder.
// It may be called again.
func (l *Ledger) Close() error { return l.close() }

func (l *Ledger) shut() error {
	var errs []error
	if l.read.DB != nil {
		errs = append(errs, l.read.Close())
	}
	if l.write != nil { // last, so that SQLite puts the log into the database and removes it
		errs = append(errs, l.write.close())
	}
	if l.lock != nil {
		errs = append(errs, l.lock.Close())
	}
	return errors.Join(errs...)
}
