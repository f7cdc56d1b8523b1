package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailrill/internal/fsx"
	"mailrill/internal/mailtest"
	"mailrill/internal/mailtest/oracle"
)

// The power cut. The state folder with the hold lies on an ext4 file system in an
// image file, and the Maildir on another: on one disk the sync of the ledger would
// take along the names in the Maildir, and hide that nobody made them durable. At each call of the file system and around each COMMIT the image is
// copied while it is mounted: the copy is what the disk holds at that instant,
// and nothing of what the kernel still keeps in memory. What lies elsewhere, the
// source and a destination that is a server, is saved at the same instant. Later
// each copy is mounted, as after the cut, looked at by the oracle, and mailrill is
// run on it to the end.
//
// MAILRILL_SOAK=1 takes every step of all pairs, the short form that of one and
// each third of the others.

// A cut is all there was at one instant, or at several in turn.
type cut struct {
	at     []string
	image  string
	digest [32]byte          // of the image
	saved  []*mailtest.Saved // of powerTrial.stores
	shown  []map[string][]mailtest.Message
}

// A powerTrial is a trial whose folder is the image, with everything in this
// process.
type powerTrial struct {
	*rig
	c      *oracle.Case
	stores []*mailtest.Store
	bodies atomic.Int64
	images []string // mounted on mounts
	mounts []string
	keep   string     // where copies go
	mu     sync.Mutex // guards what follows: points come from several goroutines
	counts map[string]int
	points int
	cuts   []*cut
}

func newPowerTrial(t *testing.T, source, destination string) *powerTrial {
	t.Helper()
	tr := &powerTrial{keep: t.TempDir(), counts: map[string]int{}}
	tr.c = &oracle.Case{Messages: oracle.Make(1, 1, 4, "plain", "large", "refused", "dots"), TraceField: "X-Mailrill-ID", Removed: true}
	for i := range tr.c.Messages {
		tr.c.Messages[i].Poison = tr.c.Messages[i].Poison && destination != "maildir"
	}
	tr.rig = newRig(t, "")
	tr.disk(t, memory(t), tr.dir)
	if destination == "maildir" {
		tr.disk(t, memory(t), filepath.Join(tr.dir, "Maildir"))
	}
	tr.write("[destination.home]\n" + tr.destination(t, destination) + "\n" + tr.source(t, source))
	unix.Sync() // the config was there long before
	tr.c.Hold = oracle.Hold(filepath.Join(tr.dir, "state", "hold"))
	return tr
}

// disk makes a disk and mounts it on dir.
func (tr *powerTrial) disk(t *testing.T, in, dir string) {
	t.Helper()
	image := filepath.Join(in, "image")
	makeImage(t, image)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	mountImage(t, image, dir)
	tr.images, tr.mounts = append(tr.images, image), append(tr.mounts, dir)
}

// read returns the octets of all disks.
func (tr *powerTrial) read() (all []byte, err error) {
	all = make([]byte, 0, len(tr.images)*imageSize)
	for _, image := range tr.images {
		data, err := os.ReadFile(image)
		if err != nil {
			return nil, err
		}
		all = append(all, data...)
	}
	return all, nil
}

// unplug unmounts all disks.
func (tr *powerTrial) unplug(t *testing.T) {
	t.Helper()
	for _, dir := range slices.Backward(tr.mounts) {
		unmount(t, dir)
	}
}

func (tr *powerTrial) source(t *testing.T, protocol string) string {
	store := mailtest.NewStore()
	for i, m := range tr.c.Messages {
		store.Add("INBOX", mailtest.Message{Body: m.Body, Date: messageDate(i)})
	}
	tr.stores, tr.c.Source = append(tr.stores, store), storeBox(store)
	count := func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "RETR") || strings.Contains(line, "FETCH") && strings.Contains(line, "BODY.PEEK[]") {
			tr.bodies.Add(1)
		}
		return mailtest.Verdict{}
	}
	var server starter = &mailtest.IMAP{Store: store, User: "src", Password: "pass", OnCommand: count}
	if protocol == "pop3" {
		server = &mailtest.POP3{Store: store, User: "src", Password: "pass", Pipelining: true, OnCommand: count}
	}
	return accountTo(protocol, startServer(t, server), "src", `after = "delete"`)
}

func (tr *powerTrial) destination(t *testing.T, kind string) string {
	if kind == "maildir" {
		tr.c.Destination = oracle.Maildir(filepath.Join(tr.dir, "Maildir"))
		return "type = \"maildir\"\npath = \"$DIR/Maildir\""
	}
	store := mailtest.NewStore()
	addr := startServer(t, &mailtest.IMAP{Store: store, User: "dst", Password: canary, RefuseAppend: refusesAppend})
	tr.stores, tr.c.Destination = append(tr.stores, store), storeBox(store)
	return fmt.Sprintf(toServer, kind, port(addr))
}

// run runs mailrill in this process, on files that ask fault.
func (tr *powerTrial) run(fault func(op, path string) error, args ...string) int {
	tr.stdout.Reset()
	tr.stderr.Reset()
	tr.ahead += time.Second
	clock := &jumpingClock{ahead: tr.ahead}
	a := &app{stdout: &tr.stdout, stderr: &tr.stderr, getenv: os.Getenv, now: clock.now, sleep: clock.sleep, fs: fsx.FS{Fault: fault}}
	code := execute(context.Background(), a, append([]string{"--config", tr.config}, args...))
	tr.ahead = clock.ahead
	return code
}

// remember copies the image, and what lies elsewhere. It tries again until
// nothing has changed while it did.
func (tr *powerTrial) remember(op, path string) error {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	place, _ := filepath.Rel(tr.dir, path)
	place, _, _ = strings.Cut(strings.TrimPrefix(place, "state/"), "/")
	tr.counts[op+" "+place]++
	at := fmt.Sprintf("%s %s#%d", op, place, tr.counts[op+" "+place])
	tr.points++
	for {
		before := tr.snapshots()
		var saved []*mailtest.Saved
		for _, s := range tr.stores {
			saved = append(saved, s.Save())
		}
		first, err := tr.read()
		if err != nil {
			return err
		}
		second, err := tr.read()
		if err != nil {
			return err
		}
		if bytes.Equal(first, second) && reflect.DeepEqual(before, tr.snapshots()) {
			return tr.keepCut(at, first, &cut{saved: saved, shown: before})
		}
	}
}

// keepCut keeps c, unless it is what there was at the point before: many calls
// leave the disk as it is.
func (tr *powerTrial) keepCut(at string, image []byte, c *cut) error {
	c.digest, c.at = sha256.Sum256(image), []string{at}
	if n := len(tr.cuts); n > 0 {
		if last := tr.cuts[n-1]; last.digest == c.digest && reflect.DeepEqual(last.shown, c.shown) {
			last.at = append(last.at, at)
			return nil
		}
	}
	c.image = filepath.Join(tr.keep, fmt.Sprintf("cut%d", len(tr.cuts)))
	tr.cuts = append(tr.cuts, c)
	return writeSparse(c.image, image)
}

func (tr *powerTrial) snapshots() (all []map[string][]mailtest.Message) {
	for _, s := range tr.stores {
		all = append(all, s.Snapshot())
	}
	return all
}

// resume lets the power come back after the cut c, and judges.
func (tr *powerTrial) resume(t *testing.T, c *cut) {
	data, err := os.ReadFile(c.image)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.unplug(t)
	for i, image := range tr.images {
		if err := writeSparse(image, data[i*imageSize:(i+1)*imageSize]); err != nil {
			t.Fatal(err)
		}
		mountImage(t, image, tr.mounts[i])
	}
	for i, s := range tr.stores {
		s.Restore(c.saved[i])
	}
	judge := func(fs oracle.Findings) {
		if len(fs) > 0 {
			t.Errorf("power cut at %s:\n%v\n%s", c.at, fs, tr.stderr.String())
		}
	}
	judge(tr.c.Instant())
	told := tr.pass(t)
	judge(tr.c.End())
	judge(tr.c.Truth(told))
	bodies := tr.bodies.Load()
	judge(tr.c.Again(0, func() int {
		tr.pass(t)
		return int(tr.bodies.Load() - bodies)
	}))
}

func (tr *powerTrial) pass(t *testing.T) (told oracle.Told) {
	told.Exit = tr.run(nil, "--once", "--json")
	told.Lines = bytes.Clone(tr.stdout.Bytes())
	if told.Exit != 0 && told.Exit != 65 {
		t.Errorf("exit status %d\n%s%s", told.Exit, told.Lines, tr.stderr.String())
	}
	told.StatusExit = tr.run(nil, "status", "--json")
	told.Status = bytes.Clone(tr.stdout.Bytes())
	return told
}

func TestPowerCutAtEveryStep(t *testing.T) {
	needsLoop(t)
	soak, _ := crashSettings(t)
	for _, p := range []struct {
		source, destination string
		each                int
	}{{"pop3", "maildir", 1}, {"imap", "maildir", 3}, {"imap", "imap", 3}, {"pop3", "imap", 3}} {
		t.Run(p.source+"-"+p.destination, func(t *testing.T) {
			tr := newPowerTrial(t, p.source, p.destination)
			if code := tr.run(tr.remember, "--once", "--json"); code != 0 && code != 65 {
				t.Fatalf("the whole pass: exit status %d\n%s%s", code, tr.stdout.String(), tr.stderr.String())
			}
			tr.remember("end", tr.dir)
			tr.unplug(t)
			if tr.points < 50 || len(tr.cuts) < 20 || tr.counts["committed ledger.db"] < 3 {
				t.Fatalf("the pass came by %d points and %d states only: %v", tr.points, len(tr.cuts), tr.counts)
			}
			each := p.each
			if soak > 0 {
				each = 1
			}
			resumed := 0
			for i, c := range tr.cuts {
				if i%each == 0 {
					tr.resume(t, c)
					resumed++
				}
			}
			t.Logf("%d points, at which the disk and the mailboxes were in %d different states; the power came back to %d of them", tr.points, len(tr.cuts), resumed)
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
	if err != nil {
		t.Skipf("NO POWER WAS CUT: no ext4 image can be mounted here (root and e2fsprogs are needed); what a killed process leaves, TestKilledAtEveryStep shows: %v", err)
	}
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
