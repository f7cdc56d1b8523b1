package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailrill/internal/fsx"
)

func faulty(fault func(op, path string) error) fsx.FS { return fsx.FS{Fault: fault} }

// TestMain lets the test binary be a second process that opens a state.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LEDGER_CHILD"); dir != "" {
		child(dir, os.Stdout)
		return
	}
	os.Exit(m.Run())
}

// child opens the state in dir and, if it can, commits pairs of rows for ever,
// from four goroutines, naming each pair when its Commit has returned.
func child(dir string, out io.Writer) {
	l, err := Open(dir)
	if err != nil {
		fmt.Fprintln(out, errors.Is(err, ErrLocked), err)
		return
	}
	ctx := context.Background()
	a, err1 := l.Account(ctx, "gmail")
	f, err2 := l.Folder(ctx, a.ID, "INBOX")
	if err := errors.Join(err1, err2); err != nil {
		fmt.Fprintln(out, err)
		return
	}
	lines := make(chan string)
	for g := range 4 {
		go func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("%d-%d-%d", os.Getpid(), g, n)
				if err := l.Commit(ctx, fullRow(f.ID, key+"a", Intent), fullRow(f.ID, key+"b", Intent)); err != nil {
					lines <- err.Error()
					return
				}
				lines <- key
			}
		}()
	}
	for line := range lines {
		fmt.Fprintln(out, line)
	}
}

// startChild runs child on dir in another process and returns its output.
func startChild(t *testing.T, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(must(os.Executable())(t))
	cmd.Env = append(os.Environ(), "LEDGER_CHILD="+dir)
	cmd.Stderr = os.Stderr
	out := must(cmd.StdoutPipe())(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	if _, err := Open(dir); !errors.Is(err, ErrLocked) {
		t.Errorf("second Open: %v", err)
	}
	cmd, out := startChild(t, dir)
	if !out.Scan() || !strings.HasPrefix(out.Text(), "true ") {
		t.Errorf("second process: %q", out.Text())
		cmd.Process.Kill()
	}
	cmd.Wait()
	l.Close()
	openTest(t, dir) // Close has given the lock back
}

// TestLockIsNotInherited: a program that was started for a destination may outlive
// us, and must not keep the folder locked.
func TestLockIsNotInherited(t *testing.T) {
	l := openTest(t, t.TempDir())
	cat := exec.Command("cat")
	in := must(cat.StdinPipe())(t)
	if err := cat.Start(); err != nil {
		t.Fatal(err)
	}
	l.Close()
	openTest(t, l.dir)
	in.Close()
	cat.Wait()
}

// TestReadOnlyBesideNobody reads a state that was closed, and one whose process
// died with its last commits in the log only; both can be opened afterwards.
func TestReadOnlyBesideNobody(t *testing.T) {
	l, a, f := newFolder(t)
	commit(t, l, Row{Folder: f.ID, Key: "k", State: Seen})
	dead := copyState(t, l.dir)
	l.Close()
	for _, dir := range []string{l.dir, dead} {
		r := must(OpenReadOnly(dir))(t)
		equal(t, "counts", must(r.Counts(t.Context(), a.ID))(t), map[State]int64{Seen: 1})
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		commit(t, openTest(t, dir), Row{Folder: f.ID, Key: "next", State: Seen})
	}
}

// TestKill kills a process in the middle of its commits, again and again: what
// it said is committed is there, and each Commit is whole or not there.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	var acknowledged []string
	for round := range 8 {
		cmd, out := startChild(t, dir)
		for range 20 + 37*round {
			if !out.Scan() {
				t.Fatal("the child has ended by itself")
			}
			acknowledged = append(acknowledged, out.Text())
		}
		cmd.Process.Kill()
		for out.Scan() { // what it still said before it died, the last line perhaps in part
			if strings.Count(out.Text(), "-") == 2 {
				acknowledged = append(acknowledged, strings.TrimSuffix(out.Text(), "\n"))
			}
		}
		cmd.Wait()
		checkPairs(t, dir, acknowledged)
	}
}

func checkPairs(t *testing.T, dir string, acknowledged []string) {
	t.Helper()
	l := openTest(t, dir)
	defer l.Close()
	halves := map[string]int{}
	err := l.Rows(t.Context(), 1, func(r Row) error { halves[r.Key[:len(r.Key)-1]]++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	for pair, n := range halves {
		if n != 2 {
			t.Errorf("half of the commit %s is there", pair)
		}
	}
	for _, pair := range acknowledged {
		if halves[pair] != 2 {
			t.Errorf("the commit %s was acknowledged and is not there", pair)
		}
	}
}

// TestTornWAL cuts the write-ahead log of a ledger anywhere, as a power cut
// does: the state opens, and it holds every Commit whose end lies before the cut
// and no part of another.
func TestTornWAL(t *testing.T) {
	l, _, f := newFolder(t)
	wal := l.path() + "-wal"
	size := func() int64 { return must(os.Stat(wal))(t).Size() }
	ends := []int64{size()}
	for n := range 6 {
		commit(t, l, fullRow(f.ID, fmt.Sprintf("%da", n), Intent), fullRow(f.ID, fmt.Sprintf("%db", n), Intent))
		ends = append(ends, size())
	}
	image := copyState(t, l.dir)
	log := must(os.ReadFile(filepath.Join(image, "ledger.db-wal")))(t)
	if int64(len(log)) != ends[len(ends)-1] {
		t.Fatalf("the log has %d octets, not %d", len(log), ends[len(ends)-1])
	}
	for cut := ends[0]; cut <= int64(len(log)); cut += 511 {
		checkCut(t, image, log, cut, ends)
	}
	for _, end := range ends {
		for _, cut := range []int64{end - 1, end, end + 1} {
			if cut >= ends[0] && cut <= int64(len(log)) {
				checkCut(t, image, log, cut, ends)
			}
		}
	}
}

// copyState copies a state from outside: to open its files in the process that
// holds them would drop SQLite's locks.
func copyState(t *testing.T, dir string) string {
	t.Helper()
	image := t.TempDir()
	if out, err := exec.Command("cp", filepath.Join(dir, "ledger.db"), filepath.Join(dir, "ledger.db-wal"), image).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return image
}

func checkCut(t *testing.T, image string, log []byte, cut int64, ends []int64) {
	t.Helper()
	dir := t.TempDir()
	db := must(os.ReadFile(filepath.Join(image, "ledger.db")))(t)
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "ledger.db"), db, 0o600),
		os.WriteFile(filepath.Join(dir, "ledger.db-wal"), log[:cut], 0o600)); err != nil {
		t.Fatal(err)
	}
	var keys, want []string
	for n, end := range ends[1:] {
		if end <= cut {
			want = append(want, fmt.Sprintf("%da", n), fmt.Sprintf("%db", n))
		}
	}
	l := openTest(t, dir)
	defer l.Close()
	if err := l.Rows(t.Context(), 1, func(r Row) error { keys = append(keys, r.Key); return nil }); err != nil {
		t.Fatal(err)
	}
	equal(t, fmt.Sprintf("rows after a cut at %d of %v", cut, ends), keys, want)
}

// TestCrashInCommit copies the state while a commit is under way: the copy holds
// what was committed before, and opens.
func TestCrashInCommit(t *testing.T) {
	l, _, f := newFolder(t)
	var image string
	n := 0
	onCommit(t, l, func() { image = copyState(t, l.dir) })
	for ; n < 10; n++ {
		commit(t, l, fullRow(f.ID, fmt.Sprint(n), Intent))
		r := openTest(t, image)
		equal(t, "rows", must(r.Counts(t.Context(), f.Account))(t), counted(Intent, n))
		r.Close()
	}
}

func counted(s State, n int) map[State]int64 {
	if n == 0 {
		return map[State]int64{}
	}
	return map[State]int64{s: int64(n)}
}

// TestSynced holds the settings that make a commit durable: no test can cut the
// power of the machine it runs on.
func TestSynced(t *testing.T) {
	l, _, _ := newFolder(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		got, _, err := one(t.Context(), l.write.tx.conn, scanText, "PRAGMA "+pragma)
		if err != nil || got != want {
			t.Errorf("%s is %q, error %v", pragma, got, err)
		}
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a?b#c%41 d", "state")
	l := openTest(t, dir)
	if err := l.Backup(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	if mode := must(os.Stat(dir))(t).Mode().Perm(); mode != 0o700 {
		t.Errorf("folder: %o", mode)
	}
	names := []string{}
	for _, e := range must(os.ReadDir(dir))(t) {
		names = append(names, e.Name())
		if mode := must(e.Info())(t).Mode().Perm(); mode != 0o600 {
			t.Errorf("%s: %o", e.Name(), mode)
		}
	}
	equal(t, "files", names, []string{"ledger.backup", "ledger.db", "ledger.db-shm", "ledger.db-wal", "lock"})
}

func TestNewerIsRefused(t *testing.T) {
	l, _, _ := newFolder(t)
	dir := l.dir
	exec1(t, l, fmt.Sprintf("PRAGMA user_version = %d", len(migrations)+1))
	l.Close()
	before := must(os.ReadFile(filepath.Join(dir, "ledger.db")))(t)
	if _, err := Open(dir); !errors.Is(err, ErrNewer) {
		t.Errorf("Open: %v", err)
	}
	if _, err := OpenReadOnly(dir); !errors.Is(err, ErrNewer) {
		t.Errorf("OpenReadOnly: %v", err)
	}
	if fds := descriptors(t, dir); len(fds) > 0 {
		t.Errorf("%d files are still open", len(fds))
	}
	if string(before) != string(must(os.ReadFile(filepath.Join(dir, "ledger.db")))(t)) {
		t.Error("the state was changed")
	}
}

// exec1 runs a statement behind the ledger's back.
func exec1(t *testing.T, l *Ledger, query string, args ...any) {
	t.Helper()
	if err := l.write.tx.exec(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func TestMigration(t *testing.T) {
	l, _, f := newFolder(t)
	dir := l.dir
	want := fullRow(f.ID, "k", Intent)
	commit(t, l, want)
	l.Close()
	steps := append(migrations[:len(migrations):len(migrations)], `ALTER TABLE message ADD COLUMN further INTEGER NOT NULL DEFAULT 0;`)

	broken := append(steps[:len(steps):len(steps)], `CREATE TABLE further (x); SELECT no_such_function();`)
	if _, err := open(dir, fsx.FS{}, broken); err == nil {
		t.Fatal("a migration that fails was taken")
	}
	l = must(open(dir, fsx.FS{}, steps))(t) // all of it was undone, else the column would be there
	got, found, err := l.Get(t.Context(), f.ID, "k")
	if err != nil || !found {
		t.Fatal(found, err)
	}
	equal(t, "row", got, want)
	if v, _ := version(t.Context(), l.write.tx.conn); v != int64(len(steps)) {
		t.Errorf("version %d", v)
	}
	l.Close()

	// The copy is a state of the old version, whole.
	old := t.TempDir()
	name := fmt.Sprintf("ledger.v%d", len(migrations))
	if err := os.Rename(filepath.Join(dir, name), filepath.Join(old, "ledger.db")); err != nil {
		t.Fatal(err)
	}
	if got, found, err = openTest(t, old).Get(t.Context(), f.ID, "k"); err != nil || !found {
		t.Fatal(found, err)
	}
	equal(t, "row of the copy", got, want)
}

// A state of version 1 has folders without a head, no traffic, no notes, and counts
// no refused logins.
func TestMigrationFrom1(t *testing.T) {
	l, _, want := newFolder(t)
	want.Looked, want.Floor = true, 7
	commit(t, l, want)
	exec1(t, l, "ALTER TABLE folder DROP COLUMN head")
	exec1(t, l, "DROP TABLE traffic")
	exec1(t, l, "DROP TABLE note")
	exec1(t, l, "ALTER TABLE account DROP COLUMN refused")
	exec1(t, l, "PRAGMA user_version = 1")
	l.Close()
	l = openTest(t, l.dir)
	equal(t, "folders", must(l.Folders(t.Context(), want.Account))(t), []Folder{want})
}

// A state of version 4 has traffic whose messages were not counted, and no notes.
func TestMigrationFrom4(t *testing.T) {
	l, _, _ := newFolder(t)
	hour := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	commit(t, l, Traffic{"me", hour, 5, 0})
	exec1(t, l, "ALTER TABLE traffic DROP COLUMN messages")
	exec1(t, l, "DROP TABLE note")
	exec1(t, l, "PRAGMA user_version = 4")
	l.Close()
	l = openTest(t, l.dir)
	commit(t, l, Traffic{"me", hour, 1, 1}, Note{"a", "b"})
	expectTraffic(t, l, Traffic{"me", hour, 6, 1})
	equal(t, "notes", must(l.Notes(t.Context()))(t), []Note{{"a", "b"}})
}

func TestOlderIsNotRead(t *testing.T) {
	l, _, _ := newFolder(t)
	l.Close()
	steps := append(migrations[:len(migrations):len(migrations)], `CREATE TABLE further (x);`)
	if _, err := openReadOnly(l.dir, steps); err == nil || !strings.Contains(err.Error(), "next run") {
		t.Errorf("error %v", err)
	}
}

func TestNoState(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenReadOnly(filepath.Join(dir, "never")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ledger.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReadOnly(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty file: %v", err)
	}
	l := openTest(t, dir) // a crash between making the file and filling it
	must(l.Account(t.Context(), "gmail"))(t)
}

func TestOpenPassesDiskErrorsOn(t *testing.T) {
	for _, op := range []string{"mkdir", "create", "syncdir", "close"} {
		t.Run(op, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			l, err := open(dir, faulty(func(o, _ string) error {
				if o == op {
					return fs.ErrInvalid
				}
				return nil
			}), migrations)
			if !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("error %v", err)
			}
			if err == nil {
				l.Close()
			}
			openTest(t, dir)
		})
	}
}

// Who only looks leaves nothing behind, not even the files that SQLite reads by.
func TestLookingOnLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	before := fileNames(t, dir)
	look, err := OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := look.Accounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := look.Close(); err != nil {
		t.Fatal(err)
	}
	if after := fileNames(t, dir); !slices.Equal(before, after) {
		t.Errorf("before: %q, after: %q", before, after)
	}
}

func fileNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}
