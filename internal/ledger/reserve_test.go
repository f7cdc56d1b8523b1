package ledger

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"mailrill/internal/reply"
)

// TestReserve: the disk is full until the reserve is given up.
func TestReserve(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "reserve")
	full := false
	l := must(open(dir, faulty(func(op, at string) error {
		if _, err := os.Stat(path); full && (op == "commit" && err == nil || op == "write" && at == path) {
			return unix.ENOSPC
		}
		return nil
	}), migrations))(t)
	defer l.Close()
	reserved := func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() == reserveSize
	}
	folder := must(l.Folder(t.Context(), must(l.Account(t.Context(), "a"))(t).ID, "INBOX"))(t)
	row := Row{Folder: folder.ID, Key: "k", State: Seen}

	if err := os.WriteFile(path, []byte("a process died here"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Reserve(); err != nil || !reserved() {
		t.Fatalf("reserved: %v, %v", reserved(), err)
	}
	if err := l.CommitAnswers(t.Context(), row); err != nil || !reserved() {
		t.Errorf("with room: %v, the reserve is there: %v", err, reserved())
	}
	full = true
	if err := l.Commit(t.Context(), row); reply.ClassOf(err) != reply.Full || !reserved() {
		t.Errorf("what is no answer: %v, the reserve is there: %v", err, reserved())
	}
	row.Key = "answered"
	if err := l.CommitAnswers(t.Context(), row); err != nil || reserved() {
		t.Errorf("an answer: %v, the reserve is there: %v", err, reserved())
	}
	if _, found, err := l.Get(t.Context(), folder.ID, "answered"); !found || err != nil {
		t.Errorf("found %v, %v", found, err)
	}
	if err := l.Reserve(); reply.ClassOf(err) != reply.Full {
		t.Errorf("a reserve on a full disk: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("something is left of the reserve that could not be made")
	}
	full = false
	if err := l.Reserve(); err != nil || !reserved() {
		t.Errorf("with room again: %v", err)
	}
}
