package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"mailrill/internal/fsx"
)

// The power cut on real file systems. The state folder with the hold lies on an
// ext4 file system in an image file, and the Maildir on another: on one disk the
// sync of the ledger would take along the names in the Maildir, and hide that
// nobody made them durable. The images are copied while they are mounted: the copy
// is what the disk holds at that instant. Later the copies are mounted.

// ext4Disks are images and where they are mounted.
type ext4Disks struct{ images, mounts []string }

func newExt4Disks(t *testing.T, dir, destination string) powerDisk {
	t.Helper()
	d := &ext4Disks{}
	d.add(t, dir)
	if destination == "maildir" {
		d.add(t, filepath.Join(dir, "Maildir"))
	}
	unix.Sync() // what was made until here was there long before
	return d
}

// add makes a disk and mounts it on dir.
func (d *ext4Disks) add(t *testing.T, dir string) {
	t.Helper()
	image := filepath.Join(memory(t), "image")
	makeImage(t, image)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	mountImage(t, image, dir)
	d.images, d.mounts = append(d.images, image), append(d.mounts, dir)
}

func (d *ext4Disks) files(fault func(op, path string) error) fsx.FS { return fsx.FS{Fault: fault} }

// left returns the octets of all disks, one behind the other.
func (d *ext4Disks) left(int) ([][]byte, error) {
	all := make([]byte, 0, len(d.images)*imageSize)
	for _, image := range d.images {
		data, err := os.ReadFile(image)
		if err != nil {
			return nil, err
		}
		all = append(all, data...)
	}
	return [][]byte{all}, nil
}

func (d *ext4Disks) plug(t *testing.T, left []byte) {
	t.Helper()
	for i, image := range d.images {
		if err := writeSparse(image, left[i*imageSize:(i+1)*imageSize]); err != nil {
			t.Fatal(err)
		}
		mountImage(t, image, d.mounts[i])
	}
}

func (d *ext4Disks) unplug(t *testing.T) {
	t.Helper()
	for _, dir := range slices.Backward(d.mounts) {
		unmount(t, dir)
	}
}

func TestPowerCutAtEveryStep(t *testing.T) {
	needsLoop(t)
	soak, _ := crashSettings(t)
	for i, p := range powerPairs {
		t.Run(p.String(), func(t *testing.T) {
			each := 1
			if i > 0 && soak == 0 {
				each = 3
			}
			cutEverywhere(t, p, each, newExt4Disks)
		})
	}
}

// memory returns a folder for the image that is mounted, in memory where there is
// such a file system: syncs are fast there, and the image is none the less a file.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "mailrill-power-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

const imageSize = 10 << 20

// makeImage makes an ext4 file system with a journal in a file. Nothing of it is
// left for the kernel to initialise later.
func makeImage(t *testing.T, path string) {
	t.Helper()
	if err := writeSparse(path, make([]byte, imageSize)); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", path).CombinedOutput()
	if err != nil {
		t.Fatalf("mkfs.ext4: %v\n%s", err, out)
	}
}

// mountImage mounts the file system in image on dir, at the latest until the end
// of the test.
func mountImage(t *testing.T, image, dir string) {
	t.Helper()
	if out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v\n%s", err, out)
	}
	t.Cleanup(func() { unmount(t, dir) })
}

func unmount(t *testing.T, dir string) {
	t.Helper()
	if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil && !bytes.Contains(out, []byte("not mounted")) && !bytes.Contains(out, []byte("no mount point")) {
		t.Errorf("umount: %v\n%s", err, out)
	}
}

// needsLoop skips where no image can be mounted.
func needsLoop(t *testing.T) {
	t.Helper()
	if err := tryLoop(t); err != nil {
		t.Skipf("NO POWER WAS CUT ON A REAL FILE SYSTEM: no ext4 image can be mounted here (root and e2fsprogs are needed). TestPowerCutOnForgetfulDisk stands in and takes all pairs: %v", err)
	}
}

func tryLoop(t *testing.T) error {
	t.Helper()
	dir := t.TempDir()
	image, on := filepath.Join(dir, "image"), filepath.Join(dir, "on")
	err := errors.Join(os.Mkdir(on, 0o700), writeSparse(image, make([]byte, imageSize)))
	for _, argv := range [][]string{{"mkfs.ext4", "-q", "-F", image}, {"mount", "-o", "loop", image, on}, {"umount", on}} {
		if err == nil {
			var out []byte
			if out, err = exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
				err = fmt.Errorf("%v: %w: %s", argv, err, out)
			}
		}
	}
	return err
}

// writeSparse writes data to path with holes where there are zeros only.
func writeSparse(path string, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	const block = 4096
	var zero [block]byte
	for at := 0; at < len(data) && err == nil; at += block {
		if b := data[at:min(at+block, len(data))]; !bytes.Equal(b, zero[:len(b)]) {
			_, err = f.WriteAt(b, int64(at))
		}
	}
	return errors.Join(err, f.Truncate(int64(len(data))), f.Close())
}
