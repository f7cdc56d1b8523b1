package main

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"mailrill/internal/mailtest"
)

// links are all lines between mailrill and its servers. They count the pieces that
// pass, and do harm at one of them: a place of the work, and no moment.
type links struct {
	mu     sync.Mutex
	dice   *rand.Rand
	ways   []string // in which a line is cut
	cutIn  int      // the line over which the so manieth piece from now goes is cut; 0: none
	strike func()   // happens with the so manieth piece from now; nil: nothing
	left   int      // pieces until then
	open   map[*link]bool
	harm   map[string]int // how many lines were cut, by the way
}

func newLinks(dice *rand.Rand, ways ...string) *links {
	return &links{dice: dice, ways: ways, open: map[*link]bool{}, harm: map[string]int{}}
}

// The ways in which a line is cut.
const (
	linkClosed  = "closed"
	linkReset   = "reset"
	linkStalled = "stalled" // nothing passes any more, and nobody is told
)

// A link is one connection, by its two ends.
type link struct {
	gate           *gate
	client, server *net.TCPConn
	way            string // in which it was cut; "": it was not
}

// after has f called when n more pieces have passed, while the last of them waits.
func (w *links) after(n int, f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left, w.strike = n, f
}

// hurry has happen now what waits for its piece, and reports whether there is such.
func (w *links) hurry() (late bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.strike == nil {
		return false
	}
	w.strike()
	w.strike = nil
	return true
}

// calm does no more harm of itself.
func (w *links) calm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.strike, w.cutIn = nil, 0
}

// cut has a line be cut: the one over which the n-th piece from now goes, within
// that piece; or with n = 0 any one, now. Most of those rest in IDLE.
func (w *links) cut(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cutIn = n; n > 0 {
		return
	}
	var victim *link
	nth := w.dice.IntN(max(1, len(w.open)))
	for k := range w.open {
		if nth--; nth < 0 {
			victim = k
			break
		}
	}
	if victim != nil && victim.way == "" {
		w.breaks(victim)
		victim.end()
	}
}

// breaks chooses the way in which k is cut.
func (w *links) breaks(k *link) {
	k.way = w.ways[w.dice.IntN(len(w.ways))]
	w.harm[k.way]++
}

// piece counts a piece of n octets, and says how many of them go on, and whether the
// line ends behind these.
func (w *links) piece(k *link, n int) (on int, ends bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.strike != nil {
		if w.left--; w.left <= 0 {
			w.strike()
			w.strike = nil
		}
	}
	if k.way != "" {
		return 0, k.way != linkStalled
	}
	if w.cutIn == 0 {
		return n, false
	}
	if w.cutIn--; w.cutIn > 0 {
		return n, false
	}
	w.breaks(k)
	return w.dice.IntN(n + 1), k.way != linkStalled
}

// end ends a line that was cut, but for one that has stalled. It is called under the
// lock of the links.
func (k *link) end() {
	switch k.way {
	case linkStalled:
		return
	case linkReset:
		k.client.SetLinger(0)
		k.server.SetLinger(0)
	}
	k.client.Close()
	k.server.Close()
}

// A gate is the port at which mailrill finds a server. It stays the same while the
// server is started again elsewhere, and is shut meanwhile.
type gate struct {
	links *links
	port  *mailtest.Port

	mu sync.Mutex
	to string // where the server listens
	ln net.Listener
}

// newGate takes a port, shut.
func newGate(t *testing.T, w *links) *gate {
	t.Helper()
	port, err := mailtest.NewPort()
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{links: w, port: port}
	t.Cleanup(g.shut)
	return g
}

// lead opens the gate to a server at addr.
func (g *gate) lead(addr string) error {
	ln, err := g.port.Listen()
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.to, g.ln = addr, ln
	g.mu.Unlock()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go g.pass(c.(*net.TCPConn))
		}
	}()
	return nil
}

// shut refuses connections from now on, and cuts those that there are.
func (g *gate) shut() {
	g.mu.Lock()
	if g.ln != nil {
		g.ln.Close()
		g.to, g.ln = "", nil
	}
	g.mu.Unlock()
	g.links.mu.Lock()
	defer g.links.mu.Unlock()
	for k := range g.links.open {
		if k.gate == g {
			k.way = linkReset
			k.end()
		}
	}
}

// dial makes the line of a client; nil when the server is not there.
func (g *gate) dial(client *net.TCPConn) *link {
	g.mu.Lock()
	defer g.mu.Unlock() // a shut comes before, or finds the line
	s, err := net.Dial("tcp", g.to)
	if err != nil {
		return nil
	}
	k := &link{gate: g, client: client, server: s.(*net.TCPConn)}
	g.links.mu.Lock()
	defer g.links.mu.Unlock()
	g.links.open[k] = true
	return k
}

// pass passes a connection on. When the client has closed it the server is told so,
// and has the time to deal with what it was sent.
func (g *gate) pass(client *net.TCPConn) {
	defer client.Close()
	k := g.dial(client)
	if k == nil {
		return
	}
	go func() {
		k.copy(k.server, k.client)
		k.server.CloseWrite()
	}()
	k.copy(k.client, k.server)
	k.client.Close()
	io.Copy(io.Discard, k.server)
	k.server.Close()
	g.links.mu.Lock()
	defer g.links.mu.Unlock()
	delete(g.links.open, k)
}

func (k *link) copy(to, from net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			on, ends := k.gate.links.piece(k, n)
			if _, err := to.Write(buf[:on]); err != nil {
				return
			}
			if ends {
				k.gate.links.mu.Lock()
				defer k.gate.links.mu.Unlock()
				k.end()
				return
			}
		}
		if err != nil {
			return
		}
	}
}
