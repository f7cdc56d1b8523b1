package smtp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/deliver/delivertest"
	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// A peer is a server that answers by a script, whatever it is told. Its octets
// are sent as they are; "CUT" in them hangs up, and what stands behind it is not
// sent. It knows no state, so that it can say anything at any time. What it says
// in a flight, which is from a connection's first RSET on, it may hold back: what
// the client has sent by then does not hang on who was faster.
type peer struct {
	offers  string            // capabilities, separated by ","
	answers map[string]string // by verb, "" for the greeting, "." for the end of a message
	odd     map[string]string // the same, for the message at only
	auth    []string          // to AUTH and what follows it, one by one; the last is repeated
	at      int               // from 0, counted by MAIL over all connections; a RSET belongs to the next
	most    int               // connections that it takes; 0: any number
	until   int               // a flight's answers are held back until so many messages came
	gate    chan struct{}     // and until this is closed; nil: it is

	mu       sync.Mutex
	sessions int
	mails    int
	logins   int
	log      []string // all command lines
	messages []string // octets as they came, stuffed if by DATA
}

var usual = map[string]string{
	"": "220 hi\r\n", "MAIL": "250 2.1.0 ok\r\n", "RCPT": "250 2.1.5 ok\r\n",
	"DATA": "354 go\r\n", ".": "250 2.0.0 taken\r\n", "RSET": "250 2.0.0 ok\r\n", "QUIT": "221 bye\r\n",
}

// serve runs the peer for one test and returns a dialer to it. A deadline of the
// whole session keeps a hang from lasting for ever.
func (p *peer) serve(t *testing.T) func(context.Context) (net.Conn, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(time.Minute))
			wg.Go(func() { p.session(conn) })
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	return dialer("tcp", ln.Addr().String())
}

// dialer keeps the contract: the connection is cut when its context ends.
func dialer(network, addr string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			conn.SetDeadline(time.Now().Add(time.Minute))
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}
}

func (p *peer) session(conn net.Conn) {
	defer conn.Close()
	p.mu.Lock()
	p.sessions++
	if p.most > 0 && p.sessions > p.most {
		p.mu.Unlock()
		say(conn, "421 4.7.0 Too many connections\r\n")
		return
	}
	p.mu.Unlock()
	in := bufio.NewReader(conn)
	m := &mouth{p: p, conn: conn}
	defer m.opening.Wait()
	if !m.say(p.answer("")) {
		return
	}
	verb := ""
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if verb != "334" {
			verb, _, _ = strings.Cut(strings.TrimSpace(line), " ")
		}
		p.note(line, verb)
		if verb == "RSET" {
			m.hold()
		}
		answer := p.answer(verb)
		if !m.say(answer) {
			return
		}
		switch {
		case strings.HasPrefix(answer, "334"):
			verb = "334"
		case verb == "334":
			verb = ""
		case verb == "DATA" && strings.HasPrefix(answer, "354"), verb == "BDAT":
			if !p.take(in, line) || !m.say(p.answer(".")) {
				return
			}
		}
	}
}

func (p *peer) note(line, verb string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, strings.TrimSuffix(line, "\r\n"))
	if verb == "MAIL" {
		p.mails++
	}
}

// take reads a message to its end.
func (p *peer) take(in *bufio.Reader, line string) bool {
	var body bytes.Buffer
	var n int64
	if _, err := fmt.Sscanf(line, "BDAT %d LAST", &n); err == nil {
		if _, err := io.CopyN(&body, in, n); err != nil {
			return false
		}
	} else {
		for !strings.HasSuffix("\r\n"+body.String(), "\r\n.\r\n") {
			part, err := in.ReadString('\n')
			if err != nil {
				return false
			}
			body.WriteString(part)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, body.String())
	return true
}

func (p *peer) answer(verb string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if verb == "AUTH" || verb == "334" {
		p.logins++
		return p.auth[min(p.logins, len(p.auth))-1]
	}
	n := p.mails - 1
	if verb == "RSET" {
		n++
	}
	if s, ok := p.odd[verb]; ok && n == p.at {
		return s
	}
	if s, ok := p.answers[verb]; ok {
		return s
	}
	if verb == "EHLO" || verb == "LHLO" {
		return "250-peer\r\n250-" + strings.ReplaceAll(p.offers, ",", "\r\n250-") + "\r\n250 X-END\r\n"
	}
	return usual[verb]
}

// A mouth says what a peer answers on one connection.
type mouth struct {
	p       *peer
	conn    net.Conn
	opening sync.WaitGroup

	mu    sync.Mutex
	shut  bool
	words []string // held back
}

// hold keeps back what is said from now on, if the peer does so.
func (m *mouth) hold() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shut || len(m.p.taken()) >= m.p.until && m.p.gate == nil {
		return
	}
	m.shut = true
	if m.p.gate != nil {
		m.opening.Go(func() { <-m.p.gate; m.open() })
	}
}

// open says what was held back, and reports whether the connection goes on.
func (m *mouth) open() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shut = false
	for _, answer := range m.words {
		if !say(m.conn, answer) {
			m.conn.Close()
			return false
		}
	}
	m.words = nil
	return true
}

func (m *mouth) say(answer string) bool {
	m.mu.Lock()
	if !m.shut {
		defer m.mu.Unlock()
		return say(m.conn, answer)
	}
	m.words = append(m.words, answer)
	m.mu.Unlock()
	if m.p.gate == nil && len(m.p.taken()) >= m.p.until {
		return m.open()
	}
	return true
}

func (p *peer) taken() []string {
	_, messages := p.seen()
	return messages
}

// say sends an answer and reports whether the connection goes on.
func say(conn net.Conn, answer string) bool {
	answer, _, cut := strings.Cut(answer, "CUT")
	if endless, ok := strings.CutSuffix(answer, "ENDLESS"); ok {
		for piece := []byte(strings.Repeat(endless, 100)); ; {
			if _, err := conn.Write(piece); err != nil {
				return false
			}
		}
	}
	if answer == "" {
		return !cut
	}
	_, err := io.WriteString(conn, answer)
	return err == nil && !cut
}

func (p *peer) seen() (log, messages []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append(log, p.log...), append(messages, p.messages...)
}

// now is a time that never moves.
func now() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 8*3600)) }

func (p *peer) options(t *testing.T) Options { return optionsBy(p.serve(t)) }

func optionsBy(dial func(context.Context) (net.Conn, error)) Options {
	return Options{Dial: dial, LMTP: true, Hello: "me.example", Sender: "me@a.example", Recipient: "you@b.example", Now: now}
}

// open returns a destination on a peer or a server, closed with the test.
func open(t *testing.T, o Options) *Destination {
	d := New(o)
	t.Cleanup(func() { d.Close() })
	return d
}

var password = sasl.Password("me", func(context.Context) (string, error) { return "hunter2", nil })

// A fate is what done was told, in short: "stored", "rejected", "not taken",
// "unavailable", "unknown", with the class behind all but the first.
func fateOf(err error) string {
	class := " " + string(reply.ClassOf(err))
	switch {
	case err == nil:
		return "stored"
	case errors.Is(err, deliver.ErrRejected):
		return "rejected"
	case errors.Is(err, deliver.ErrNotTaken):
		return "not taken" + class
	case errors.Is(err, deliver.ErrUnavailable):
		return "unavailable" + class
	}
	return "unknown" + class
}

// send delivers ms and returns their fates and errors.
func send(t *testing.T, d *Destination, ms ...*deliver.Message) (fates []string, errs []error) {
	t.Helper()
	fates, errs = make([]string, len(ms)), make([]error, len(ms))
	d.Deliver(t.Context(), deliver.Batch(ms...), func(m *deliver.Message, r deliver.Receipt, err error) {
		i := slices.Index(ms, m)
		switch {
		case i < 0:
			t.Errorf("done was called for %s, which was not given", m.ID)
			return
		case fates[i] != "":
			t.Errorf("done was called for message %d once more", i)
		case err == nil && r.Where == "":
			t.Error("stored, but the receipt says nothing")
		}
		fates[i], errs[i] = fateOf(err), err
	})
	if i := slices.Index(fates, ""); i >= 0 {
		t.Fatalf("done was not called for message %d of %d", i, len(ms))
	}
	return fates, errs
}

// letters returns n messages that hold lines which look like commands.
func letters(n int) (ms []*deliver.Message) {
	for i := range n {
		ms = append(ms, delivertest.NewMessage(fmt.Sprintf("Subject: %d\r\n\r\n.\r\nMAIL FROM:<evil@x.example>\r\n.QUIT\r\n", i)))
	}
	return ms
}

func octets(t *testing.T, m *deliver.Message) string {
	t.Helper()
	r, err := m.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// unstuff is what a strict server makes of the octets behind DATA; ok is false
// if they go on behind CRLF.CRLF.
func unstuff(wire string) (message string, ok bool) {
	body, found := strings.CutSuffix("\r\n"+wire, "\r\n.\r\n")
	if !found || strings.Contains(body, "\r\n.\r\n") {
		return "", false
	}
	return strings.ReplaceAll(body+"\r\n", "\r\n.", "\r\n")[2:], true
}
