package smtp

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"mailrill/deliver"
)

// A pool spreads the messages of one Deliver over connections. The first message
// goes alone, and shows that the server takes mail; more connections are opened
// when all that there are have enough to do.
type pool struct {
	d     *Destination
	ctx   context.Context
	queue chan *deliver.Message
	lanes sync.WaitGroup
	most  int // connections; dispatch's alone
	open  int
	over  context.Context // ends when no more messages will come
	last  func()          // ends it

	mu       sync.Mutex // done is called under it
	done     func(*deliver.Message, deliver.Receipt, error)
	failed   error // what keeps the messages behind from going on
	stopped  chan struct{}
	panicked string
}

// waiting is how many messages are enough to do for the connections that there
// are: with more of them another is worth its login.
const waiting = 8

func (d *Destination) newPool(ctx context.Context, done func(*deliver.Message, deliver.Receipt, error)) *pool {
	p := &pool{d: d, ctx: ctx, queue: make(chan *deliver.Message, waiting), most: max(d.o.Connections, 1), done: done, stopped: make(chan struct{})}
	p.over, p.last = context.WithCancel(ctx)
	return p
}

// dispatch hands out the messages of batches until there are no more or nothing
// goes on.
func (p *pool) dispatch(batches <-chan []*deliver.Message) {
	defer p.lanes.Wait()
	defer p.last()
	defer close(p.queue)
	for {
		select {
		case ms, ok := <-batches:
			if !ok {
				return
			}
			for _, m := range ms {
				p.put(m)
			}
		case <-p.stopped:
			return
		}
	}
}

// put gives a message to a connection that has room for it.
func (p *pool) put(m *deliver.Message) {
	if p.open == 0 {
		p.first(m)
		return
	}
	select {
	case p.queue <- m:
		return
	default:
		p.grow()
	}
	select {
	case p.queue <- m:
	case <-p.stopped:
		p.tell(m, "", notReached(p.why()))
	}
}

// first sends the first message, and has its connection go on.
func (p *pool) first(m *deliver.Message) {
	l := &lane{pool: p, buf: make([]byte, bufferSize), c: p.d.take()}
	p.open++
	l.work(func() { l.careful(m) })
	p.lanes.Go(func() { l.work(l.run) })
}

// grow opens another connection if there may be more. One that is refused is one
// too many: those that stand go on.
func (p *pool) grow() {
	if p.open == p.most {
		return
	}
	p.open++
	p.lanes.Go(func() {
		l := &lane{pool: p, buf: make([]byte, bufferSize)}
		l.work(func() {
			if l.c = p.another(); l.c != nil {
				l.run()
			}
		})
	})
}

// another returns a new connection, nil if there is none to be had. A server may
// let it wait for its greeting (Postfix with all its processes at work): that must
// not last longer than there are messages for it.
func (p *pool) another() *client {
	ctx, cancel := context.WithCancel(p.ctx) // the connection lasts as long as ctx
	inTime := context.AfterFunc(p.over, cancel)
	c, err := p.d.connect(ctx)
	switch {
	case err != nil:
		cancel()
		return nil
	case !inTime():
		c.conn.Close()
		return nil
	}
	return c
}

// tell passes on the fate of a message.
func (p *pool) tell(m *deliver.Message, receipt string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done(m, deliver.Receipt{Where: receipt, Size: m.Size}, err)
}

// stop keeps the messages behind from going on.
func (p *pool) stop(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = err
		close(p.stopped)
	}
}

func (p *pool) why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

var errPanic = errors.New("a bug in mailrill")

// guard does a part of Deliver's work. If it panics the pool stops, and Deliver
// panics in its place: on the goroutine of its caller, who may know what to do.
func (p *pool) guard(do func()) (well bool) {
	defer func() {
		if v := recover(); v != nil {
			p.stop(errPanic)
			p.mu.Lock()
			defer p.mu.Unlock()
			p.panicked = fmt.Sprintf("%v\n%s", v, debug.Stack())
		}
	}()
	do()
	return true
}
