package fetchtest

import (
	"slices"

	"mailrill/fetch"
	"mailrill/internal/reply"
)

var deleting = fetch.AfterAction{Do: fetch.Delete}

func (s *suite) delete() {
	if !s.can(fetch.Delete) {
		return
	}
	ms := letters(5)
	m := s.h.New(s.T, ms)
	session, listing, items := s.open(m)
	if _, err := retrieve(s.Context(), session, items); err != nil {
		s.Fatal(err)
	}
	done, err := session.Finish(s.Context(), []fetch.Due{s.due(items[1], ms[1]), s.due(items[3], ms[3])}, deleting)
	s.must(err)
	s.wantDone(done, items[1], items[3])
	if listing.Deferred {
		s.holds(m, ms...)
	}
	s.must(session.Close(true))
	s.holds(m, ms[0], ms[2], ms[4])
}

func (s *suite) deleteOther() {
	if !s.can(fetch.Delete) {
		return
	}
	ms := letters(3)
	m := s.h.New(s.T, ms)
	session, _, items := s.open(m)
	wrong := s.due(items[0], ms[1])
	none := s.due(items[1], ms[1])
	none.Header = [16]byte{}
	done, err := session.Finish(s.Context(), []fetch.Due{wrong, none, s.due(items[2], ms[2])}, deleting)
	s.must(err)
	s.wantDone(done, items[2])
	s.must(session.Close(true))
	s.holds(m, ms[0], ms[1])
}

func (s *suite) deleteReplaced() {
	ms := letters(3)
	m := s.h.New(s.T, ms)
	if !s.can(fetch.Delete) || m.Replace == nil {
		return
	}
	session, _, items := s.open(m)
	s.must(session.Close(true))
	other := Message{Body: letter(9), Date: date(9)}
	m.Replace(1, other)
	session, _, again := s.open(m)
	if !slices.ContainsFunc(again, func(it fetch.Item) bool { return it.Key == items[1].Key }) {
		s.Fatalf("the harness did not keep the key %q", items[1].Key)
	}
	done, err := session.Finish(s.Context(), []fetch.Due{s.due(items[0], ms[0]), s.due(items[1], ms[1])}, deleting)
	s.must(err)
	s.wantDone(done, items[0])
	s.must(session.Close(true))
	s.holds(m, other, ms[2])
}

func (s *suite) deleteGone() {
	if !s.can(fetch.Delete) {
		return
	}
	ms := letters(3)
	m := s.h.New(s.T, ms)
	session, _, items := s.open(m)
	s.must(session.Close(true))
	m.Remove(1)
	session, listing, _ := s.open(m)
	done, err := session.Finish(s.Context(), []fetch.Due{s.due(items[0], ms[0]), s.due(items[1], ms[1])}, deleting)
	s.must(err)
	if listing.Partial {
		s.wantDone(done, items[0])
	} else {
		s.wantDone(done, items[0], items[1])
	}
	s.must(session.Close(true))
	s.holds(m, ms[2])
}

func (s *suite) withoutCommit() {
	ms := letters(3)
	m := s.h.New(s.T, ms)
	session, listing, items := s.open(m)
	if !s.can(fetch.Delete) || !listing.Deferred {
		return
	}
	if _, err := retrieve(s.Context(), session, items); err != nil {
		s.Fatal(err)
	}
	_, err := session.Finish(s.Context(), []fetch.Due{s.due(items[0], ms[0])}, deleting)
	s.must(err)
	s.must(session.Close(false))
	s.holds(m, ms...)
	_, _, again := s.open(m)
	if !slices.Equal(again, items) {
		s.Errorf("listed after Close(false): %v, before: %v", again, items)
	}
}

func (s *suite) seen() {
	if !s.can(fetch.Seen) {
		return
	}
	ms := letters(3)
	m := s.h.New(s.T, ms)
	session, _, items := s.open(m)
	done, err := session.Finish(s.Context(), []fetch.Due{s.due(items[1], ms[1]), s.due(items[2], ms[0])}, fetch.AfterAction{Do: fetch.Seen})
	s.must(err)
	s.wantDone(done, items[1])
	s.must(session.Close(true))
	s.holds(m, ms...)
	for i, have := range m.Messages() {
		if slices.Contains(have.Flags, `\Seen`) != (i == 1) {
			s.Errorf("message %d: flags %q", i, have.Flags)
		}
	}
}

func (s *suite) move() {
	if !s.can(fetch.Move) {
		return
	}
	ms := letters(3)
	m := s.h.New(s.T, ms)
	session, _, items := s.open(m)
	done, err := session.Finish(s.Context(), []fetch.Due{s.due(items[1], ms[1]), s.due(items[2], ms[0])}, fetch.AfterAction{Do: fetch.Move, Folder: m.MoveTo})
	s.must(err)
	s.wantDone(done, items[1])
	s.must(session.Close(true))
	s.holds(m, ms[0], ms[2])
	if moved := m.Moved(); len(moved) != 1 || string(moved[0].Body) != string(ms[1].Body) {
		s.Errorf("%q holds %d messages, want the one that was moved", m.MoveTo, len(moved))
	}
}

func (s *suite) refused() {
	ms := letters(2)
	m := s.h.New(s.T, ms)
	for _, a := range []fetch.Action{fetch.Delete, fetch.Seen, fetch.Move} {
		if s.can(a) {
			continue
		}
		session, _, items := s.open(m)
		done, err := session.Finish(s.Context(), []fetch.Due{s.due(items[0], ms[0])}, fetch.AfterAction{Do: a, Folder: "elsewhere"})
		if reply.ClassOf(err) != reply.Config || len(done) != 0 {
			s.Errorf("%s: done %q, error %v, want one of class %s", a, done, err, reply.Config)
		}
		session.Close(false)
	}
	s.holds(m, ms...)
}
