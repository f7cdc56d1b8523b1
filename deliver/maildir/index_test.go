package maildir

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mailrill/deliver"
)

// TestIndexIsShared: what one destination brings the next one knows, also when a
// reader has moved it in between.
func TestIndexIsShared(t *testing.T) {
	o := Options{Path: t.TempDir(), Create: true, Host: "h", Index: &Index{}}
	m := newMessages(1)[0]
	first := New(o)
	deliverOne(t, first, m)
	first.Close()
	taken, err := filepath.Glob(filepath.Join(o.Path, "new", "*"))
	if err != nil || len(taken) != 1 {
		t.Fatal(taken, err)
	}
	if err := os.Rename(taken[0], filepath.Join(o.Path, "cur", filepath.Base(taken[0])+":2,S")); err != nil {
		t.Fatal(err)
	}
	deliverOne(t, New(o), m)
	if n := len(readMaildir(t, o.Path)); n != 1 {
		t.Errorf("%d copies", n)
	}
}

// TestFolderIsReadOnce: however many ask, until something was wrong with it.
func TestFolderIsReadOnce(t *testing.T) {
	ms := newMessages(3)
	there, brought, unknown := ms[0], ms[1], ms[2]
	looks := 0
	look := func(saw func(id string)) error {
		looks++
		saw(there.ID)
		return nil
	}
	c := (&Index{}).folder("x")
	mayHold := func(m *deliver.Message) bool {
		t.Helper()
		may, err := c.mayHold([]*deliver.Message{m}, look)
		if err != nil {
			t.Fatal(err)
		}
		return may
	}
	if mayHold(brought) {
		t.Error("holds what nobody has brought")
	}
	c.add(brought.ID)
	if !mayHold(there) || !mayHold(brought) || mayHold(unknown) {
		t.Error("does not know what it holds")
	}
	if looks != 1 {
		t.Errorf("was read %d times", looks)
	}
	c.doubt()
	if !mayHold(brought) || looks != 2 {
		t.Errorf("after a doubt it was read %d times", looks)
	}
}

// TestLookThatFails: a folder that could not be read is read again.
func TestLookThatFails(t *testing.T) {
	m := newMessages(1)
	c := (&Index{}).folder("x")
	bad := errors.New("bad disk")
	if _, err := c.mayHold(m, func(func(string)) error { return bad }); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
	may, err := c.mayHold(m, func(saw func(string)) error {
		saw(m[0].ID)
		return nil
	})
	if !may || err != nil {
		t.Errorf("then %v, %v", may, err)
	}
}
