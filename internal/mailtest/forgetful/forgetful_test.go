package forgetful

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A bench is a disk and a hand that writes on it.
type bench struct {
	t   *testing.T
	dir string
	*Disk
}

func newBench(t *testing.T, database string) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	b.write("old", "old contents")
	if database != "" {
		database = filepath.Join(b.dir, database)
	}
	disk, err := New(b.dir, database)
	b.must(err)
	t.Cleanup(disk.Close)
	b.Disk = disk
	return b
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) write(name, text string) {
	b.t.Helper()
	b.must(os.WriteFile(b.path(name), []byte(text), 0o600))
	b.look()
}

func (b *bench) look() {
	b.t.Helper()
	if b.Disk != nil {
		b.must(b.Look())
	}
}

func (b *bench) sync(name string) {
	b.t.Helper()
	file, err := os.Open(b.path(name))
	b.must(err)
	defer file.Close()
	b.must(b.Fsync(file))
}

// left returns what may be left of the files, in words: one line for each
// possibility that a hundred seeds show. The first is what is left for sure.
func (b *bench) left() (all []string) {
	b.t.Helper()
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 0))
		if seed == 0 {
			r = nil
		}
		tree, err := b.Left(r)
		b.must(err)
		var words []string
		for _, path := range slices.Sorted(maps.Keys(tree)) {
			if !strings.HasSuffix(path, "/") {
				words = append(words, path+"="+string(tree[path]))
			}
		}
		if text := strings.Join(words, " "); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	slices.Sort(all[1:])
	return all
}

func (b *bench) want(what string, want ...string) {
	b.t.Helper()
	if got := b.left(); !slices.Equal(got, want) {
		b.t.Errorf("%s: what may be left is %q, want %q", what, got, want)
	}
}

func TestWhatIsLeft(t *testing.T) {
	for what, c := range map[string]struct {
		do   func(b *bench)
		want []string
	}{
		"nothing was done": {func(*bench) {}, []string{"old=old contents"}},
		"overwritten":      {func(b *bench) { b.write("old", "new contents") }, []string{"old=old contents", "old=new contents"}},
		"overwritten and synced": {func(b *bench) {
			b.write("old", "new contents")
			b.sync("old")
		}, []string{"old=new contents"}},
		"made": {func(b *bench) { b.write("x", "y") },
			[]string{"old=old contents", "old=old contents x=", "old=old contents x=\x00", "old=old contents x=y"}},
		"made, its contents synced": {func(b *bench) {
			b.write("x", "y")
			b.sync("x")
		}, []string{"old=old contents", "old=old contents x=y"}},
		"made, its name synced": {func(b *bench) {
			b.write("x", "y")
			b.sync(".")
		}, []string{"old=old contents x=", "old=old contents x=\x00", "old=old contents x=y"}},
		"made, all of it synced": {func(b *bench) {
			b.write("x", "y")
			b.sync("x")
			b.sync(".")
		}, []string{"old=old contents x=y"}},
		"replaced": {func(b *bench) {
			b.write("new", "new contents")
			b.sync("new")
			b.must(os.Rename(b.path("new"), b.path("old")))
			b.look()
		}, []string{"old=old contents", "new=new contents old=old contents", "old=new contents"}},
		"replaced and synced": {func(b *bench) {
			b.write("new", "new contents")
			b.sync("new")
			b.must(os.Rename(b.path("new"), b.path("old")))
			b.sync(".")
		}, []string{"old=new contents"}},
		"removed": {func(b *bench) {
			b.must(os.Remove(b.path("old")))
			b.look()
		}, []string{"old=old contents", ""}},
		"in a directory whose name was not synced": {func(b *bench) {
			b.must(os.Mkdir(b.path("sub"), 0o700))
			b.write("sub/x", "y")
			b.sync("sub/x")
			b.sync("sub")
		}, []string{"old=old contents", "old=old contents sub/x=y"}},
		"removed, and its number taken by another": {func(b *bench) {
			b.must(os.Remove(b.path("old")))
			b.write("x", "y")
			b.sync("x")
			b.sync(".")
		}, []string{"x=y"}},
	} {
		b := newBench(t, "")
		c.do(b)
		slices.Sort(c.want[1:])
		b.want(what, c.want...)
	}
}

func TestPagesAreMixed(t *testing.T) {
	b := newBench(t, "")
	synced, now := strings.Repeat("a", 2*page), strings.Repeat("b", 3*page)
	b.write("old", synced)
	b.sync("old")
	b.write("old", now)
	torn := "old=" + strings.Repeat("a", page) + strings.Repeat("b", page)
	if all := b.left(); all[0] != "old="+synced || !slices.Contains(all, torn) || len(all) < 8 {
		t.Errorf("%d ways", len(all))
	}
}

func TestDatabase(t *testing.T) {
	b := newBench(t, "db")
	b.write("db", "D")
	b.write("db-wal", "1")
	b.must(b.Committed())
	b.write("db-wal", "12")
	b.write("db-shm", "shared")
	const old = " old=old contents"
	b.want("behind a commit", "db=D db-wal=1"+old, "db=D db-wal=1\x00"+old, "db=D db-wal=12"+old)
	b.write("db", "E") // the log is put into it: nothing is torn then but by SQLite's own rules
	b.want("at a checkpoint", "db=D db-wal=1"+old, "db=E db-wal=12"+old)
	b.must(b.Committed())
	b.want("behind it", "db=E db-wal=12"+old)
}

func TestPut(t *testing.T) {
	b := newBench(t, "")
	tree := Tree{"./": nil, "a/": nil, "a/b/": nil, "a/b/c": []byte("d"), "e": nil}
	b.must(tree.Put(b.dir))
	got, err := os.ReadFile(b.path("a/b/c"))
	if err != nil || !bytes.Equal(got, []byte("d")) {
		t.Error(got, err)
	}
	entries, err := os.ReadDir(b.dir)
	if err != nil || len(entries) != 2 {
		t.Error(entries, err)
	}
}
