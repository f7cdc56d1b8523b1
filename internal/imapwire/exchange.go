package imapwire

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
)

var (
	errBusy      = errors.New("two IMAP commands at once on one session")
	errAbandoned = errors.New("an IMAP command was given up in the middle")
)

// gathered is how much an exchange keeps for go-imap before it lends it the turn
// to read it: go-imap waits for nothing meanwhile.
const gathered = 4 << 10

// An exchange is the time in which commands of our own run: one, or for APPEND
// many. It ends with end, or, when its caller leaves early, with abandon, which
// ends the session.
type exchange struct {
	w       *wire
	name    string   // for errors: "UID FETCH"
	own     []string // untagged responses that belong to it
	first   uint64   // its tags are this and above
	prompt  atomic.Bool
	begun   bool // it has had the turn to read
	holding bool // the turn to read is ours
	ended   bool
	stop    func() bool
}

// begin starts an exchange. The session is cut when ctx ends before it does.
func (w *wire) begin(ctx context.Context, name string, own ...string) (*exchange, error) {
	if err := w.cause(); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current != nil || len(w.lib.commands) > 0 {
		return nil, fmt.Errorf("%s: %w", name, errBusy)
	}
	x := &exchange{w: w, name: name, own: own, first: w.tags + 1}
	x.stop = context.AfterFunc(ctx, func() { w.fail(context.Cause(ctx)) })
	w.current = x
	w.facts.said = ""
	return x, nil
}

// tag returns the tag of the next command of our own, and the number in it.
func (w *wire) tag() (tag string, number uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tags++
	return "X" + strconv.FormatUint(w.tags, 10), w.tags
}

// send sends a command, and the connection begins to wait for its answer.
func (x *exchange) send(command string) (number uint64, err error) {
	tag, number := x.w.tag()
	x.w.quiet(false)
	_, err = x.w.write([]byte(tag + " " + command + "\r\n"))
	return number, err
}

// tell sends a command on whose answer nothing depends: it is not waited for, and
// passed over when it comes.
func (w *wire) tell(command string) error {
	tag, _ := w.tag()
	_, err := w.write([]byte(tag + " " + command + "\r\n"))
	return err
}

// An event is a response that belongs to an exchange. Of an untagged one the
// scanner stands behind its type.
type event struct {
	head
	status status // of a tagged answer
	number uint64 // of its tag
}

// next reads up to the next response that belongs to the exchange; the others
// go where they belong.
func (x *exchange) next() (event, error) {
	for {
		ev, mine, err := x.read()
		if err != nil {
			return event{}, x.w.fail(err)
		}
		if mine {
			x.w.noise = 0
			return ev, nil
		}
	}
}

func (x *exchange) read() (ev event, mine bool, err error) {
	if !x.holding {
		if err := x.take(); err != nil {
			return ev, false, err
		}
	}
	if err := x.w.scan.start(); err != nil {
		return ev, false, err
	}
	ev.head = x.w.scan.head()
	if mine, err = x.claims(&ev); mine || err != nil {
		return ev, mine, err
	}
	out, err := x.w.foreign(ev.head)
	x.w.out = append(x.w.out, out...)
	if err != nil || len(x.w.out) < gathered {
		return ev, false, err
	}
	return ev, false, x.give()
}

// claims reports whether a response belongs to the exchange.
func (x *exchange) claims(ev *event) (bool, error) {
	switch {
	case ev.tag == "*":
		return slices.Contains(x.own, ev.typ), nil
	case ev.tag == "+":
		return x.prompt.CompareAndSwap(true, false), nil
	case !isTag(ev.tag, 'X'):
		return false, nil
	}
	n, err := strconv.ParseUint(ev.tag[1:], 10, 64)
	x.w.mu.Lock()
	issued := x.w.tags
	x.w.mu.Unlock()
	if err != nil || n < x.first || n > issued {
		return false, nil
	}
	ev.number = n
	ev.status, err = x.w.scan.status()
	return true, err
}

// result makes an error of a tagged answer other than OK, nil of OK.
func (x *exchange) result(st status) error {
	if st.kind == "OK" {
		return nil
	}
	refusal := st.refusal(x.name)
	x.w.mu.Lock()
	defer x.w.mu.Unlock()
	refusal.Text = withSaid(refusal.Text, x.w.facts.said)
	return x.w.veiled(refusal)
}

// withSaid adds what the server said without a tag: Gmail's WEBALERT explains
// the NO that follows.
func withSaid(text, said string) string {
	if said == "" || said == text {
		return text
	}
	return text + " (" + said + ")"
}

// take waits until go-imap's reader lends the turn.
func (x *exchange) take() error {
	select {
	case <-x.w.turn:
		x.holding = true
		if !x.begun {
			x.begun, x.w.scan.waste = true, 0
		}
		return nil
	case <-x.w.dead:
		return x.w.cause()
	}
}

func (x *exchange) give() error {
	x.holding = false
	select {
	case x.w.back <- struct{}{}:
		return nil
	case <-x.w.dead:
		return x.w.cause()
	}
}

// end ends the exchange after its last tagged answer.
func (x *exchange) end() {
	if x.ended {
		return
	}
	x.ended = true
	x.stop()
	x.w.quiet(true)
	x.w.mu.Lock()
	x.w.current = nil
	x.w.mu.Unlock()
	if x.holding {
		x.give()
	}
}

// abandon ends the session unless the exchange has ended. It is deferred, so that
// a panic of a callback leaves no half-read response behind.
func (x *exchange) abandon() {
	if !x.ended {
		x.w.fail(errAbandoned)
		x.end()
	}
}

// run does one command whose untagged answers, if any, go to each, which leaves
// the scanner behind them. An odd answer is passed over.
func (w *wire) run(ctx context.Context, name, command string, each func(h head) error, own ...string) error {
	x, err := w.begin(ctx, name, own...)
	if err != nil {
		return err
	}
	defer x.abandon()
	if _, err := x.send(command); err != nil {
		return err
	}
	for {
		ev, err := x.next()
		if err != nil {
			return err
		}
		if ev.tag != "*" {
			x.end()
			return x.result(ev.status)
		}
		if err := each(ev.head); err != nil {
			return w.fail(err)
		}
	}
}

// tolerate passes over the rest of a response that was odd.
func (s *scanner) tolerate(err error) error {
	if err == nil || isOdd(err) {
		return s.skipRest()
	}
	return err
}
