package main

import (
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
)

// A relay passes connections on to servers of this machine and calls something
// when a given number of pieces, of either direction, has passed.
type relay struct {
	mu        sync.Mutex // held while a function of plan is called, too
	passed    int
	lost      bool
	plan      map[int]func()
	listeners []net.Listener
	open      []chan struct{} // one for each connection to a server, closed with it
}

// at has f called at the n-th piece from now; n < 0: never. What it had set up
// before is not happening any more when at returns.
func (r *relay) at(n int, f func()) { r.follow(map[int]func(){n: f}) }

// follow has each function called at its piece from now, in place of what was set
// up before, and returns how many pieces have passed since.
func (r *relay) follow(plan map[int]func()) (passed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	passed, r.passed, r.plan = r.passed, 0, plan
	return passed
}

// next has the first of what was set up happen at the next piece.
func (r *relay) next() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passed = slices.Min(slices.Collect(maps.Keys(r.plan))) - 1
}

// lose has the piece at which a function is called never arrive, and its
// connection break. It is for such a function.
func (r *relay) lose() { r.lost = true }

// settle returns when the servers have closed every connection whose client has:
// what they were sent is dealt with.
func (r *relay) settle() {
	r.mu.Lock()
	open := r.open
	r.open = nil
	r.mu.Unlock()
	for _, closed := range open {
		<-closed
	}
}

func (r *relay) listen(to int) (port int, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners = append(r.listeners, l)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.pass(c, to)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// pass passes a connection on. When the client has closed it the server is told so,
// and has the time to deal with what it was sent.
func (r *relay) pass(c net.Conn, to int) {
	defer c.Close()
	s, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(to)))
	if err != nil {
		return
	}
	closed := make(chan struct{})
	defer close(closed)
	defer s.Close()
	r.mu.Lock()
	r.open = append(r.open, closed)
	r.mu.Unlock()
	go func() {
		r.copy(s, c)
		s.(*net.TCPConn).CloseWrite()
	}()
	r.copy(c, s)
	c.Close()
	io.Copy(io.Discard, s)
}

func (r *relay) copy(to, from net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if r.count() {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// count counts a piece. What is to happen happens before the piece goes on, so
// the process that is killed has not seen the answer, or the server not yet the
// command. It reports whether the piece is lost.
func (r *relay) count() (lost bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passed++
	if f := r.plan[r.passed]; f != nil {
		f()
	}
	lost, r.lost = r.lost, false
	return lost
}

func (r *relay) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.listeners {
		l.Close()
	}
}
