package mailconn

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"

	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// A spoken connection logs the dialogue that is held over it, without what is
// nobody's business: secrets are hidden, also where the server repeats them, and
// bodies are counted.
//
// What is ours is shown by permission only: a line whose verb is not known to carry
// no secret is counted like a body. So a server that leads the login astray gets
// nothing into the log.
type spoken struct {
	net.Conn
	log *slog.Logger

	mu       sync.Mutex // Read and Write come from two goroutines
	grammar  grammar
	veil     sasl.Veil
	out, in  stream
	learning bool // a login is under way: each line of ours is a secret
}

// A grammar knows the lines of a protocol.
type grammar interface {
	// sent and received return what is to be shown of a line, "" for nothing.
	sent(s *spoken, line string) string
	received(s *spoken, line string) string
}

var grammars = map[string]func() grammar{
	"imap": func() grammar { return &imapGrammar{} },
	"pop3": func() grammar { return &pop3Grammar{} },
	"smtp": func() grammar { return &smtpGrammar{} },
	"lmtp": func() grammar { return &smtpGrammar{} },
}

// listen has the dialogue over conn, which begins behind TLS, logged.
func (d *Dialer) listen(conn net.Conn) net.Conn {
	g := grammars[d.Protocol]
	if d.Log == nil || g == nil {
		return conn
	}
	log := d.Log.With("server", d.Address(), "local", conn.LocalAddr().String())
	log.Debug("connected", "tls", string(d.mode()))
	return &spoken{Conn: conn, log: log, grammar: g()}
}

// Read reads, and logs what came.
func (s *spoken) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.in.feed(p[:n], func(line string) { s.show("received", s.grammar.received(s, line)) })
	if err != nil {
		s.log.Debug("the connection has ended", "why", reply.Clean(err.Error()))
	}
	return n, err
}

// Write logs what is sent, and sends it: the answer must find the log knowing the
// question.
func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	s.out.feed(p, func(line string) { s.show("sent", s.grammar.sent(s, line)) })
	s.mu.Unlock()
	return s.Conn.Write(p)
}

func (s *spoken) show(what, line string) {
	if line != "" {
		s.log.Debug(what, "line", reply.Clean(s.veil.Hide(line)))
	}
}

// octets is shown in place of what is not.
func octets(n int64) string { return fmt.Sprintf("[%d octets]", n) }

// learn hides a secret from now on, in whatever form the server repeats it. One
// that is a response of SASL holds the password behind its last NUL.
func (s *spoken) learn(secret string) {
	s.veil.Add(secret)
	decoded, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		return
	}
	s.veil.Add(string(decoded))
	s.veil.Add(string(decoded[strings.LastIndexByte(string(decoded), 0)+1:]))
}

// private counts a line of ours that is not to be shown. It may be a secret.
func (s *spoken) private(line string) string {
	s.learn(line)
	return octets(s.out.size)
}

// login shows the words of a command up to those that are secret.
func (s *spoken) login(line string, open int) string {
	words := strings.SplitN(line, " ", open+1)
	if len(words) <= open {
		return line
	}
	s.learn(words[open])
	return strings.Join(words[:open], " ") + " …"
}

// A stream is one direction, cut into lines. What goes between two of them by a
// count is skipped.
type stream struct {
	line []byte
	more int64  // octets of the line that are not kept
	tail []byte // the last few of these
	size int64  // of the last line, without its end
	skip int64
	keep *[]byte // what is skipped goes here, nil: nowhere
}

// spokenLine is the longest line that is shown, in octets. Of a longer one nothing
// is, for a secret might be cut in two.
const spokenLine = 8 << 10

func (t *stream) feed(p []byte, line func(string)) {
	for len(p) > 0 {
		if t.skip > 0 {
			n := min(t.skip, int64(len(p)))
			t.kept(p[:n])
			t.skip -= n
			p = p[n:]
			continue
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			t.add(p)
			return
		}
		t.add(p[:end])
		p = p[end+1:]
		line(t.rest())
	}
}

// kept keeps no more of a literal than a secret may have.
func (t *stream) kept(p []byte) {
	if t.keep != nil && len(*t.keep)+len(p) <= spokenLine {
		*t.keep = append(*t.keep, p...)
	}
}

func (t *stream) add(p []byte) {
	n := min(len(p), spokenLine-len(t.line))
	t.line = append(t.line, p[:n]...)
	t.more += int64(len(p) - n)
	t.tail = append(t.tail, p[n:]...)
	t.tail = t.tail[max(0, len(t.tail)-countLength):]
}

// countLength is the longest count that a line may end with, {n+}.
const countLength = 24

// rest returns the line that has come so far, without its end.
func (t *stream) rest() string {
	line, more := strings.TrimSuffix(string(t.line), "\r"), t.more
	t.size = int64(len(line)) + more
	t.line, t.more = t.line[:0], 0
	tail := line + strings.TrimSuffix(string(t.tail), "\r")
	t.tail = t.tail[:0]
	switch n := announced(tail); {
	case more > 0 && n > 0:
		return fmt.Sprintf("%s {%d}", octets(t.size), n)
	case more > 0:
		return octets(t.size)
	}
	return line
}

// verbIn returns the nth word of a line, in capitals.
func verbIn(line string, n int) string {
	words := strings.SplitN(line, " ", n+2)
	if len(words) <= n {
		return ""
	}
	return strings.ToUpper(words[n])
}

// announced returns how many octets follow a line by a count: IMAP's {n}, {n+} and
// ~{n}.
func announced(line string) int64 {
	open := strings.LastIndexByte(line, '{')
	if open < 0 || !strings.HasSuffix(line, "}") {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(line[open+1:len(line)-1], "+"), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
