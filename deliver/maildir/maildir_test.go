package maildir

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gomaildir "github.com/emersion/go-maildir"

	"mailrill/deliver"
	"mailrill/deliver/delivertest"
	"mailrill/internal/fsx"
)

var (
	_ deliver.Destination = (*Destination)(nil)
	_ deliver.Finder      = (*Destination)(nil)
)

func TestSuite(t *testing.T) {
	delivertest.Run(t, delivertest.Harness{
		New: newPlace, Folders: true, Dates: true, Flags: true, Parallel: true, Once: true,
	})
}

func newPlace(t *testing.T) *delivertest.Place {
	path := filepath.Join(t.TempDir(), "Maildir")
	disk := &disk{}
	options := Options{FS: fsx.FS{Fault: disk.fault}, Path: path, Create: true, Host: "host"}
	return &delivertest.Place{
		Open:   func() deliver.Destination { return New(options) },
		Copies: func(t *testing.T) []delivertest.Copy { return readMaildir(t, path) },
		Full: func() func() {
			disk.full.Store(true)
			return func() { disk.full.Store(false) }
		},
		OpenFolder: func(name string, create bool) deliver.Destination {
			o := options
			o.Folder, o.Create = name, create
			return New(o)
		},
	}
}

// readMaildir reads every message of a Maildir and its folders with a reader
// that is not ours, and takes those in new/ as it finds them.
func readMaildir(t *testing.T, path string) (copies []delivertest.Copy) {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(path, ".*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range append([]string{path}, dirs...) {
		for _, file := range append(listMessages(t, dir), listNew(t, dir)...) {
			copies = append(copies, readCopy(t, strings.TrimPrefix(dir, path), file))
		}
	}
	return copies
}

type messageFile struct {
	name  string
	flags []string
}

var flagOf = map[gomaildir.Flag]string{
	gomaildir.FlagSeen: `\Seen`, gomaildir.FlagReplied: `\Answered`, gomaildir.FlagFlagged: `\Flagged`,
	gomaildir.FlagDraft: `\Draft`, gomaildir.FlagPassed: "$Forwarded",
}

func listMessages(t *testing.T, dir string) (files []messageFile) {
	t.Helper()
	messages, err := gomaildir.Dir(dir).Messages()
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, m := range messages {
		f := messageFile{name: m.Filename()}
		for _, flag := range m.Flags() {
			f.flags = append(f.flags, flagOf[flag])
		}
		files = append(files, f)
	}
	return files
}

func listNew(t *testing.T, dir string) (files []messageFile) {
	t.Helper()
	for _, name := range names(t, filepath.Join(dir, "new")) {
		files = append(files, messageFile{name: filepath.Join(dir, "new", name)})
	}
	return files
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func readCopy(t *testing.T, folder string, f messageFile) delivertest.Copy {
	t.Helper()
	body, err := os.ReadFile(f.name)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(f.name)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode(); mode != 0o600 {
		t.Errorf("%s has mode %v", f.name, mode)
	}
	return delivertest.Copy{Body: body, Folder: folder, Received: info.ModTime(), Flags: f.flags}
}

// TestReader lets a mail reader take what was delivered, and change its flags:
// a further try finds it all the same.
func TestReader(t *testing.T) {
	path := t.TempDir()
	d := New(Options{Path: path, Create: true, Host: "host"})
	m := delivertest.NewMessage("Subject: read me\r\n\r\n")
	deliverOne(t, d, m)
	taken, err := gomaildir.Dir(path).Unseen()
	if err != nil || len(taken) != 1 {
		t.Fatalf("the reader found %d messages, %v", len(taken), err)
	}
	if err := taken[0].SetFlags([]gomaildir.Flag{gomaildir.FlagSeen, gomaildir.FlagTrashed}); err != nil {
		t.Fatal(err)
	}
	deliverOne(t, d, m)
	deliverOne(t, New(Options{Path: path, Create: true, Host: "other"}), m)
	if copies := readMaildir(t, path); len(copies) != 1 {
		t.Errorf("%d copies after three tries", len(copies))
	}
	// Once its owner has removed it, it can be delivered anew.
	if err := taken[0].Remove(); err != nil {
		t.Fatal(err)
	}
	deliverOne(t, d, m)
	if copies := readMaildir(t, path); len(copies) != 1 {
		t.Errorf("%d copies after it was removed and asked for again", len(copies))
	}
}

func deliverOne(t *testing.T, d deliver.Destination, m *deliver.Message) deliver.Receipt {
	t.Helper()
	var receipt deliver.Receipt
	err := d.Deliver(t.Context(), deliver.Batch(m), func(_ *deliver.Message, r deliver.Receipt, err error) {
		if err != nil {
			t.Errorf("deliver: %v", err)
		}
		receipt = r
	})
	if err != nil {
		t.Errorf("Deliver: %v", err)
	}
	return receipt
}

func TestReceipt(t *testing.T) {
	d := New(Options{Path: t.TempDir(), Create: true, Host: "a/b:c"})
	m := delivertest.NewMessage("")
	m.Size, m.Begun, m.Folder = 5, time.Unix(1763632800, 0), "A/B"
	m.Open = func() (io.ReadSeekCloser, error) { return file(t, "12345"), nil }
	want := ".A.B/new/1763632800." + m.ID + `.a\057b\072c,S=5`
	if got := deliverOne(t, d, m); got.Where != want || got.Size != 5 {
		t.Errorf("receipt %+v, want %s", got, want)
	}
}

func file(t *testing.T, text string) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestStale(t *testing.T) {
	path := t.TempDir()
	now := time.Now()
	d := New(Options{Path: path, Create: true, Now: func() time.Time { return now }})
	prepare := func() {
		t.Helper()
		if err := d.Prepare(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
	}
	prepare()
	id := strings.Repeat("a", 26)
	ours, theirs := "1763632800."+id+".host,XYZ", "1763632800.M1P2.host"
	for _, name := range []string{ours, theirs} {
		p := filepath.Join(path, "tmp", name)
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		// The date of arrival says nothing about the file's age.
		if err := os.Chtimes(p, now.AddDate(-3, 0, 0), now.AddDate(-3, 0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(35 * time.Hour)
	prepare()
	if got := names(t, filepath.Join(path, "tmp")); !slices.Equal(got, []string{theirs, ours}) && !slices.Equal(got, []string{ours, theirs}) {
		t.Errorf("after 35 hours tmp holds %q", got)
	}
	now = now.Add(2 * time.Hour)
	prepare()
	if got := names(t, filepath.Join(path, "tmp")); !slices.Equal(got, []string{theirs}) {
		t.Errorf("after 37 hours tmp holds %q", got)
	}
}
