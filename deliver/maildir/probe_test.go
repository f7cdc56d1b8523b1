package maildir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/deliver/delivertest"
	"mailrill/internal/reply"
)

func TestLook(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "Maildir")
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	look := func(path, folder string, create bool) (deliver.Spot, error) {
		return New(Options{Path: path, Create: create, Host: "host"}).Look(t.Context(), folder)
	}
	spot, err := look(filepath.Join(path, "deep"), "", true)
	if err != nil || !spot.Missing || spot.Name != filepath.Join(path, "deep") || spot.Free <= 0 {
		t.Errorf("a Maildir that is to be made: %+v, %v", spot, err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
	if err := New(Options{Path: path, Create: true, Host: "host"}).Prepare(t.Context(), "Work"); err != nil {
		t.Fatal(err)
	}
	if spot, err = look(path, "Work", false); err != nil || spot.Missing || spot.Name != filepath.Join(path, ".Work") {
		t.Errorf("a folder that is there: %+v, %v", spot, err)
	}
	for what, err := range map[string]error{
		"missing, not to be made": lookError(look(path, "New", false)),
		"a file in its place":     lookError(look(filepath.Join(dir, "file"), "", true)),
		"below a file":            lookError(look(filepath.Join(dir, "file", "sub"), "", true)),
		"no name":                 lookError(look(path, "a//b", true)),
	} {
		if !errors.Is(err, deliver.ErrUnavailable) || reply.ClassOf(err) != reply.Config {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func lookError(_ deliver.Spot, err error) error { return err }

// Who may not write there is told before mail is under way.
func TestLookAtADirectoryThatCannotBeWrittenTo(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("SKIPPED, NOT TESTED: root may write everywhere")
	}
	path := filepath.Join(t.TempDir(), "Maildir")
	d := New(Options{Path: path, Create: true, Host: "host"})
	if err := d.Prepare(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(path, "tmp"), 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Look(t.Context(), ""); reply.ClassOf(err) != reply.Config {
		t.Errorf("%v", err)
	}
}

func TestTrial(t *testing.T) {
	d := New(Options{Path: filepath.Join(t.TempDir(), "Maildir"), Create: true, Host: "host"})
	other, m := delivertest.NewMessage("Subject: other\r\n\r\n"), delivertest.NewMessage("Subject: one\r\n\r\nHello\r\n")
	m.Received, m.Flags = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), []string{`\Seen`, `\Flagged`}
	if err := d.Prepare(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	trial, err := d.Try(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trial.Find(t.Context(), m.ID); !errors.Is(err, deliver.ErrNotThere) {
		t.Errorf("before it was delivered: %v", err)
	}
	d.Deliver(t.Context(), deliver.Batch(other, m), func(_ *deliver.Message, _ deliver.Receipt, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	found, err := trial.Find(t.Context(), m.ID)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found.Flags)
	if int64(len(found.Body)) != m.Size || !found.Received.Equal(m.Received) || !slices.Equal(found.Flags, []string{`\flagged`, `\seen`}) {
		t.Errorf("%+v", found)
	}
	for range 2 { // somebody may have been quicker
		if left, err := trial.Remove(t.Context()); left != "" || err != nil {
			t.Errorf("left in %q, %v", left, err)
		}
	}
	if _, err := trial.Find(t.Context(), other.ID); err != nil {
		t.Errorf("the other message: %v", err)
	}
}
