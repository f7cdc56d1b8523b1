package ledger

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailrill/internal/reply"
)

// backedUp opens the backup of l as a state of its own and returns its keys.
func backedUp(t *testing.T, l *Ledger, folder int64) []string {
	t.Helper()
	dir := t.TempDir()
	data := must(os.ReadFile(filepath.Join(l.dir, "ledger.backup")))(t)
	if err := os.WriteFile(filepath.Join(dir, "ledger.db"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	keys := []string{}
	b := openTest(t, dir)
	defer b.Close()
	if err := b.Rows(t.Context(), folder, func(r Row) error { keys = append(keys, r.Key); return nil }); err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestBackup(t *testing.T) {
	l, _, f := newFolder(t)
	path := filepath.Join(l.dir, "ledger.backup")
	steps := []struct {
		key  string
		now  time.Time
		want []string
		prep func() error
	}{
		{key: "a", now: noon, want: []string{"a"}},
		{key: "b", now: noon.Add(24*time.Hour - time.Millisecond), want: []string{"a"}}, // fresh
		{key: "c", now: noon.Add(24 * time.Hour), want: []string{"a", "b", "c"}},
		{key: "d", now: noon, want: []string{"a", "b", "c", "d"}}, // the last one is of the future
		{key: "e", now: noon, want: []string{"a", "b", "c", "d", "e"}, prep: func() error { return os.Remove(path) }},
		{key: "f", now: noon.Add(48 * time.Hour), want: []string{"a", "b", "c", "d", "e", "f"},
			prep: func() error { return os.WriteFile(path+".new", []byte("left by a crash"), 0o600) }},
	}
	for _, s := range steps {
		commit(t, l, Row{Folder: f.ID, Key: s.key, State: Seen})
		if s.prep != nil {
			if err := s.prep(); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Backup(t.Context(), s.now); err != nil {
			t.Fatal(err)
		}
		equal(t, "backup after "+s.key, backedUp(t, l, f.ID), s.want)
	}
}

// TestBackupThatFails leaves the one that was there, and is made the next time.
func TestBackupThatFails(t *testing.T) {
	for _, op := range []string{"create", "sync", "close", "rename", "syncdir"} {
		t.Run(op, func(t *testing.T) {
			l, _, f := newFolder(t)
			commit(t, l, Row{Folder: f.ID, Key: "a", State: Seen})
			if err := l.Backup(t.Context(), noon); err != nil {
				t.Fatal(err)
			}
			commit(t, l, Row{Folder: f.ID, Key: "b", State: Seen})
			l.fs = faulty(func(o, _ string) error {
				if o == op {
					return unix.ENOSPC
				}
				return nil
			})
			tomorrow := noon.Add(24 * time.Hour)
			if err := l.Backup(t.Context(), tomorrow); reply.ClassOf(err) != reply.Full {
				t.Errorf("error %v", err)
			}
			if op != "syncdir" { // by then it has its name
				equal(t, "backup", backedUp(t, l, f.ID), []string{"a"})
			}
			if _, err := os.Stat(filepath.Join(l.dir, "ledger.backup.new")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a part of it was left: %v", err)
			}
			l.fs = faulty(nil)
			if err := l.Backup(t.Context(), tomorrow); err != nil {
				t.Fatal(err)
			}
			equal(t, "backup", backedUp(t, l, f.ID), []string{"a", "b"})
		})
	}
}

// Accounts end their passes at the same time: one of them makes the backup.
func TestBackupFromManyAtOnce(t *testing.T) {
	l, _, f := newFolder(t)
	commit(t, l, Row{Folder: f.ID, Key: "a", State: Seen})
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := l.Backup(t.Context(), noon); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	equal(t, "backup", backedUp(t, l, f.ID), []string{"a"})
}
