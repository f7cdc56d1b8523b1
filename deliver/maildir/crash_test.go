package maildir

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"mailrill/deliver"
	"mailrill/deliver/delivertest"
	"mailrill/internal/fsx"
)

// A disk is the fault seam of a test: it records the calls of the file system
// and makes some of them fail. Calls of the preparation are not counted.
type disk struct {
	full atomic.Bool // each call that needs room fails

	mu      sync.Mutex
	calls   []string // "op path", the path from the Maildir on
	failAt  int      // the number of the call that fails, from 1; 0 none
	failAll bool     // from failAt on all fail, as when the process is dead
	err     error
}

func (d *disk) fault(op, path string) error {
	if d.full.Load() && op == "write" {
		return unix.ENOSPC
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if op == "mkdir" || strings.HasSuffix(path, "maildirfolder") {
		return nil
	}
	d.calls = append(d.calls, op+" "+filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path))
	n := len(d.calls)
	if d.failAt != 0 && (n == d.failAt || d.failAll && n > d.failAt) {
		return d.err
	}
	return nil
}

// alive reports whether no call has failed yet.
func (d *disk) alive() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.calls) < d.failAt
}

func (d *disk) note(call string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, call)
}

func newMessages(n int) []*deliver.Message {
	ms := make([]*deliver.Message, n)
	for i := range ms {
		ms[i] = delivertest.NewMessage(fmt.Sprintf("Subject: %d\r\n\r\n%s", i, strings.Repeat("x\r\n", 10*i)))
		if i%3 == 2 {
			ms[i].Flags = []string{`\Seen`}
		}
	}
	return ms
}

// prepared returns a Maildir that is ready, whose calls d records from now on.
func prepared(t *testing.T) (string, *disk, *Destination) {
	t.Helper()
	path, d := t.TempDir(), &disk{}
	dest := New(Options{FS: fsx.FS{Fault: d.fault}, Path: path, Create: true, Host: "h"})
	if err := dest.Prepare(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	d.calls = nil
	return path, d, dest
}

// fates delivers ms and returns what became of each.
func fates(t *testing.T, dest *Destination, ms []*deliver.Message, note func(*deliver.Message, error)) map[string]error {
	t.Helper()
	all := map[string]error{}
	dest.Deliver(t.Context(), deliver.Batch(ms...), func(m *deliver.Message, _ deliver.Receipt, err error) {
		if _, twice := all[m.ID]; twice {
			t.Errorf("done was called twice for %s", m.ID)
		}
		all[m.ID] = err
		note(m, err)
	})
	if len(all) != len(ms) {
		t.Errorf("done was called for %d of %d messages", len(all), len(ms))
	}
	return all
}

func quiet(*deliver.Message, error) {}

// TestOrder holds the order of calls that a power cut cannot break: contents
// before name, name before done; and the names in the order of the messages.
func TestOrder(t *testing.T) {
	_, d, dest := prepared(t)
	ms := newMessages(8)
	fates(t, dest, ms, func(m *deliver.Message, _ error) { d.note("done " + m.ID) })
	var links []string
	for _, m := range ms {
		sub, name := fileName(m, "h")
		link := position(t, d.calls, "link "+sub+"/"+name)
		temp := "tmp/" + uniquePart(m, "h") + ","
		steps := []int{
			position(t, d.calls, "create "+temp),
			position(t, d.calls, "write "+temp),
			position(t, d.calls, "chtimes "+temp),
			position(t, d.calls, "sync "+temp),
			position(t, d.calls, "close "+temp),
			link,
			link + position(t, d.calls[link:], "syncdir "),
			position(t, d.calls, "done "+m.ID),
			position(t, d.calls, "remove "+temp),
		}
		if !slices.IsSorted(steps) {
			t.Errorf("order of %s: %v in\n%s", m.ID, steps, strings.Join(d.calls, "\n"))
		}
		if dirSync := link + position(t, d.calls[link:], "syncdir "); !slices.ContainsFunc(d.calls[link:position(t, d.calls, "done "+m.ID)], func(c string) bool {
			return strings.HasPrefix(c, "syncdir ") && strings.HasSuffix(c, "/"+sub)
		}) {
			t.Errorf("no fsync of %s between the link and done of %s (call %d)", sub, m.ID, dirSync)
		}
		links = append(links, d.calls[link])
	}
	var made []string
	for _, c := range d.calls {
		if strings.HasPrefix(c, "link ") {
			made = append(made, c)
		}
	}
	if !slices.Equal(made, links) {
		t.Errorf("names were made in the order\n%s", strings.Join(made, "\n"))
	}
}

func position(t *testing.T, calls []string, prefix string) int {
	t.Helper()
	i := slices.IndexFunc(calls, func(c string) bool { return strings.HasPrefix(c, prefix) })
	if i < 0 {
		t.Fatalf("no call %q in\n%s", prefix, strings.Join(calls, "\n"))
	}
	return i
}

// TestEachCallFails fails each call of a delivery once. What is called stored is
// there, what is called not stored is not, nothing is half written, and a
// further try makes everything arrive once.
func TestEachCallFails(t *testing.T) {
	for _, cause := range []error{unix.EIO, unix.ENOSPC, unix.EPERM} {
		for n := 1; ; n++ {
			path, d, dest := prepared(t)
			ms := newMessages(3)
			d.failAt, d.err = n, cause
			all := fates(t, dest, ms, quiet)
			if len(d.calls) < n {
				break
			}
			failed := d.calls[n-1]
			name := fmt.Sprintf("call %d (%s) fails with %v", n, failed, cause)
			checkFates(t, name, path, ms, all)
			checkKinds(t, name, failed, cause, all)
			if left := names(t, filepath.Join(path, "tmp")); len(left) > 0 && !strings.HasPrefix(failed, "remove") {
				t.Errorf("%s: left in tmp: %q", name, left)
			}
			fates(t, dest, ms, quiet)
			checkAll(t, name, path, ms)
		}
	}
}

// checkFates holds what was said of messages against what is there.
func checkFates(t *testing.T, name, path string, ms []*deliver.Message, all map[string]error) {
	t.Helper()
	n := counts(t, name, path, ms)
	for _, m := range ms {
		err := all[m.ID]
		sure := errors.Is(err, deliver.ErrNotTaken) || errors.Is(err, deliver.ErrUnavailable)
		if err == nil && n[m.ID] != 1 || sure && n[m.ID] != 0 || n[m.ID] > 1 {
			t.Errorf("%s: %v, but there are %d copies", name, err, n[m.ID])
		}
	}
}

// checkKinds holds the errors against what failed: a call for a file in tmp/
// costs one message, whatever it was.
func checkKinds(t *testing.T, name, failed string, cause error, all map[string]error) {
	t.Helper()
	broken := 0
	for _, err := range all {
		if err == nil {
			continue
		}
		broken++
		if full := errors.Is(cause, unix.ENOSPC); full && !errors.Is(err, deliver.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", name, err)
		}
		if errors.Is(err, deliver.ErrRejected) || !errors.Is(err, cause) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if op, rest, _ := strings.Cut(failed, " "); op != "remove" && strings.HasPrefix(rest, "tmp/") && broken != 1 {
		t.Errorf("%s: %d messages have an error", name, broken)
	}
}

func checkAll(t *testing.T, name, path string, ms []*deliver.Message) {
	t.Helper()
	n := counts(t, name, path, ms)
	for i, m := range ms {
		if n[m.ID] != 1 {
			t.Errorf("%s: in the end there are %d copies of message %d", name, n[m.ID], i)
		}
	}
}

// counts returns how many whole copies there are of each message.
func counts(t *testing.T, name, path string, ms []*deliver.Message) map[string]int {
	t.Helper()
	ids := map[string]string{}
	for _, m := range ms {
		ids[text(t, m)] = m.ID
	}
	n := map[string]int{}
	for _, c := range readMaildir(t, path) {
		id, whole := ids[string(c.Body)]
		if !whole {
			t.Errorf("%s: a copy of %d octets is no whole message", name, len(c.Body))
		}
		n[id]++
	}
	return n
}

func text(t *testing.T, m *deliver.Message) string {
	t.Helper()
	r, err := m.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// errDead is what every call returns to a process that is no more.
var errDead = errors.New("the process is dead")

// TestPowerCut cuts the power at each call of a delivery. What was not made
// durable until then is lost, or stays, whichever is worse: contents that were
// not fsynced are empty, names that were not fsynced are gone in one run and
// there in another. What was called stored must be whole; and after the restart
// everything arrives once.
func TestPowerCut(t *testing.T) {
	for _, keepNames := range []bool{false, true} {
		for n := 1; ; n++ {
			path, d, dest := prepared(t)
			ms := newMessages(5)
			d.failAt, d.failAll, d.err = n, true, errDead
			stored := map[string]bool{}
			fates(t, dest, ms, func(m *deliver.Message, err error) { stored[m.ID] = err == nil && d.alive() })
			ran := len(d.calls) < n
			calls := d.calls
			if !ran {
				calls = d.calls[:n-1]
			}
			cutPower(t, path, calls, keepNames)
			name := fmt.Sprintf("power cut at call %d, names kept: %v", n, keepNames)
			have := counts(t, name, path, ms)
			for i, m := range ms {
				if stored[m.ID] && have[m.ID] != 1 {
					t.Errorf("%s: message %d was called stored, and there are %d copies", name, i, have[m.ID])
				}
			}
			again := New(Options{Path: path, Create: true, Host: "h"})
			fates(t, again, ms, quiet)
			checkAll(t, name+", after the restart", path, ms)
			if ran {
				break
			}
		}
	}
}

// cutPower does to the files what a power cut may do to them.
func cutPower(t *testing.T, path string, calls []string, keepNames bool) {
	t.Helper()
	for _, sub := range []string{"new", "cur"} {
		for _, name := range names(t, filepath.Join(path, sub)) {
			file := filepath.Join(path, sub, name)
			link := slices.Index(calls, "link "+sub+"/"+name)
			durable := link >= 0 && slices.ContainsFunc(calls[link:], func(c string) bool {
				return strings.HasPrefix(c, "syncdir ") && strings.HasSuffix(c, "/"+sub)
			})
			if !durable && !keepNames {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
				continue
			}
			synced := slices.ContainsFunc(calls, func(c string) bool {
				return strings.HasPrefix(c, "sync tmp/") && idOf(strings.TrimPrefix(c, "sync tmp/")) == idOf(name)
			})
			if !synced {
				if err := os.Truncate(file, 0); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestNoHardLinks: where link is refused, an exclusive rename takes its place,
// and a further try still meets the first.
func TestNoHardLinks(t *testing.T) {
	for _, refusal := range []error{unix.EPERM, unix.EMLINK, unix.EXDEV, unix.ENOTSUP} {
		path := t.TempDir()
		fault := func(op, _ string) error {
			if op == "link" {
				return refusal
			}
			return nil
		}
		o := Options{FS: fsx.FS{Fault: fault}, Path: path, Create: true, Host: "h"}
		ms := newMessages(3)
		for range 2 {
			for id, err := range fates(t, New(o), ms, quiet) {
				if err != nil {
					t.Errorf("%v: %s: %v", refusal, id, err)
				}
			}
		}
		checkAll(t, refusal.Error(), path, ms)
		if left := names(t, filepath.Join(path, "tmp")); len(left) > 0 {
			t.Errorf("%v: left in tmp: %q", refusal, left)
		}
	}
}

// TestLostLinkAnswer: NFS may link and say that it failed.
func TestLostLinkAnswer(t *testing.T) {
	path := t.TempDir()
	fault := func(op, target string) error {
		if op != "link" {
			return nil
		}
		temps, _ := filepath.Glob(filepath.Join(path, "tmp", "*"))
		if err := os.Link(temps[0], target); err != nil {
			return err
		}
		return unix.ETIMEDOUT
	}
	ms := newMessages(1)
	all := fates(t, New(Options{FS: fsx.FS{Fault: fault}, Path: path, Create: true, Host: "h"}), ms, quiet)
	if err := all[ms[0].ID]; err != nil {
		t.Errorf("%v, though it is there", err)
	}
	checkAll(t, "answer lost", path, ms)
}

// TestCutShort: a file of the message's name that somebody has cut short is not
// taken for it.
func TestCutShort(t *testing.T) {
	for _, noLinks := range []bool{false, true} {
		path := t.TempDir()
		fault := func(op, _ string) error {
			if op == "link" && noLinks {
				return unix.EPERM
			}
			return nil
		}
		dest := New(Options{FS: fsx.FS{Fault: fault}, Path: path, Create: true, Host: "h"})
		m := newMessages(2)[1]
		sub, name := fileName(m, "h")
		fates(t, dest, newMessages(1), quiet) // the folder has been looked through
		file := filepath.Join(path, sub, name)
		if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := fates(t, dest, []*deliver.Message{m}, quiet)[m.ID]; !errors.Is(err, deliver.ErrNotTaken) {
			t.Errorf("without links %v: %v, want ErrNotTaken", noLinks, err)
		}
		if text, err := os.ReadFile(file); string(text) != "short" {
			t.Errorf("without links %v: somebody else's file holds %.20q, %v", noLinks, text, err)
		}
	}
}

// TestBadID: an ID that is none is never part of a file's name.
func TestBadID(t *testing.T) {
	path, _, dest := prepared(t)
	for _, bad := range []string{"", "../../etc/passwd", "A" + someID[1:], someID + "a"} {
		m := newMessages(1)[0]
		m.ID = bad
		if err := fates(t, dest, []*deliver.Message{m}, quiet)[bad]; !errors.Is(err, deliver.ErrRejected) {
			t.Errorf("ID %q: %v", bad, err)
		}
	}
	if got := readMaildir(t, path); len(got) != 0 {
		t.Errorf("%d copies", len(got))
	}
}

// TestTwiceInOneCall: one message, begun at two times.
func TestTwiceInOneCall(t *testing.T) {
	path, _, dest := prepared(t)
	m := newMessages(1)[0]
	again := *m
	again.Begun = m.Begun.AddDate(0, 0, 1)
	done := 0
	dest.Deliver(t.Context(), deliver.Batch(m, &again), func(_ *deliver.Message, _ deliver.Receipt, err error) {
		done++
		if err != nil {
			t.Error(err)
		}
	})
	checkAll(t, "twice in one call", path, []*deliver.Message{m})
	if left := names(t, filepath.Join(path, "tmp")); done != 2 || len(left) > 0 {
		t.Errorf("done was called %d times; left in tmp: %q", done, left)
	}
}
