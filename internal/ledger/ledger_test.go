package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// noon is the time of these tests.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func openTest(t testing.TB, dir string) *Ledger {
	t.Helper()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// newFolder returns a new ledger with one account and one folder.
func newFolder(t testing.TB) (*Ledger, Account, Folder) {
	t.Helper()
	l := openTest(t, t.TempDir())
	a := must(l.Account(t.Context(), "gmail"))(t)
	return l, a, must(l.Folder(t.Context(), a.ID, "INBOX"))(t)
}

// must fails the test unless the call it wraps succeeded.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func commit(t testing.TB, l *Ledger, changes ...Change) {
	t.Helper()
	if err := l.Commit(t.Context(), changes...); err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func id(n int) string { return fmt.Sprintf("%026d", n) }

// fullRow is a row with a value in every field.
func fullRow(folder int64, key string, s State) Row {
	return Row{
		Folder: folder, Key: key, State: s, ID: id(7), Size: 1 << 40, Header: [16]byte{1, 15: 2}, Message: -5,
		Same: 1<<64 - 2, Attempts: 3, Begun: noon, At: noon.Add(time.Second), NextTry: noon.Add(time.Hour),
		Mark: "INBOX 1/2", Receipt: "INBOX 1/3", After: "move:Alt 旧", Due: noon.Add(48 * time.Hour),
	}
}

// TestStates walks rows through every state and reads each back from a ledger
// that was opened anew.
func TestStates(t *testing.T) {
	settled := func(r Row) Row { r.Mark = ""; return r }
	tombstone := func(r Row) Row {
		return Row{Folder: r.Folder, Key: r.Key, State: r.State, ID: r.ID, Size: r.Size, Message: r.Message,
			Same: r.Same, At: r.At, Receipt: r.Receipt}
	}
	asIs := func(r Row) Row { return r }
	paths := []struct {
		state State
		want  func(Row) Row
	}{
		{Seen, asIs}, {Old, asIs}, {Failed, asIs}, {TooLarge, asIs}, {Intent, asIs},
		{Delivered, settled}, {Finished, tombstone}, {Held, settled}, {Lost, asIs},
	}
	dir := t.TempDir()
	l := openTest(t, dir)
	a := must(l.Account(t.Context(), "gmail"))(t)
	f := must(l.Folder(t.Context(), a.ID, "INBOX"))(t)
	for _, p := range paths {
		// The row has had another state before, as one key has one row.
		commit(t, l, Row{Folder: f.ID, Key: "walked", State: Intent, ID: id(1)})
		row := fullRow(f.ID, "walked", p.state)
		commit(t, l, row)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = openTest(t, dir)
		got, found, err := l.Get(t.Context(), f.ID, "walked")
		if err != nil || !found {
			t.Fatalf("state %d: found %v, error %v", p.state, found, err)
		}
		equal(t, "row", got, p.want(row))
		counts := must(l.Counts(t.Context(), a.ID))(t)
		equal(t, "counts", counts, map[State]int64{p.state: 1})
	}
}

func TestLongReceiptLeavesWithTheMessage(t *testing.T) {
	l, _, f := newFolder(t)
	r := Row{Folder: f.ID, Key: "k", State: Finished, Receipt: strings.Repeat("x", receiptLimit+1)}
	commit(t, l, r)
	got, _, err := l.Get(t.Context(), f.ID, "k")
	if err != nil || got.Receipt != "" {
		t.Fatalf("receipt %q, error %v", got.Receipt, err)
	}
}

func TestZeroRow(t *testing.T) {
	l, _, f := newFolder(t)
	want := Row{Folder: f.ID, Key: "k", State: Seen}
	commit(t, l, want)
	got, found, err := l.Get(t.Context(), f.ID, "k")
	if err != nil || !found {
		t.Fatal(found, err)
	}
	equal(t, "row", got, want)
	if _, found, err := l.Get(t.Context(), f.ID, "other"); found || err != nil {
		t.Fatalf("a key without a row: found %v, error %v", found, err)
	}
}

func TestCommitIsAllOrNone(t *testing.T) {
	l, _, f := newFolder(t)
	bad := []Change{
		Row{Folder: f.ID, Key: "", State: Seen},
		Row{Folder: f.ID, Key: "x", State: None},
		Row{Folder: f.ID, Key: "x", State: Lost + 1},
		Row{Folder: f.ID + 1, Key: "x", State: Seen}, // no such folder
		Folder{ID: f.ID + 1, Account: f.Account, Name: "x"},
		PassOf{Account: f.Account + 1},
		Adopted{},
	}
	for _, b := range bad {
		good := Row{Folder: f.ID, Key: "good", State: Seen}
		if err := l.Commit(t.Context(), good, b); err == nil {
			t.Errorf("%#v was taken", b)
		}
		if _, found, err := l.Get(t.Context(), f.ID, "good"); found || err != nil {
			t.Errorf("beside %#v: found %v, error %v", b, found, err)
		}
	}
	commit(t, l) // nothing to do is no error
}

func TestRemove(t *testing.T) {
	l, _, f := newFolder(t)
	commit(t, l, Row{Folder: f.ID, Key: "a", State: Failed}, Row{Folder: f.ID, Key: "b", State: Failed})
	commit(t, l, Remove{f.ID, "a"}, Remove{f.ID, "never there"})
	got := must(l.Lookup(t.Context(), f.ID, []string{"a", "b"}))(t)
	equal(t, "rows", got, map[string]Brief{"b": {State: Failed}})
}

func TestAccounts(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	l := openTest(t, dir)
	a := must(l.Account(ctx, "old"))(t)
	equal(t, "account", a, Account{ID: 1, Name: "old", Birth: "old"})
	equal(t, "account again", must(l.Account(ctx, "old"))(t), a)
	pass := Pass{At: noon, OK: noon.Add(-time.Hour), Class: "network", Text: "no route", Hint: "look", URL: "https://example.org",
		Failures: 2, NextTry: noon.Add(time.Minute)}
	commit(t, l, PassOf{a.ID, pass})
	if err := l.Rename(ctx, "old", "new"); err != nil {
		t.Fatal(err)
	}
	second := must(l.Account(ctx, "old"))(t)
	if err := l.Rename(ctx, "old", "third"); err != nil {
		t.Fatal(err)
	}
	third := must(l.Account(ctx, "old"))(t)
	equal(t, "births", []string{second.Birth, third.Birth}, []string{"old~2", "old~3"})
	if err := l.Rename(ctx, "nobody", "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("rename of nobody: %v", err)
	}
	if err := l.Rename(ctx, "old", "new"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("rename to a name that is taken: %v", err)
	}
	l.Close()
	l = openTest(t, dir)
	equal(t, "accounts", must(l.Accounts(ctx))(t), []Account{
		{ID: 1, Name: "new", Birth: "old", Pass: pass}, third, {ID: 2, Name: "third", Birth: "old~2"},
	})
}

func TestFolders(t *testing.T) {
	ctx := t.Context()
	l, a, inbox := newFolder(t)
	equal(t, "new folder", inbox, Folder{ID: 1, Account: a.ID, Name: "INBOX"})
	sent := must(l.Folder(ctx, a.ID, "已发送"))(t)
	inbox.Looked, inbox.Validity, inbox.Floor, inbox.Full = true, 1<<32-1, 1<<32-2, noon
	inbox.Head = [16]byte{15: 1}
	commit(t, l, inbox)
	equal(t, "folders", must(l.Folders(ctx, a.ID))(t), []Folder{inbox, sent})
	equal(t, "folder", must(l.Folder(ctx, a.ID, "INBOX"))(t), inbox)
	other := must(l.Account(ctx, "other"))(t)
	if f := must(l.Folder(ctx, other.ID, "INBOX"))(t); f.ID == inbox.ID {
		t.Error("two accounts share a folder")
	}
	if _, err := l.Folder(ctx, 99, "INBOX"); err == nil {
		t.Error("a folder of no account was made")
	}
}

func TestDestinations(t *testing.T) {
	l := openTest(t, t.TempDir())
	equal(t, "unknown", must(l.Destination(t.Context(), "qq"))(t), Destination{Name: "qq"})
	for _, d := range []Destination{{"qq", "1/2 3/4", true, -1}, {"qq", "", false, 1}} {
		commit(t, l, d)
		equal(t, "destination", must(l.Destination(t.Context(), "qq"))(t), d)
	}
}

func TestMessageHash(t *testing.T) {
	if MessageHash("") != 0 {
		t.Error("the hash of no Message-ID is not 0")
	}
	h := MessageHash("<a@example.org>")
	for _, same := range []string{"a@example.org", "  <a@example.org>\r\n", "<a@example.org"} {
		if MessageHash(same) != h {
			t.Errorf("%q has another hash", same)
		}
	}
	for _, other := range []string{"<A@example.org>", "<>", " ", "<b@example.org>"} {
		if o := MessageHash(other); o == h || o == 0 {
			t.Errorf("%q has hash %d", other, o)
		}
	}
}

// collected is a row as a pass would write it.
func collected(rng *rand.Rand, folder int64, key string) Row {
	r := Row{Folder: folder, Key: key, Size: rng.Int64N(200_000), Message: int64(rng.Uint64()), ID: randomID(rng),
		Attempts: 1, Begun: noon, At: noon, Mark: "INBOX 1375069811/532", Receipt: "INBOX 1375069811/99999"}
	binary.BigEndian.PutUint64(r.Header[:], rng.Uint64())
	return r
}

func inState(rows []Row, s State) []Change {
	changes := make([]Change, len(rows))
	for i, r := range rows {
		r.State = s
		changes[i] = r
	}
	return changes
}

func sizeAfterClose(t testing.TB, l *Ledger) int64 {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(l.path())
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func randomID(rng *rand.Rand) string {
	b := make([]byte, 26)
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz234567"[rng.IntN(32)]
	}
	return string(b)
}

func TestCanceledCallsChangeNothing(t *testing.T) {
	l, _, f := newFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Commit(ctx, Row{Folder: f.ID, Key: "k", State: Seen}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := l.Lookup(ctx, f.ID, []string{"k"}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, found, _ := l.Get(t.Context(), f.ID, "k"); found {
		t.Fatal("the row was committed")
	}
}
