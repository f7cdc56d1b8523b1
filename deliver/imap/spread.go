package imap

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"mailrill/deliver"
)

// enough is how many messages have to wait for another connection to be worth its
// login, which takes about as many round trips as five of them.
const enough = 8

// A spread is the time in which messages for one folder are on their way over
// several connections, one at a time to whichever has room. The first connection is
// the destination's own; the others are opened when there is enough to do, and
// closed at the end: to hold more while nothing is to be sent would be in the way of
// the owner's mail readers.
//
// One that is refused, or that breaks, leaves the messages that it has not begun to
// those that stand. When none stands, or the account takes no more, the spread is
// over.
type spread struct {
	like  *window // what the window of each connection is like; of the first, its session
	ctx   context.Context
	queue chan []*deliver.Message // one message each
	lanes sync.WaitGroup
	open  int             // connections so far; dispatch's alone
	over  context.Context // ends when no more messages will come
	last  func()          // ends it

	mu       sync.Mutex // done is called under it
	standing int        // connections that may take messages, or will
	broke    error      // why the last that broke did
	failed   error      // what keeps the messages behind from going on
	stopped  chan struct{}
	panicked string
}

// spread sends ms and the batches behind them for as long as they can follow. It
// returns a batch that cannot.
func (w *window) spread(ctx context.Context, ms []*deliver.Message) (more []*deliver.Message, err error) {
	sp := &spread{like: w, ctx: ctx, queue: make(chan []*deliver.Message), stopped: make(chan struct{})}
	sp.over, sp.last = context.WithCancel(ctx)
	more = sp.dispatch(ms)
	if sp.panicked != "" {
		panic(sp.panicked)
	}
	return more, sp.failed
}

// dispatch hands out messages until there are no more, or nothing goes on, or the
// next batch cannot follow.
func (sp *spread) dispatch(ms []*deliver.Message) (more []*deliver.Message) {
	defer sp.lanes.Wait()
	defer sp.last()
	defer close(sp.queue)
	sp.join(func() { sp.serve(sp.like.s) })
	for sp.handOut(ms) {
		var ok bool
		select {
		case ms, ok = <-sp.like.batches:
		case <-sp.stopped:
		}
		switch {
		case !ok:
			return nil
		case !sp.like.fits(ms):
			return ms
		}
	}
	return nil
}

// handOut gives each message to a connection that has room for it. It returns false
// when nothing goes on.
func (sp *spread) handOut(ms []*deliver.Message) bool {
	for i := range ms {
		if len(ms)-i > enough && sp.open < sp.like.d.o.Connections {
			sp.join(sp.another)
		}
		select {
		case sp.queue <- ms[i : i+1]:
		case <-sp.stopped:
			fail(ms[i:], notTaken(sp.why()), sp.tell)
			return false
		}
	}
	return true
}

// join has one more connection work. If that panics the spread is over, and Deliver
// panics in its place: on the goroutine of its caller, who may know what to do.
func (sp *spread) join(work func()) {
	sp.open++
	sp.mu.Lock()
	sp.standing++
	sp.mu.Unlock()
	sp.lanes.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				sp.panics(fmt.Sprintf("%v\n%s", v, debug.Stack()))
			}
		}()
		work()
	})
}

// serve sends messages over a connection until there are no more or it breaks.
func (sp *spread) serve(s *session) {
	for ms := range sp.queue {
		w := *sp.like
		w.s, w.batches, w.done = s, sp.queue, sp.tell
		if err := w.deliver(sp.ctx, ms); err != nil {
			sp.part(err)
			return
		}
	}
}

// another opens a connection and sends messages over it. A server may let it wait
// for its login: that must not last longer than there are messages for it.
func (sp *spread) another() {
	ctx, cancel := context.WithCancel(sp.ctx) // the connection lasts as long as ctx
	defer cancel()
	inTime := context.AfterFunc(sp.over, cancel)
	s, err := sp.like.d.connect(ctx)
	if err == nil {
		defer s.Logout()
	}
	if err != nil || !inTime() {
		sp.part(nil) // it is one too many, or too late
		return
	}
	s.flags = sp.like.s.flags
	sp.serve(s)
}

// part takes a connection away, which broke unless broke is nil. Those that stand go
// on.
func (sp *spread) part(broke error) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if broke != nil {
		sp.broke = broke
	}
	if sp.standing--; sp.standing == 0 {
		sp.stop(sp.broke)
	}
}

// tell passes on the fate of a message. An account that does not take this one takes
// none.
func (sp *spread) tell(m *deliver.Message, r deliver.Receipt, err error) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if errors.Is(err, deliver.ErrUnavailable) {
		sp.stop(err)
	}
	sp.like.done(m, r, err)
}

var errPanic = errors.New("a bug in mailrill")

func (sp *spread) panics(with string) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.panicked = with
	sp.stop(errPanic)
}

// stop keeps the messages behind from going on. It is called under the lock.
func (sp *spread) stop(err error) {
	if sp.failed == nil {
		sp.failed = err
		close(sp.stopped)
	}
}

func (sp *spread) why() error {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	return sp.failed
}
