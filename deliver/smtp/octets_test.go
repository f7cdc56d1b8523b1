package smtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"mailrill/deliver"
	"mailrill/deliver/delivertest"
)

// A cutConn fails each Write from the one that would exceed left octets on, and
// the server sees the end of what it is sent; what it says is still read. It
// counts what was written.
type cutConn struct {
	net.Conn
	left *int
}

var errCut = &net.OpError{Op: "write", Err: errors.New("the line was cut")}

func (c cutConn) Write(p []byte) (int, error) {
	if len(p) > *c.left {
		n, _ := c.Conn.Write(p[:max(*c.left, 0)])
		*c.left = -1
		c.Conn.(*net.TCPConn).CloseWrite()
		return n, errCut
	}
	*c.left -= len(p)
	return c.Conn.Write(p)
}

func cutAt(dial func(context.Context) (net.Conn, error), left *int) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		return cutConn{conn, left}, err
	}
}

// TestCutAtEachOctet cuts our own writing at each octet of a delivery. What is
// called not taken was not whole at the server, and from the first octet of the
// end on nothing is called so.
func TestCutAtEachOctet(t *testing.T) {
	for _, way := range []string{"PIPELINING", "PIPELINING,CHUNKING", "CHUNKING"} {
		m := delivertest.NewMessage("a\r\n")
		whole := 1 << 20
		p := &peer{offers: way}
		o := p.options(t)
		o.Dial = cutAt(o.Dial, &whole)
		if fates, errs := send(t, open(t, o), m); fates[0] != "stored" {
			t.Fatal(errs[0])
		}
		total := 1<<20 - whole
		end := len(".\r\n")
		if strings.Contains(way, "CHUNKING") {
			end = 1
		}
		hello := len("LHLO me.example\r\n")
		for n := hello; n < total; n++ {
			left := n
			p := &peer{offers: way}
			o := p.options(t)
			o.Dial = cutAt(o.Dial, &left)
			d := open(t, o)
			fates, errs := send(t, d, m)
			d.Close()
			want := rest
			if n >= total-end {
				want = "unknown network"
			}
			if fates[0] != want {
				t.Errorf("%s, cut behind %d of %d octets: %v, want %s", way, n, total, errs[0], want)
			}
		}
	}
}

// TestCutAtEachOctetOfAFlight cuts our writing at each octet of three messages, of
// which two go in a flight. The server answers what it has whole: each message is
// stored and told so, or not taken.
func TestCutAtEachOctetOfAFlight(t *testing.T) {
	ms := letters(3)
	for left := len("LHLO me.example\r\n"); ; left++ {
		p, rest := &peer{offers: flying}, left
		o := p.options(t)
		o.Dial = cutAt(o.Dial, &rest)
		d := open(t, o)
		fates, errs := send(t, d, ms...)
		d.Close()
		messages := p.taken()
		for i, m := range ms {
			want := "not taken network"
			if slices.Contains(messages, octets(t, m)) {
				want = "stored"
			}
			if fates[i] != want && (i > 0 || fates[0] != "unknown network") {
				t.Errorf("cut behind %d octets: message %d: %v, want %s", left, i, errs[i], want)
			}
		}
		checkWire(t, p, ms)
		if fates[2] == "stored" {
			return
		}
	}
}

// A stuckConn is a cutConn in a flight, whose last Write lasts until it is closed.
type stuckConn struct {
	cutConn
	flight bool
	closed chan struct{}
}

func (c *stuckConn) Write(p []byte) (int, error) {
	c.flight = c.flight || strings.Contains(string(p), "RSET\r\n")
	n, err := c.cutConn.Write(p)
	if c.flight && err != nil {
		<-c.closed
	}
	return n, err
}

func (c *stuckConn) Close() error {
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
	return c.cutConn.Close()
}

// TestStuckWrite: the answers end while a Write is under way. What it has not
// handed over when the connection is closed is no doubt.
func TestStuckWrite(t *testing.T) {
	for range 20 {
		p, left := &peer{offers: flying}, 300
		o := p.options(t)
		dial := o.Dial
		o.Dial = func(ctx context.Context) (net.Conn, error) {
			conn, err := dial(ctx)
			return &stuckConn{cutConn{conn, &left}, false, make(chan struct{})}, err
		}
		fates, errs := send(t, open(t, o), letters(3)...)
		if want := []string{"stored", rest, rest}; !slices.Equal(fates, want) {
			t.Fatalf("%q, %v", fates, errs)
		}
	}
}

// A deafConn hears only so many octets, and keeps them. Its end shows when the
// server says more, as a line's does: by then that has what it answers.
type deafConn struct {
	net.Conn
	left  *int
	heard *strings.Builder
}

func (c deafConn) Read(p []byte) (int, error) {
	if *c.left <= 0 {
		_, _ = c.Conn.Read(p[:1])
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p[:min(len(p), *c.left)])
	*c.left -= n
	c.heard.Write(p[:n])
	return n, err
}

// TestDeafAtEachOctetOfAFlight ends the server's answers at each octet. It has all
// of the flight by then: what it has acknowledged is stored, all else unknown.
func TestDeafAtEachOctetOfAFlight(t *testing.T) {
	ms := letters(4)
	for left := 0; ; left++ {
		p, rest, heard := &peer{offers: flying, until: 4}, left, strings.Builder{}
		o := p.options(t)
		dial := o.Dial
		o.Dial = func(ctx context.Context) (net.Conn, error) {
			conn, err := dial(ctx)
			return deafConn{conn, &rest, &heard}, err
		}
		d := New(o)
		fates, errs := send(t, d, ms...)
		answered := strings.Count(heard.String(), usual["."])
		for i, fate := range fates {
			switch {
			case i < answered && fate != "stored", i >= answered && fate == "stored",
				i >= answered && answered > 0 && fate != "unknown network":
				t.Errorf("%q: message %d: %s, %v", heard.String(), i, fate, errs[i])
			}
		}
		d.Close()
		if answered == len(ms) {
			return
		}
	}
}

// TestRefusedMidway: the server refuses in the middle of the octets and hangs
// up. Its words are the reason, not the broken line: else the message would come
// again and again.
func TestRefusedMidway(t *testing.T) {
	big := delivertest.NewMessage(strings.Repeat("0123456789abcdef\r\n", 20000))
	for _, tt := range []struct{ offers, step, answer, want string }{
		{"PIPELINING", "DATA", "354 go\r\n552 5.3.4 too big\r\n", "rejected"},
		{"CHUNKING", "BDAT", "552 5.3.4 too big\r\n", "rejected"},
		{"CHUNKING", "BDAT", "452 4.2.2 over quota\r\n", "unavailable limit"},
		{"CHUNKING", "BDAT", "250 taken\r\n", rest},
		{"CHUNKING", "BDAT", "CUT", rest},
		{"PIPELINING,CHUNKING", "MAIL", "552 5.3.4 too big\r\n", "rejected"},
		{"PIPELINING,CHUNKING", "RCPT", "452 4.2.2 over quota\r\n", "unavailable limit"},
		{"PIPELINING,CHUNKING", "BDAT", "554 5.7.1 spam\r\nCUT", "rejected"},
		{flying, "MAIL", "552 5.3.4 too big\r\n", "rejected"},
		{flying, "RCPT", "452 4.2.2 over quota\r\n", "unavailable limit"},
		{flying, "BDAT", "554 5.7.1 spam\r\n", "rejected"},
		{flying, "BDAT", "554 5.7.1 spam\r\nCUT", "rejected"},
		{flying, "BDAT", "250 2.0.0 taken\r\n", "not taken temporary"},
		{flying, "BDAT", "CUT", rest},
	} {
		p := &peer{offers: tt.offers, at: 1, odd: map[string]string{tt.step: tt.answer}}
		left := 1000
		o := p.options(t)
		o.Dial = cutAt(o.Dial, &left)
		fates, errs := send(t, open(t, o), delivertest.NewMessage("small\r\n"), big)
		if fates[1] != tt.want {
			t.Errorf("%s, %s answered %q: %v, want %s", tt.offers, tt.step, tt.answer, errs[1], tt.want)
		}
		if _, messages := p.seen(); len(messages) > 1 {
			t.Errorf("%s: %d messages were completed", tt.offers, len(messages))
		}
	}
}

// A spool yields other octets, or none, from its k-th opening on.
func spool(m *deliver.Message, k int, then func() (io.ReadSeekCloser, error)) *deliver.Message {
	changed, opened := *m, 0
	changed.Open = func() (io.ReadSeekCloser, error) {
		if opened++; opened > k {
			return then()
		}
		return m.Open()
	}
	return &changed
}

type file struct{ *strings.Reader }

func (file) Close() error { return nil }

// WriteTo is hidden: io.Copy must go through Read.
func (f file) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{f}) }

type badFile struct {
	file
	good int
}

var errDisk = errors.New("the disk is broken")

func (f *badFile) Read(p []byte) (int, error) {
	if f.good == 0 {
		return 0, errDisk
	}
	n, err := f.file.Read(p[:min(len(p), f.good)])
	f.good -= n
	return n, err
}

// TestSpool: a message that cannot be read, or is shorter or longer than it says,
// at any of the times when it is read, never completes a transaction, and the
// messages around it arrive.
func TestSpool(t *testing.T) {
	ms := letters(3)
	body := octets(t, ms[1])
	contents := map[string]func() (io.ReadSeekCloser, error){
		"open":    func() (io.ReadSeekCloser, error) { return nil, errDisk },
		"read":    func() (io.ReadSeekCloser, error) { return &badFile{file{strings.NewReader(body)}, 40}, nil },
		"shorter": func() (io.ReadSeekCloser, error) { return file{strings.NewReader(body[:len(body)-1])}, nil },
		"longer":  func() (io.ReadSeekCloser, error) { return file{strings.NewReader(body + "\n")}, nil },
		"empty":   func() (io.ReadSeekCloser, error) { return file{strings.NewReader("")}, nil },
	}
	for _, offers := range []string{"", "PIPELINING", "CHUNKING", flying} {
		for _, wrap := range []bool{false, true} {
			for name, then := range contents {
				for k := range 4 {
					p := &peer{offers: offers}
					o := p.options(t)
					o.Wrap = wrap
					d := open(t, o)
					fates, errs := send(t, d, ms[0], spool(ms[1], k, then), ms[2])
					where := fmt.Sprintf("%s, wrap %v, %s from opening %d on", offers, wrap, name, k+1)
					again := []*deliver.Message{ms[1]}
					if k == 3 && !wrap {
						again = nil // it was not opened that often
					} else if fates[1] != "not taken io" {
						t.Errorf("%s: %v", where, errs[1])
					}
					if fates[2] != "stored" {
						again = append(again, ms[2])
					}
					if again, errs := send(t, d, again...); slices.ContainsFunc(again, func(f string) bool { return f != "stored" }) {
						t.Errorf("%s, again: %v", where, errs)
					}
					if _, messages := p.seen(); len(messages) != 3 {
						t.Errorf("%s: %d messages arrived", where, len(messages))
					}
				}
			}
		}
	}
}

// TestEmpty: BDAT 0 LAST is an end in itself.
func TestEmpty(t *testing.T) {
	m := &deliver.Message{ID: "none", Open: func() (io.ReadSeekCloser, error) { return file{strings.NewReader("")}, nil }}
	for answer, want := range map[string]string{"250 ok\r\n": "stored", "CUT": "unknown network"} {
		for _, offers := range []string{"CHUNKING", "PIPELINING,CHUNKING", "PIPELINING", flying} {
			p := &peer{offers: offers, at: 1, odd: map[string]string{".": answer}}
			if fates, errs := send(t, open(t, p.options(t)), letters(1)[0], m); fates[1] != want {
				t.Errorf("%s, answer %q: %v", offers, answer, errs[1])
			}
		}
		stray := &peer{offers: "CHUNKING", at: 1, odd: map[string]string{"RCPT": "250 a\r\n250 b\r\n", ".": answer}}
		if fates, errs := send(t, open(t, stray.options(t)), letters(1)[0], m); fates[1] != "not taken temporary" {
			t.Errorf("an answer too many: %v", errs[1])
		}
		left := len("LHLO me.example\r\nMAIL FROM:<me@a.example>\r\nRCPT TO:<you@b.example>\r\nBDAT 0 LAST\r")
		p := &peer{offers: "CHUNKING"}
		o := p.options(t)
		o.Dial = cutAt(o.Dial, &left)
		if fates, errs := send(t, open(t, o), m); fates[0] != "unknown network" {
			t.Errorf("cut in BDAT 0 LAST: %v", errs[0])
		}
	}
}

func TestSize(t *testing.T) {
	m := delivertest.NewMessage("Subject: x\r\n\r\n" + strings.Repeat("x\r\n", 100))
	for offers, want := range map[string]string{
		fmt.Sprintf("SIZE %d", m.Size-1): "rejected",
		fmt.Sprintf("SIZE %d", m.Size):   "stored",
		"SIZE":                           "stored",
		"SIZE 0":                         "stored",
		"SIZE many":                      "stored",
		"SIZE -5":                        "stored",
		"X":                              "stored",
	} {
		p := &peer{offers: offers}
		fates, errs := send(t, open(t, p.options(t)), m, letters(1)[0])
		if fates[0] != want || fates[1] != "stored" {
			t.Errorf("%s: %v, %v", offers, errs[0], errs[1])
		}
		log, _ := p.seen()
		states := strings.Contains(log[1], fmt.Sprintf(" SIZE=%d", m.Size))
		if states != (strings.HasPrefix(offers, "SIZE") && want == "stored") {
			t.Errorf("%s: the server was told %q", offers, log[1])
		}
	}
}
