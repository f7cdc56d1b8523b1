package collect

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/fetch"
	"mailrill/internal/fsx"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// TestChaos plays whole lives of an account in a world in which everything fails
// now and then: lines are cut at every place, answers are lost, copies turn up
// late, disks refuse, folders are numbered anew, ledgers are lost, and the process
// dies at any step. At every instant each message has to be at its source, at its
// destination or in the hold; and when the world has calmed down, exactly once at
// a destination that can be asked, and once or more at one that cannot.
//
// A seed decides everything but the order in which goroutines run.
// MAILRILL_SEEDS=5000 plays more of them.
func TestChaos(t *testing.T) {
	seeds := 48
	if n, err := strconv.Atoi(os.Getenv("MAILRILL_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { newWorld(t, uint64(seed)).live() })
	}
}

// A world is an account with its two ends and all that may happen to them.
type world struct {
	t     *testing.T
	seed  uint64
	dir   string // of the ledger; the hold lies beside it and outlives it
	hold  string
	trace strings.Builder

	mu      sync.Mutex
	calm    bool
	crashed bool
	clock   time.Time
	rolls   map[string]int
	box     *mailbox
	bodies  map[string]bool // every message that ever was at the source
	copies  []copied        // at the destination, those that turned up
	late    []lateCopy      // stored, but not to be seen yet
	c       *Collector
	a       *Account
	deaf    bool
}

type lateCopy struct {
	copied
	at time.Time
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, seed: seed, clock: start, rolls: map[string]int{}, bodies: map[string]bool{}}
	root := t.TempDir()
	w.dir, w.hold = filepath.Join(root, "0"), filepath.Join(root, "hold")
	w.box = newMailbox()
	kind := w.roll("kind") % 4
	w.box.stable = kind < 2
	if kind == 3 {
		w.box.window = 4
	}
	w.deaf = w.roll("deaf")%4 == 0
	for i := range 14 {
		w.arrive(i)
	}
	dst := deliver.Destination(&chaosShelf{w})
	if w.deaf {
		dst = deaf{dst}
	}
	w.a = &Account{
		Name: "acct", Source: w, Destination: dst, To: "home", Trace: true, MaxDelete: 500,
		Into: func(fetch.Folder) string { return "" }, Backlog: Backlog{Kind: BacklogAll},
	}
	if w.roll("after")%2 == 0 {
		w.a.After.Do = fetch.Delete
	}
	w.start()
	t.Cleanup(func() { w.c.Ledger.Close() })
	return w
}

// arrive puts a message into the mailbox: a new one, or a copy of an old one.
func (w *world) arrive(i int) {
	folder, n := "INBOX", i
	if w.box.stable && w.roll("folder")%3 == 0 {
		folder = "Label"
	}
	if w.roll("twin")%4 == 0 {
		n = i / 2
	}
	body := fmt.Sprintf("Message-ID: <%d@x>\r\n\r\nbody %d\r\n", n, n)
	w.bodies[body] = true
	w.box.next++
	w.box.folders[folder] = append(w.box.folders[folder], &mail{uid: w.box.next, body: body, date: day(1)})
}

// roll returns the number that this world's seed gives to the n-th time of what.
func (w *world) roll(what string) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %d", w.seed, what, w.rolls[what])
	w.rolls[what]++
	n := h.Sum64()
	n ^= n >> 33
	n *= 0xff51afd7ed558ccd
	return n ^ n>>33
}

// fails reports whether what fails this time, once in oneIn times; now and then
// the process dies at it. From then on everything fails, and nothing is done.
func (w *world) fails(what string, oneIn uint64) bool {
	if w.crashed {
		return true
	}
	if w.calm {
		return false
	}
	if w.roll("crash "+what)%(12*oneIn) == 0 {
		fmt.Fprintf(&w.trace, "  crash at %s\n", what)
		w.crashed = true
		go w.c.Ledger.Close() // nothing reaches the disk from here on
		for !errors.Is(w.c.Ledger.Commit(context.Background(), ledger.Remove{}), os.ErrClosed) {
		}
		return true
	}
	if w.roll(what)%oneIn == 0 {
		fmt.Fprintf(&w.trace, "  fault at %s\n", what)
		return true
	}
	return false
}

// start plays a new process over what is on the disk.
func (w *world) start() {
	if w.c != nil {
		w.c.Ledger.Close()
	}
	w.crashed = false
	l, err := ledger.Open(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	broken := fsx.FS{Fault: func(op, _ string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.fails("hold "+op, 40) {
			return errors.New("input/output error")
		}
		return nil
	}}
	w.c = &Collector{
		Ledger: l, Hold: NewHold(broken, w.hold), Spool: NewSpool(fsx.FS{}, w.t.TempDir()),
		Log: slog.New(slog.DiscardHandler), Now: w.now, Started: w.clock,
		Sleep: func(ctx context.Context, d time.Duration) error {
			if d == grace {
				<-ctx.Done()
				return ctx.Err()
			}
			w.pass(d)
			return ctx.Err()
		},
	}
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

// live plays a dozen passes, and then calm ones until nothing is left to do.
func (w *world) live() {
	for i := range 12 {
		fmt.Fprintf(&w.trace, "pass %d\n", i)
		w.between(i)
		ctx, cancel := context.WithCancel(context.Background())
		if w.roll("stop")%8 == 0 {
			cancel()
		}
		w.c.Pass(ctx, w.a, Options{})
		cancel()
		w.nothingLost("after a pass")
		if w.crashed || w.roll("restart")%4 == 0 {
			w.start()
		}
	}
	w.calm = true
	for range 8 {
		w.pass(5 * time.Hour)
		w.retryHeld()
		w.c.Pass(context.Background(), w.a, Options{})
	}
	w.pass(25 * time.Hour)
	rep := w.c.Pass(context.Background(), w.a, Options{})
	if rep.Err() != nil {
		w.fail("the last pass: %v", rep.Err())
	}
	w.everythingArrived()
}

// between is what happens while no pass runs.
func (w *world) between(i int) {
	if w.roll("time")%2 == 0 { // else a restart at once: what is late is late still
		w.pass(time.Duration(w.roll("time")%600) * time.Second)
	}
	if w.roll("mail")%2 == 0 {
		w.arrive(20 + i)
	}
	if w.box.stable && w.roll("validity")%10 == 0 {
		fmt.Fprintf(&w.trace, "  new UIDVALIDITY\n")
		w.box.validity++
	}
	if w.deaf || w.roll("lost")%12 != 0 {
		return
	}
	// The state is lost. (What was on its way must have turned up: see the README
	// on what a lost state covers.)
	fmt.Fprintf(&w.trace, "  lost ledger\n")
	w.pass(time.Minute)
	w.dir += "x"
	w.start()
}

func (w *world) retryHeld() {
	entries, err := w.c.Hold.List("acct")
	if err != nil {
		w.fail("list the hold: %v", err)
	}
	for _, e := range entries {
		if _, err := w.c.RetryHeld(context.Background(), w.a, []string{e.ID}); err != nil {
			w.fail("retry from the hold: %v", err)
		}
	}
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("seed %d: %s\n%s", w.seed, fmt.Sprintf(format, args...), w.trace.String())
}

// isSafe reports whether a message is where its source is not needed.
func (w *world) isSafe(body string) bool {
	for _, c := range w.copies {
		if strings.HasSuffix(c.body, "\r\n"+body) || c.body == body {
			return true
		}
	}
	held, _ := filepath.Glob(filepath.Join(w.hold, "acct", "*.json"))
	for _, path := range held {
		data, err := os.ReadFile(strings.TrimSuffix(path, ".json") + ".eml")
		if err == nil && string(data) == body {
			return true
		}
	}
	return false
}

// nothingLost checks that every message is somewhere.
func (w *world) nothingLost(when string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	there := map[string]bool{}
	for _, f := range w.box.folders {
		for _, m := range f {
			there[m.body] = there[m.body] || !m.popped
		}
	}
	for body := range w.bodies {
		if !there[body] && !w.isSafe(body) {
			w.fail("%s %q is nowhere", when, body)
		}
	}
}

func (w *world) everythingArrived() {
	w.turnUp()
	n := map[string]int{}
	for _, c := range w.copies {
		_, body, _ := strings.Cut(c.body, "\r\n")
		n[body]++
	}
	for body := range w.bodies {
		if n[body] != 1 && !w.deaf || n[body] < 1 {
			w.fail("%q arrived %d times", body, n[body])
		}
	}
	if len(n) != len(w.bodies) {
		w.fail("%d different messages arrived, of %d", len(n), len(w.bodies))
	}
	for folder, left := range w.box.folders {
		if w.a.After.Do == fetch.Delete && w.box.window == 0 && len(left) > 0 {
			w.fail("%d messages were left in %s", len(left), folder)
		}
	}
}

// The source.

func (w *world) Connect(ctx context.Context) (fetch.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fails("connect", 12) {
		return nil, errCut
	}
	s, err := w.box.Connect(ctx)
	return &chaosSession{s.(*boxSession), w}, err
}

type chaosSession struct {
	*boxSession
	w *world
}

func (s *chaosSession) Open(ctx context.Context, folder string) (fetch.Listing, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.fails("open", 20) {
		return fetch.Listing{}, errCut
	}
	return s.boxSession.Open(ctx, folder)
}

func (s *chaosSession) List(ctx context.Context, from fetch.Cursor) ([]fetch.Item, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.fails("list", 20) {
		return nil, errCut
	}
	return s.boxSession.List(ctx, from)
}

func (s *chaosSession) Retrieve(ctx context.Context, items []fetch.Item, fn func(fetch.Item, *fetch.Meta, io.Reader, error) error) error {
	w := s.w
	for _, it := range items {
		w.mu.Lock()
		cut, refused, empty, short := w.fails("cut before RETR", 40), w.fails("RETR refused", 30), w.fails("RETR without body", 40), w.fails("cut in RETR", 40)
		crashed := w.crashed
		w.mu.Unlock()
		switch {
		case crashed, cut:
			s.dead = true
			return errCut
		case refused:
			if err := fn(it, &fetch.Meta{}, nil, &reply.Error{Protocol: "pop3", Command: "RETR", Text: "no"}); err != nil {
				return err
			}
			continue
		case empty:
			s.read = append(s.read, s.find(it.Key))
			if err := fn(it, &fetch.Meta{}, nil, fetch.ErrNoBody); err != nil {
				return err
			}
			continue
		case short:
			m := s.find(it.Key)
			r := io.MultiReader(strings.NewReader(m.body[:len(m.body)/2]), broken{})
			s.dead = true
			return errors.Join(fn(it, &fetch.Meta{}, r, nil), errCut)
		}
		if err := s.boxSession.Retrieve(ctx, []fetch.Item{it}, fn); err != nil {
			return err
		}
	}
	return nil
}

// Finish, and Close below, may be done and not answered.
func (s *chaosSession) Finish(ctx context.Context, due []fetch.Due, a fetch.AfterAction) ([]string, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.fails("finish", 12) {
		s.dead = true
		return nil, errCut
	}
	s.wantSafe(func() { s.boxSession.Finish(ctx, due, a) })
	done, err := s.boxSession.Finish(ctx, due, a)
	if s.w.fails("answer to finish", 12) {
		s.dead = true
		return nil, errCut
	}
	return done, err
}

func (s *chaosSession) Close(commit bool) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.fails("close", 12) {
		s.dead = true
		return errCut
	}
	var err error
	s.wantSafe(func() { err = s.boxSession.Close(commit) })
	if s.w.fails("answer to close", 12) {
		return errCut
	}
	return err
}

// wantSafe checks, of each message that step removes or hides, that it needs its
// source no more.
func (s *chaosSession) wantSafe(step func()) {
	before := s.visible()
	step()
	after := s.visible()
	for m := range before {
		if !after[m] && !s.w.isSafe(m.body) {
			s.w.fail("%q left its source and is nowhere else", m.body)
		}
	}
}

func (s *chaosSession) visible() map[*mail]bool {
	seen := map[*mail]bool{}
	for _, f := range s.m.folders {
		for _, m := range f {
			if !m.popped {
				seen[m] = true
			}
		}
	}
	return seen
}

// The destination.

type chaosShelf struct{ w *world }

func (s *chaosShelf) Close() error           { return nil }
func (s *chaosShelf) Settles() time.Duration { return 10 * time.Second }

func (s *chaosShelf) Prepare(context.Context, string) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.fails("prepare", 15) {
		return deliver.ErrUnavailable
	}
	return nil
}

func (s *chaosShelf) Deliver(_ context.Context, batches <-chan []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) error {
	for ms := range batches {
		if err := s.deliverAll(ms, done); err != nil {
			return err
		}
	}
	return nil
}

func (s *chaosShelf) deliverAll(ms []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) (last error) {
	for _, m := range ms {
		err := s.fate(m)
		if last != nil && err == nil {
			s.w.t.Error("delivered on a broken line")
		}
		if errors.Is(err, errCut) || errors.Is(err, deliver.ErrUnavailable) {
			last = err
		}
		done(m, deliver.Receipt{Where: "shelf", Size: m.Size}, err)
		if last != nil {
			return last // what is left unsaid may or may not have arrived
		}
	}
	return nil
}

// fate decides what becomes of one message and says so, or not.
func (s *chaosShelf) fate(m *deliver.Message) error {
	w := s.w
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.fails("deliver: cut before the body", 20):
		return fmt.Errorf("%w: %w: %w", deliver.ErrNotTaken, errCut, &netError{})
	case w.fails("deliver: refused for now", 20):
		return fmt.Errorf("%w: 450", deliver.ErrNotTaken)
	case w.fails("deliver: refused for good", 25):
		return fmt.Errorf("%w: 550", deliver.ErrRejected)
	case w.fails("deliver: full", 40):
		return deliver.ErrUnavailable
	case w.fails("deliver: cut in the body", 15):
		return errCut
	}
	r, err := m.Open()
	if err != nil {
		w.t.Error(err)
	}
	body, err := io.ReadAll(r)
	if err != nil || int64(len(body)) != m.Size {
		w.t.Error(len(body), err)
	}
	c := copied{id: m.ID, body: string(body)}
	if w.fails("deliver: late, without an answer", 10) {
		w.late = append(w.late, lateCopy{c, w.clock.Add(8 * time.Second)})
		return errCut
	}
	w.copies = append(w.copies, c)
	if w.fails("deliver: answer lost", 12) {
		return errCut
	}
	return nil
}

// turnUp makes visible what was committed late.
func (w *world) turnUp() {
	var left []lateCopy
	for _, l := range w.late {
		if w.clock.Before(l.at) {
			left = append(left, l)
		} else {
			w.copies = append(w.copies, l.copied)
		}
	}
	w.late = left
}

func (s *chaosShelf) Arrived(_ context.Context, mark string, fn func(string, deliver.Receipt) error) (string, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.turnUp()
	from := 0
	fmt.Sscan(mark, &from)
	for _, c := range s.w.copies[min(from, len(s.w.copies)):] {
		if s.w.fails("arrived", 60) {
			return "", errCut
		}
		s.w.mu.Unlock()
		err := fn(c.id, deliver.Receipt{Where: "shelf", Size: int64(len(c.body))})
		s.w.mu.Lock()
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprint(len(s.w.copies)), nil
}
