package daemon

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"mailrill/internal/config"
)

// defaultWorkers is that of Daemon.Workers. A pass mostly waits for round trips,
// so that many fit beside one another; a pass that waits for a dead server takes
// the place of one until its timeout. 500 accounts with 20 messages each, 40 ms
// away, from POP3 to a Maildir, take 34, 17, 14, 12, 11 s with 8, 16, 24, 32, 48
// workers, and 35, 33, 37, 39, 43 MiB; from there on the processor is the bound.
const defaultWorkers = 48

// workers bounds how many passes run at a time. Who has waited longest is next;
// the accounts of one server to deliver to have three quarters of the places
// among them, so that one that is dead does not keep all others waiting.
type workers struct {
	free *semaphore.Weighted
	each int64

	mu    sync.Mutex
	homes map[string]*semaphore.Weighted // by destination
}

func newWorkers(n int) *workers {
	if n == 0 {
		n = defaultWorkers
	}
	return &workers{free: semaphore.NewWeighted(int64(n)), each: int64(max(1, n*3/4)), homes: map[string]*semaphore.Weighted{}}
}

// enter waits for a place for a pass of a, which is its own until leave.
func (w *workers) enter(ctx context.Context, a *config.Account) (leave func(), err error) {
	home := w.home(a.Destination)
	if home == nil {
		if err := w.free.Acquire(ctx, 1); err != nil {
			return nil, err
		}
		return func() { w.free.Release(1) }, nil
	}
	if err := home.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	if err := w.free.Acquire(ctx, 1); err != nil {
		home.Release(1)
		return nil, err
	}
	return func() { w.free.Release(1); home.Release(1) }, nil
}

// home returns the places of a destination, nil where it cannot be dead.
func (w *workers) home(d *config.Destination) *semaphore.Weighted {
	if !d.Network() {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	place := d.Place()
	if w.homes[place] == nil {
		w.homes[place] = semaphore.NewWeighted(w.each)
	}
	return w.homes[place]
}

// connectEvery is the time between two logins at sources, so that a thousand accounts
// do not knock at the same moment when the service or a server has started.
const connectEvery = 25 * time.Millisecond

// spacing gives everybody who connects a moment of his own.
type spacing struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error

	mu   sync.Mutex
	next time.Time
}

// turn waits for the next moment. A clock that was set back starts anew.
func (s *spacing) turn(ctx context.Context) error {
	s.mu.Lock()
	now := s.now()
	wait := s.next.Sub(now)
	if wait < 0 || wait > time.Hour {
		wait = 0
	}
	s.next = now.Add(wait + connectEvery)
	s.mu.Unlock()
	if wait == 0 {
		return ctx.Err()
	}
	return s.sleep(ctx, wait)
}
