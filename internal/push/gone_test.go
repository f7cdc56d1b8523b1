package push

import (
	"testing"

	"mailrill/fetch"
	"mailrill/internal/mailtest"
)

// A pass over a folder that has gone while the line was without a session finds
// nothing: that alone is no fault. The next pass over all folders tells whether it
// was wanted.
func TestFolderIsGone(t *testing.T) {
	r := newRig(t, &mailtest.IMAP{}, 1, "*")
	r.server.Store.Create("Work")
	r.line = New(t.Context(), r.source, "Work")
	r.pass(r.line.All())
	r.pass(r.line.Here())
	r.line.End()
	r.server.Store.Delete("Work")
	if brought := r.pass(r.line.Here()); len(brought) != 0 {
		t.Errorf("brought %q", brought)
	}
	r.line.End()
	r.server.Store.Create("Work")
	r.floor = map[string]fetch.Cursor{}
	r.add("Work", "new")
	if brought := r.pass(r.line.Here()); len(brought) != 1 {
		t.Errorf("brought %q when it is there again", brought)
	}
}
