package mailtest

import (
	"slices"
	"strings"
)

// Renumber gives folder a new UIDVALIDITY and its messages the UIDs from 1 on,
// as after a move to another server.
func (s *Store) Renumber(folder string, validity uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.create(folder)
	f.validity, f.next = validity, 1
	for _, e := range f.entries {
		e.uid = f.next
		f.next++
	}
	s.changed(f)
}

// Remove takes a message out of folder; under Gmail's rules out of that label
// only. It reports whether it was there.
func (s *Store) Remove(folder string, uid uint32) bool {
	return s.removeAll(folder, map[uint32]bool{uid: true}) > 0
}

func (s *Store) removeAll(folder string, uids map[uint32]bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folder(folder)
	if f == nil || len(uids) == 0 {
		return 0
	}
	return s.expunge(f, func(e *entry) bool { return uids[e.uid] })
}

// expunge removes the entries that match from f. Gmail's \All keeps what is
// expunged from it, unless it is moved to the trash.
func (s *Store) expunge(f *mailbox, match func(*entry) bool) (gone int) {
	if f.has(`\All`) {
		return 0
	}
	kept := make([]*entry, 0, len(f.entries))
	for _, e := range f.entries {
		if match(e) {
			gone++
			delete(e.places, f)
		} else {
			kept = append(kept, e)
		}
	}
	if gone > 0 {
		f.entries = kept
		s.changed(f)
	}
	return gone
}

// SetFlags replaces the flags of a message.
func (s *Store) SetFlags(folder string, uid uint32, flags ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.folder(folder); f != nil {
		for _, e := range f.entries {
			if e.uid == uid {
				s.setFlags(e, flags)
			}
		}
	}
}

func (s *Store) setFlags(e *entry, flags []string) {
	e.deleted = slices.ContainsFunc(flags, isDeleted)
	e.flags = cleanFlags(flags)
	e.change = s.change + 1
	for f := range e.places {
		s.changed(f)
	}
}

// Delete removes a folder and what lies in it. INBOX stays.
func (s *Store) Delete(folder string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folder(folder)
	if f == nil || f.name == "INBOX" {
		return false
	}
	for _, e := range f.entries {
		delete(e.places, f)
	}
	s.folders = slices.DeleteFunc(s.folders, func(o *mailbox) bool { return o == f })
	s.changed(f)
	return true
}

func isDeleted(flag string) bool { return strings.EqualFold(flag, `\Deleted`) }

// systemFlags are spelt as RFC 9051 spells them, whatever the client wrote.
var systemFlags = []string{`\Seen`, `\Answered`, `\Flagged`, `\Draft`}

// cleanFlags returns the flags that belong to a message, each once: without
// \Deleted, which belongs to its place, and \Recent, which is a session's.
func cleanFlags(flags []string) []string {
	var out []string
	for _, flag := range flags {
		for _, known := range systemFlags {
			if strings.EqualFold(flag, known) {
				flag = known
			}
		}
		if !isDeleted(flag) && !strings.EqualFold(flag, `\Recent`) && !slices.Contains(out, flag) {
			out = append(out, flag)
		}
	}
	return out
}

func (e *entry) allFlags() []string {
	flags := slices.Clone(e.flags)
	if e.deleted {
		flags = append(flags, `\Deleted`)
	}
	return flags
}

// changed notes a change of f and wakes all watchers.
func (s *Store) changed(f *mailbox) {
	s.change++
	f.change = s.change
	for w := range s.watchers {
		select {
		case w <- struct{}{}:
		default: // it is awake already
		}
	}
}

// watch returns a channel that holds a value after something changed.
func (s *Store) watch() (woken <-chan struct{}, stop func()) {
	w := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[w] = true
	return w, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, w)
	}
}
