package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mailrill/internal/fsx"
	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// A newFile is a file that must not exist yet.
type newFile struct {
	name string
	data []byte
}

// files returns what the plan puts into the config's folder: the secrets, then
// the config itself. Without it nobody would look at them.
func (p *plan) files(config string, l lang.Lang) (all []newFile) {
	for _, m := range []mailbox{p.source, p.to.mailbox} {
		if m.secret != "" {
			all = append(all, newFile{m.secretFile(), []byte(m.secret + "\n")})
		}
	}
	return append(all, newFile{config, p.document(l)})
}

func (m mailbox) secretFile() string { return m.name + ".secret" }

// newFiles are files that were just written, and can be taken back.
type newFiles struct {
	fs      fsx.FS
	paths   []string
	folders []string // that were missing before
}

// write writes all of files into dir, durably. None of them is readable by
// others at any instant, and none replaces anything. What root writes for the
// service is the service's group's to read.
func (n *newFiles) write(dir string, files []newFile) error {
	if err := n.makeFolder(dir); err != nil {
		return err
	}
	for _, f := range files {
		if err := n.create(filepath.Join(dir, f.name), f.data); err != nil {
			return err
		}
	}
	return n.fs.SyncDir(dir)
}

// makeFolder notes which folders are missing before it makes them. A link that
// leads nowhere is somebody's, and none that is missing.
func (n *newFiles) makeFolder(dir string) error {
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Lstat(d); !errors.Is(err, fs.ErrNotExist) {
			return n.fs.MkdirAll(dir)
		}
		n.folders = append(n.folders, d)
	}
}

func (n *newFiles) create(path string, data []byte) error {
	f, err := n.fs.Create(path)
	if errors.Is(err, fs.ErrExist) {
		return alreadyThere(path)
	}
	if err != nil {
		return err
	}
	n.paths = append(n.paths, path)
	// A umask may take rights away, also ours.
	err = f.Chmod(n.mode())
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (n *newFiles) mode() os.FileMode {
	if n.fs.Readers != nil {
		return 0o640
	}
	return 0o600
}

// mustBeNew refuses a config that is there, before anything is asked.
func mustBeNew(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return alreadyThere(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// errThere says what to do.
var errThere = errors.New("is there already, and init overwrites nothing: move it away, name another config with --config FILE, or add an [[account]] to the one that is there")

func alreadyThere(path string) error {
	return reply.WithClass(reply.Config, fmt.Errorf("%s %w", path, errThere))
}

// undo removes what was made.
func (n *newFiles) undo() error {
	var failed []error
	for _, path := range slices.Concat(n.paths, n.folders) {
		if err := n.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// word makes s one word of a shell.
func word(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:,") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
