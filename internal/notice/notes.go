package notice

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"mailrill/internal/ledger"
)

// The names of a book's notes in the ledger begin so.
const (
	noteTrouble = "notice trouble " // and its subject
	noteTold    = "notice told "    // and its cause
	noteLetter  = "notice letter "  // and its ID
)

// NewBook returns the book that notes tell of. A note that cannot be read is left out,
// and named by the error: what it says is told once more.
func NewBook(notes []ledger.Note) (*Book, error) {
	b := newBook()
	var bad error
	for _, n := range notes {
		ours, err := b.take(n)
		if err != nil {
			bad = fmt.Errorf("read %q: %w", n.Name, err)
		}
		if ours {
			b.saved[n.Name] = n.Text
		}
	}
	slices.SortFunc(b.letters, func(x, y *Letter) int { return x.Time.Compare(y.Time) })
	for _, t := range b.troubles {
		if t.Last.After(b.clock) {
			b.clock = t.Last // since then nobody has looked
		}
	}
	return b, bad
}

// take takes a note in, if it is one of a book's.
func (b *Book) take(n ledger.Note) (ours bool, err error) {
	if subject, ok := strings.CutPrefix(n.Name, noteTrouble); ok {
		var t trouble
		if err = json.Unmarshal([]byte(n.Text), &t); err == nil {
			b.troubles[subject] = &t
		}
		return true, err
	}
	if cause, ok := strings.CutPrefix(n.Name, noteTold); ok {
		var at time.Time
		if at, err = time.Parse(time.RFC3339Nano, n.Text); err == nil {
			b.told[cause] = at
		}
		return true, err
	}
	if strings.HasPrefix(n.Name, noteLetter) {
		var l Letter
		if err = json.Unmarshal([]byte(n.Text), &l); err == nil {
			b.letters = append(b.letters, &l)
		}
		return true, err
	}
	return false, nil
}

// notes returns all that is to be remembered, by name.
func (b *Book) notes() map[string]string {
	all := map[string]string{}
	for subject, t := range b.troubles {
		all[noteTrouble+subject] = written(t)
	}
	for cause, at := range b.told {
		all[noteTold+cause] = at.Format(time.RFC3339Nano)
	}
	for _, l := range b.letters {
		all[noteLetter+l.ID] = written(l)
	}
	return all
}

func written(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // there is nothing in it that JSON has no form for
	}
	return string(text)
}

// Save has commit make durable what the ledger does not have yet.
func (b *Book) Save(commit func(...ledger.Change) error) error {
	now := b.notes()
	var cs []ledger.Change
	for _, name := range sorted(now) {
		if b.saved[name] != now[name] {
			cs = append(cs, ledger.Note{Name: name, Text: now[name]})
		}
	}
	for _, name := range sorted(b.saved) {
		if _, there := now[name]; !there {
			cs = append(cs, ledger.Note{Name: name})
		}
	}
	if len(cs) == 0 {
		return nil
	}
	if err := commit(cs...); err != nil {
		return err
	}
	b.saved = now
	return nil
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
