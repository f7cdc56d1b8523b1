package collect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"mailrill/internal/fsx"
)

// A Hold is the folder of messages that their destination refused. Each is two
// files, ACCOUNT/ID.eml (the octets as the source served them) and
// ACCOUNT/ID.json (an Entry), durable before the ledger says HELD. It lies
// outside the ledger so that it survives its loss.
type Hold struct {
	fs  fsx.FS
	dir string
	max int64
}

// holdMax bounds what the hold of a process may take, in octets.
const holdMax = 4 << 30

// ErrHoldFull: the hold has no room for a further message; nothing more is
// retrieved until its owner has decided about some.
var ErrHoldFull = errors.New("the hold is full: see `mailrill hold list`")

// NewHold returns the hold in dir, which is made when it is first needed.
func NewHold(fs fsx.FS, dir string) *Hold { return &Hold{fs, dir, holdMax} }

// An Entry describes a held message.
type Entry struct {
	ID       string    `json:"id"`
	Account  string    `json:"account"`
	To       string    `json:"to"`
	Into     string    `json:"into"`
	Folder   string    `json:"folder"` // of the source
	Key      string    `json:"key"`
	Size     int64     `json:"size"`
	Begun    time.Time `json:"begun"`
	Held     time.Time `json:"held"`
	Received time.Time `json:"received,omitzero"`
	Flags    []string  `json:"flags,omitempty"`
	Subject  string    `json:"subject,omitempty"`
	From     string    `json:"from,omitempty"`
	Class    string    `json:"class"`
	Reason   string    `json:"reason"`
	// Retry is when it is tried again by itself; zero: when its owner says so.
	Retry    time.Time `json:"retry,omitzero"`
	Attempts int       `json:"attempts"`
	// Doubt is set while it is unknown how an attempt ended: until then a copy may
	// still turn up at the destination.
	Doubt time.Time `json:"doubt,omitzero"`
}

func (h *Hold) path(account, id, ext string) string {
	return filepath.Join(h.dir, account, id+ext)
}

// Has reports whether a message is held, durably: whoever put it there may have
// died, or met a broken disk, before its name was safe.
func (h *Hold) Has(account, id string) (bool, error) {
	if !h.shows(account, id) {
		return false, nil
	}
	if err := h.fs.SyncDir(filepath.Join(h.dir, account)); err != nil {
		return false, fmt.Errorf("make sure of a message in the hold: %w", err)
	}
	return true, nil
}

// shows reports whether the files of a message are there, durable or not.
func (h *Hold) shows(account, id string) bool {
	for _, ext := range []string{".eml", ".json"} {
		if _, err := os.Stat(h.path(account, id, ext)); err != nil {
			return false
		}
	}
	return true
}

// Put holds a message, durably. One that is held already is replaced. What was
// not held before is not there after an error: it could be taken for safe.
func (h *Hold) Put(e Entry, body io.Reader) error {
	if used, err := h.used(); err != nil || used+e.Size > h.max {
		return errors.Join(err, fmt.Errorf("%w (%d octets)", ErrHoldFull, used))
	}
	if err := h.fs.MkdirAll(filepath.Join(h.dir, e.Account)); err != nil {
		return err
	}
	replaced := h.shows(e.Account, e.ID)
	err := h.write(h.path(e.Account, e.ID, ".eml"), body)
	if err == nil {
		err = h.Update(e)
	}
	if err != nil && !replaced {
		os.Remove(h.path(e.Account, e.ID, ".json"))
		os.Remove(h.path(e.Account, e.ID, ".eml"))
	}
	return err
}

// Update replaces the description of a held message.
func (h *Hold) Update(e Entry) error {
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return h.fs.WriteFile(h.path(e.Account, e.ID, ".json"), append(data, '\n'))
}

// write streams body to path, durably but for the directory, which the
// description that follows takes along.
func (h *Hold) write(path string, body io.Reader) error {
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := h.fs.Create(temp)
	if err != nil {
		return err
	}
	_, err = io.Copy(onlyWriter{f}, body)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = h.fs.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
	}
	return err
}

// onlyWriter hides ReadFrom, which would pass by the FS's seam for faults.
type onlyWriter struct{ io.Writer }

// Get returns one entry.
func (h *Hold) Get(account, id string) (Entry, error) {
	var e Entry
	data, err := os.ReadFile(h.path(account, id, ".json"))
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("read %s: %w", h.path(account, id, ".json"), err)
	}
	e.Account, e.ID = account, id // the names of folder and file count: Rename changes them at one stroke
	return e, nil
}

// Open returns the octets of a held message as the source served them.
func (h *Hold) Open(account, id string) (*os.File, error) {
	return os.Open(h.path(account, id, ".eml"))
}

// Remove takes a message out of the hold. The description goes first: without
// it the rest is no entry.
func (h *Hold) Remove(account, id string) error {
	for _, ext := range []string{".json", ".eml"} {
		if err := h.fs.Remove(h.path(account, id, ext)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return h.fs.SyncDir(filepath.Join(h.dir, account))
}

// List returns the entries of an account, or of all when account is "", the
// oldest first.
func (h *Hold) List(account string) (entries []Entry, err error) {
	if _, err := os.Stat(h.dir); err != nil { // Glob would say that there is nothing
		return nil, ignoreMissing(err)
	}
	if account == "" {
		account = "*"
	}
	paths, err := filepath.Glob(filepath.Join(h.dir, account, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		e, err := h.Get(filepath.Base(filepath.Dir(path)), strings.TrimSuffix(filepath.Base(path), ".json"))
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	sort.SliceStable(entries, func(i, j int) bool { return entries[i].Held.Before(entries[j].Held) })
	return entries, nil
}

// Counts returns how many messages are held, by account, without reading them.
func (h *Hold) Counts() (map[string]int, error) {
	paths, err := fs.Glob(os.DirFS(h.dir), "*/*.json")
	counts := map[string]int{}
	for _, p := range paths {
		counts[filepath.Dir(p)]++
	}
	return counts, err
}

// Rename moves an account's held messages to its new name.
func (h *Hold) Rename(old, new string) error {
	err := h.fs.Rename(filepath.Join(h.dir, old), filepath.Join(h.dir, new))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return h.fs.SyncDir(h.dir)
}

// used returns how many octets are held.
func (h *Hold) used() (n int64, err error) {
	err = filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreMissing(err)
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return ignoreMissing(err)
	})
	return n, err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
