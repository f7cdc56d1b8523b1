package main

import (
	"net"
	"strconv"
	"sync"
)

// A relay passes connections on to servers of this machine and calls something
// when a given number of pieces, of either direction, has passed.
type relay struct {
	mu        sync.Mutex // held while then is called, too
	left      int
	then      func()
	listeners []net.Listener
}

// at has f called at the n-th piece from now; n < 0: never. What it had set up
// before is not happening any more when at returns.
func (r *relay) at(n int, f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left, r.then = n, f
}

// next has what at has set up happen at the next piece.
func (r *relay) next() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = 1
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

func (r *relay) pass(c net.Conn, to int) {
	defer c.Close()
	s, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(to)))
	if err != nil {
		return
	}
	defer s.Close()
	done := make(chan struct{}, 2)
	for _, d := range [][2]net.Conn{{c, s}, {s, c}} {
		go func() {
			r.copy(d[1], d[0])
			done <- struct{}{}
		}()
	}
	<-done
}

func (r *relay) copy(to, from net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			r.count()
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
// command.
func (r *relay) count() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left--
	if r.left == 0 {
		r.then()
	}
}

func (r *relay) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.listeners {
		l.Close()
	}
}
