package mailconn

import (
	"context"
	"net"
	"sync"

	"golang.org/x/sync/semaphore"
)

// A Limit bounds how many connections there are at a time, of all Dialers that
// share it: providers count those of a login, and its owner's mail readers need
// theirs.
type Limit struct {
	free *semaphore.Weighted // serves first who has waited longest
}

// NewLimit allows most connections at a time.
func NewLimit(most int) *Limit {
	return &Limit{semaphore.NewWeighted(int64(most))}
}

// enter waits for a place under the limit, until leave is called. That may take as
// long as the first collect of somebody else: to give up would be no better, since
// the mail that waits must go there in any case.
func (d *Dialer) enter(ctx context.Context) (leave func(), err error) {
	if d.Limit == nil {
		return func() {}, nil
	}
	if err := d.Limit.free.Acquire(ctx, 1); err != nil {
		return nil, context.Cause(ctx)
	}
	return sync.OnceFunc(func() { d.Limit.free.Release(1) }), nil
}

// A counted connection has a place under a limit for as long as it is open.
type counted struct {
	net.Conn
	leave func()
}

func (c counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
