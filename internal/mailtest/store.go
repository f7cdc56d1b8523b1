package mailtest

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Message is a copy of what a folder holds. Body is shared and must not be
// written to.
type Message struct {
	UID     uint32
	Body    []byte
	Date    time.Time // INTERNALDATE
	Flags   []string  // never \Recent
	GmailID uint64    // one number for a message in all its folders
	Serial  uint64    // order of arrival in the store, from 1; a copy has its own, a second label has not
	Popped  bool      // it was retrieved by Gmail's POP3 in a session that ended with QUIT
}

// A Store is a mailbox account: folders and what lies in them. It is safe for
// concurrent use. Folder names are UTF-8; INBOX is found in any case.
//
// A message may lie in several folders, as under Gmail's labels: Add it again
// with the same GmailID. Where a folder with the attribute \All exists, the store
// keeps Gmail's rules: \All holds every message but those in \Junk and \Trash,
// and a message that comes into one of these two leaves all other folders.
type Store struct {
	mu       sync.Mutex
	folders  []*mailbox
	serial   uint64
	gmailID  uint64
	change   uint64 // counts changes of anything
	byID     map[uint64]*object
	watchers map[chan struct{}]bool
	sent     map[string]bool // Message-IDs of what its owner sent
}

// mailbox is a folder; entries are in the order of their UIDs.
type mailbox struct {
	name     string
	attrs    []string
	validity uint32
	next     uint32
	entries  []*entry
	change   uint64 // Store.change when it last changed
}

// entry is a message's place in one folder. \Deleted belongs to the place, all
// other flags to the message: so it is at Gmail, and elsewhere a message has one
// place only.
type entry struct {
	uid     uint32
	deleted bool
	*object
}

type object struct {
	body    []byte
	date    time.Time
	flags   []string
	gmailID uint64
	serial  uint64
	popped  bool
	change  uint64 // Store.change when its flags last changed
	places  map[*mailbox]*entry
}

// firstGmailID makes ids that look like Gmail's: a time in the upper bits.
const firstGmailID = 0x19a9c1d2e3f40000

// NewStore returns an account with an empty INBOX.
func NewStore() *Store {
	s := &Store{gmailID: firstGmailID, byID: map[uint64]*object{}, watchers: map[chan struct{}]bool{}, sent: map[string]bool{}}
	s.Create("INBOX")
	return s
}

// Add puts m into folder, which is made if it is missing, and returns it as it
// is stored. A UID that is 0 or not above those that were given before is
// replaced by the next one, a zero Date by a fixed one, a GmailID of 0 by a new
// one. If the store has a message with that GmailID, folder becomes a further
// place of it.
func (s *Store) Add(folder string, m Message) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.create(folder)
	return s.add(f, m).message()
}

func (s *Store) add(f *mailbox, m Message) *entry {
	o := s.byID[m.GmailID]
	if o == nil || len(o.places) == 0 {
		o = s.newObject(m)
	}
	if m.UID >= f.next {
		f.next = m.UID
	}
	return s.place(f, o, slices.ContainsFunc(m.Flags, isDeleted))
}

// undated is the date of messages that were added without one.
var undated = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (s *Store) newObject(m Message) *object {
	s.serial++
	o := &object{body: m.Body, date: m.Date, gmailID: m.GmailID, serial: s.serial, popped: m.Popped, places: map[*mailbox]*entry{}}
	if o.date.IsZero() {
		o.date = undated
	}
	if o.gmailID == 0 {
		s.gmailID += 0x1ff
		o.gmailID = s.gmailID
	}
	s.byID[o.gmailID] = o
	o.flags = cleanFlags(m.Flags)
	return o
}

// objects returns every message once, in the order of arrival.
func (s *Store) objects() []*object {
	var all []*object
	for _, f := range s.folders {
		for _, e := range f.entries {
			all = append(all, e.object)
		}
	}
	slices.SortFunc(all, func(a, b *object) int { return cmp.Compare(a.serial, b.serial) })
	return slices.Compact(all)
}

// place gives o a place in f, at its end, and keeps Gmail's rules. A message
// that lies in f already stays where it is, as under a label.
func (s *Store) place(f *mailbox, o *object, deleted bool) *entry {
	e := o.places[f]
	if e == nil {
		e = &entry{uid: f.next, deleted: deleted, object: o}
		f.next++
		f.entries = append(f.entries, e)
		o.places[f] = e
		s.changed(f)
	}
	if all := s.byAttr(`\All`); all != nil && all != f {
		s.label(f, all, o)
	}
	return e
}

func (s *Store) label(f, all *mailbox, o *object) {
	if !f.outside() {
		for _, other := range s.folders {
			if other.outside() {
				s.drop(other, o)
			}
		}
		s.place(all, o, false)
		return
	}
	for _, other := range s.folders {
		if other != f {
			s.drop(other, o)
		}
	}
}

// drop takes o out of f, if it lies there.
func (s *Store) drop(f *mailbox, o *object) {
	if e := o.places[f]; e != nil {
		f.entries = slices.DeleteFunc(f.entries, func(other *entry) bool { return other == e })
		delete(o.places, f)
		s.changed(f)
	}
}

// outside reports whether f is spam or trash, which Gmail counts to nothing else.
func (f *mailbox) outside() bool { return f.has(`\Junk`) || f.has(`\Trash`) }

func (f *mailbox) has(attr string) bool {
	return slices.ContainsFunc(f.attrs, func(a string) bool { return strings.EqualFold(a, attr) })
}

func (s *Store) byAttr(attr string) *mailbox {
	for _, f := range s.folders {
		if f.has(attr) {
			return f
		}
	}
	return nil
}

// Create makes a folder with attributes such as `\Junk` or `\Noselect`. If it
// exists it only gets the attributes. A folder with `\All` takes in what lies in
// the others.
func (s *Store) Create(folder string, attrs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.create(folder)
	f.attrs = append(f.attrs, attrs...)
	if f.has(`\All`) {
		s.fill(f)
	}
}

func (s *Store) fill(all *mailbox) {
	for _, o := range s.objects() {
		if !o.outside() {
			s.place(all, o, false)
		}
	}
}

// outside reports whether o lies in spam or trash.
func (o *object) outside() bool {
	for f := range o.places {
		if f.outside() {
			return true
		}
	}
	return false
}

// firstValidity is the UIDVALIDITY of a store's first folder; each later one
// has the next number, as if it had been made a second later.
const firstValidity = 1375069811

func (s *Store) create(name string) *mailbox {
	if f := s.folder(name); f != nil {
		return f
	}
	f := &mailbox{name: canonical(name), validity: firstValidity + uint32(len(s.folders)), next: 1}
	s.folders = append(s.folders, f)
	s.changed(f)
	return f
}

func (s *Store) folder(name string) *mailbox {
	name = canonical(name)
	for _, f := range s.folders {
		if f.name == name {
			return f
		}
	}
	return nil
}

func canonical(name string) string {
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	return name
}

// Messages returns what folder holds, in the order of UIDs; nil if there is no
// such folder.
func (s *Store) Messages(folder string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.folder(folder); f != nil {
		return f.messages()
	}
	return nil
}

func (f *mailbox) messages() []Message {
	ms := make([]Message, len(f.entries))
	for i, e := range f.entries {
		ms[i] = e.message()
	}
	return ms
}

func (e *entry) message() Message {
	return Message{UID: e.uid, Body: e.body, Date: e.date, Flags: e.allFlags(), GmailID: e.gmailID, Serial: e.serial, Popped: e.popped}
}

// Folders returns the names of all folders, in the order in which they were made.
func (s *Store) Folders() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, len(s.folders))
	for i, f := range s.folders {
		names[i] = f.name
	}
	return names
}

// Snapshot returns what all folders hold, at one instant.
func (s *Store) Snapshot() map[string][]Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string][]Message, len(s.folders))
	for _, f := range s.folders {
		all[f.name] = f.messages()
	}
	return all
}

// SetValidity changes a folder's UIDVALIDITY and leaves its UIDs, as a server
// does that lost track of them. 0: SELECT tells none.
func (s *Store) SetValidity(folder string, v uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.create(folder)
	f.validity = v
	s.changed(f)
}
