package ledger

import (
	"slices"
	"testing"
)

func TestNotes(t *testing.T) {
	dir := t.TempDir()
	l := must(Open(dir))(t)
	commit(t, l, Note{"b", "two"}, Note{"a", "one"}, Note{"c", "three"})
	commit(t, l, Note{"b", "四"}, Note{"c", ""}, Note{"never", ""})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openTest(t, dir)
	want := []Note{{"a", "one"}, {"b", "四"}}
	if got := must(l.Notes(t.Context()))(t); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if l.Commit(t.Context(), Note{"", "x"}) == nil {
		t.Error("a note without a name was taken")
	}
}
