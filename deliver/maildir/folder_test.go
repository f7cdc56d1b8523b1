package maildir

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mailrill/deliver"
	"mailrill/internal/reply"
)

func TestFolderIsMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "Maildir")
	d := New(Options{Path: path, Folder: "A/B", Create: true})
	if err := d.Prepare(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"cur", "new", "tmp"} {
		info, err := os.Stat(filepath.Join(path, ".A.B", sub))
		if err != nil || info.Mode() != os.ModeDir|0o700 {
			t.Errorf("%s: %v, %v", sub, info, err)
		}
	}
	if _, err := os.Stat(filepath.Join(path, ".A.B", "maildirfolder")); err != nil {
		t.Error(err)
	}
}

// TestSymlinks: nothing below the Maildir is followed to another place.
func TestSymlinks(t *testing.T) {
	elsewhere := t.TempDir()
	for _, link := range []string{".A", ".A/cur", ".A/new", ".A/tmp", "cur", "new", "tmp"} {
		path := t.TempDir()
		folder := "A"
		if link[0] != '.' {
			folder = ""
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(path, link)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(elsewhere, filepath.Join(path, link)); err != nil {
			t.Fatal(err)
		}
		err := New(Options{Path: path, Folder: folder, Create: true}).Prepare(t.Context(), "")
		if !errors.Is(err, deliver.ErrUnavailable) || reply.ClassOf(err) != reply.Config {
			t.Errorf("%s is a symbolic link: %v (class %q)", link, err, reply.ClassOf(err))
		}
	}
	if left, _ := os.ReadDir(elsewhere); len(left) != 0 {
		t.Errorf("something was written through a symbolic link: %v", left)
	}
}

// TestArrivedStaysInside: a folder that is a symbolic link is not looked into.
func TestArrivedStaysInside(t *testing.T) {
	other, path := t.TempDir(), t.TempDir()
	for _, p := range []string{other, path} {
		if err := New(Options{Path: p, Create: true}).Prepare(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
	}
	foreign := filepath.Join(other, "new", "1."+someID+".h,S=0")
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, filepath.Join(path, ".Other")); err != nil {
		t.Fatal(err)
	}
	_, err := New(Options{Path: path}).Arrived(t.Context(), "", func(id string, r deliver.Receipt) error {
		t.Errorf("reported %s at %s", id, r.Where)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestFolderVanishes: a folder that its owner removes while we run is made again
// by the next Prepare, and nothing is called stored in between.
func TestFolderVanishes(t *testing.T) {
	path := t.TempDir()
	d := New(Options{Path: path, Folder: "A", Create: true, Host: "h"})
	m := newMessages(1)[0]
	deliverOne(t, d, m)
	if err := os.RemoveAll(filepath.Join(path, ".A")); err != nil {
		t.Fatal(err)
	}
	next := newMessages(2)[1]
	var fate error
	d.Deliver(t.Context(), deliver.Batch(next), func(_ *deliver.Message, _ deliver.Receipt, err error) { fate = err })
	if !errors.Is(fate, deliver.ErrNotTaken) {
		t.Errorf("without its folder: %v, want ErrNotTaken", fate)
	}
	if err := d.Prepare(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	deliverOne(t, d, next)
	if n := len(readMaildir(t, path)); n != 1 {
		t.Errorf("%d copies", n)
	}
}
