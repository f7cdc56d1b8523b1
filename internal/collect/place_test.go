package collect

import (
	"context"
	"testing"
)

// One destination of the config may be a mailbox of its own for each account.
// That one of them was asked says nothing about the other.
func TestOneNameTwoPlaces(t *testing.T) {
	b := newBench(t, newMailbox(msgs(2)...))
	b.a.Place = "home /a"
	other := *b.a
	other.Name, other.Place, other.Source, other.Destination = "other", "home /b", newMailbox(msgs(3)...), &shelf{}
	both := func() (delivered int) {
		r := b.pass()
		s := sum(b.c.Pass(context.Background(), &other, Options{}))
		if r.Err != nil || s.Err != nil {
			t.Fatal(r.Err, s.Err)
		}
		return r.Delivered + s.Delivered
	}
	if n := both(); n != 5 {
		t.Fatalf("%d delivered", n)
	}
	b.dir = t.TempDir() // the state is lost
	b.restart()
	if n := both(); n != 0 {
		t.Fatalf("%d delivered again", n)
	}
}
