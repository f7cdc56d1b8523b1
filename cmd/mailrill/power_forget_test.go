package main

import (
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"mailrill/internal/fsx"
	"mailrill/internal/mailtest/forgetful"
)

// The power cut without a file system of its own: a disk in this process that
// forgets. Package forgetful says what it shows, and what not. It takes one pair
// always, so that it does not rot, and all where no image can be mounted or with
// MAILRILL_SOAK set. At each point there are two cuts: all is forgotten that was
// not synced, or some of it, by MAILRILL_SEED.

// A forgetfulDisk is a powerDisk.
type forgetfulDisk struct {
	*forgetful.Disk
	dir  string
	seed uint64
}

func (d *forgetfulDisk) files(fault func(op, path string) error) fsx.FS {
	return fsx.FS{Fsync: d.Fsync, Fault: func(op, path string) error {
		if err := d.Look(); err != nil {
			return err
		}
		if op == "committed" {
			if err := d.Committed(); err != nil {
				return err
			}
		}
		return fault(op, path)
	}}
}

func (d *forgetfulDisk) left(n int) (ways [][]byte, err error) {
	for _, r := range []*rand.Rand{nil, rand.New(rand.NewPCG(d.seed, uint64(n)))} {
		tree, err := d.Left(r)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(tree)
		if err != nil {
			return nil, err
		}
		ways = append(ways, text)
	}
	return ways, nil
}

func (d *forgetfulDisk) plug(t *testing.T, left []byte) {
	t.Helper()
	var tree forgetful.Tree
	if err := json.Unmarshal(left, &tree); err != nil {
		t.Fatal(err)
	}
	if err := tree.Put(d.dir); err != nil {
		t.Fatal(err)
	}
}

func (d *forgetfulDisk) unplug(*testing.T) {}

func TestPowerCutOnForgetfulDisk(t *testing.T) {
	soak, seed := crashSettings(t)
	pairs, each := powerPairs[:1], 5 // odd, so that both ways to cut are taken
	if soak > 0 {
		pairs, each = powerPairs, 1
	} else if err := tryLoop(t); err != nil {
		pairs = powerPairs
	}
	for _, p := range pairs {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			cutEverywhere(t, p, each, func(t *testing.T, dir, _ string) powerDisk {
				t.Helper()
				disk, err := forgetful.New(dir, filepath.Join(dir, "state", "ledger.db"))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(disk.Close)
				return &forgetfulDisk{disk, dir, seed}
			})
		})
	}
}
