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
	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
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
	for _, offers := range []string{"", "PIPELINING", "CHUNKING", "PIPELINING,CHUNKING"} {
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
		for _, offers := range []string{"CHUNKING", "PIPELINING,CHUNKING", "PIPELINING"} {
			p := &peer{offers: offers, answers: map[string]string{".": answer}}
			if fates, errs := send(t, open(t, p.options(t)), m); fates[0] != want {
				t.Errorf("%s, answer %q: %v", offers, answer, errs[0])
			}
		}
		stray := &peer{offers: "CHUNKING", answers: map[string]string{"RCPT": "250 a\r\n250 b\r\n", ".": answer}}
		if fates, errs := send(t, open(t, stray.options(t)), m); fates[0] != "not taken temporary" {
			t.Errorf("an answer too many: %v", errs[0])
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

// TestContext: the context of Deliver cuts a connection that Prepare made, and
// the message at hand is a doubt.
func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &mailtest.SMTP{OnCommand: func(_ int, line string) mailtest.Verdict {
		if line == "." {
			cancel()
			<-ctx.Done()
			return mailtest.Verdict{LoseReply: true}
		}
		return mailtest.Verdict{}
	}}
	d := open(t, startServer(t, s))
	if err := d.Prepare(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	var fates []string
	err := d.Deliver(ctx, letters(2), func(_ *deliver.Message, _ deliver.Receipt, err error) { fates = append(fates, fateOf(err)) })
	if want := []string{"unknown network", rest}; !slices.Equal(fates, want) || err == nil {
		t.Errorf("%q, %v", fates, err)
	}
	s.OnCommand = nil
	if fates, errs := send(t, d, letters(1)...); fates[0] != "stored" {
		t.Errorf("afterwards: %v", errs[0])
	}
	d = open(t, startServer(t, &mailtest.SMTP{}))
	if err := d.Prepare(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	d.Deliver(ctx, letters(1), func(_ *deliver.Message, _ deliver.Receipt, err error) {
		if !errors.Is(err, deliver.ErrNotTaken) || reply.ClassOf(err) != reply.Network {
			t.Errorf("with a context that has ended: %v", err)
		}
	})
}

// TestSilentServer: a silent server is cut by the context, at each step.
func TestSilentServer(t *testing.T) {
	for step, want := range map[string]string{"MAIL": rest, "DATA": rest, ".": "unknown network"} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		s := &mailtest.SMTP{Without: []string{"CHUNKING"}, OnCommand: func(_ int, line string) mailtest.Verdict {
			if strings.HasPrefix(line, step) {
				cancel()
				<-ended
			}
			return mailtest.Verdict{}
		}}
		d := open(t, startServer(t, s))
		d.Deliver(ctx, letters(1), func(_ *deliver.Message, _ deliver.Receipt, err error) {
			if fateOf(err) != want {
				t.Errorf("%s: %v, want %s", step, err, want)
			}
		})
		close(ended)
	}
}

// TestIdle: the server has hung up between two batches, with or without a word.
// Nothing was sent but the envelope, so the message goes over a new line.
func TestIdle(t *testing.T) {
	for _, farewell := range []string{"CUT", "421 4.4.2 timeout\r\nCUT"} {
		for _, way := range ways {
			p := &peer{offers: way.offers, at: 1, odd: map[string]string{".": "250 taken\r\n", "MAIL": farewell}}
			d, ms := open(t, p.options(t)), letters(2)
			for i, m := range ms {
				if fates, errs := send(t, d, m); fates[0] != "stored" {
					t.Errorf("%s, %q: message %d: %v", way.name, farewell, i, errs[0])
				}
			}
			if _, messages := p.seen(); len(messages) != 2 || p.sessions != 2 {
				t.Errorf("%s: %d messages in %d sessions", way.name, len(messages), p.sessions)
			}
		}
	}
}

// A lastWords connection has said all that it will.
type lastWords struct {
	net.Conn
	words io.Reader
	t     *testing.T
}

func (c lastWords) Write(p []byte) (int, error) { return len(p), nil }
func (c lastWords) Close() error                { return nil }

func (c lastWords) Read(p []byte) (int, error) {
	n, err := c.words.Read(p)
	if err != nil {
		c.t.Error("it waits for an answer that will not come")
	}
	return n, err
}

// TestNothingBehind421: a server that said 421 answers nothing more, and may take
// its time to hang up.
func TestNothingBehind421(t *testing.T) {
	for words, want := range map[string]string{
		"220 hi\r\n250-me\r\n250 PIPELINING\r\n421 bye\r\n":                         "unavailable temporary",
		"220 hi\r\n250-me\r\n250 PIPELINING\r\n250 ok\r\n421 bye\r\n":               "unavailable temporary",
		"220 hi\r\n250 me\r\n421 bye\r\n":                                           "unavailable temporary",
		"220 hi\r\n250 me\r\n250 ok\r\n250 ok\r\n354 go\r\n421 bye\r\n":             "not taken temporary",
		"220 hi\r\n250-me\r\n250 CHUNKING\r\n250 ok\r\n250 ok\r\n421 bye\r\n":       "not taken temporary",
		"220 hi\r\n250-me\r\n250 CHUNKING\r\n250 ok\r\n550 5.1.1 no\r\n421 bye\r\n": "unavailable config",
	} {
		conn := &lineReader{strings.SplitAfter(words, "\n")}
		o := Options{Dial: func(context.Context) (net.Conn, error) { return lastWords{words: conn, t: t}, nil }, LMTP: true, Hello: "me", Recipient: "you"}
		if fates, errs := send(t, New(o), letters(1)...); fates[0] != want {
			t.Errorf("%q: %v, want %s", words, errs[0], want)
		}
	}
}

// A lineReader yields a line with each Read.
type lineReader struct{ lines []string }

func (r *lineReader) Read(p []byte) (int, error) {
	if len(r.lines) == 0 || r.lines[0] == "" {
		return 0, io.EOF
	}
	n := copy(p, r.lines[0])
	r.lines = r.lines[1:]
	return n, nil
}

// TestNoPipelining: without PIPELINING no command goes out before the answer to
// the one before.
func TestNoPipelining(t *testing.T) {
	for _, offers := range []string{"X", "CHUNKING"} {
		client, server := net.Pipe()
		p := &peer{offers: offers}
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.session(oneByOne{server, t})
		}()
		o := Options{Dial: func(context.Context) (net.Conn, error) { return client, nil }, LMTP: true, Hello: "me", Recipient: "you"}
		d := New(o)
		if fates, errs := send(t, d, letters(2)...); fates[0] != "stored" || fates[1] != "stored" {
			t.Errorf("%s: %v", offers, errs)
		}
		d.Close()
		<-done
	}
}

// oneByOne fails its test when one read brings more than one command.
type oneByOne struct {
	net.Conn
	t *testing.T
}

func (c oneByOne) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if s := string(p[:n]); strings.HasPrefix(s, "MAIL") && strings.Contains(s, "RCPT") || strings.HasPrefix(s, "RCPT") && strings.Contains(s, "DATA") {
		c.t.Errorf("one read brought %q", s)
	}
	return n, err
}
