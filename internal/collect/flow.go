package collect

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"mailrill/deliver"
	"mailrill/fetch"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// A flow delivers what a session retrieves, beside it. The session's goroutine
// calls send, join and the like; one goroutine takes what has gathered, commits
// INTENT for all of it, and hands it to the destination; another commits what
// became of it. A batch is whatever came while the destination took no more.
type flow struct {
	v     *visit
	box   *box
	queue chan *parcel
	fates chan fate
	done  sync.WaitGroup
	once  sync.Once
	told  Progress

	mu       sync.Mutex
	err      error                        // ends the flow
	bug      *panicked                    // what a step of it panicked with
	flying   map[string]*parcel           // by ID: queued or on their way
	begun    map[*deliver.Message]*parcel // those whose fate the destination has not told
	progress int
	brought  int
	// unsettled counts what must keep POP3 from QUIT; settling a message takes it
	// back.
	unsettled int
}

const (
	batchOctets = 8 << 20 // a MULTIAPPEND of this size runs at nearly full speed
	batchCount  = 256

	// commitPause is how long commits of a flow may lie apart while there is no hurry.
	// Dovecot's LMTP answers for one message at a time: with a commit for each, 2,000
	// took 1,600 fsyncs, which hold up its own on the same disk.
	commitPause = 10 * time.Millisecond
)

// A fate is what became of a parcel.
type fate struct {
	p       *parcel
	receipt deliver.Receipt
	err     error
}

func (v *visit) startFlow(b *box) *flow {
	f := &flow{v: v, box: b, queue: make(chan *parcel, batchCount), fates: make(chan fate, batchCount), flying: map[string]*parcel{}, begun: map[*deliver.Message]*parcel{}}
	f.told = Progress{Account: v.a.Name, Folder: b.row.Name, Wanted: len(b.wanted)}
	for _, it := range b.wanted {
		f.told.Total += max(it.Size, 0)
	}
	f.done.Go(func() {
		defer close(f.fates)
		f.deliver()
	})
	f.done.Go(f.settle)
	return f
}

// finish waits for everything that is on its way and returns what ended the
// flow early. Only its first call does anything.
func (f *flow) finish() error {
	f.once.Do(func() { close(f.queue) })
	f.done.Wait()
	if f.bug != nil {
		panic(f.bug)
	}
	return f.stopped()
}

// stopped returns the error that ends the flow, if there is one.
func (f *flow) stopped() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *flow) stop(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

// send puts a parcel on its way.
func (f *flow) send(p *parcel) error {
	f.mu.Lock()
	f.flying[p.msg.ID] = p
	f.mu.Unlock()
	f.queue <- p
	return nil
}

// follow lets a parcel share the fate of one with the same ID that is on its way,
// until that fate is on the disk (remember): from then on the ledger knows it.
func (f *flow) follow(p *parcel) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	first, ok := f.flying[p.msg.ID]
	if ok {
		first.also = append(first.also, p.row)
		p.body.Release()
	}
	return ok
}

// join makes p one more source copy of a message that is safe already.
func (f *flow) join(p *parcel, found ledger.Found) error {
	p.body.Release()
	f.v.tally(func() { f.box.res.AlreadyThere++ })
	return f.commit(f.v.joined(p.row, found))
}

// share makes p one more source copy of a message in doubt: it is settled, or sent
// again, together with that.
func (f *flow) share(p *parcel, of ledger.Row) error {
	p.body.Release()
	p.row.Attempts, p.row.Begun, p.row.At, p.row.NextTry, p.row.Receipt = of.Attempts, of.Begun, of.At, of.NextTry, of.Receipt
	return f.v.commit(p.row)
}

// leave records that p is not wanted.
func (f *flow) leave(p *parcel, why string) error {
	p.body.Release()
	p.row.State, p.row.Receipt = ledger.Seen, why
	return f.commit(p.row)
}

// commit settles rows from the session's goroutine.
func (f *flow) commit(rows ...ledger.Row) error {
	f.v.progress += len(rows)
	f.v.unsettled -= len(rows)
	f.v.tally(func() {
		for _, r := range rows {
			f.v.noFailure(r)
		}
	})
	return f.v.commit(changes(rows)...)
}

func changes(rows []ledger.Row) []ledger.Change {
	cs := make([]ledger.Change, len(rows))
	for i, r := range rows {
		cs[i] = r
	}
	return cs
}

// hold puts p into the hold from the session's goroutine.
func (f *flow) hold(p *parcel, why error, retry time.Time) error {
	row, err := f.v.putIntoHold(f.box, p, why, retry, ledger.None)
	p.body.Release()
	if err != nil {
		return err
	}
	f.v.brought++
	return f.commit(row)
}

// deliver hands the destination what has gathered, batch after batch.
func (f *flow) deliver() {
	batches := make(chan []*deliver.Message)
	var feeding sync.WaitGroup
	feeding.Go(func() { f.feed(batches) })
	f.guard(func() { f.hand(batches) })
	for ms := range batches { // begun, and not to be delivered any more
		for _, m := range ms {
			f.fate(m, deliver.Receipt{}, notReached(f.stopped()))
		}
	}
	feeding.Wait()
	for m := range f.begun {
		f.fate(m, deliver.Receipt{}, errSilent)
	}
}

// hand has the destination deliver batches until there are no more, or until it
// is of no use any longer.
func (f *flow) hand(batches <-chan []*deliver.Message) {
	for f.stopped() == nil {
		err := f.v.a.Destination.Deliver(f.v.hard, batches, f.fate)
		switch {
		case err == nil:
			return
		case errors.Is(err, deliver.ErrUnavailable):
			f.stop(f.v.destinationError(err))
		default:
			f.reconnect(err)
		}
	}
}

// fate passes on what became of a message, once.
func (f *flow) fate(m *deliver.Message, r deliver.Receipt, err error) {
	f.mu.Lock()
	p, waits := f.begun[m]
	delete(f.begun, m)
	f.mu.Unlock()
	if waits {
		f.fates <- fate{p, r, err}
	}
}

// notReached is the fate of a message whose turn did not come, for this reason.
func notReached(stopped error) error {
	if errors.Is(stopped, deliver.ErrUnavailable) {
		return stopped
	}
	return fmt.Errorf("%w: %w", deliver.ErrNotTaken, reply.WithClass(reply.Network, stopped))
}

// guard runs a step. If it panics the flow stops, and finish panics in its place:
// on the goroutine of the pass, where a bug costs this account its pass and the
// others nothing.
func (f *flow) guard(step func()) {
	defer func() {
		if p := recover(); p != nil {
			f.stop(errBug)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.bug = &panicked{p, debug.Stack()}
		}
	}()
	step()
}

// errBug ends a flow in which a step has panicked.
var errBug = reply.WithClass(reply.Bug, errors.New("a bug in mailrill"))

// A panicked is a panic of another goroutine.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) String() string { return fmt.Sprintf("%v\n%s", p.value, p.stack) }

// feed begins what comes, and hands it on as soon as the destination takes more:
// until then a batch grows now and then.
func (f *flow) feed(batches chan<- []*deliver.Message) {
	defer close(batches)
	var begun []*deliver.Message
	var octets int64
	queue, rest := f.queue, time.NewTimer(0)
	defer rest.Stop()
	for resting := false; queue != nil || len(begun) > 0; {
		from, to := queue, batches
		if len(begun) == 0 {
			to = nil
		} else if resting || octets >= batchOctets || len(begun) >= batchCount {
			from = nil
		}
		select {
		case to <- begun:
			begun, octets = nil, 0
		case <-rest.C:
			resting = false
		case p, ok := <-from:
			if !ok {
				queue = nil
				continue
			}
			resting = true
			rest.Reset(commitPause)
			f.guard(func() {
				for _, p := range f.begin(f.gathered(p, batchCount-len(begun))) {
					begun, octets = append(begun, p.msg), octets+p.msg.Size
				}
			})
		}
	}
}

// gathered returns first and what is in the queue behind it.
func (f *flow) gathered(first *parcel, most int) []*parcel {
	ps, octets := []*parcel{first}, first.msg.Size
	for octets < batchOctets && len(ps) < most && len(f.queue) > 0 {
		p, ok := <-f.queue
		if !ok {
			break
		}
		ps, octets = append(ps, p), octets+p.msg.Size
	}
	return ps
}

// drop forgets parcels whose delivery was not begun: the next pass wants them.
func (f *flow) drop(batch []*parcel) {
	for _, p := range batch {
		p.body.Release()
	}
}

// begin begins the delivery of ps on disk, and returns those that were begun: all
// or none. From the commit on, and not before, the destination may see an octet
// of them.
func (f *flow) begin(ps []*parcel) []*parcel {
	if f.v.ctx.Err() != nil || f.stopped() != nil {
		f.drop(ps)
		return nil
	}
	rows := make([]ledger.Row, len(ps))
	for i, p := range ps {
		p.row.Attempts++
		p.row.At = f.v.now()
		rows[i] = p.row
		f.box.up.spend(p.row.At, f.v.copySize(fetch.Item{Size: p.row.Size}), p.msg.Size)
	}
	err := f.v.c.Ledger.Reserve()
	if err == nil {
		err = f.v.commit(changes(rows)...)
	}
	if err != nil {
		f.stop(fmt.Errorf("write the ledger: %w", err))
		f.drop(ps)
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range ps {
		f.begun[p.msg] = p
	}
	return ps
}

// errSilent is the fate of a message of which its destination said nothing.
var errSilent = errors.New("the destination said nothing of the message")

// reconnect readies the destination again after its connection broke. What was
// doubtful stays so; the pass goes on with the rest.
func (f *flow) reconnect(cause error) {
	f.v.log.Debug("the connection to the destination broke", "err", cause)
	if f.v.ctx.Err() != nil {
		f.stop(errStopped)
		return
	}
	if err := f.v.a.Destination.Prepare(f.v.hard, f.box.into); err != nil {
		f.stop(f.v.destinationError(errors.Join(err, cause)))
	}
}
