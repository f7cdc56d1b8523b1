package mailtest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRestoredStore: a store that was restored is what it was, also in the
// numbers it gives next, and a Saved serves more than once.
func TestRestoredStore(t *testing.T) {
	s := NewStore()
	s.Create("All", `\All`)
	for _, body := range []string{"a", "b", "c"} {
		s.Add("INBOX", Message{Body: []byte(body)})
	}
	s.Remove("INBOX", 3)
	saved, before := s.Save(), s.Snapshot()
	for range 2 {
		s.SetFlags("INBOX", 1, `\Seen`)
		s.Remove("INBOX", 2)
		if m := s.Add("INBOX", Message{Body: []byte("d")}); m.UID != 4 || m.Serial != 4 {
			t.Errorf("the next message is %+v", m)
		}
		s.Create("Later")
		s.Restore(saved)
		if diff := cmp.Diff(before, s.Snapshot()); diff != "" {
			t.Error(diff)
		}
	}
}
