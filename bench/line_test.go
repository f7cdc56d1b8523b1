package bench

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// A line is the way between the program and the servers of a scenario: so far
// away, and so wide for all connections together. How much is in flight it does
// not limit, so that a client that pipelines gains what it would gain.
type line struct {
	mu   sync.Mutex
	rtt  time.Duration
	mbit float64 // 0: as fast as the machine
	busy [2]time.Time
}

// The ways on a line.
const (
	up   = iota // to the server
	down        // to the program
)

// slack is how far a line may catch up: a sleep lasts longer than was asked for,
// and what that costs a real line would have carried.
const slack = 5 * time.Millisecond

func (l *line) set(s scale) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rtt, l.mbit = s.rtt, s.mbit
}

func (l *line) roundTrip() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rtt
}

// carry returns when the line has taken n more octets in, and when they arrive.
func (l *line) carry(way, n int) (sent, due time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent = time.Now()
	if l.mbit > 0 {
		if earliest := sent.Add(-slack); l.busy[way].Before(earliest) {
			l.busy[way] = earliest
		}
		l.busy[way] = l.busy[way].Add(time.Duration(float64(n) * 8e3 / l.mbit))
		if l.busy[way].After(sent) {
			sent = l.busy[way]
		}
	}
	return sent, sent.Add(l.rtt / 2)
}

// A door is the program's end of a line that leads to one server, and counts
// what passes.
type door struct {
	line   *line
	server string
	port   int

	mu          sync.Mutex
	connections int
	flights     int // how often the program spoke, first or after it had been told something
	octets      [2]int64
	marks       [2][]mark
}

// A mark says when so many octets had passed, one way.
type mark struct {
	at     time.Time
	octets int64
}

// markEvery is how many octets lie between two marks at least.
const markEvery = 64 << 10

// counts is what passed a door since the last reset.
type counts struct {
	connections, flights int
	octets               [2]int64
	marks                [2][]mark
}

// roundTrips is how often the program waited for the line: once for each
// connection to be made, once for each time that it spoke.
func (c counts) roundTrips() int { return c.connections + c.flights }

// reset returns the counts and begins anew.
func (d *door) reset() counts {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := counts{d.connections, d.flights, d.octets, d.marks}
	d.connections, d.flights, d.octets, d.marks = 0, 0, [2]int64{}, [2][]mark{}
	return c
}

// open has a door lead to a server, until the listener is closed.
func (l *line) open(server string) (*door, net.Listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	d := &door{line: l, server: server, port: ln.Addr().(*net.TCPAddr).Port}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go d.pass(c.(*net.TCPConn))
		}
	}()
	return d, ln, nil
}

// pass carries a connection. To make it costs a round trip, as TCP does.
func (d *door) pass(client *net.TCPConn) {
	defer client.Close()
	time.Sleep(d.line.roundTrip())
	c, err := net.Dial("tcp", d.server)
	if err != nil {
		return
	}
	defer c.Close()
	d.mu.Lock()
	d.connections++
	d.mu.Unlock()
	p := &passage{door: d, client: client, server: c.(*net.TCPConn), told: true}
	var both sync.WaitGroup
	both.Go(func() { p.pump(up) })
	both.Go(func() { p.pump(down) })
	both.Wait()
}

// A passage is one connection through a door.
type passage struct {
	*door
	client, server *net.TCPConn
	told           bool // something came down since the client last spoke, or it did not speak yet
}

type piece struct {
	octets []byte
	due    time.Time
}

func (p *passage) pump(way int) {
	from, to := p.client, p.server
	if way == down {
		from, to = to, from
	}
	queue := make(chan piece, 4096)
	go p.take(from, way, queue)
	for q := range queue {
		time.Sleep(time.Until(q.due))
		if way == down {
			p.count(way, len(q.octets))
		}
		if _, err := to.Write(q.octets); err != nil {
			from.Close()
			for range queue { // until take has seen it, too
			}
			return
		}
	}
	to.CloseWrite()
}

// take reads what goes one way, no faster than the line carries it.
func (p *passage) take(from *net.TCPConn, way int, queue chan<- piece) {
	defer close(queue)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if way == up {
				p.count(way, n)
			}
			sent, due := p.line.carry(way, n)
			time.Sleep(time.Until(sent))
			queue <- piece{bytes.Clone(buf[:n]), due}
		}
		if err != nil {
			return
		}
	}
}

// count counts n octets at the program's end.
func (p *passage) count(way, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.octets[way] += int64(n)
	marks := p.marks[way]
	if len(marks) == 0 || p.octets[way]-marks[len(marks)-1].octets >= markEvery {
		p.marks[way] = append(marks, mark{time.Now(), p.octets[way]})
	}
	if way == up && p.told {
		p.flights++
	}
	p.told = way == down
}
