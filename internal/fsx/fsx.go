// Package fsx is the one way in which mailrill writes files it must not lose:
// exclusive creation, fsync, link, rename, and the fsync of the directory,
// without which ext4 forgets a name at a power cut.
package fsx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// FS is the file system of the machine. The zero value is ready for use. All
// files are made 0600 and all directories 0700.
type FS struct {
	// Readers, when it is set, is a group that may read what Create, WriteFile and
	// MkdirAll make: files are then 0640 and directories 0750.
	Readers *int
	// Fault is asked before each call, with its name ("create", "write", "sync",
	// "link", …) and its path, when it is set: an error it returns is the call's.
	// It is how tests make disks fail and processes die.
	Fault func(op, path string) error
	// Fsync stands in for the system's fsync of a file or a directory, when it is
	// set. It is how a disk of a test that forgets what was not synced learns what
	// was.
	Fsync func(file *os.File) error
}

func (f FS) fsync(file *os.File) error {
	if f.Fsync != nil {
		return f.Fsync(file)
	}
	return file.Sync()
}

func (f FS) fault(op, path string) error {
	if f.Fault == nil {
		return nil
	}
	if err := f.Fault(op, path); err != nil {
		return &fs.PathError{Op: op, Path: path, Err: err}
	}
	return nil
}

// Ask asks Fault about a step that is no call of FS: a transaction, a program.
func (f FS) Ask(op, path string) error { return f.fault(op, path) }

// File is an open file whose writes and syncs pass through its FS.
type File struct {
	*os.File
	fs   FS
	path string
}

// Create makes path, which must not exist, and opens it for reading and writing.
func (f FS) Create(path string) (*File, error) {
	if err := f.fault("create", path); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.share(file, 0o640); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(path))
	}
	return &File{file, f, path}, nil
}

// share lets the readers in, who are none as a rule. The group comes first, so that
// no other one ever gets its rights.
func (f FS) share(file *os.File, mode os.FileMode) error {
	if f.Readers == nil {
		return nil
	}
	if err := file.Chown(-1, *f.Readers); err != nil {
		return err
	}
	return file.Chmod(mode)
}

// Temp returns a file in dir that has no name: it is gone when it is closed, or
// when the process ends in whatever way.
func (f FS) Temp(dir string) (*File, error) {
	if err := f.fault("create", dir); err != nil {
		return nil, err
	}
	if file, err := os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE, 0o600); err == nil {
		return &File{file, f, dir}, nil
	}
	// Not every file system knows O_TMPFILE (NFS, overlayfs).
	file, err := os.CreateTemp(dir, ".spool-*")
	if err != nil {
		return nil, err
	}
	return &File{file, f, dir}, os.Remove(file.Name())
}

// Write writes all of p or returns an error.
func (f *File) Write(p []byte) (int, error) {
	if err := f.fs.fault("write", f.path); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

// Sync makes the contents durable. After an error what is on the disk is
// unknown, and another Sync of this descriptor would lie (USENIX ATC 2020).
func (f *File) Sync() error {
	if err := f.fs.fault("sync", f.path); err != nil {
		return err
	}
	return f.fs.fsync(f.File)
}

// Close reports errors of writes that the system had put off (NFS, quotas).
func (f *File) Close() error {
	return errors.Join(f.fs.fault("close", f.path), f.File.Close())
}

// Link gives the file at old the further name new, which must not exist.
func (f FS) Link(old, new string) error {
	if err := f.fault("link", new); err != nil {
		return err
	}
	return os.Link(old, new)
}

// Rename gives the file at old the name new, replacing what was there.
func (f FS) Rename(old, new string) error {
	if err := f.fault("rename", new); err != nil {
		return err
	}
	return os.Rename(old, new)
}

// RenameExclusive is Rename for a name that must not exist yet.
func (f FS) RenameExclusive(old, new string) error {
	if err := f.fault("rename", new); err != nil {
		return err
	}
	err := unix.Renameat2(unix.AT_FDCWD, old, unix.AT_FDCWD, new, unix.RENAME_NOREPLACE)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: old, New: new, Err: err}
	}
	return nil
}

// Remove removes a name.
func (f FS) Remove(path string) error {
	if err := f.fault("remove", path); err != nil {
		return err
	}
	return os.Remove(path)
}

// Chtimes sets the modification time.
func (f FS) Chtimes(path string, t time.Time) error {
	if err := f.fault("chtimes", path); err != nil {
		return err
	}
	return os.Chtimes(path, t, t)
}

// MkdirAll makes the directories of path that are missing and makes their names
// durable.
func (f FS) MkdirAll(path string) error {
	if info, err := os.Stat(path); err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: path, Err: unix.ENOTDIR}
		}
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := f.MkdirAll(parent); err != nil {
			return err
		}
	}
	if err := f.fault("mkdir", path); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return f.SyncDir(parent)
		}
		return err
	}
	if err := f.shareDir(path); err != nil {
		return err
	}
	return f.SyncDir(parent)
}

func (f FS) shareDir(path string) error {
	if f.Readers == nil {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.share(d, 0o750), d.Close())
}

// SyncDir makes the names in dir durable.
func (f FS) SyncDir(dir string) error {
	if err := f.fault("syncdir", dir); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return f.fsync(d)
}

// WriteFile puts data at path, durably: a reader finds the old contents or the
// new, also after a power cut.
func (f FS) WriteFile(path string, data []byte) error {
	return f.ReplaceFile(path, path+".new", data)
}

// ReplaceFile is WriteFile by way of temp, a path in the same folder that is
// nobody else's.
func (f FS) ReplaceFile(path, temp string, data []byte) (err error) {
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := f.Create(temp)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = f.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return err
	}
	return f.SyncDir(filepath.Dir(path))
}
