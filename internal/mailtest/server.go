package mailtest

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
)

// A Verdict says what a server does with one command instead of obeying it. The
// zero Verdict lets it obey.
type Verdict struct {
	// Reply is sent instead of doing anything: one or more lines, their last line
	// end may be left out. IMAP puts the command's tag before the last line,
	// unless that begins with "* " or "+ ".
	Reply string
	// Cut drops the connection: at once and with nothing done, or, with a Reply,
	// behind it.
	Cut bool
	// CutAfter does the command and drops the connection after so many octets of
	// its answer, or behind the answer if that is shorter.
	CutAfter int
	// LoseReply does the command and drops the connection instead of answering.
	// What is asked for in the middle of a command (a "+", a 354) is sent.
	LoseReply bool
	// CutUpload drops the connection, with nothing done, after so many octets of
	// the literal, the DATA or the BDAT chunk that belongs to the command were read.
	// If fewer come, the command is done and the connection dropped behind its answer.
	CutUpload int
}

// listener accepts connections and runs serve for each, until it is closed.
type listener struct {
	net.Listener
	port  *Port // is kept while the server is away; nil with a unix socket
	tls   *tls.Config
	serve func(session int, l *link)

	mu       sync.Mutex
	closed   bool
	sessions int
	links    map[*link]bool
	ended    *sync.Cond // told when a session has ended
	wg       sync.WaitGroup
}

var errNotStarted = errors.New("mailtest: the server was not started")

// listen starts serving on a free port of 127.0.0.1, or on a unix socket.
func listen(socket string, tls *tls.Config, serve func(session int, l *link)) (*listener, error) {
	l := &listener{tls: tls, serve: serve, links: map[*link]bool{}}
	l.ended = sync.NewCond(&l.mu)
	if socket == "" {
		var err error
		if l.port, err = NewPort(); err != nil {
			return nil, err
		}
	}
	if err := l.open(socket); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *listener) open(socket string) (err error) {
	if l.port != nil {
		l.Listener, err = l.port.Listen()
	} else {
		l.Listener, err = net.Listen("unix", socket)
	}
	if err != nil {
		return err
	}
	l.closed = false
	l.wg.Go(l.accept)
	return nil
}

// restart cuts every connection and takes new ones at the same address, also
// after stop.
func (l *listener) restart() error {
	if l == nil {
		return errNotStarted
	}
	socket := l.Addr().String()
	if err := l.stop(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open(socket)
}

func (l *listener) accept() {
	for {
		conn, err := l.Accept()
		if err != nil {
			return // closed
		}
		k, session := l.admit(conn)
		if k == nil {
			return
		}
		l.wg.Go(func() {
			defer l.dismiss(k)
			l.serve(session, k)
		})
	}
}

func (l *listener) admit(conn net.Conn) (*link, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		conn.Close()
		return nil, 0
	}
	k := newLink(conn, l.tls)
	l.links[k] = true
	l.sessions++
	return k, l.sessions
}

func (l *listener) dismiss(k *link) {
	k.close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.links, k)
	l.ended.Broadcast()
}

// settle returns when no session runs, or none of clients where some are named.
func (l *listener) settle(clients []net.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.serves(clients) {
		l.ended.Wait()
	}
}

func (l *listener) serves(clients []net.Addr) bool {
	for k := range l.links {
		if clients == nil || slices.ContainsFunc(clients, func(a net.Addr) bool { return a.String() == k.raw.RemoteAddr().String() }) {
			return true
		}
	}
	return false
}

// stop cuts every connection and returns when nothing of the server runs any more.
func (l *listener) stop() error {
	if l == nil {
		return errNotStarted
	}
	l.mu.Lock()
	l.closed = true
	err := l.Listener.Close()
	for k := range l.links {
		k.raw.Close()
	}
	l.mu.Unlock()
	l.wg.Wait()
	return err
}

// count returns how many connections were accepted so far.
func (l *listener) count() int {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sessions
}
