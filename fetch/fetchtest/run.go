package fetchtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"mailrill/fetch"
)

// Run holds a source to its contract.
func Run(t *testing.T, h Harness) {
	for _, c := range []struct {
		name string
		run  func(*suite)
	}{
		{"keys are unique and stable over sessions", (*suite).keys},
		{"a cursor leaves out what lies before it", (*suite).cursor},
		{"bodies are byte exact", (*suite).bodies},
		{"meta is complete at the end of the body", (*suite).meta},
		{"dates without bodies", (*suite).dates},
		{"headers without bodies", (*suite).peek},
		{"reading changes nothing", (*suite).untouched},
		{"a cut body is an error", (*suite).cut},
		{"an answer without a body is an error of its item", (*suite).noBody},
		{"what fn leaves unread is discarded", (*suite).unread},
		{"an error of fn ends it", (*suite).fnError},
		{"a missing message is an error of its item", (*suite).gone},
		{"the end of the context ends it", (*suite).context},
		{"delete removes what is due", (*suite).delete},
		{"delete spares what is not the delivered message", (*suite).deleteOther},
		{"delete spares a message that took over a key", (*suite).deleteReplaced},
		{"keys that are gone are done", (*suite).deleteGone},
		{"nothing is done without commit", (*suite).withoutCommit},
		{"seen", (*suite).seen},
		{"move", (*suite).move},
		{"other actions are refused", (*suite).refused},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(&suite{t, h}) })
	}
}

type suite struct {
	*testing.T
	h Harness
}

// open connects, finds the mailbox's folder and lists it.
func (s *suite) open(m Mailbox) (fetch.Session, fetch.Listing, []fetch.Item) {
	s.Helper()
	return s.openContext(s.Context(), m)
}

func (s *suite) openContext(ctx context.Context, m Mailbox) (fetch.Session, fetch.Listing, []fetch.Item) {
	s.Helper()
	session, err := m.Source.Connect(ctx)
	s.must(err)
	s.Cleanup(func() { session.Close(false) })
	folders, err := session.Folders(ctx)
	s.must(err)
	if !slices.ContainsFunc(folders, func(f fetch.Folder) bool { return f.Name == m.Folder }) {
		s.Fatalf("Folders gives %v, without %q", folders, m.Folder)
	}
	listing, err := session.Open(ctx, m.Folder)
	s.must(err)
	items, err := session.List(ctx, fetch.Cursor{})
	s.must(err)
	if sizer, ok := session.(fetch.Sizer); ok {
		s.must(sizer.Sizes(ctx, items))
	}
	if listing.Count != len(items) {
		s.Fatalf("Open counts %d messages, List gives %d", listing.Count, len(items))
	}
	return session, listing, items
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// can reports whether the source can do a; a case without it ends at once.
func (s *suite) can(a fetch.Action) bool { return slices.Contains(s.h.Do, a) }

func (s *suite) served(body []byte) []byte {
	if s.h.Served == nil {
		return body
	}
	return s.h.Served(body)
}

// A got is what Retrieve handed over for one item.
type got struct {
	item fetch.Item
	meta fetch.Meta
	body []byte
	err  error // of the item, or of the reading
}

// retrieve reads all items to their ends.
func retrieve(ctx context.Context, session fetch.Session, items []fetch.Item) (all []got, err error) {
	err = session.Retrieve(ctx, items, func(it fetch.Item, meta *fetch.Meta, r io.Reader, err error) error {
		g := got{item: it, err: err}
		if err == nil {
			g.body, g.err = io.ReadAll(r)
			g.meta = *meta
		}
		all = append(all, g)
		return nil
	})
	return all, err
}

// byItem puts what was retrieved in the order of items, each of which must be
// there once.
func (s *suite) byItem(items []fetch.Item, all []got) []got {
	s.Helper()
	out := make([]got, len(items))
	seen := map[string]int{}
	for _, g := range all {
		i := slices.Index(items, g.item)
		if i < 0 {
			s.Fatalf("fn was called for %+v, which was not asked for", g.item)
		}
		out[i] = g
		seen[g.item.Key]++
	}
	for _, it := range items {
		if seen[it.Key] != 1 {
			s.Errorf("fn was called %d times for %+v", seen[it.Key], it)
		}
	}
	return out
}

// whole checks that g is message want, octet for octet.
func (s *suite) whole(what string, g got, want []byte) {
	s.Helper()
	if g.err != nil {
		s.Errorf("%s: %v", what, g.err)
		return
	}
	if want = s.served(want); !bytes.Equal(g.body, want) {
		s.Errorf("%s: %d octets differ from the %d served at octet %d", what, len(g.body), len(want), differ(g.body, want))
	}
}

func differ(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// holds checks that the mailbox holds exactly these messages, in any order.
func (s *suite) holds(m Mailbox, want ...Message) {
	s.Helper()
	have := m.Messages()
	if len(have) != len(want) {
		s.Fatalf("the mailbox holds %d messages, want %d", len(have), len(want))
	}
	for i, w := range want {
		if !slices.ContainsFunc(have, func(h Message) bool { return bytes.Equal(h.Body, w.Body) }) {
			s.Errorf("the mailbox does not hold message %d of those that should be there", i)
		}
	}
}

// due is what the engine hands to Finish for a delivered message.
func (s *suite) due(it fetch.Item, m Message) fetch.Due {
	h := fetch.NewHeaderHash()
	h.Write(s.served(m.Body))
	return fetch.Due{Key: it.Key, Size: it.Size, Header: h.Sum()}
}

func (s *suite) wantDone(done []string, want ...fetch.Item) {
	s.Helper()
	var keys []string
	for _, it := range want {
		keys = append(keys, it.Key)
	}
	slices.Sort(keys)
	done = slices.Sorted(slices.Values(done))
	if !slices.Equal(done, keys) {
		s.Errorf("done: %q, want %q", done, keys)
	}
}

var errStop = errors.New("fn says stop")
