package mailconn

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
)

// A Limit bounds how many connections there are at a time, of all Dialers that
// share it: providers count those of a login, and its owner's mail readers need
// theirs.
//
// Whoever waits for a place gets one in their turn. A connection that rests (see
// Conn.Rest) does not keep others waiting: that which has rested longest is given
// up for them.
type Limit struct {
	mu      sync.Mutex
	most    int
	free    int             // never above 0 while anybody waits; below it, so many have to go that Allow forbids
	waiting []chan struct{} // closed when their place has come; who has waited longest is first
	resting []*place        // that which has rested longest is first
	leaving int             // places that were called back, and whose connections are still open
}

// NewLimit allows most connections at a time.
func NewLimit(most int) *Limit { return &Limit{most: most, free: most} }

// Allow changes how many there may be. None that is open is closed for that.
func (l *Limit) Allow(most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ; l.most < most; l.most++ {
		l.pass()
	}
	l.free -= l.most - most
	l.most = most
}

// ErrGivenUp: the connection rested, and was given up for another to the same login.
var ErrGivenUp = errors.New("the connection was given up for another to the same login")

// A place under a limit belongs to one connection from before it is made until it
// is closed. That of no limit has none of it. The limit's lock guards it.
type place struct {
	limit  *Limit
	drop   func() // gives the connection up; nil while it is at work
	called bool   // back, for somebody who waits
	left   bool
}

// enter waits for a place under the limit. That may take as long as the first
// collect of somebody else: to give up would be no better, since the mail that waits
// must go there in any case.
func (l *Limit) enter(ctx context.Context) (*place, error) {
	if l == nil {
		return &place{}, nil
	}
	turn := l.queue()
	select {
	case <-turn:
		return &place{limit: l}, nil
	case <-ctx.Done():
		l.giveUp(turn)
		return nil, context.Cause(ctx)
	}
}

// queue returns what is closed when a place has come.
func (l *Limit) queue() (turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	turn = make(chan struct{})
	if l.free > 0 {
		l.free--
		close(turn)
		return turn
	}
	l.waiting = append(l.waiting, turn)
	l.callBack()
	return turn
}

// giveUp ends a wait. A place that has come meanwhile goes to the next.
func (l *Limit) giveUp(turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.waiting, turn); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		return
	}
	l.pass()
}

// pass gives a place to whoever has waited longest. It is called under the lock.
func (l *Limit) pass() {
	if len(l.waiting) == 0 || l.free < 0 {
		l.free++
		return
	}
	close(l.waiting[0])
	l.waiting = l.waiting[1:]
}

// callBack has a connection that rests given up where somebody waits for whom none
// is on its way out. It is called under the lock.
func (l *Limit) callBack() {
	if len(l.waiting) <= l.leaving || len(l.resting) == 0 {
		return
	}
	p := l.resting[0]
	l.resting = l.resting[1:]
	l.leaving++
	p.called = true
	go p.drop()
}

// rest lets the place be called back; see Conn.Rest.
func (p *place) rest(drop func()) {
	if p.limit == nil {
		return
	}
	p.limit.mu.Lock()
	defer p.limit.mu.Unlock()
	if p.called || p.left {
		return
	}
	if p.drop == nil {
		p.limit.resting = append(p.limit.resting, p)
	}
	p.drop = drop
	p.limit.callBack()
}

// work ends a rest; see Conn.Work.
func (p *place) work() error {
	if p.limit == nil {
		return nil
	}
	p.limit.mu.Lock()
	defer p.limit.mu.Unlock()
	switch {
	case p.called:
		return ErrGivenUp
	case p.left:
		return net.ErrClosed
	}
	p.wake()
	return nil
}

// isCalled reports whether the place was called back.
func (p *place) isCalled() bool {
	if p.limit == nil {
		return false
	}
	p.limit.mu.Lock()
	defer p.limit.mu.Unlock()
	return p.called
}

// wake takes a place out of those that rest. It is called under the lock.
func (p *place) wake() {
	p.drop = nil
	p.limit.resting = slices.DeleteFunc(p.limit.resting, func(o *place) bool { return o == p })
}

// leave gives the place back. Only its first call does anything.
func (p *place) leave() {
	if p.limit == nil {
		return
	}
	p.limit.mu.Lock()
	defer p.limit.mu.Unlock()
	if p.left {
		return
	}
	p.left = true
	if p.called {
		p.limit.leaving--
	}
	p.wake()
	p.limit.pass()
	p.limit.callBack() // where Allow forbids more than rest, the one that went let nobody in
}

// A counted connection has a place under a limit for as long as it is open.
type counted struct {
	net.Conn
	place *place
}

func (c counted) Close() error {
	defer c.place.leave()
	return c.Conn.Close()
}
