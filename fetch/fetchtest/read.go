package fetchtest

import (
	"context"
	"errors"
	"io"
	"slices"

	"mailrill/fetch"
)

func (s *suite) keys() {
	m := s.h.New(s.T, append(letters(5), shapes()...))
	_, _, first := s.open(m)
	_, _, second := s.open(m)
	if len(first) != 5+len(oddShapes) {
		s.Fatalf("listed %d messages, want %d", len(first), 5+len(oddShapes))
	}
	seen := map[string]bool{}
	for i, it := range first {
		if it.Key != second[i].Key {
			s.Errorf("message %d: key %q in the first session, %q in the second", i, it.Key, second[i].Key)
		}
		if seen[it.Key] {
			s.Errorf("key %q twice in one listing", it.Key)
		}
		seen[it.Key] = true
		if !printable(it.Key) {
			s.Errorf("key %q is not 1 to 100 printable ASCII octets", it.Key)
		}
	}
	m.Remove(0)
	_, _, third := s.open(m)
	for i, it := range third {
		if it.Key != first[i+1].Key {
			s.Errorf("message %d: key %q before another was removed, %q after", i+1, first[i+1].Key, it.Key)
		}
	}
}

func printable(key string) bool {
	for _, c := range []byte(key) {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return len(key) > 0 && len(key) <= 100
}

func (s *suite) cursor() {
	m := s.h.New(s.T, letters(4))
	session, listing, items := s.open(m)
	if !listing.Stable {
		return // no cursors here
	}
	rest, err := session.List(s.Context(), fetch.Cursor{Validity: listing.Validity, UID: items[1].Num})
	s.must(err)
	if !slices.Equal(rest, items[2:]) {
		s.Errorf("behind the second message: %v, want %v", rest, items[2:])
	}
	none, err := session.List(s.Context(), fetch.Cursor{Validity: listing.Validity, UID: items[3].Num})
	s.must(err)
	if len(none) != 0 {
		s.Errorf("behind the last message: %v", none)
	}
	all, err := session.List(s.Context(), fetch.Cursor{Validity: listing.Validity + 1, UID: items[1].Num})
	s.must(err)
	if !slices.Equal(all, items) {
		s.Errorf("a cursor of another validity: %v, want all", all)
	}
}

func (s *suite) bodies() {
	ms := shapes()
	session, _, items := s.open(s.h.New(s.T, ms))
	all, err := retrieve(s.Context(), session, items)
	s.must(err)
	for i, g := range s.byItem(items, all) {
		s.whole(oddShapes[i].name, g, ms[i].Body)
	}
	// Some of them, in the same session, after the whole.
	some := []fetch.Item{items[1], items[len(items)-1]}
	all, err = retrieve(s.Context(), session, some)
	s.must(err)
	s.byItem(some, all)
}

func (s *suite) meta() {
	ms := letters(3)
	ms[1].Flags = []string{`\Seen`, "important"}
	ms = append(ms, Message{Body: []byte("Subject: no Received field\r\n\r\nx\r\n"), Date: date(7)})
	session, _, items := s.open(s.h.New(s.T, ms))
	all, err := retrieve(s.Context(), session, items)
	s.must(err)
	for i, g := range s.byItem(items, all) {
		s.checkMeta(i, g.meta, ms[i])
	}
}

func (s *suite) checkMeta(i int, meta fetch.Meta, m Message) {
	s.Helper()
	want := m.Date
	if !s.h.Dates && i == 3 {
		want = fetch.Meta{}.Received
	}
	if !meta.Received.Equal(want) {
		s.Errorf("message %d: received %v, want %v", i, meta.Received, want)
	}
	have := slices.Sorted(slices.Values(meta.Flags))
	if s.h.Flags && !slices.Equal(have, slices.Sorted(slices.Values(m.Flags))) {
		s.Errorf("message %d: flags %q, want %q", i, have, m.Flags)
	}
	if !s.h.Flags && meta.Flags != nil {
		s.Errorf("message %d: flags %q from a server without flags", i, have)
	}
}

func (s *suite) dates() {
	ms := letters(3)
	ms[2].Flags = []string{`\Flagged`}
	m := s.h.New(s.T, ms)
	session, _, items := s.open(m)
	dater, ok := session.(fetch.Dater)
	if !ok {
		return
	}
	calls := map[string]int{}
	s.must(dater.Dates(s.Context(), items, func(it fetch.Item, meta fetch.Meta) {
		calls[it.Key]++
		if s.h.Undated {
			return
		}
		s.checkMeta(slices.Index(items, it), meta, ms[slices.Index(items, it)])
	}))
	for _, it := range items {
		if calls[it.Key] != 1 {
			s.Errorf("fn was called %d times for %+v", calls[it.Key], it)
		}
	}
}

// peek compares the digest of a header alone with that of the whole message. A
// source may leave headers out that it cannot see, but shows no wrong one.
func (s *suite) peek() {
	m := s.h.New(s.T, append(letters(3), shapes()...))
	session, _, items := s.open(m)
	peeker, ok := session.(fetch.Peeker)
	if !ok {
		return
	}
	telling := map[string][16]byte{}
	s.must(peeker.Peek(s.Context(), items, func(it fetch.Item, header [16]byte, tells bool) {
		if _, twice := telling[it.Key]; twice {
			s.Errorf("fn was called twice for %+v", it)
		}
		if tells {
			telling[it.Key] = header
		}
	}))
	all, err := retrieve(s.Context(), session, items)
	s.must(err)
	got := s.byItem(items, all)
	for i, it := range items {
		whole := fetch.NewHeaderHash()
		whole.Write(got[i].body)
		if header, ok := telling[it.Key]; ok && (header != whole.Sum() || !whole.Telling()) {
			s.Errorf("message %d: the header alone has another digest than in the message: %.80q", i, got[i].body)
		}
	}
}

func (s *suite) untouched() {
	ms := letters(3)
	ms[2].Flags = []string{`\Seen`}
	m := s.h.New(s.T, ms)
	session, listing, items := s.open(m)
	if _, err := retrieve(s.Context(), session, items); err != nil {
		s.Fatal(err)
	}
	s.must(session.Close(true))
	if listing.Drains {
		return
	}
	s.holds(m, ms...)
	for i, have := range m.Messages() {
		if !slices.Equal(have.Flags, ms[i].Flags) {
			s.Errorf("message %d: flags %q after reading, %q before", i, have.Flags, ms[i].Flags)
		}
	}
}

func (s *suite) cut() {
	ms := letters(6)
	m := s.h.New(s.T, ms)
	size := len(s.served(ms[3].Body))
	for _, octets := range []int{0, 1, 200, size - 1, size} {
		session, _, items := s.open(m)
		m.Cut(3, octets)
		all, err := retrieve(s.Context(), session, items)
		if err == nil {
			s.Errorf("cut after %d octets: Retrieve reports nothing", octets)
		}
		s.checkCut(items, all, ms)
		if err := session.Close(true); err == nil {
			s.Errorf("cut after %d octets: Close(true) reports success", octets)
		}
		m.Mend()
	}
	session, _, items := s.open(m)
	all, err := retrieve(s.Context(), session, items)
	s.must(err)
	for i, g := range s.byItem(items, all) {
		s.whole("after mending", g, ms[i].Body)
	}
}

// checkCut: what came before the cut is whole, the cut one ended in an error
// that is not io.EOF, and nothing behind it was handed over as whole.
func (s *suite) checkCut(items []fetch.Item, all []got, ms []Message) {
	s.Helper()
	whole := 0
	for _, g := range all {
		i := slices.Index(items, g.item)
		switch {
		case g.err == nil && i == 3:
			s.Error("the cut message was handed over as whole")
		case g.err == nil:
			s.whole("before the cut", g, ms[i].Body)
			whole++
		case errors.Is(g.err, io.EOF):
			s.Errorf("the cut message ended in io.EOF: %v", g.err)
		}
	}
	if whole < 3 {
		s.Errorf("%d messages before the cut were whole, want 3", whole)
	}
}

func (s *suite) noBody() {
	ms := letters(3)
	m := s.h.New(s.T, ms)
	session, _, items := s.open(m)
	if m.NoBody == nil {
		return
	}
	m.NoBody(1)
	all, err := retrieve(s.Context(), session, items)
	s.must(err)
	for i, g := range s.byItem(items, all) {
		if i == 1 {
			if !errors.Is(g.err, fetch.ErrNoBody) {
				s.Errorf("no body: error %v, want %v", g.err, fetch.ErrNoBody)
			}
			continue
		}
		s.whole("beside the message without a body", g, ms[i].Body)
	}
}

func (s *suite) unread() {
	ms := append(letters(3), shapes()...)
	session, _, items := s.open(s.h.New(s.T, ms))
	var last []byte
	calls := 0
	err := session.Retrieve(s.Context(), items, func(it fetch.Item, _ *fetch.Meta, r io.Reader, err error) error {
		s.must(err)
		calls++
		switch {
		case it == items[len(items)-1]:
			last, err = io.ReadAll(r)
		case calls%2 == 0:
			_, err = io.ReadFull(r, make([]byte, 1))
		}
		return err
	})
	s.must(err)
	if calls != len(items) {
		s.Errorf("fn was called %d times for %d items", calls, len(items))
	}
	s.whole("behind unread messages", got{body: last}, ms[len(ms)-1].Body)
	if _, err := retrieve(s.Context(), session, items); err != nil {
		s.Errorf("a second Retrieve: %v", err)
	}
}

func (s *suite) fnError() {
	m := s.h.New(s.T, letters(5))
	session, _, items := s.open(m)
	calls := 0
	err := session.Retrieve(s.Context(), items, func(fetch.Item, *fetch.Meta, io.Reader, error) error {
		if calls++; calls == 2 {
			return errStop
		}
		return nil
	})
	if !errors.Is(err, errStop) {
		s.Errorf("Retrieve returns %v, want the error of fn", err)
	}
	if calls != 2 {
		s.Errorf("fn was called %d times, want 2", calls)
	}
	session.Close(false)
	s.holds(m, letters(5)...)
}

func (s *suite) gone() {
	ms := letters(3)
	session, _, items := s.open(s.h.New(s.T, ms))
	absent := fetch.Item{Key: "absent", Num: 4_000_000, Size: 1}
	asked := []fetch.Item{items[0], absent, items[2]}
	all, err := retrieve(s.Context(), session, asked)
	s.must(err)
	by := s.byItem(asked, all)
	if !errors.Is(by[1].err, fetch.ErrGone) {
		s.Errorf("a missing message: error %v, want %v", by[1].err, fetch.ErrGone)
	}
	s.whole("before the missing message", by[0], ms[0].Body)
	s.whole("behind the missing message", by[2], ms[2].Body)
}

func (s *suite) context() {
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	ms := letters(3)
	session, _, items := s.openContext(ctx, s.h.New(s.T, ms))
	calls := 0
	err := session.Retrieve(ctx, items, func(fetch.Item, *fetch.Meta, io.Reader, error) error {
		calls++
		cancel()
		return nil
	})
	if err == nil || calls > 1 {
		s.Errorf("fn was called %d times, Retrieve returned %v", calls, err)
	}
	if err := session.Close(true); err == nil {
		s.Error("Close(true) reports success after the context has ended")
	}
	if _, err := s.h.New(s.T, ms).Source.Connect(ctx); err == nil {
		s.Error("Connect works under a context that has ended")
	}
}
