package oracle

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Maildir is a Maildir with its subfolders. What lies in a tmp is no message.
type Maildir string

// Copies reads new and cur of every folder.
func (d Maildir) Copies() (out []Copy, err error) {
	return files(string(d), func(path string) bool {
		in := filepath.Base(filepath.Dir(path))
		return in == "new" || in == "cur"
	})
}

// Put puts a message into new, as a delivery does.
func (d Maildir) Put(m Message) error {
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(string(d), sub), 0o700); err != nil {
			return err
		}
	}
	name := fmt.Sprintf("%d.oracle%d.localhost", 1767323045+m.Serial, m.Serial)
	temp := filepath.Join(string(d), "tmp", name)
	if err := os.WriteFile(temp, m.Body, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(string(d), "new", name))
}

// Folder is a folder whose every file is a message.
type Folder string

// Copies reads all files.
func (d Folder) Copies() ([]Copy, error) {
	return files(string(d), func(string) bool { return true })
}

// Hold is mailrill's hold: ACCOUNT/ID.eml beside ACCOUNT/ID.json. One of the two
// alone is no message.
type Hold string

// Copies reads the messages that have both files.
func (d Hold) Copies() ([]Copy, error) {
	return files(string(d), func(path string) bool {
		name, ok := strings.CutSuffix(path, ".eml")
		_, err := os.Stat(name + ".json")
		return ok && err == nil
	})
}

// files reads the files below dir that are wanted; without dir there are none.
func files(dir string, wanted func(path string) bool) (out []Copy, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !wanted(path) {
			return missing(err)
		}
		body, err := os.ReadFile(path)
		out = append(out, Copy{path, body})
		return err
	})
	return out, err
}

// All is several boxes as one.
func All(boxes ...Box) Box {
	return BoxFunc(func() (out []Copy, err error) {
		for _, b := range boxes {
			cs, err := b.Copies()
			if err != nil {
				return nil, err
			}
			out = slices.Concat(out, cs)
		}
		return out, nil
	})
}
