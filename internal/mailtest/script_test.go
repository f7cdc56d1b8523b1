package mailtest

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A script talks to a server line by line and fails its test at the first
// surprise.
type script struct {
	t    *testing.T
	conn net.Conn
	br   *bufio.Reader
}

type server interface {
	Start() (string, error)
	Close() error
}

func start(t *testing.T, s server) (addr string) {
	t.Helper()
	addr, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return addr
}

// connect dials with a limit on the whole conversation, so that no test hangs.
func connect(t *testing.T, network, addr string, config *tls.Config) *script {
	t.Helper()
	conn, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	t.Cleanup(func() { conn.Close() })
	if config != nil {
		conn = tls.Client(conn, config)
	}
	return &script{t, conn, bufio.NewReader(conn)}
}

func (s *script) send(lines ...string) {
	s.t.Helper()
	s.raw(strings.Join(lines, "\r\n") + "\r\n")
}

func (s *script) raw(octets string) {
	s.t.Helper()
	if _, err := io.WriteString(s.conn, octets); err != nil {
		s.t.Fatalf("write %.60q: %v", octets, err)
	}
}

func (s *script) line() string {
	s.t.Helper()
	line, err := s.br.ReadString('\n')
	if err != nil {
		s.t.Fatalf("after %q: %v", line, err)
	}
	return strings.TrimSuffix(line, "\r\n")
}

// expect reads as many lines as are given; each has to be equal, or to begin
// with what stands before a final "…".
func (s *script) expect(lines ...string) {
	s.t.Helper()
	for _, want := range lines {
		got := s.line()
		prefix, open := strings.CutSuffix(want, "…")
		if got != want && (!open || !strings.HasPrefix(got, prefix)) {
			s.t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// ask sends a line and expects the answer.
func (s *script) ask(line string, answer ...string) {
	s.t.Helper()
	s.send(line)
	s.expect(answer...)
}

// until reads up to the first line with a prefix and returns all lines.
func (s *script) until(prefix string) []string {
	s.t.Helper()
	for lines := []string(nil); ; {
		line := s.line()
		lines = append(lines, line)
		if strings.HasPrefix(line, prefix) {
			return lines
		}
	}
}

// ended expects the server to be gone, after exactly these octets.
func (s *script) ended(rest string) {
	s.t.Helper()
	b, err := io.ReadAll(s.br)
	if string(b) != rest {
		s.t.Errorf("before the end came %q, want %q", b, rest)
	}
	if nerr, ok := err.(net.Error); ok && nerr.Timeout() {
		s.t.Errorf("the connection is still there")
	}
}

func (s *script) octets(n int) string {
	s.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(s.br, b); err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// running returns the stacks of goroutines that run a server.
func running() string {
	buf := make([]byte, 1<<20)
	var out []string
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "mailtest.(*listener)") || strings.Contains(g, "mailtest.(*imapSession)") {
			out = append(out, g)
		}
	}
	return strings.Join(out, "\n\n")
}

func TestCloseLeavesNothingRunning(t *testing.T) {
	store := NewStore()
	pop := &POP3{Store: store, User: "me", Password: "secret"}
	imap := &IMAP{Store: store, User: "me", Password: "secret"}
	smtp := &SMTP{}
	p := connect(t, "tcp", start(t, pop), nil)
	p.expect("+OK Dovecot ready.")
	i := connect(t, "tcp", start(t, imap), nil)
	i.expect("* OK…")
	i.ask("a LOGIN me secret", "a OK…")
	i.ask("b IDLE", "+ idling")
	m := connect(t, "tcp", start(t, smtp), nil)
	m.expect("220 localhost ESMTP mailtest")
	m.ask("EHLO me", "250-localhost…")
	if running() == "" {
		t.Fatal("the test cannot see running servers")
	}
	for _, s := range []server{pop, imap, smtp} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	for range 1000 { // a goroutine may still be on its way out
		if running() == "" {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("still running:\n%s", running())
}

// Close returns when the commands at hand were done, so that a test may look at
// what they did.
func TestCloseWaits(t *testing.T) {
	entered, release := make(chan bool), make(chan bool)
	var finished atomic.Bool
	s := &POP3{Store: NewStore(), OnCommand: func(int, string) Verdict {
		close(entered)
		<-release
		for range 1000 {
			runtime.Gosched()
		}
		finished.Store(true)
		return Verdict{}
	}}
	c := connect(t, "tcp", start(t, s), nil)
	c.send("CAPA")
	<-entered
	go func() {
		for closing := false; !closing; runtime.Gosched() {
			s.ln.mu.Lock()
			closing = s.ln.closed
			s.ln.mu.Unlock()
		}
		close(release)
	}()
	s.Close()
	if !finished.Load() {
		t.Error("Close returned in the middle of a command")
	}
}

func TestNotStarted(t *testing.T) {
	for _, s := range []server{&POP3{}, &IMAP{}, &SMTP{}} {
		if err := s.Close(); err != errNotStarted {
			t.Errorf("%T: Close before Start: %v", s, err)
		}
	}
}

func TestTLS(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	addr := start(t, &POP3{Store: NewStore(), TLS: ca.Server("mail.test")})
	s := connect(t, "tcp", addr, &tls.Config{RootCAs: ca.Pool(), ServerName: "mail.test"})
	s.expect("+OK Dovecot ready.")
	s.ask("QUIT", "+OK Logging out.")
	if _, err := s.br.ReadByte(); err != io.EOF {
		t.Errorf("after QUIT: %v, want a regular end of TLS", err)
	}
	if strings.Contains(string(ca.PEM()), "PRIVATE") {
		t.Error("the key is shown")
	}
	other, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]*tls.Config{
		"other name": {RootCAs: ca.Pool(), ServerName: "other.test"},
		"other CA":   {RootCAs: other.Pool(), ServerName: "mail.test"},
	} {
		if err := connect(t, "tcp", addr, config).conn.(*tls.Conn).Handshake(); err == nil {
			t.Errorf("%s: trusted", name)
		}
	}
}

func TestStartTLS(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"}
	for _, tt := range []struct {
		server             server
		greeting, ask, yes string
		again, no          string // the second time there is nothing to start
	}{
		{&POP3{Store: NewStore(), StartTLS: ca.Server()}, "+OK…", "STLS", "+OK…", "STLS", "-ERR…"},
		{&IMAP{Store: NewStore(), StartTLS: ca.Server()}, "* OK [CAPABILITY…", "a STARTTLS", "a OK…", "b STARTTLS", "b BAD…"},
		{&SMTP{StartTLS: ca.Server()}, "220…", "STARTTLS", "220 2.0.0…", "STARTTLS", "502 5.5.1…"},
	} {
		c := connect(t, "tcp", start(t, tt.server), nil)
		c.expect(tt.greeting)
		c.ask(tt.ask, tt.yes)
		c.conn = tls.Client(c.conn, config)
		c.br = bufio.NewReader(c.conn)
		c.ask(tt.again, tt.no)
	}
	c := connect(t, "tcp", start(t, &POP3{Store: NewStore()}), nil)
	c.expect("+OK…")
	c.ask("STLS", "-ERR Unknown command: STLS")
}

func TestStartTLSIsOffered(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, "tcp", start(t, &SMTP{StartTLS: ca.Server()}), nil)
	c.expect("220…")
	c.send("EHLO me")
	c.until("250 STARTTLS")
	c = connect(t, "tcp", start(t, &POP3{Store: NewStore(), StartTLS: ca.Server()}), nil)
	c.send("CAPA")
	c.until("STLS")
	c = connect(t, "tcp", start(t, &IMAP{Store: NewStore(), StartTLS: ca.Server()}), nil)
	c.send("a CAPABILITY")
	if !strings.Contains(strings.Join(c.until("a OK"), ""), " STARTTLS") {
		t.Error("IMAP does not offer STARTTLS")
	}
}
