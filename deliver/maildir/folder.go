package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"mailrill/deliver"
	"mailrill/internal/imapwire"
	"mailrill/internal/reply"
)

// A folder is a directory with cur/, new/ and tmp/.
type folder struct {
	dir   string // ".Name.Sub" below the Maildir, "" for the Maildir itself
	path  string
	known *contents
}

var subdirectories = []string{"cur", "new", "tmp"}

func (d *Destination) path(dir string) string { return filepath.Join(d.o.Path, dir) }

// directory returns the directory of a folder of the configured name.
func (d *Destination) directory(name string) (string, error) {
	if name == "" {
		name = d.o.Folder
	}
	dir, err := encodeFolder(name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", deliver.ErrUnavailable, reply.WithClass(reply.Config, err))
	}
	return dir, nil
}

// encodeFolder returns the Maildir++ directory of a folder, as Dovecot and
// Courier name it: "A/B" is ".A.B", each level in modified UTF-7. A dot inside a
// level would make two of it, so it becomes "_", as any server's separator does.
// The result is one path element that begins with a dot and is never "..".
func encodeFolder(name string) (string, error) {
	if name == "" || strings.EqualFold(name, "INBOX") {
		return "", nil
	}
	if !utf8.ValidString(name) {
		return "", fmt.Errorf("folder %q is not UTF-8", name)
	}
	var b strings.Builder
	for level := range strings.SplitSeq(name, "/") {
		if level == "" {
			return "", fmt.Errorf("folder %q has an empty level", name)
		}
		b.WriteString("." + strings.ReplaceAll(imapwire.EncodeName(level), ".", "_"))
	}
	dir := strings.ReplaceAll(b.String(), "/", "_")
	if len(dir) > unix.NAME_MAX || strings.ContainsRune(dir, 0) {
		return "", fmt.Errorf("folder %q cannot be a directory's name", name)
	}
	return dir, nil
}

// checkDirs checks the directories of a folder and makes those that are
// missing, where that is allowed. The Maildir itself may be reached through a
// symbolic link, since its owner wrote that path; nothing below it may be one.
func (d *Destination) checkDirs(dir string) error {
	if err := d.checkDir(d.o.Path, os.Stat); err != nil {
		return err
	}
	if dir != "" {
		if err := d.checkDir(d.path(dir), os.Lstat); err != nil {
			return err
		}
	}
	for _, sub := range subdirectories {
		if err := d.checkDir(filepath.Join(d.path(dir), sub), os.Lstat); err != nil {
			return err
		}
	}
	if dir == "" {
		return nil
	}
	return d.markFolder(filepath.Join(d.path(dir), "maildirfolder"))
}

func (d *Destination) checkDir(path string, stat func(string) (fs.FileInfo, error)) error {
	info, err := stat(path)
	switch {
	case err == nil && !info.IsDir():
		return reply.WithClass(reply.Config, fmt.Errorf("%s is not a directory", path))
	case errors.Is(err, fs.ErrNotExist) && d.o.Create:
		return classed(d.o.FS.MkdirAll(path))
	case errors.Is(err, fs.ErrNotExist):
		return reply.WithClass(reply.Config, fmt.Errorf("directory %s is missing: make it, or set create = true", path))
	}
	return classed(err)
}

// markFolder makes the file by which Maildir++ tells a folder from a Maildir.
func (d *Destination) markFolder(path string) error {
	if _, err := os.Lstat(path); err == nil || !d.o.Create {
		return nil
	}
	file, err := d.o.FS.Create(path)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return classed(err)
	}
	return classed(file.Close())
}
