package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/fetch"
	"mailrill/internal/fsx"
	"mailrill/internal/ledger"
)

// A mailbox is a simulated source. Its knobs break it in the ways that real
// ones break.
type mailbox struct {
	folders  map[string][]*mail
	validity uint32
	stable   bool // IMAP-like: UIDs and a floor; else POP3-like: deferred deletes
	window   int  // Gmail-like: lists so many of the un-popped
	cutAt    func(key string) bool
	endless  func(key string) bool // serves its body without an end
	refuse   func(key string) error
	hangUp   func(key string) bool // breaks the line before a word of the message
	next     uint32
	salt     int // of POP3-like keys
	sessions int
	served   int // bodies that were read to their end
	loseQuit bool
	newKeys  bool // every session gives new UIDLs
	stuck    bool // QUIT moves no window
	sizeless bool // tells no sizes
}

type mail struct {
	uid    uint32
	body   string
	flags  []string
	same   uint64
	popped bool
	seen   bool
	date   time.Time
}

func newMailbox(bodies ...string) *mailbox {
	m := &mailbox{folders: map[string][]*mail{"INBOX": nil}, validity: 7, stable: true}
	m.add("INBOX", bodies...)
	return m
}

func (m *mailbox) add(folder string, bodies ...string) {
	for _, b := range bodies {
		m.next++
		n := m.next
		m.folders[folder] = append(m.folders[folder], &mail{uid: n, body: b, date: day(int(n))})
	}
}

func day(n int) time.Time { return time.Date(2026, 1, n, 12, 0, 0, 0, time.UTC) }

func (m *mailbox) Connect(ctx context.Context) (fetch.Session, error) {
	m.sessions++
	if m.newKeys {
		for _, f := range m.folders {
			for _, l := range f {
				m.next++
				l.uid = m.next
			}
		}
	}
	return &boxSession{m: m}, ctx.Err()
}

type boxSession struct {
	m      *mailbox
	folder string
	read   []*mail
	dele   []*mail
	dead   bool
}

func (s *boxSession) Folders(context.Context) (fs []fetch.Folder, err error) {
	var names []string
	for n := range s.m.folders {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		fs = append(fs, fetch.Folder{Name: n, Separator: "/"})
	}
	return fs, nil
}

func (s *boxSession) Open(_ context.Context, folder string) (fetch.Listing, error) {
	s.folder = folder
	l := fetch.Listing{Count: len(s.m.folders[folder]), Stable: s.m.stable, Deferred: !s.m.stable, Partial: s.m.window > 0, Drains: s.m.window > 0}
	if s.m.stable {
		l.Validity = s.m.validity
	}
	return l, nil
}

func (s *boxSession) List(_ context.Context, from fetch.Cursor) (items []fetch.Item, err error) {
	for _, m := range s.m.folders[s.folder] {
		if s.m.window > 0 && (m.popped || len(items) == s.m.window) {
			continue
		}
		if !s.m.stable || from.Validity != s.m.validity || m.uid > from.UID {
			size := int64(len(m.body))
			if s.m.sizeless {
				size = -1
			}
			items = append(items, fetch.Item{Key: s.key(m), Num: m.uid, Size: size, Same: m.same})
		}
	}
	return items, nil
}

func (s *boxSession) key(m *mail) string {
	if s.m.stable {
		return fmt.Sprintf("%d/%d", s.m.validity, m.uid)
	}
	if s.m.salt > 0 {
		return fmt.Sprintf("u:%d-%d", s.m.salt, m.uid)
	}
	return fmt.Sprintf("u:%d", m.uid)
}

func (s *boxSession) find(key string) *mail {
	for _, m := range s.m.folders[s.folder] {
		if s.key(m) == key {
			return m
		}
	}
	return nil
}

var errCut = errors.New("connection reset by peer")

func (s *boxSession) Retrieve(ctx context.Context, items []fetch.Item, fn func(fetch.Item, *fetch.Meta, io.Reader, error) error) error {
	for _, it := range items {
		if err := ctx.Err(); err != nil {
			return err
		}
		m := s.find(it.Key)
		if m == nil {
			if err := fn(it, &fetch.Meta{}, nil, fetch.ErrGone); err != nil {
				return err
			}
			continue
		}
		if s.m.hangUp != nil && s.m.hangUp(it.Key) {
			s.dead = true
			return errCut
		}
		if s.m.refuse != nil && s.m.refuse(it.Key) != nil {
			if errors.Is(s.m.refuse(it.Key), fetch.ErrNoBody) {
				s.read = append(s.read, m) // it said OK: to the server that was a retrieval
			}
			if err := fn(it, &fetch.Meta{}, nil, s.m.refuse(it.Key)); err != nil {
				return err
			}
			continue
		}
		r, cut := io.Reader(strings.NewReader(m.body)), s.m.cutAt != nil && s.m.cutAt(it.Key)
		if cut {
			r = io.MultiReader(strings.NewReader(m.body[:len(m.body)/2]), broken{})
		}
		if s.m.endless != nil && s.m.endless(it.Key) {
			r = io.MultiReader(strings.NewReader(m.body), flood{})
		}
		if err := fn(it, &fetch.Meta{Received: m.date, Flags: m.flags}, r, nil); err != nil {
			return err
		}
		if cut {
			s.dead = true
			return errCut
		}
		s.m.served++
		s.read = append(s.read, m)
	}
	return nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errCut }

type flood struct{}

func (flood) Read(p []byte) (int, error) { return len(p), nil }

func (s *boxSession) Finish(_ context.Context, due []fetch.Due, a fetch.AfterAction) (done []string, err error) {
	for _, d := range due {
		m := s.find(d.Key)
		if m != nil {
			h := fetch.NewHeaderHash()
			io.WriteString(h, m.body)
			if h.Sum() != d.Header {
				continue
			}
			if a.Do == fetch.Delete {
				s.dele = append(s.dele, m)
			} else {
				m.seen = true
			}
		}
		done = append(done, d.Key)
	}
	if s.m.stable {
		s.expunge()
	}
	return done, nil
}

func (s *boxSession) expunge() {
	var left []*mail
	for _, m := range s.m.folders[s.folder] {
		gone := false
		for _, d := range s.dele {
			gone = gone || d == m
		}
		if !gone {
			left = append(left, m)
		}
	}
	s.m.folders[s.folder] = left
}

func (s *boxSession) Close(commit bool) error {
	if !commit || s.dead {
		return nil
	}
	for _, m := range s.read {
		m.popped = !s.m.stuck
	}
	s.expunge()
	if s.m.loseQuit {
		return errCut
	}
	return nil
}

// A shelf is a simulated destination that can be asked.
type shelf struct {
	mu       sync.Mutex
	copies   []copied
	prepared int
	down     error
	// fate decides on one message: whether it is stored, and what is said of it.
	fate   func(m *deliver.Message) (store bool, err error)
	hides  bool // does not show trace lines
	late   int  // so many copies at the end are not visible yet
	asked  int
	onSent func()
}

type copied struct {
	id, body, folder string
	flags            []string
	date             time.Time
}

func (s *shelf) Prepare(context.Context, string) error { s.prepared++; return s.down }
func (s *shelf) Close() error                          { return nil }
func (s *shelf) Settles() time.Duration                { return 10 * time.Second }

func (s *shelf) Deliver(ctx context.Context, batches <-chan []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) error {
	for ms := range batches {
		if err := s.deliverAll(ms, done); err != nil {
			return err
		}
	}
	return nil
}

func (s *shelf) deliverAll(ms []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) error {
	var last error
	for _, m := range ms {
		store, err := true, error(nil)
		if s.fate != nil {
			store, err = s.fate(m)
		}
		if store {
			r, _ := m.Open()
			body, _ := io.ReadAll(r)
			r.Close()
			s.mu.Lock()
			s.copies = append(s.copies, copied{m.ID, string(body), m.Folder, m.Flags, m.Received})
			s.mu.Unlock()
		}
		if errors.Is(err, deliver.ErrUnavailable) {
			last = err
		}
		done(m, deliver.Receipt{Where: "shelf", Size: m.Size}, err)
		if s.onSent != nil {
			s.onSent()
		}
	}
	return last
}

func (s *shelf) Arrived(_ context.Context, mark string, fn func(string, deliver.Receipt) error) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	from := 0
	fmt.Sscan(mark, &from)
	if s.hides {
		return fmt.Sprint(len(s.copies)), nil
	}
	end := max(0, len(s.copies)-s.late)
	for _, c := range s.copies[min(from, end):end] {
		if err := fn(c.id, deliver.Receipt{Where: "shelf", Size: int64(len(c.body))}); err != nil {
			return "", err
		}
	}
	return fmt.Sprint(end), nil
}

// deaf is a shelf that cannot be asked, like SMTP.
type deaf struct{ deliver.Destination }

// A bench is an account with a clock of its own.
type bench struct {
	t    *testing.T
	c    *Collector
	a    *Account
	src  *mailbox
	dst  *shelf
	now  time.Time
	logs bytes.Buffer
	dir  string
}

// start is where a bench's clock starts.
var start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

func newBench(t *testing.T, src *mailbox) *bench {
	b := &bench{t: t, src: src, dst: &shelf{}, now: start, dir: t.TempDir()}
	b.a = &Account{
		Name: "acct", Source: src, Destination: b.dst, To: "home", Trace: true, MaxDelete: 500,
		Into: func(f fetch.Folder) string { return "" }, After: fetch.AfterAction{Do: fetch.Keep},
	}
	b.restart()
	t.Cleanup(func() {
		b.wantReleased()
		b.c.Ledger.Close()
	})
	return b
}

// wantReleased checks that every body has given its room back: what is not given
// back is missing until the process hangs.
func (b *bench) wantReleased() {
	b.t.Helper()
	for _, g := range []*budget{b.c.Spool.memory, b.c.Spool.disk} {
		if g.free != g.shared || g.lent != 0 {
			b.t.Errorf("of a budget of %d are %d free, and %d lent", g.shared, g.free, g.lent)
		}
	}
}

// restart plays a new process over the same state.
func (b *bench) restart() {
	b.t.Helper()
	if b.c != nil {
		b.wantReleased()
		b.c.Ledger.Close()
	}
	l, err := ledger.Open(b.dir)
	if err != nil {
		b.t.Fatal(err)
	}
	b.c = &Collector{
		Ledger: l, Hold: NewHold(fsx.FS{}, b.dir+"/hold"), Spool: NewSpool(fsx.FS{}, b.dir),
		Log: slog.New(slog.NewTextHandler(&b.logs, nil)), Now: func() time.Time { return b.now }, Started: b.now,
		Sleep: func(ctx context.Context, d time.Duration) error {
			if d == grace { // nothing here needs so long: it ends with the pass
				<-ctx.Done()
				return ctx.Err()
			}
			b.now = b.now.Add(d)
			return ctx.Err()
		},
	}
}

// pass makes a pass and returns the summed result.
func (b *bench) pass() Result {
	b.t.Helper()
	return sum(b.c.Pass(context.Background(), b.a, Options{}))
}

func sum(rep *Report) (s Result) {
	for _, r := range rep.Results {
		s.Listed += r.Listed
		s.New += r.New
		s.Delivered += r.Delivered
		s.AlreadyThere += r.AlreadyThere
		s.Held += r.Held
		s.SkippedBacklog += r.SkippedBacklog
		s.SkippedSize += r.SkippedSize
		s.SourceDone += r.SourceDone
	}
	s.Err = rep.Err()
	return s
}

// arrived returns the bodies of the copies behind their trace line, sorted.
func (b *bench) arrived() []string {
	var out []string
	for _, c := range b.dst.copies {
		_, body, _ := strings.Cut(c.body, "\r\n")
		out = append(out, body)
	}
	sort.Strings(out)
	return out
}

// wantArrived checks that exactly these bodies arrived.
func (b *bench) wantArrived(want ...string) {
	b.t.Helper()
	sort.Strings(want)
	if got := b.arrived(); strings.Join(got, "|") != strings.Join(want, "|") {
		b.t.Fatalf("arrived %q\n   want %q\nlog:\n%s", got, want, b.logs.String())
	}
}

func (b *bench) states() map[ledger.State]int64 {
	b.t.Helper()
	a, err := b.c.Ledger.Account(context.Background(), "acct")
	if err != nil {
		b.t.Fatal(err)
	}
	n, err := b.c.Ledger.Counts(context.Background(), a.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// msgs returns n different messages.
func msgs(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("Message-ID: <%03d@x>\r\nSubject: %d\r\n\r\nbody %d\r\n", i, i, i))
	}
	return out
}

// rows returns the rows of the account, by their ID and key.
func (b *bench) rows() map[string]ledger.Row {
	b.t.Helper()
	ctx, out := context.Background(), map[string]ledger.Row{}
	a, err := b.c.Ledger.Account(ctx, "acct")
	if err != nil {
		b.t.Fatal(err)
	}
	folders, err := b.c.Ledger.Folders(ctx, a.ID)
	for _, f := range folders {
		err = errors.Join(err, b.c.Ledger.Rows(ctx, f.ID, func(r ledger.Row) error {
			out[f.Name+" "+r.Key] = r
			return nil
		}))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}
