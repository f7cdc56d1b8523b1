package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"mailrill/deliver"
	"mailrill/fetch"
	"mailrill/internal/mailconn"
	"mailrill/internal/reply"
)

// A mailbox is a source whose server pushes, or does not.
type mailbox struct {
	absent bool // no IDLE
	silent bool // IDLE tells nothing
	// refuse is what IDLE is answered with.
	refuse error
	// hangsUp ends each session with its pass.
	hangsUp bool
	// mute gives no sign of life, until the session is closed.
	mute bool
	full bool // somebody waits for the place of each session that comes to rest

	mu       sync.Mutex
	mail     map[string]int // messages in each folder
	order    []string
	logins   []time.Time
	lists    []string // folders that were listed, in turn
	down     bool
	sessions map[*resting]bool
	signs    int // how often a session was asked for a sign of life
	address  net.IP
}

func newMailbox(folders ...string) *mailbox {
	m := &mailbox{mail: map[string]int{}, order: folders, sessions: map[*resting]bool{}, address: net.IPv4(127, 0, 0, 1)}
	for _, f := range folders {
		m.mail[f] = 0
	}
	return m
}

var errCut = errors.New("the line is cut")

// Connect logs in.
func (m *mailbox) Connect(context.Context) (fetch.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.logins = append(m.logins, time.Now())
	if m.down {
		return nil, errCut
	}
	s := &resting{m: m, seen: map[string]int{}, news: make(chan struct{}, 1), cut: make(chan struct{})}
	m.sessions[s] = true
	return s, nil
}

// arrive puts a message into a folder, and has the server announce it.
func (m *mailbox) arrive(folder string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mail[folder]++
	m.announce()
}

// announce tells all sessions that something has changed. It is called under the lock.
func (m *mailbox) announce() {
	for s := range m.sessions {
		if !m.silent {
			s.stir()
		}
	}
}

// spurious announces what is none.
func (m *mailbox) spurious() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for s := range m.sessions {
		s.again = true
	}
	m.announce()
}

// restart cuts all sessions.
func (m *mailbox) restart() { m.cut(errCut) }

// cut has all sessions end for the reason why.
func (m *mailbox) cut(why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for s := range m.sessions {
		s.err = why
		s.stir()
		delete(m.sessions, s)
	}
}

func (m *mailbox) setDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

func (m *mailbox) silence(silent bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.silent = silent
}

func (m *mailbox) setAddress(ip net.IP) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.address = ip
}

// counts returns how often was logged in, and which folders were listed since the
// last call.
func (m *mailbox) counts() (logins int, lists string, sessions int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	logins, lists = len(m.logins), strings.Join(m.lists, " ")
	m.logins, m.lists = nil, nil
	return logins, lists, len(m.sessions)
}

// resting is a session of a mailbox.
type resting struct {
	fetch.Dater
	fetch.Peeker
	m         *mailbox
	open      string
	seen      map[string]int // messages in each folder when it was last listed
	again     bool           // a spurious announcement waits
	announced uint64
	err       error
	news      chan struct{}
	cut       chan struct{} // closed by Close
}

func (s *resting) stir() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *resting) Folders(context.Context) (all []fetch.Folder, err error) {
	for _, f := range s.m.order {
		all = append(all, fetch.Folder{Name: f})
	}
	return all, s.Err()
}

func (s *resting) Open(_ context.Context, folder string) (fetch.Listing, error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if _, ok := s.m.mail[folder]; !ok && s.err == nil {
		return fetch.Listing{}, &reply.Error{Protocol: "imap", Command: "EXAMINE", Code: "NONEXISTENT"}
	}
	s.open = folder
	return fetch.Listing{Validity: 1, Next: uint32(s.m.mail[folder] + 1), Count: s.m.mail[folder], Stable: true}, s.err
}

func (s *resting) Reopen(ctx context.Context, folder string) (fetch.Listing, error) {
	return s.Open(ctx, folder)
}

func (s *resting) List(_ context.Context, from fetch.Cursor) (items []fetch.Item, err error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.lists = append(s.m.lists, s.open)
	s.seen[s.open], s.again = s.m.mail[s.open], false
	for uid := int(from.UID) + 1; uid <= s.m.mail[s.open]; uid++ {
		items = append(items, fetch.Item{Key: fmt.Sprintf("1/%d", uid), Num: uint32(uid), Size: 10})
	}
	return items, s.err
}

func (s *resting) Retrieve(_ context.Context, items []fetch.Item, fn func(fetch.Item, *fetch.Meta, io.Reader, error) error) error {
	for _, it := range items {
		body := fmt.Sprintf("Subject: %s %s\r\n\r\n", s.open, it.Key)
		if err := fn(it, &fetch.Meta{}, strings.NewReader(body), nil); err != nil {
			return err
		}
	}
	return s.Err()
}

func (s *resting) Finish(context.Context, []fetch.Due, fetch.AfterAction) ([]string, error) {
	return nil, nil
}

func (s *resting) Close(bool) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	delete(s.m.sessions, s)
	if s.err == nil {
		close(s.cut)
	}
	s.err = errCut
	return nil
}

func (s *resting) Rest() {
	if s.m.full {
		s.m.cut(mailconn.ErrGivenUp)
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.m.hangsUp {
		s.err = errCut
		delete(s.m.sessions, s)
	}
}

func (s *resting) Work() error { return nil }

func (s *resting) Wait(ctx context.Context, folder string) error {
	if s.m.refuse != nil {
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, s.m.refuse)
	}
	if s.m.absent {
		return errors.ErrUnsupported
	}
	for {
		s.m.mu.Lock()
		changed, err := s.again || s.m.mail[folder] != s.seen[folder], s.err
		if s.m.silent {
			changed = false
		}
		if changed {
			s.announced++
		}
		s.m.mu.Unlock()
		if changed || err != nil {
			return err
		}
		select {
		case <-s.news:
		case <-ctx.Done():
			if s.m.mute {
				<-s.cut
				return errCut
			}
			s.m.mu.Lock()
			defer s.m.mu.Unlock()
			s.m.signs++
			return ctx.Err()
		}
	}
}

func (s *resting) Announced() uint64 {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.announced
}

func (s *resting) LocalAddr() net.Addr {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return &net.TCPAddr{IP: s.m.address}
}

func (s *resting) Err() error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.err
}

// A home takes every message.
type home struct {
	takes func() // when it has got messages; nil: nothing

	mu    sync.Mutex
	taken int
	ends  int
	down  error
}

func (h *home) Prepare(context.Context, string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.down
}

func (h *home) setDown(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = err
}

func (h *home) Deliver(_ context.Context, batches <-chan []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) error {
	for ms := range batches {
		if h.takes != nil {
			h.takes()
		}
		for _, m := range ms {
			h.mu.Lock()
			h.taken++
			h.mu.Unlock()
			done(m, deliver.Receipt{}, nil)
		}
	}
	return nil
}

func (h *home) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ends++
	return nil
}

func (h *home) got() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.taken
}
