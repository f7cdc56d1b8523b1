package smtp

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"mailrill/deliver"
	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

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
	err := d.Deliver(ctx, deliver.Batch(letters(2)...), func(_ *deliver.Message, _ deliver.Receipt, err error) { fates = append(fates, fateOf(err)) })
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
	d.Deliver(ctx, deliver.Batch(letters(1)...), func(_ *deliver.Message, _ deliver.Receipt, err error) {
		if !errors.Is(err, deliver.ErrNotTaken) || reply.ClassOf(err) != reply.Network || !errors.Is(err, context.Canceled) {
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
		if err := d.Prepare(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		d.Deliver(ctx, deliver.Batch(letters(1)...), func(_ *deliver.Message, _ deliver.Receipt, err error) {
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

// TestNoSecondTry: once an answer came to the envelope nothing is begun again by
// itself; a message whose answer is lost would come twice.
func TestNoSecondTry(t *testing.T) {
	for _, way := range ways {
		for step, want := range map[string]string{"RCPT": rest, ".": "unknown network"} {
			p := &peer{offers: way.offers, odd: map[string]string{step: "CUT"}}
			d := open(t, p.options(t))
			if err := d.Prepare(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			fates, errs := send(t, d, letters(1)...)
			if _, messages := p.seen(); fates[0] != want || len(messages) > 1 || p.sessions != 1 {
				t.Errorf("%s, cut at %q: %v, %d messages in %d sessions", way.name, step, errs[0], len(messages), p.sessions)
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

// tired is a connection that was given up while it rested.
type tired struct{ net.Conn }

func (tired) Rest(func()) {}
func (tired) Work() error { return net.ErrClosed }

// A connection that was given up while it rested is not used again.
func TestRest(t *testing.T) {
	var _ deliver.Rester = (*Destination)(nil)
	dialled := 0
	dial := (&peer{}).serve(t)
	d := New(optionsBy(func(ctx context.Context) (net.Conn, error) {
		dialled++
		conn, err := dial(ctx)
		return tired{conn}, err
	}))
	d.Rest() // there is nothing yet
	for range 2 {
		if err := d.Prepare(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		d.Rest()
	}
	if dialled != 2 {
		t.Errorf("dialled %d times", dialled)
	}
}
