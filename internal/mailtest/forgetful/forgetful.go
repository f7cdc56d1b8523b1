// Package forgetful is a disk that forgets at a power cut what was not synced,
// for machines on which no real one can be cut.
//
// The files lie in a folder of the machine and are written as ever. The Disk
// looks at them at each point that its user names, hears of each fsync, and works
// out what a cut at that point may leave:
//
//   - of a file what its last fsync saw, or a mix of that and of what was written
//     since, page by page, with the size of the one or the other;
//   - of a directory the names that its last fsync saw, or those that it had at
//     some point since. Each directory remembers for itself, as the order in which
//     names of different directories reach the disk is nobody's promise. Within one
//     they do so in order, as with every journal, so a rename is done or not;
//   - of a database the files as its last commit left them (Committed), or as they
//     are now, or with a torn end of the log.
//
// The last is taken on trust: SQLite writes by itself, unheard, and that its
// commit is durable is what it promises with synchronous=FULL. So this disk shows
// what a program does with its own files and directories; it does not show
// whether SQLite was told to sync, what a file system does with unsynced renames
// that replace, nor anything of hardware.
package forgetful

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// A Disk is the folder Root and what is durable of it. It is safe for concurrent
// use. No directory on it may be renamed.
type Disk struct {
	root     string
	database string // path of a database file, "" for none

	mu        sync.Mutex
	nodes     map[uint64]*node
	dirs      map[string]*directory // by path
	committed map[string][]byte     // files of the database, by name
}

// A node is a file. It stays open, so that its contents outlive its names and no
// other takes its number.
type node struct {
	file   *os.File // nil: a directory
	synced []byte
}

// A directory is what names it had since its last fsync, oldest first: maps of
// names to the numbers of nodes.
type directory struct{ versions []map[string]uint64 }

// New returns a disk on which all that lies in root is durable. database is the
// path of an SQLite database that is to be, or "".
func New(root, database string) (*Disk, error) {
	d := &Disk{root: root, database: database, nodes: map[uint64]*node{}, dirs: map[string]*directory{}}
	if err := d.Look(); err != nil {
		return nil, err
	}
	for _, n := range d.nodes {
		if err := n.sync(); err != nil {
			return nil, err
		}
	}
	for _, dir := range d.dirs {
		dir.versions = dir.versions[len(dir.versions)-1:]
	}
	return d, nil
}

// Close lets all files go.
func (d *Disk) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range d.nodes {
		if n.file != nil {
			n.file.Close()
		}
	}
}

// Look notes which names there are. It is called at each point at which the power
// may be cut, and between any two calls that change names.
func (d *Disk) Look() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return filepath.WalkDir(d.root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return missing(err)
		}
		return d.lookInto(path)
	})
}

func (d *Disk) lookInto(path string) error {
	names, err := d.names(path)
	if err != nil {
		return missing(err)
	}
	dir := d.dirs[path]
	if dir == nil {
		dir = &directory{[]map[string]uint64{{}}}
		d.dirs[path] = dir
	}
	if !maps.Equal(names, dir.versions[len(dir.versions)-1]) {
		dir.versions = append(dir.versions, names)
	}
	return nil
}

// names returns what a directory holds, and remembers each file in it. The
// database is not looked at: to close one of its files would end its locks.
func (d *Disk) names(path string) (map[string]uint64, error) {
	entries, err := os.ReadDir(path)
	names := map[string]uint64{}
	for _, e := range entries {
		full := filepath.Join(path, e.Name())
		if d.isDatabase(full) {
			continue
		}
		info, err := os.Lstat(full)
		if err == nil {
			err = d.meet(full, info)
		}
		if err != nil {
			if missing(err) != nil {
				return nil, err
			}
			continue // it has gone meanwhile
		}
		names[e.Name()] = number(info)
	}
	return names, err
}

func (d *Disk) isDatabase(path string) bool {
	for _, ext := range []string{"", "-wal", "-shm", "-journal"} {
		if d.database != "" && path == d.database+ext {
			return true
		}
	}
	return false
}

// meet opens a file that is new.
func (d *Disk) meet(path string, info fs.FileInfo) error {
	if d.nodes[number(info)] != nil {
		return nil
	}
	n := &node{}
	if info.Mode().IsRegular() {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		n.file = file
	}
	d.nodes[number(info)] = n
	return nil
}

func number(info fs.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Ino }

func missing(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// Fsync makes durable what a file or a directory holds now.
func (d *Disk) Fsync(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !info.IsDir() {
		return d.syncFile(info, file)
	}
	path := file.Name()
	if err := d.lookInto(path); err != nil {
		return err
	}
	dir := d.dirs[path]
	dir.versions = dir.versions[len(dir.versions)-1:]
	return nil
}

// syncFile need not know the file yet: it may have been made since the last look.
func (d *Disk) syncFile(info fs.FileInfo, file *os.File) error {
	n := d.nodes[number(info)]
	if n == nil {
		if info.Sys().(*syscall.Stat_t).Nlink == 0 {
			return nil // it has no name, and a cut leaves nothing of it
		}
		if err := d.meet(file.Name(), info); err != nil {
			return err
		}
		n = d.nodes[number(info)]
	}
	return n.sync()
}

func (n *node) sync() (err error) {
	n.synced, err = n.contents()
	return err
}

// contents returns what was written, synced or not.
func (n *node) contents() ([]byte, error) {
	if n.file == nil {
		return nil, nil
	}
	info, err := n.file.Stat()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(n.file, 0, info.Size()))
}

// Committed is called when the database has committed and before it begins
// anything more: all of it is durable.
func (d *Disk) Committed() (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.committed, err = d.readDatabase()
	return err
}

// readDatabase returns the files of the database but for its shared memory, which
// the first who opens it makes anew.
func (d *Disk) readDatabase() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, ext := range []string{"", "-wal", "-journal"} {
		data, err := os.ReadFile(d.database + ext)
		if err == nil {
			files[filepath.Base(d.database)+ext] = data
		} else if missing(err) != nil {
			return nil, err
		}
	}
	return files, nil
}

// A Tree is what lies on a disk: contents by path from its root; that of a
// directory ends in a slash.
type Tree map[string][]byte

// Left returns what a cut leaves: with r nil what is durable and nothing else,
// else that and some of what has been done since, as r has it.
func (d *Disk) Left(r *rand.Rand) (Tree, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	left := Tree{}
	return left, d.leave(left, d.root, r)
}

func (d *Disk) leave(left Tree, path string, r *rand.Rand) error {
	rel, err := filepath.Rel(d.root, path)
	if err != nil {
		return err
	}
	left[rel+"/"] = nil
	if filepath.Dir(d.database) == path {
		if err := d.leaveDatabase(left, rel, r); err != nil {
			return err
		}
	}
	dir := d.dirs[path]
	if dir == nil {
		return nil // it was made since the last look
	}
	names := dir.versions[pick(r, len(dir.versions))]
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n := d.nodes[names[name]]
		if n.file == nil {
			err = d.leave(left, filepath.Join(path, name), r)
		} else {
			left[filepath.Join(rel, name)], err = n.leave(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pick returns the oldest of n for a disk that forgets all it may.
func pick(r *rand.Rand, n int) int {
	if r == nil {
		return 0
	}
	return r.IntN(n)
}

func (n *node) leave(r *rand.Rand) ([]byte, error) {
	if r == nil {
		return n.synced, nil
	}
	now, err := n.contents()
	return mix(r, n.synced, now), err
}

const page = 4096

// mix takes each page, and the size, from either.
func mix(r *rand.Rand, synced, now []byte) []byte {
	if bytes.Equal(synced, now) {
		return now
	}
	both := [][]byte{synced, now}
	out := make([]byte, len(both[r.IntN(2)]))
	for at := 0; at < len(out); at += page {
		if from := both[r.IntN(2)]; at < len(from) {
			copy(out[at:min(at+page, len(out))], from[at:])
		}
	}
	return out
}

func (d *Disk) leaveDatabase(left Tree, rel string, r *rand.Rand) error {
	files, err := d.databaseLeft(r)
	for name, data := range files {
		left[filepath.Join(rel, name)] = data
	}
	return err
}

// databaseLeft leaves the database as its last commit did, as it is, or with some
// pages of what was written to the log since. Before its first commit there may
// be none.
func (d *Disk) databaseLeft(r *rand.Rand) (map[string][]byte, error) {
	way := pick(r, 3)
	if way == 0 {
		return d.committed, nil
	}
	now, err := d.readDatabase()
	if err != nil || way == 1 {
		return now, err
	}
	db, wal := filepath.Base(d.database), filepath.Base(d.database)+"-wal"
	before := d.committed[wal]
	if d.committed != nil && bytes.Equal(now[db], d.committed[db]) && bytes.HasPrefix(now[wal], before) {
		now[wal] = append(bytes.Clone(before), mix(r, nil, now[wal][len(before):])...)
	}
	return now, nil
}

// Put makes t all that lies in root.
func (t Tree) Put(root string) error {
	entries, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(root, e.Name())); err != nil {
			return err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(t)) { // a directory comes before what is in it
		full := filepath.Join(root, path)
		if path[len(path)-1] == '/' {
			err = os.MkdirAll(full, 0o700)
		} else {
			err = os.WriteFile(full, t[path], 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
