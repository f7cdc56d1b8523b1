package collect

import (
	"context"
	"sync"
)

// A budget is room in octets that all passes of a process share. Besides it each
// pass has a little of its own, so that one whose destination hangs, and who
// holds all that is shared, delays nobody else.
type budget struct {
	shared, own int64 // for all, and for each lane besides

	mu   sync.Mutex
	free int64         // of shared
	lent int64         // what lanes have taken of their own
	wake chan struct{} // closed at each release
}

// A lane is what one pass has taken of its own.
type lane struct{ taken int64 }

func newBudget(shared, own int64) *budget {
	return &budget{shared: shared, own: own, free: shared, wake: make(chan struct{})}
}

// take waits for room for n octets. A pass that holds nothing of its own gets
// them in any case: there is always one message on its way, however large, and
// no pass can wait for another one that waits for it.
func (b *budget) take(ctx context.Context, l *lane, n int64) (release func(), err error) {
	for {
		release, wake := b.try(l, n)
		if release != nil {
			return release, nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (b *budget) try(l *lane, n int64) (release func(), wake chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	from := &b.free
	switch {
	case n <= b.free:
		b.free -= n
	case l.taken == 0 || l.taken+n <= b.own:
		l.taken += n
		b.lent += n
		from = nil
	default:
		return nil, b.wake
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if from != nil {
			*from += n
		} else {
			l.taken -= n
			b.lent -= n
		}
		close(b.wake)
		b.wake = make(chan struct{})
	}, nil
}
