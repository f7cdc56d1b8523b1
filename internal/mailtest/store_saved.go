package mailtest

import (
	"maps"
	"slices"
)

// A Saved is what a Store was at one instant.
type Saved struct{ s *Store }

// Save returns what the store is now. Later changes of it do not show there.
func (s *Store) Save() *Saved {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Saved{s.copied()}
}

// Restore makes the store what it was, with all it knew of numbers given away. It
// is for a store that no session is open on: those would see UIDs move.
func (s *Store) Restore(v *Saved) {
	c := v.s.copied()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.folders, s.byID = c.folders, c.byID
	s.serial, s.gmailID, s.sent = c.serial, c.gmailID, c.sent
	for _, f := range s.folders {
		s.changed(f)
	}
}

// copied returns a copy that shares nothing but the octets of bodies.
func (s *Store) copied() *Store {
	c := &Store{serial: s.serial, gmailID: s.gmailID, change: s.change, byID: map[uint64]*object{}, watchers: map[chan struct{}]bool{}, sent: maps.Clone(s.sent)}
	objects := map[*object]*object{}
	for id, o := range s.byID {
		c.byID[id] = o.copied(objects)
	}
	for _, f := range s.folders {
		g := *f
		g.attrs, g.entries = slices.Clone(f.attrs), make([]*entry, len(f.entries))
		for i, e := range f.entries {
			o := e.object.copied(objects)
			g.entries[i] = &entry{uid: e.uid, deleted: e.deleted, object: o}
			o.places[&g] = g.entries[i]
		}
		c.folders = append(c.folders, &g)
	}
	return c
}

// copied returns the copy of o, which is made once, without its places.
func (o *object) copied(made map[*object]*object) *object {
	if made[o] == nil {
		p := *o
		p.flags, p.places = slices.Clone(o.flags), map[*mailbox]*entry{}
		made[o] = &p
	}
	return made[o]
}
