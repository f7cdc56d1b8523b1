package imap

import (
	"testing"

	"mailrill/internal/imapwire"
)

// A listing holds what EXISTS announced and as much again as may have come in
// meanwhile; however large the announced number is, it has a bound.
func TestListingIsBounded(t *testing.T) {
	for count, want := range map[int]int{0: listSpare, 5: listSpare + 5, listLimit: listLimit, 4_000_000_000: listLimit, -1: listSpare} {
		l := newListing(&imapwire.Selected{Validity: 1, Count: count}, 7)
		var err error
		n := uint32(0)
		for ; err == nil && n < 2*listLimit; n++ {
			err = l.add(&imapwire.Response{UID: 8 + n}, nil)
		}
		if err == nil || int(n) != want+1 {
			t.Errorf("EXISTS %d: %v after %d, want %d", count, err, n-1, want)
		}
	}
}

// The same message again and again is one message, but not without end.
func TestListingOfOneMessage(t *testing.T) {
	l := newListing(&imapwire.Selected{Validity: 1, Count: 1}, 0)
	for range 2 * listSpare {
		if err := l.add(&imapwire.Response{UID: 1, Size: 5}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.items) != 1 {
		t.Errorf("%d items", len(l.items))
	}
	var err error
	for n := 0; err == nil && n < 4*listSpare; n++ {
		err = l.add(&imapwire.Response{UID: 1, Size: 5}, nil)
	}
	if err == nil {
		t.Error("there is no end")
	}
}
