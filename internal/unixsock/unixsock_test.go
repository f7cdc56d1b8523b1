package unixsock

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// clearers are both ways to make room.
var clearers = map[string]func(path string) error{"Clear": Clear, "ClearDead": ClearDead}

// The socket is its owner's alone whatever the umask is, and goes with its listener.
func TestSocketIsItsOwners(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o077} {
		path := filepath.Join(t.TempDir(), "s")
		before := syscall.Umask(mask)
		l, err := Listen(t.Context(), path)
		syscall.Umask(before)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		if err != nil || info.Mode() != fs.ModeSocket|0o600 {
			t.Errorf("umask %o: %v, %v", mask, info, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("umask %o: the socket is left: %v", mask, err)
		}
	}
}

// Longest is what the kernel takes.
func TestLongest(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "") // shorter than t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for n, fits := range map[int]bool{Longest: true, Longest + 1: false} {
		l, err := Listen(t.Context(), filepath.Join(dir, strings.Repeat("s", n-len(dir)-1)))
		if fits != (err == nil) {
			t.Errorf("%d octets: %v", n, err)
		}
		if err == nil {
			l.Close()
		}
	}
}

// What a process left that was killed is cleared, and that there is nothing is fine.
func TestClear(t *testing.T) {
	for name, clear := range clearers {
		path := filepath.Join(t.TempDir(), "s")
		if err := clear(path); err != nil {
			t.Errorf("%s in an empty folder: %v", name, err)
		}
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		l.Close()
		if err := clear(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		again, err := Listen(t.Context(), path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again.Close()
	}
}

// A socket that is listened to goes only where the caller knows better.
func TestClearAlive(t *testing.T) {
	for name, stays := range map[string]bool{"Clear": false, "ClearDead": true} {
		path := filepath.Join(t.TempDir(), "s")
		l, err := Listen(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := clearers[name](path); stays != (err != nil) || stays && err.Error() != "another process listens on "+path {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(path); stays != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		l.Close()
	}
}

// What is no socket is left as it is, and so is what a link leads to.
func TestSomethingElse(t *testing.T) {
	for what, put := range map[string]func(path string) error{
		"file":      func(path string) error { return os.WriteFile(path, []byte("mine"), 0o600) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"link to a socket": func(path string) error {
			l, err := Listen(t.Context(), path+".target")
			if err != nil {
				return err
			}
			t.Cleanup(func() { l.Close() })
			return os.Symlink(path+".target", path)
		},
		"link to nothing": func(path string) error { return os.Symlink(path+".target", path) },
	} {
		path := filepath.Join(t.TempDir(), "s")
		if err := put(path); err != nil {
			t.Fatal(err)
		}
		before, _ := os.Lstat(path)
		for name, clear := range clearers {
			if err := clear(path); !errors.Is(err, ErrOther) || err.Error() != path+" is there already, and is no socket" {
				t.Errorf("%s, %s: %v", name, what, err)
			}
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("%s, %s: it was replaced: %v", name, what, err)
			}
		}
	}
}
