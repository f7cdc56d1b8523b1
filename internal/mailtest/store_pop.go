package mailtest

import (
	"cmp"
	"slices"
	"time"
)

// inbox returns what a POP3 server shows, and INBOX's UIDVALIDITY.
func (s *Store) inbox() ([]Message, uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.create("INBOX")
	return f.messages(), f.validity
}

// unpopped returns the messages of Gmail's window and those that wait behind it.
func (s *Store) unpopped() []Message {
	return s.oldest(func(o *object) bool { return !o.popped })
}

// since returns the messages of Gmail's recent mode.
func (s *Store) since(t time.Time) []Message {
	return s.oldest(func(o *object) bool { return !o.date.Before(t) })
}

// oldest returns the messages that match, each once, oldest first, without
// those in spam and trash.
func (s *Store) oldest(match func(*object) bool) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ms []Message
	for _, o := range s.objects() {
		if !o.outside() && match(o) {
			ms = append(ms, (&entry{object: o}).message())
		}
	}
	slices.SortStableFunc(ms, func(a, b Message) int {
		return cmp.Or(a.Date.Compare(b.Date), cmp.Compare(a.Serial, b.Serial))
	})
	return ms
}

// pop marks a message as retrieved and does to it what Gmail's setting says.
func (s *Store) pop(gmailID uint64, disposition string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.byID[gmailID]
	if o == nil || len(o.places) == 0 {
		return // deleted by somebody else meanwhile
	}
	o.popped = true
	switch disposition {
	case "markRead":
		s.setFlags(&entry{object: o}, append(o.flags, `\Seen`))
	case "archive":
		s.archive(o)
	case "trash":
		s.trash(o)
	}
}

// archive takes o out of INBOX; without any other folder it would be gone, so
// that it then comes to lie in "Archive".
func (s *Store) archive(o *object) {
	inbox := s.create("INBOX")
	if len(o.places) == 1 && o.places[inbox] != nil {
		s.place(s.create("Archive"), o, false)
	}
	s.drop(inbox, o)
}

func (s *Store) trash(o *object) {
	t := s.byAttr(`\Trash`)
	if t == nil {
		t = s.create("Trash")
		t.attrs = append(t.attrs, `\Trash`)
	}
	s.place(t, o, false)
	for f := range o.places {
		if f != t {
			s.drop(f, o)
		}
	}
}

// ResetPopped forgets what POP3 retrieved, as Gmail does when its owner chooses
// "Enable POP for all mail (even mail that's already been downloaded)" again.
func (s *Store) ResetPopped() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.objects() {
		o.popped = false
	}
}
