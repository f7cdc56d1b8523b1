package control

import (
	"bytes"
	"encoding/json"
	"net"
	"sync"
	"time"

	"mailrill/internal/reply"
)

const (
	// outboxMax is how much a client may leave unread, in octets, before it is cut
	// off: the outcomes of a few thousand accounts.
	outboxMax = 16 << 20
	// outboxFull is from when on it is not told of progress any more.
	outboxFull = 64 << 10
)

// An outbox holds what a client has yet to read, so that nobody waits for it.
type outbox struct {
	conn     net.Conn
	patience time.Duration // with a client that reads nothing
	beat     time.Duration // between signs of life

	mu     sync.Mutex
	unread bytes.Buffer
	ended  bool
	more   chan struct{} // there is something in unread, or it has ended
}

func newOutbox(conn net.Conn, patience, beat time.Duration) *outbox {
	return &outbox{conn: conn, patience: patience, beat: beat, more: make(chan struct{}, 1)}
}

// put adds an event. It waits for nothing.
func (o *outbox) put(e *Event) {
	e.V = version
	line, err := json.Marshal(e)
	if err != nil {
		panic(err) // a bug: an Event is plain data
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended || e.Progress != nil && o.unread.Len() > outboxFull {
		return
	}
	o.unread.Write(reply.EscapeJSON(line))
	o.unread.WriteByte('\n')
	o.ended = e.End != nil
	if o.unread.Len() > outboxMax {
		o.ended = true
		o.conn.Close()
	}
	o.wake()
}

func (o *outbox) wake() {
	select {
	case o.more <- struct{}{}:
	default:
	}
}

// send writes what is put, until the end of it. Its error says that the client is
// gone, or reads no more.
func (o *outbox) send() error {
	beat := time.NewTicker(o.beat)
	defer beat.Stop()
	for {
		select {
		case <-o.more:
		case <-beat.C:
			// A client that has gone is known by what cannot be written to it: one that
			// only has nothing more to say looks the same to a reader.
			o.put(&Event{Alive: true})
		}
		lines, ended := o.take()
		if err := o.conn.SetWriteDeadline(time.Now().Add(o.patience)); err != nil {
			return err
		}
		if _, err := o.conn.Write(lines); err != nil {
			return err
		}
		if ended {
			return nil
		}
	}
}

func (o *outbox) take() (lines []byte, ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines, o.unread = o.unread.Bytes(), bytes.Buffer{}
	return lines, o.ended
}
