package fsx_test

import (
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"mailrill/internal/fsx"
	"mailrill/internal/mailtest/forgetful"
)

// seeds is how many ways to lose what was not synced are tried at each point.
const seeds = 20

// A cutter works on a disk that forgets, and asks at each point, and at the end,
// what a power cut may leave.
type cutter struct {
	t      *testing.T
	dir    string
	disk   *forgetful.Disk
	during func(forgetful.Tree)
}

func newCutter(t *testing.T, before forgetful.Tree) *cutter {
	t.Helper()
	c := &cutter{t: t, dir: t.TempDir(), during: func(forgetful.Tree) {}}
	c.must(before.Put(c.dir))
	disk, err := forgetful.New(c.dir, "")
	c.must(err)
	t.Cleanup(disk.Close)
	c.disk = disk
	return c
}

func (c *cutter) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cutter) fs() fsx.FS {
	return fsx.FS{Fsync: c.disk.Fsync, Fault: func(string, string) error {
		c.must(c.disk.Look())
		c.left(c.during)
		return nil
	}}
}

func (c *cutter) left(check func(forgetful.Tree)) {
	c.t.Helper()
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 0))
		if seed == 0 {
			r = nil
		}
		tree, err := c.disk.Left(r)
		c.must(err)
		check(tree)
	}
}

// WriteFile leaves the old contents or the new, and the new when it has returned.
func TestWriteFileIsDurable(t *testing.T) {
	for _, old := range []string{"", "old"} {
		before := forgetful.Tree{"./": nil}
		if old != "" {
			before["f"] = []byte(old)
		}
		c := newCutter(t, before)
		c.during = func(left forgetful.Tree) {
			if got := string(left["f"]); got != old && got != "new" {
				t.Errorf("%q, %q is left", old, got)
			}
			if _, there := left["f"]; old != "" && !there {
				t.Errorf("the old file is gone")
			}
		}
		c.must(c.fs().WriteFile(filepath.Join(c.dir, "f"), []byte("new")))
		c.left(func(left forgetful.Tree) {
			if got := string(left["f"]); got != "new" {
				t.Errorf("written over %q, and %q is left", old, got)
			}
		})
	}
}

// MkdirAll leaves all directories when it has returned.
func TestMkdirAllIsDurable(t *testing.T) {
	c := newCutter(t, forgetful.Tree{"./": nil, "a/": nil})
	c.must(c.fs().MkdirAll(filepath.Join(c.dir, "a", "b", "c")))
	c.left(func(left forgetful.Tree) {
		if got := slices.Sorted(maps.Keys(left)); !slices.Equal(got, []string{"./", "a/", "a/b/", "a/b/c/"}) {
			t.Errorf("%q is left", got)
		}
	})
}
