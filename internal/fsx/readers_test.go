package fsx

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What has readers is theirs to read, and nobody else's, whatever the umask is.
func TestReaders(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file to any group")
	}
	defer syscall.Umask(syscall.Umask(0o077))
	group := 47110
	f := FS{Readers: &group}
	dir := filepath.Join(t.TempDir(), "etc", "mailrill")
	if err := f.MkdirAll(dir); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "secret")
	for range 2 {
		if err := f.WriteFile(file, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]os.FileMode{filepath.Dir(dir): 0o750, dir: 0o750, file: 0o640} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != mode || int(owner.Gid) != group || owner.Uid != 0 {
			t.Errorf("%s: %v of %d:%d", path, info.Mode(), owner.Uid, owner.Gid)
		}
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 {
		t.Errorf("%v", names)
	}
}
