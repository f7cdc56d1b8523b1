package smtp

import (
	"context"
	"errors"

	"mailrill/deliver"
)

// A lane is one connection of a pool, with what works on it.
type lane struct {
	*pool
	c     *client // nil: not connected
	lives bool    // c has answered just now
	buf   []byte
}

// work is guard for what uses the connection, whose state a panic leaves unknown.
func (l *lane) work(do func()) {
	if !l.guard(do) && l.c != nil {
		l.drop()
	}
}

// run sends messages until there are no more: one after the other without waiting
// where that is possible, on a connection that has just shown that it lives.
func (l *lane) run() {
	for more := true; more; {
		var m *deliver.Message
		if l.lives && l.c.flies() {
			m = l.fly()
		}
		if m != nil {
			l.careful(m)
		} else {
			more = l.next()
		}
	}
	if l.c != nil {
		l.d.give(l.c)
	}
}

// next sends the next message carefully. It returns false at the end.
func (l *lane) next() bool {
	m, ok := <-l.queue
	if !ok {
		return false
	}
	if failed := l.why(); failed != nil {
		l.tell(m, "", notReached(failed))
	} else {
		l.careful(m)
	}
	return true
}

// careful sends one message, alone.
func (l *lane) careful(m *deliver.Message) {
	if l.c != nil {
		defer l.cutWith()()
	}
	if err := l.ctx.Err(); err != nil {
		l.stop(err)
		l.tell(m, "", notReached(err))
		return
	}
	receipt, err := l.deliver(m)
	broken := l.c != nil && l.c.broken
	if broken {
		l.drop()
	}
	l.lives = l.c != nil
	if failed := keepsBack(err, broken); failed != nil {
		l.stop(failed)
	}
	l.tell(m, receipt, err)
}

// keepsBack returns what keeps the messages behind from going on, given the fate
// of one.
func keepsBack(err error, broken bool) error {
	if errors.Is(err, deliver.ErrUnavailable) || broken && !errors.Is(err, deliver.ErrRejected) {
		return err
	}
	return nil
}

// cutWith cuts the connection when the context ends.
func (l *lane) cutWith() (stop func() bool) {
	conn := l.c.conn
	return context.AfterFunc(l.ctx, func() { conn.Close() })
}

// deliver sends one message. The line may have been closed while it was idle, so
// it waits for the envelope's answers, and when no answer came to these it begins
// again on a new line.
func (l *lane) deliver(m *deliver.Message) (receipt string, err error) {
	if l.c != nil {
		before := l.c.replies
		receipt, err := l.send(m)
		if !l.c.broken || l.c.replies > before || l.ctx.Err() != nil {
			return receipt, err
		}
		l.drop()
	}
	if l.c, err = l.d.connect(l.ctx); err != nil {
		l.c = nil
		return "", unavailable(err)
	}
	return l.send(m)
}

// drop cuts the connection.
func (l *lane) drop() {
	l.c.conn.Close()
	l.c, l.lives = nil, false
}
