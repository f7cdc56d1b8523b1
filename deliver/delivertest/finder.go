package delivertest

import (
	"errors"
	"testing"
	"unicode"

	"mailrill/deliver"
)

// arrived returns what f reports since mark, by ID, and checks the new mark.
func arrived(t *testing.T, f deliver.Finder, mark string) map[string]deliver.Receipt {
	t.Helper()
	all, _ := arrivedMark(t, f, mark)
	return all
}

func arrivedMark(t *testing.T, f deliver.Finder, mark string) (map[string]deliver.Receipt, string) {
	t.Helper()
	all := map[string]deliver.Receipt{}
	next, err := f.Arrived(t.Context(), mark, func(id string, r deliver.Receipt) error {
		all[id] = r
		return nil
	})
	if err != nil {
		t.Fatalf("Arrived(%q): %v", mark, err)
	}
	if next == "" {
		t.Error("Arrived returned no mark")
	}
	for _, r := range next {
		if !unicode.IsPrint(r) {
			t.Errorf("mark %q is not printable", next)
			break
		}
	}
	return all, next
}

func openFinder(t *testing.T, p *Place) (deliver.Destination, deliver.Finder) {
	t.Helper()
	d := open(t, p)
	f, ok := d.(deliver.Finder)
	if !ok {
		t.Skip("it cannot be asked")
	}
	return d, f
}

// testAgain delivers messages a second time, by the same and by a new
// Destination, as happens after an answer was lost.
func testAgain(t *testing.T, h Harness) {
	if !h.Once {
		t.Skip("it does not promise that")
	}
	p, ms := h.New(t), numbered(9)
	d := open(t, p)
	sendAll(t, d, ms...)
	sendAll(t, d, ms...)
	sendAll(t, open(t, p), ms...)
	checkStored(t, h, p, ms...)
	// Twice in one call.
	twice := NewMessage("Subject: twice\r\n\r\n")
	same := *twice
	sendAll(t, d, twice, &same)
	checkStored(t, h, p, append(ms, twice)...)
}

// testArrived asks for everything: each copy with its size, by a Destination
// that has not delivered it; and an error of fn ends it.
func testArrived(t *testing.T, h Harness) {
	p, ms := h.New(t), numbered(9)
	d, f := openFinder(t, p)
	if there := arrived(t, f, ""); len(there) != 0 {
		t.Errorf("an empty place reports %d copies", len(there))
	}
	sendAll(t, d, ms...)
	_, f = openFinder(t, p)
	there := arrived(t, f, "")
	for i, m := range ms {
		r, ok := there[m.ID]
		if !ok {
			t.Errorf("message %d is not reported", i)
		} else if r.Size != m.Size || r.Where == "" {
			t.Errorf("message %d is reported as %+v, its size is %d", i, r, m.Size)
		}
	}
	if len(there) != len(ms) {
		t.Errorf("%d copies are reported, %d are there", len(there), len(ms))
	}
	stop := errors.New("stop")
	_, err := f.Arrived(t.Context(), "", func(string, deliver.Receipt) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("Arrived: %v, want the error of fn", err)
	}
	if len(arrived(t, open(t, p).(deliver.Finder), "")) != len(ms) {
		t.Error("after an error of fn, another Destination does not find all")
	}
}

// testArrivedSince asks from mark to mark: what came in between is never missed.
func testArrivedSince(t *testing.T, h Harness) {
	p, ms := h.New(t), numbered(6)
	d, f := openFinder(t, p)
	_, mark := arrivedMark(t, f, "")
	for i := range 3 {
		sendAll(t, d, ms[2*i:2*i+2]...)
		_, f := openFinder(t, p)
		var there map[string]deliver.Receipt
		there, mark = arrivedMark(t, f, mark)
		for _, m := range ms[2*i : 2*i+2] {
			if _, ok := there[m.ID]; !ok {
				t.Errorf("round %d: message %s is not reported since the last mark", i, m.ID)
			}
		}
	}
	// A copy that comes while Arrived runs is in it or in the next one.
	late := NewMessage("Subject: late\r\n\r\n")
	other, sent := open(t, p), false
	seen := map[string]bool{}
	note := func(id string, _ deliver.Receipt) error {
		seen[id] = true
		if !sent {
			sent = true
			sendAll(t, other, late)
		}
		return nil
	}
	mark, err := f.Arrived(t.Context(), "", note)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Arrived(t.Context(), mark, note); err != nil {
		t.Fatal(err)
	}
	if !seen[late.ID] {
		t.Error("a copy that came while Arrived ran is missed for ever")
	}
}
