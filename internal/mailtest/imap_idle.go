package mailtest

import (
	"strings"
	"sync"
)

// idlers are the sessions that are in IDLE.
type idlers struct {
	mu      sync.Mutex
	changed *sync.Cond
	all     map[*idler]bool
	closed  bool // nobody comes any more
}

func newIdlers() *idlers {
	s := &idlers{all: map[*idler]bool{}}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// An idler is one session, for as long as it is in IDLE.
type idler struct {
	orders chan idleOrder
	left   chan struct{} // closed when it has left IDLE
}

// An idleOrder has a session say lines, and then end IDLE by itself.
type idleOrder struct {
	lines string
	end   bool
	said  chan struct{} // closed when it is done
}

// AwaitIdle returns when at least n sessions are in IDLE, or the server is closed.
func (s *IMAP) AwaitIdle(n int) {
	s.idlers.mu.Lock()
	defer s.idlers.mu.Unlock()
	for len(s.idlers.all) < n && !s.idlers.closed {
		s.idlers.changed.Wait()
	}
}

// Push has every session that is in IDLE say lines, such as "* 7 EXISTS".
func (s *IMAP) Push(lines string) { s.idlers.order(crlf(lines), false) }

// EndIdle has every session that is in IDLE end it by itself.
func (s *IMAP) EndIdle() { s.idlers.order("", true) }

// close says whether sessions may come.
func (s *idlers) close(closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = closed
	s.changed.Broadcast()
}

func (s *idlers) enter() *idler {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := &idler{make(chan idleOrder), make(chan struct{})}
	s.all[i] = true
	s.changed.Broadcast()
	return i
}

func (s *idlers) leave(i *idler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, i)
	close(i.left)
}

// order gives an order to all, and returns when they have done it.
func (s *idlers) order(lines string, end bool) {
	s.mu.Lock()
	var all []*idler
	for i := range s.all {
		all = append(all, i)
	}
	s.mu.Unlock()
	for _, i := range all {
		o := idleOrder{lines, end, make(chan struct{})}
		select {
		case i.orders <- o:
			<-o.said
		case <-i.left:
		}
	}
}

// A lineRead is a line that is read while the server talks.
type lineRead struct {
	done chan struct{}
	text string
	err  error
}

func (k *link) lineBeside() *lineRead {
	r := &lineRead{done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.text, r.err = k.readLine()
	}()
	return r
}

// idle tells of changes until the client says DONE (RFC 2177), or until it is
// told to end by itself.
func (c *imapSession) idle() string {
	c.k.ask("+ idling")
	line := c.k.lineBeside()
	ends := c.tell(line)
	if ends {
		c.k.printf("%s %s\r\n", c.tag, c.ok("Idle"))
		c.k.flush()
		<-line.done
	}
	switch {
	case line.err != nil:
		return ""
	case ends:
		c.ahead = &line.text
	case !strings.EqualFold(line.text, "DONE"):
		return "BAD Expected DONE."
	}
	return c.ok("Idle")
}

// tell tells of changes until a line has come, or an order to end.
func (c *imapSession) tell(line *lineRead) (ends bool) {
	woken, stop := c.Store.watch()
	defer stop()
	me := c.idlers.enter()
	defer c.idlers.leave(me)
	for {
		if !c.NoPush {
			c.update(true)
			c.k.flush()
		}
		select {
		case <-woken:
		case <-line.done:
			return false
		case o := <-me.orders:
			c.k.Write([]byte(o.lines))
			c.k.flush()
			close(o.said)
			if o.end {
				return true
			}
		}
	}
}
