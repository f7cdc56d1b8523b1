package maildir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mailrill/deliver"
)

// mark is the same at all times: files tell nothing about when they came (their
// modification time is the date of arrival at the source, and a clock may have
// been set back), and reading names is quick.
const mark = "maildir"

// Arrived reports every copy in the Maildir and all its folders, whatever mark
// is. A copy that vanishes while it is looked at has its size unknown.
func (d *Destination) Arrived(ctx context.Context, _ string, fn func(id string, r deliver.Receipt) error) (string, error) {
	dirs, err := d.directories()
	if err != nil {
		return "", err
	}
	for _, dir := range dirs {
		err := readFolder(d.path(dir), func(place, id string) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			where := filepath.Join(dir, place)
			return fn(id, deliver.Receipt{Where: where, Size: fileSize(filepath.Join(d.o.Path, where))})
		})
		if err != nil {
			return "", err
		}
	}
	return mark, ctx.Err()
}

func fileSize(path string) int64 {
	info, err := os.Lstat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}

// directories returns all folders that are there. A Maildir that is yet to be
// made has none.
func (d *Destination) directories() ([]string, error) {
	entries, err := os.ReadDir(d.o.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var dirs []string
	if d.isFolder("") {
		dirs = append(dirs, "")
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && e.IsDir() && d.isFolder(e.Name()) {
			dirs = append(dirs, e.Name())
		}
	}
	return dirs, nil
}

func (d *Destination) isFolder(dir string) bool {
	for _, sub := range []string{"new", "cur"} {
		info, err := os.Lstat(filepath.Join(d.path(dir), sub))
		if err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}
