package maildir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mailrill/deliver"
)

var _ deliver.Trier = (*Destination)(nil)

// A trial is a folder in which a copy is looked for by its name.
type trial struct {
	d      *Destination
	folder *folder
	found  string // path of the copy
}

// Try opens the folder. A copy's name says which it is: nothing is to be noted.
func (d *Destination) Try(ctx context.Context, name string) (deliver.Trial, error) {
	f, err := d.folder(name)
	if err != nil {
		return nil, err
	}
	return &trial{d: d, folder: f}, ctx.Err()
}

// Find returns the file with that ID in its name.
func (t *trial) Find(ctx context.Context, id string) (*deliver.Copy, error) {
	place := ""
	err := readFolder(t.folder.path, func(p, got string) error {
		if got == id {
			place = p
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	if place == "" {
		return nil, deliver.ErrNotThere
	}
	t.found = filepath.Join(t.folder.path, place)
	return t.read(place)
}

// copyLimit bounds what is read of a copy: more than any test message has.
const copyLimit = 1 << 20

func (t *trial) read(place string) (*deliver.Copy, error) {
	file, err := os.Open(t.found)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(file, copyLimit))
	return &deliver.Copy{
		Where: filepath.Join(t.folder.dir, place), Body: body, Received: info.ModTime(), Flags: flagsOf(place),
	}, err
}

// flagsOf returns the flags in a file's name.
func flagsOf(name string) (flags []string) {
	_, info, _ := strings.Cut(name, ":2,")
	for flag, letter := range letters {
		if strings.HasPrefix(flag, `\`) && strings.IndexByte(info, letter) >= 0 {
			flags = append(flags, flag)
		}
	}
	return flags
}

// Remove removes the file. One that a reader has taken away meanwhile is gone.
func (t *trial) Remove(context.Context) (left string, err error) {
	err = t.d.o.FS.Remove(t.found)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return t.found, fmt.Errorf("remove the test message: %w", err)
	}
	return "", nil
}
