package notice

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

var start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// A desk is a book on a clock of its own, over a ledger that is a map.
type desk struct {
	*testing.T
	*Book
	now   time.Time
	ways  []string
	notes map[string]string
	all   []Account
}

// newDesk serves accounts a0, a1 … that deliver to one place.
func newDesk(t *testing.T, accounts int) *desk {
	d := &desk{T: t, Book: newBook(), now: start, ways: []string{ByMail}, notes: map[string]string{}}
	for i := range accounts {
		d.all = append(d.all, Account{Name: fmt.Sprintf("a%d", i), Destination: "home", Place: "home 1"})
	}
	d.Serve(d.all, d.now)
	return d
}

// after lets time go by, in steps, as a process does that looks at its book.
func (d *desk) after(gone time.Duration) {
	d.look()
	step := time.Minute
	if gone > time.Hour {
		step = maxGap / 2
	}
	for end := d.now.Add(gone); d.now.Before(end); {
		d.now = d.now.Add(min(step, end.Sub(d.now)))
		d.look()
	}
}

func (d *desk) look() {
	d.Helper()
	d.Due(d.ways, d.now)
	if err := d.Save(d.commit); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) commit(cs ...ledger.Change) error {
	for _, c := range cs {
		n := c.(ledger.Note)
		if d.notes[n.Name] = n.Text; n.Text == "" {
			delete(d.notes, n.Name)
		}
	}
	return nil
}

// restart begins a new process after a while; off is how long none ran.
func (d *desk) restart(off time.Duration) {
	d.Helper()
	d.look()
	var notes []ledger.Note
	for _, name := range sorted(d.notes) {
		notes = append(notes, ledger.Note{Name: name, Text: d.notes[name]})
	}
	b, err := NewBook(notes)
	if err != nil {
		d.Fatal(err)
	}
	d.Book, d.now = b, d.now.Add(off)
	d.Serve(d.all, d.now)
}

// passes ends a pass of account i, with a class at its source.
func (d *desk) passes(i int, class reply.Class) {
	d.Passed(Event{Account: fmt.Sprintf("a%d", i), Class: class, Reached: class == reply.OK, Words: "no " + string(class)}, d.now)
}

// refused ends a pass of account i with a class at its destination.
func (d *desk) refused(i int, class reply.Class) {
	d.Passed(Event{Account: fmt.Sprintf("a%d", i), Class: class, AtDestination: true, Words: "no " + string(class)}, d.now)
}

// fails has account i fail each quarter of an hour for so long.
func (d *desk) fails(i int, class reply.Class, long time.Duration) {
	for end := d.now.Add(long); ; d.after(15 * time.Minute) {
		d.passes(i, class)
		if !d.now.Before(end) {
			return
		}
	}
}

// told takes the letters that are there, as "kind about class" each, items joined by
// ", ", letters by "; ".
func (d *desk) told() string {
	d.look()
	var out []string
	for _, l := range d.Letters() {
		var items []string
		for _, it := range l.Items {
			about := strings.Join(it.Accounts, "+")
			if it.AtDestination {
				about = fmt.Sprintf("home(%d)", len(it.Accounts))
			}
			if it.Count > 0 {
				about = fmt.Sprint(it.Count)
			}
			items = append(items, strings.TrimSpace(fmt.Sprintf("%s %s %s", it.Kind, about, it.Class)))
		}
		out = append(out, strings.Join(items, ", "))
		for _, w := range l.Ways {
			d.Sent(l.ID, w)
		}
	}
	d.look()
	return strings.Join(out, "; ")
}

func (d *desk) want(what, want string) {
	d.Helper()
	if got := d.told(); got != want {
		d.Errorf("%s: told %q, want %q", what, got, want)
	}
}
