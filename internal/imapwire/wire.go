package imapwire

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// maxNoise bounds the responses that nobody asked for, counted since the last
// that somebody did. An EXPUNGE of a large mailbox is many.
const maxNoise = 100_000

var errNoise = errors.New("the server sends without end what nobody asked for")

// A wire is the net.Conn under go-imap. See the package comment for who reads
// from it when.
type wire struct {
	net.Conn  // its Read and Write are reached through scan and write only
	notify    func()
	announced atomic.Uint64 // see Client.Announced
	count     atomic.Uint32 // see Client.Count
	veil      sasl.Veil     // over what was sent to log in

	// Of the goroutine that has the turn.
	scan   scanner
	out    []byte // for go-imap, not yet read by it
	noise  int
	shifts int // how often message numbers have changed their meaning

	turn chan struct{} // reader goroutine -> our command: there is a response
	back chan struct{} // and back again
	dead chan struct{} // closed when the connection is no longer to be used

	writing sync.Mutex

	mu      sync.Mutex
	err     error // why it is dead
	current *exchange
	idle    *rest  // the last IDLE that the server has taken and not answered
	tags    uint64 // of our commands so far
	lib     pending
	facts   facts
}

// facts are what the server told, kept for those who ask later.
type facts struct {
	greeted  bool
	preauth  bool
	caps     map[string]bool // upper case
	capsSeen bool            // since the login began
	code     string          // of the last tagged answer to go-imap
	said     string          // the last untagged NO, BAD or ALERT since the command began
	bye      *status
}

func newWire(conn net.Conn, notify func()) *wire {
	if notify == nil {
		notify = func() {}
	}
	return &wire{
		Conn:   conn,
		notify: notify,
		scan:   scanner{in: inlet{conn: conn}},
		turn:   make(chan struct{}),
		back:   make(chan struct{}),
		dead:   make(chan struct{}),
		facts:  facts{caps: map[string]bool{}},
	}
}

// Read gives go-imap what is meant for it. It is called by its reader goroutine
// only.
func (w *wire) Read(p []byte) (int, error) {
	w.awaitResponse()
	for len(w.out) == 0 {
		if err := w.step(); err != nil {
			w.fail(err)
			return 0, net.ErrClosed
		}
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

// awaitResponse holds the server's words back while go-imap owes it a SASL
// response: it registers for the next "+" when it writes one, and would wait for
// ever if the command had been answered before.
func (w *wire) awaitResponse() {
	w.mu.Lock()
	response := w.lib.response
	w.mu.Unlock()
	if response == nil || len(w.out) > 0 {
		return
	}
	select {
	case <-response:
	case <-w.dead:
	}
}

// step waits for a response and takes it, or lends the turn to our command.
func (w *wire) step() error {
	if err := w.scan.await(); err != nil {
		return err
	}
	if !w.busy() {
		if err := w.scan.start(); err != nil {
			return err
		}
		out, err := w.foreign(w.scan.head())
		w.out = append(w.out[:0], out...)
		return err
	}
	select {
	case w.turn <- struct{}{}:
	case <-w.dead:
		return net.ErrClosed
	}
	select {
	case <-w.back:
		return nil
	case <-w.dead:
		return net.ErrClosed
	}
}

// quiet tells the connection below whether an answer is owed. While none is (IDLE;
// between two commands; while a long literal goes out), its reader waits for as
// long as it takes.
func (w *wire) quiet(q bool) {
	if c, ok := w.Conn.(interface{ SetQuiet(bool) }); ok {
		c.SetQuiet(q)
	}
}

func (w *wire) busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current != nil
}

// Write sends what go-imap writes: mostly a whole command at a time.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	send, begins := w.lib.wrote(p)
	if begins {
		w.facts.said = ""
	}
	w.quiet(!w.lib.owed())
	w.mu.Unlock()
	if len(send) == 0 {
		return len(p), nil
	}
	if _, err := w.write(send); err != nil {
		return 0, err
	}
	return len(p), nil
}

// write hands p to the connection, behind the end of IDLE where that lasts, and
// returns how much of it may have got through. A failed write ends the session.
func (w *wire) write(p []byte) (int, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	select {
	case <-w.dead:
		return 0, w.cause()
	default:
	}
	done := w.done()
	if done != "" {
		p = append([]byte(done), p...)
	}
	n, err := w.Conn.Write(p)
	if err != nil {
		err = w.fail(fmt.Errorf("write to the server: %w", err))
	}
	return max(0, n-len(done)), err
}

// Close is called by go-imap when it gives up.
func (w *wire) Close() error {
	w.fail(net.ErrClosed)
	return nil
}

// The deadlines of the connection below watch progress. Those of go-imap would
// end the transfer of a large mail over a slow line.

func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// fail ends the session for the reason err, unless it has ended before, and
// returns the reason that counts.
func (w *wire) fail(err error) error {
	w.mu.Lock()
	first := w.err == nil
	if first {
		w.err = err
	}
	w.mu.Unlock()
	if first {
		close(w.dead)
		w.Conn.Close()
		w.notify()
	}
	return w.cause()
}

// cause returns why the session ended, with the server's last words, nil while
// it lives.
func (w *wire) cause() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.err == nil:
		return nil
	case w.facts.bye != nil:
		return fmt.Errorf("%w: %w", w.veiled(w.facts.bye.refusal("")), w.err)
	case w.facts.said != "":
		return fmt.Errorf("%w (the server said: %s)", w.err, reply.Clean(w.veil.Hide(w.facts.said)))
	}
	return w.err
}

// veiled is a refusal without what the server repeats of a login.
func (w *wire) veiled(e *reply.Error) *reply.Error {
	e.Code, e.Text = w.veil.Hide(e.Code), w.veil.Hide(e.Text)
	return e
}

// offers reports whether a capability was announced; the name is upper case.
func (w *wire) offers(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.facts.caps[name]
}

// capability returns the value of a capability of the form name=value.
func (w *wire) capability(name string) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.facts.caps {
		if v, ok := strings.CutPrefix(c, name+"="); ok {
			return v, true
		}
	}
	return "", false
}
