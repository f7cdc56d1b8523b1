package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mailrill/internal/fsx"
	"mailrill/internal/mailtest"
	"mailrill/internal/mailtest/oracle"
)

// The power cut. At each call of the file system and around each COMMIT it is
// remembered what the disk holds at that instant, without what the kernel still
// keeps in memory. What lies elsewhere, the source and a destination that is a
// server, is saved at the same instant. Later each cut is put on the disk again,
// as when the power comes back, looked at by the oracle, and mailrill is run on it
// to the end.
//
// There are two kinds of disks: real ext4 in images (power_ext4_test.go) and, where
// nothing can be mounted, one in this process that forgets (power_forget_test.go).
//
// MAILRILL_SOAK=1 takes every step of all pairs, the short form some.

// A powerDisk is what the trial's folder lies on.
type powerDisk interface {
	// files are the files of the machine; fault is asked about each call.
	files(fault func(op, path string) error) fsx.FS
	// left returns what a cut at this instant may leave, in one or more ways. n
	// is the number of the instant, for what is up to chance.
	left(n int) ([][]byte, error)
	// plug makes what a cut has left all there is, and unplug ends that.
	plug(t *testing.T, left []byte)
	unplug(t *testing.T)
}

// A cut is all there was at one instant, or at several in turn.
type cut struct {
	at     []string
	left   string            // path of what powerDisk.left returned
	digest [32]byte          // of that
	saved  []*mailtest.Saved // of powerTrial.stores
	shown  []map[string][]mailtest.Message
}

// A powerTrial is a trial whose folder is on a powerDisk, with everything in this
// process.
type powerTrial struct {
	*rig
	c      *oracle.Case
	stores []*mailtest.Store
	bodies atomic.Int64
	disk   powerDisk
	keep   string     // where cuts go
	mu     sync.Mutex // guards what follows: points come from several goroutines
	counts map[string]int
	points int
	cuts   []*cut
}

func newPowerTrial(t *testing.T, p powerPair, disk func(t *testing.T, dir, destination string) powerDisk) *powerTrial {
	t.Helper()
	tr := &powerTrial{keep: t.TempDir(), counts: map[string]int{}}
	tr.c = &oracle.Case{Messages: oracle.Make(1, 1, 4, "plain", "large", "refused", "circles"), TraceField: "X-Mailrill-ID", Removed: true}
	for i := range tr.c.Messages {
		m := &tr.c.Messages[i]
		m.Poison = m.Poison && (m.Shape != "refused" || p.destination != "maildir")
	}
	tr.rig = newRig(t, "")
	tr.config = filepath.Join(tr.keep, "config.toml") // no power cut comes there
	tr.disk = disk(t, tr.dir, p.destination)
	tr.write("[destination.home]\n" + tr.destination(t, p.destination) + "\n" + tr.source(t, p.source))
	tr.c.Hold = oracle.Hold(filepath.Join(tr.dir, "state", "hold"))
	return tr
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

// run runs mailrill in this process.
func (tr *powerTrial) run(files fsx.FS, args ...string) int {
	tr.stdout.Reset()
	tr.stderr.Reset()
	tr.ahead += time.Second
	clock := &jumpingClock{ahead: tr.ahead}
	a := &app{stdout: &tr.stdout, stderr: &tr.stderr, getenv: os.Getenv, now: clock.now, sleep: clock.sleep, fs: files}
	code := execute(context.Background(), a, append([]string{"--config", tr.config}, args...))
	tr.ahead = clock.ahead
	return code
}

// remember keeps what a cut leaves, and what lies elsewhere. It tries again until
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
		first, err := tr.disk.left(tr.points)
		if err != nil {
			return err
		}
		second, err := tr.disk.left(tr.points)
		if err != nil {
			return err
		}
		if reflect.DeepEqual(first, second) && reflect.DeepEqual(before, tr.snapshots()) {
			return tr.keepCuts(at, first, cut{saved: saved, shown: before})
		}
	}
}

// keepCuts keeps c in each way that is not among those of the point before: many
// calls leave the disk as it is.
func (tr *powerTrial) keepCuts(at string, ways [][]byte, c cut) error {
	recent := tr.cuts[max(0, len(tr.cuts)-len(ways)):]
	for _, left := range ways {
		c := c
		c.digest, c.at = sha256.Sum256(left), []string{at}
		same := func(o *cut) bool { return o.digest == c.digest && reflect.DeepEqual(o.shown, c.shown) }
		if i := slices.IndexFunc(recent, same); i >= 0 {
			recent[i].at = append(recent[i].at, at)
			continue
		}
		c.left = filepath.Join(tr.keep, fmt.Sprintf("cut%d", len(tr.cuts)))
		tr.cuts = append(tr.cuts, &c)
		if err := writeSparse(c.left, left); err != nil {
			return err
		}
	}
	return nil
}

func (tr *powerTrial) snapshots() (all []map[string][]mailtest.Message) {
	for _, s := range tr.stores {
		all = append(all, s.Snapshot())
	}
	return all
}

// resume lets the power come back after the cut c, and judges.
func (tr *powerTrial) resume(t *testing.T, c *cut) {
	left, err := os.ReadFile(c.left)
	if err != nil {
		t.Fatal(err)
	}
	tr.disk.plug(t, left)
	defer tr.disk.unplug(t)
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
	told.Exit = tr.run(fsx.FS{}, "--once", "--json")
	told.Lines = bytes.Clone(tr.stdout.Bytes())
	if told.Exit != 0 && told.Exit != 65 {
		t.Errorf("exit status %d\n%s%s", told.Exit, told.Lines, tr.stderr.String())
	}
	told.StatusExit = tr.run(fsx.FS{}, "status", "--json")
	told.Status = bytes.Clone(tr.stdout.Bytes())
	return told
}

type powerPair struct{ source, destination string }

// powerPairs are those whose power is cut; the first one in CI at every step.
var powerPairs = []powerPair{{"pop3", "maildir"}, {"imap", "maildir"}, {"imap", "imap"}, {"pop3", "imap"}}

func (p powerPair) String() string { return p.source + "-" + p.destination }

// cutEverywhere makes a pass, and cuts it at each of its points, or at one in each.
func cutEverywhere(t *testing.T, p powerPair, each int, disk func(t *testing.T, dir, destination string) powerDisk) {
	t.Helper()
	tr := newPowerTrial(t, p, disk)
	if code := tr.run(tr.disk.files(tr.remember), "--once", "--json"); code != 0 && code != 65 {
		t.Fatalf("the whole pass: exit status %d\n%s%s", code, tr.stdout.String(), tr.stderr.String())
	}
	if err := tr.remember("end", tr.dir); err != nil {
		t.Fatal(err)
	}
	tr.disk.unplug(t)
	if tr.points < 50 || len(tr.cuts) < 20 || tr.counts["committed ledger.db"] < 3 {
		t.Fatalf("the pass came by %d points and %d states only: %v", tr.points, len(tr.cuts), tr.counts)
	}
	resumed := 0
	for i, c := range tr.cuts {
		if i%each == 0 {
			tr.resume(t, c)
			resumed++
		}
	}
	t.Logf("%d points, at which the disk and the mailboxes were in %d different states; the power came back to %d of them", tr.points, len(tr.cuts), resumed)
}
