// Package hostile plays servers that mean harm: they strip TLS, never end what
// they say, announce what never comes, and put into every text what should
// steer a terminal or name a file. It is for tests of the whole program, so it
// shares no code with it and imports the standard library only.
//
// Think of a part: POP3, IMAP, SMTP, LMTP and the proxies each play an honest,
// small server, but for the commands in Odd, to which the test says what is
// answered instead. A Server keeps every octet that a client sent in the clear,
// and every line.
package hostile

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
)

// A Server listens on 127.0.0.1 and plays a part for each connection.
type Server struct {
	listener net.Listener
	handlers sync.WaitGroup

	mu       sync.Mutex
	clear    bytes.Buffer
	lines    []string
	verbs    []string
	open     map[net.Conn]bool
	sessions int
}

// keep bounds what is remembered of what clients sent, in octets and in lines.
const keep = 1 << 20

// Start plays a part for each connection until Close.
func Start(play func(*Conn)) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{listener: listener, open: map[net.Conn]bool{}}
	s.handlers.Go(func() { s.accept(play) })
	return s, nil
}

func (s *Server) accept(play func(*Conn)) {
	for {
		raw, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.sessions++
		s.open[raw] = true
		c := &Conn{Conn: raw, Session: s.sessions, server: s}
		s.mu.Unlock()
		c.in = bufio.NewReader(&tap{raw, s})
		s.handlers.Go(func() {
			defer raw.Close()
			play(c)
		})
	}
}

// Close hangs up and waits until every part has ended.
func (s *Server) Close() error {
	err := s.listener.Close()
	s.mu.Lock()
	for c := range s.open {
		c.Close()
	}
	s.mu.Unlock()
	s.handlers.Wait()
	return err
}

// Port returns the port that the server listens on.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Sessions returns how many connections were made.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

// Clear returns what clients sent outside of TLS, to all connections.
func (s *Server) Clear() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clear.String()
}

// Lines returns the lines that clients sent, inside and outside of TLS.
func (s *Server) Lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// Verbs returns the verbs of the commands that clients gave, in order.
func (s *Server) Verbs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.verbs)
}

// gave notes a command.
func (c *Conn) gave(verb string) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if len(c.server.verbs) < keep/64 {
		c.server.verbs = append(c.server.verbs, verb)
	}
}

// tap keeps what is read in the clear.
type tap struct {
	io.Reader
	server *Server
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	t.server.mu.Lock()
	defer t.server.mu.Unlock()
	if t.server.clear.Len() < keep {
		t.server.clear.Write(p[:n])
	}
	return n, err
}

// A Conn is one connection of a client.
type Conn struct {
	net.Conn
	Session int // 1 is the first
	server  *Server
	in      *bufio.Reader
}

// Say sends text as it is. When the client has gone, nothing happens.
func (c *Conn) Say(text ...string) {
	for _, t := range text {
		io.WriteString(c.Conn, t)
	}
}

// Flood sends first, and then piece for ever, until the client hangs up.
func (c *Conn) Flood(first, piece string) {
	c.Say(first)
	if n := 64<<10/len(piece) + 1; len(piece) < 64<<10 {
		piece = strings.Repeat(piece, n)
	}
	for {
		if _, err := io.WriteString(c.Conn, piece); err != nil {
			return
		}
	}
}

// Line returns the next line without its end; ok is false when there is none.
func (c *Conn) Line() (line string, ok bool) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", false
	}
	line = strings.TrimRight(line, "\r\n")
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if len(c.server.lines) < keep/64 {
		c.server.lines = append(c.server.lines, line)
	}
	return line, true
}

// Take reads n octets.
func (c *Conn) Take(n int) []byte {
	p := make([]byte, n)
	m, _ := io.ReadFull(c.in, p)
	return p[:m]
}

// Mute reads on without a word until the client hangs up.
func (c *Conn) Mute() { io.Copy(io.Discard, c.in) }

// Hang hangs up.
func (c *Conn) Hang() { c.Conn.Close() }

// StartTLS goes on inside TLS. What is read from then on is not in the clear.
func (c *Conn) StartTLS(config *tls.Config) bool {
	secured := tls.Server(&buffered{c.Conn, c.in}, config)
	c.Conn, c.in = secured, bufio.NewReader(secured)
	return secured.Handshake() == nil
}

// buffered is a connection of which some has been read.
type buffered struct {
	net.Conn
	in io.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.in.Read(p) }

// Odd is what a part says instead of the honest answer, by the command's verb
// in capitals ("UID FETCH" is one); "" is the greeting. It reports whether it
// has answered: the honest answer is given else. line is the command without
// its tag.
type Odd map[string]func(c *Conn, tag, line string) bool

func (o Odd) answers(c *Conn, verb, tag, line string) bool {
	answer := o[verb]
	return answer != nil && answer(c, tag, line)
}

// Text is an answer of these words; {tag} stands for the command's tag.
func Text(text string) func(*Conn, string, string) bool {
	return func(c *Conn, tag, _ string) bool {
		c.Say(strings.ReplaceAll(text, "{tag}", tag))
		return true
	}
}

// Endless is an answer that begins with first and goes on with piece for ever.
func Endless(first, piece string) func(*Conn, string, string) bool {
	return func(c *Conn, tag, _ string) bool {
		c.Flood(strings.ReplaceAll(first, "{tag}", tag), piece)
		return true
	}
}

// Echo is a refusal that repeats the whole command; before is what it begins
// with.
func Echo(before string) func(*Conn, string, string) bool {
	return func(c *Conn, tag, line string) bool {
		c.Say(strings.ReplaceAll(before, "{tag}", tag), line, "\r\n")
		return true
	}
}
