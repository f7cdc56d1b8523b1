package mailconn

import (
	"context"
	"fmt"
	"net"
	"sync"

	"golang.org/x/sync/semaphore"

	"mailrill/internal/reply"
)

// A Limit bounds how many connections there are at a time, of all Dialers that
// share it: providers count those of a login, and its owner's mail readers need
// theirs.
type Limit struct {
	most int
	free *semaphore.Weighted // serves first who has waited longest
}

// NewLimit allows most connections at a time.
func NewLimit(most int) *Limit {
	return &Limit{most: most, free: semaphore.NewWeighted(int64(most))}
}

// enter waits for a place under the limit, until leave is called. It waits no
// longer than for an answer: whoever has other connections open meanwhile would
// lose them, and may be waited for himself.
func (d *Dialer) enter(ctx context.Context) (leave func(), err error) {
	if d.Limit == nil {
		return func() {}, nil
	}
	wait, cancel := context.WithTimeoutCause(ctx, d.timeout(), d.Limit.exhausted())
	defer cancel()
	if err := d.Limit.free.Acquire(wait, 1); err != nil {
		return nil, context.Cause(wait)
	}
	return sync.OnceFunc(func() { d.Limit.free.Release(1) }), nil
}

func (l *Limit) exhausted() error {
	return reply.WithClass(reply.Temporary, fmt.Errorf("all connections that max_connections allows (%d) are in use by other accounts", l.most))
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
