package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"

	"mailrill/internal/reply"
)

// keyCounter gives each caller another key.
type keyCounter struct{ n atomic.Int64 }

func (c *keyCounter) key() string { return fmt.Sprintf("1375069811/%d", c.n.Add(1)) }

// onCommit has fn called just before each commit of the writer takes effect.
func onCommit(t *testing.T, l *Ledger, fn func()) {
	t.Helper()
	err := l.write.tx.conn.Raw(func(conn any) error {
		conn.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 { fn(); return 0 })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// hold keeps the writer busy, in a transaction of its own, until it is called.
func hold(l *Ledger) (release func()) {
	begun, end := make(chan struct{}), make(chan struct{})
	go l.update(context.Background(), func(context.Context, *tx) error {
		close(begun)
		<-end
		return nil
	})
	<-begun
	return func() { close(end) }
}

// TestGroupCommit has 100 goroutines commit while the writer is busy: they share
// the next transaction.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, f := newFolder(t)
		var transactions atomic.Int64
		onCommit(t, l, func() { transactions.Add(1) })
		release := hold(l)
		errs := make(chan error, 100)
		for i := range cap(errs) {
			go func() {
				errs <- l.Commit(t.Context(), Row{Folder: f.ID, Key: strconv.Itoa(i), State: Seen})
			}()
		}
		synctest.Wait()
		release()
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if n := transactions.Load(); n != 2 {
			t.Errorf("%d transactions, not that of hold and one more", n)
		}
		equal(t, "counts", must(l.Counts(t.Context(), f.Account))(t), map[State]int64{Seen: 100})
		l.Close()
	})
}

// TestBadCallSpoilsNoOther puts one bad change into a group.
func TestBadCallSpoilsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, f := newFolder(t)
		release := hold(l)
		var failed [10]error
		var wg sync.WaitGroup
		for i := range failed {
			wg.Go(func() {
				good := Row{Folder: f.ID, Key: strconv.Itoa(i), State: Seen}
				bad := Row{Folder: f.ID + int64(flag(i == 5)), Key: "same", State: Seen}
				failed[i] = l.Commit(t.Context(), good, bad)
			})
		}
		synctest.Wait()
		release()
		wg.Wait()
		for i, err := range failed {
			if (err != nil) != (i == 5) {
				t.Errorf("call %d: %v", i, err)
			}
			if _, found, _ := l.Get(t.Context(), f.ID, strconv.Itoa(i)); found != (i != 5) {
				t.Errorf("row of call %d: found %v", i, found)
			}
		}
		l.Close()
	})
}

// TestCancelWhileWaiting gives up on a writer that is busy: nothing is changed.
func TestCancelWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, f := newFolder(t)
		release := hold(l)
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() { result <- l.Commit(ctx, Row{Folder: f.ID, Key: "k", State: Seen}) }()
		synctest.Wait()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		release()
		commit(t, l, Row{Folder: f.ID, Key: "next", State: Seen})
		equal(t, "counts", must(l.Counts(t.Context(), f.Account))(t), map[State]int64{Seen: 1})
		l.Close()
	})
}

// TestFirstSightByMany has many ask at once for what is not there yet.
func TestFirstSightByMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openTest(t, t.TempDir())
		release := hold(l)
		var folders [20]Folder
		var wg sync.WaitGroup
		for i := range folders {
			wg.Go(func() {
				a, err := l.Account(t.Context(), "gmail")
				if err == nil {
					folders[i], err = l.Folder(t.Context(), a.ID, "INBOX")
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		release()
		wg.Wait()
		for _, f := range folders {
			equal(t, "folder", f, Folder{ID: 1, Account: 1, Name: "INBOX"})
		}
		l.Close()
	})
}

func TestCloseDuringCommits(t *testing.T) {
	l, _, f := newFolder(t)
	var next keyCounter
	var done sync.Map
	var wg sync.WaitGroup
	first := make(chan struct{}, 8)
	for range cap(first) {
		wg.Go(func() {
			for n := 0; ; n++ {
				key := next.key()
				err := l.Commit(t.Context(), Row{Folder: f.ID, Key: key, State: Seen})
				if errors.Is(err, fs.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				done.Store(key, true)
				if n == 0 {
					first <- struct{}{}
				}
			}
		})
	}
	for range cap(first) {
		<-first
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	l = openTest(t, l.dir)
	done.Range(func(key, _ any) bool {
		if _, found, err := l.Get(t.Context(), f.ID, key.(string)); !found || err != nil {
			t.Errorf("%s: found %v, error %v", key, found, err)
		}
		return true
	})
}

// TestDiskErrors puts another file under the writer's descriptor of the WAL, one
// that fails as a disk does.
func TestDiskErrors(t *testing.T) {
	quota := func(op, _ string) error {
		if op == "write" {
			return unix.EDQUOT
		}
		return nil
	}
	tests := []struct {
		name   string
		device string // "" is the WAL, open for reading: each write fails
		fault  func(op, path string) error
		class  reply.Class
		broken bool
	}{
		{"no space (ENOSPC)", "/dev/full", nil, reply.Full, false},
		{"over quota (EDQUOT)", "", quota, reply.Full, false},
		{"write fails", "", nil, reply.IO, true},
		{"fsync fails", "/dev/null", nil, reply.IO, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			l := must(open(dir, faulty(test.fault), migrations))(t)
			defer l.Close()
			restore := replaceWAL(t, l, test.device)
			_, err := l.Account(t.Context(), "refused")
			restore()
			if reply.ClassOf(err) != test.class || errors.Is(err, ErrBroken) != test.broken {
				t.Fatalf("class %q: %v", reply.ClassOf(err), err)
			}
			if test.class == reply.Full && !strings.Contains(err.Error(), "disk is full") {
				t.Errorf("it does not say that the disk is full: %v", err)
			}
			_, err = l.Account(t.Context(), "next")
			if errors.Is(err, ErrBroken) != test.broken || (err != nil) != test.broken {
				t.Errorf("the next commit: %v", err)
			}
			if _, err = l.Accounts(t.Context()); errors.Is(err, ErrBroken) != test.broken {
				t.Errorf("the next read: %v", err)
			}
			if err := l.Commit(t.Context()); errors.Is(err, ErrBroken) != test.broken {
				t.Errorf("an empty commit: %v", err)
			}
			l.Close()
			after := must(openTest(t, dir).Accounts(t.Context()))(t)
			if len(after) != int(1-flag(test.broken)) {
				t.Errorf("accounts: %v", after)
			}
		})
	}
}

// replaceWAL puts device, or the WAL itself open for reading, under the writer's
// descriptor of the WAL, which is the first since no reader has connected yet.
func replaceWAL(t *testing.T, l *Ledger, device string) (restore func()) {
	t.Helper()
	wal := l.path() + "-wal"
	fd := descriptor(t, wal)
	flags := os.O_RDWR
	if device == "" {
		device, flags = wal, os.O_RDONLY
	}
	file := must(os.OpenFile(device, flags, 0))(t)
	old := must(unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0))(t)
	if err := unix.Dup3(int(file.Fd()), fd, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Dup3(old, fd, unix.O_CLOEXEC); err != nil {
			t.Error(err)
		}
		unix.Close(old)
		file.Close()
	}
}

// descriptor returns the first number under which this process has the file open.
func descriptor(t *testing.T, path string) int {
	t.Helper()
	fds := descriptors(t, path)
	if len(fds) == 0 {
		t.Fatalf("%s is not open", path)
	}
	return fds[0]
}

// descriptors returns under which numbers files whose path begins so are open.
func descriptors(t *testing.T, path string) (fds []int) {
	t.Helper()
	for _, e := range must(os.ReadDir("/proc/self/fd"))(t) {
		if target, _ := os.Readlink(filepath.Join("/proc/self/fd", e.Name())); strings.HasPrefix(target, path) {
			fds = append(fds, must(strconv.Atoi(e.Name()))(t))
		}
	}
	slices.Sort(fds)
	return fds
}

// TestDatabaseFull has SQLite itself refuse to grow: a change is undone, and made
// later when there is room.
func TestDatabaseFull(t *testing.T) {
	l, _, f := newFolder(t)
	limit := func(pages int) {
		if err := l.write.tx.exec(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	rows := make([]Change, 1000)
	for i := range rows {
		rows[i] = fullRow(f.ID, strconv.Itoa(i), Intent)
	}
	limit(1) // what it has already
	err := l.Commit(t.Context(), rows...)
	if reply.ClassOf(err) != reply.Full {
		t.Fatalf("class %q: %v", reply.ClassOf(err), err)
	}
	equal(t, "counts", must(l.Counts(t.Context(), f.Account))(t), map[State]int64{})
	limit(1 << 30)
	commit(t, l, rows...)
}

func TestReadOnlyRefusesChanges(t *testing.T) {
	l, a, f := newFolder(t)
	r := must(OpenReadOnly(l.dir))(t)
	defer r.Close()
	errs := map[string]error{
		"commit": r.Commit(t.Context(), Row{Folder: f.ID, Key: "k", State: Seen}),
		"rename": r.Rename(t.Context(), a.Name, "x"),
		"backup": r.Backup(t.Context(), noon),
	}
	_, errs["forget"] = r.ForgetRows(t.Context(), f.ID, noon)
	for what, err := range errs {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := os.Stat(filepath.Join(l.dir, "ledger.backup")); err == nil {
		t.Error("a backup was written")
	}
	equal(t, "account", must(r.Account(t.Context(), "gmail"))(t), a)
	equal(t, "unknown account", must(r.Account(t.Context(), "new"))(t), Account{Name: "new", Birth: "new"})
	equal(t, "unknown folder", must(r.Folder(t.Context(), 0, "X"))(t), Folder{Name: "X"})
	commit(t, l, Row{Folder: f.ID, Key: "k", State: Seen})
	if _, found, err := r.Get(t.Context(), f.ID, "k"); !found || err != nil {
		t.Errorf("a row committed beside it: found %v, error %v", found, err)
	}
}
