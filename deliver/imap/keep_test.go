package imap

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/deliver"
	"mailrill/internal/mailconn"
	"mailrill/internal/mailtest"
)

var _ deliver.Keeper = (*Destination)(nil)

// since returns the verbs of the commands since the last call.
func (l *log) since() (verbs []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		verb, _, _ := strings.Cut(line, " ")
		verbs = append(verbs, verb)
	}
	l.lines = nil
	return verbs
}

func (l *log) want(t *testing.T, verbs ...string) {
	t.Helper()
	if got := l.since(); !slices.Equal(got, verbs) {
		t.Errorf("commands %q, want %q", got, verbs)
	}
}

// limited has o dial under a limit, as the program does.
func limited(t *testing.T, o Options, l *mailconn.Limit) Options {
	t.Helper()
	conn, err := o.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	host, port, _ := net.SplitHostPort(conn.RemoteAddr().String())
	n, _ := strconv.Atoi(port)
	o.Dial = (&mailconn.Dialer{Protocol: "imap", Host: host, Port: n, TLS: mailconn.None, Limit: l}).Dial
	return o
}

// pass does what a pass with news does, with a context of its own.
func pass(t *testing.T, d *Destination, ms ...*deliver.Message) {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	d.Wake()
	if err := d.Prepare(ctx, ""); err != nil {
		t.Fatal(err)
	}
	err := d.Deliver(ctx, deliver.Batch(ms...), func(m *deliver.Message, _ deliver.Receipt, err error) {
		if err != nil {
			t.Errorf("deliver: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	d.Rest()
}

// A pass over a connection that was kept is one question, which is asked while the
// source is listed, and the message.
func TestKeptConnection(t *testing.T) {
	for folder, question := range map[string]string{"": "NOOP", "Archive": "LIST"} {
		l := &log{}
		server := &mailtest.IMAP{Store: mailtest.NewStore(), OnCommand: l.command}
		o := limited(t, start(t, server), nil)
		o.Folder = folder
		d := New(o)
		pass(t, d, message(1))
		if _, err := d.Arrived(t.Context(), "", func(string, deliver.Receipt) error { return nil }); err != nil { // as after the first delivery
			t.Fatal(err)
		}
		pass(t, d, message(2)) // leaves the folder that Arrived has opened
		l.since()
		for n := range 3 {
			pass(t, d, message(3+n))
			l.want(t, question, "APPEND")
		}
		if n := server.Sessions(); n != 2 { // one is that of limited
			t.Errorf("%d connections", n-1)
		}
		if n := len(server.Store.Messages(d.o.Folder)); n != 5 {
			t.Errorf("%d messages have arrived", n)
		}
		d.Close()
	}
}

// A pass without news connects to nothing, and does not wait for a connection that
// was kept. Of several in a row each asks anew, once there was an answer.
func TestPassWithoutNews(t *testing.T) {
	l := &log{}
	d := New(limited(t, start(t, &mailtest.IMAP{OnCommand: l.command}), nil))
	d.Wake()
	d.Rest()
	l.want(t)
	pass(t, d, message(1))
	l.since()
	d.Wake()
	d.Rest()
	answer := <-d.woken
	d.woken <- answer // it is there when the next pass begins
	d.Wake()
	d.Rest()
	if err := d.Prepare(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	l.want(t, "NOOP", "NOOP")
	d.Wake()
	d.Close()
	if d.session != nil || d.woken != nil {
		t.Error("Close has left something")
	}
}

// A kept connection that the server has closed is noticed before anything is sent;
// the folder is looked for again.
func TestKeptConnectionIsLost(t *testing.T) {
	var hangUp atomic.Bool
	l := &log{}
	server := &mailtest.IMAP{Store: mailtest.NewStore(), OnCommand: func(session int, line string) mailtest.Verdict {
		l.command(session, line)
		return mailtest.Verdict{Cut: line == "NOOP" && hangUp.Load()}
	}}
	d := New(limited(t, start(t, server), nil))
	pass(t, d, message(1))
	hangUp.Store(true)
	pass(t, d, message(2))
	if got := l.with("APPEND"); len(got) != 2 || len(server.Store.Messages(inbox)) != 2 {
		t.Errorf("%d APPENDs, %d messages", len(got), len(server.Store.Messages(inbox)))
	}
	d.Close()
}

// A folder that was removed while the connection was kept is made again.
func TestKeptFolderIsGone(t *testing.T) {
	server := &mailtest.IMAP{Store: mailtest.NewStore()}
	o := limited(t, start(t, server), nil)
	o.Folder = "Archive"
	d := New(o)
	pass(t, d, message(1))
	server.Store.Delete("Archive")
	pass(t, d, message(2))
	if n := len(server.Store.Messages("Archive")); n != 1 {
		t.Errorf("%d messages", n)
	}
	d.Close()
}

// A connection that rests is given up for another account's; its next pass waits for
// its turn, and connects anew.
func TestKeptConnectionGivesWay(t *testing.T) {
	server := &mailtest.IMAP{Store: mailtest.NewStore()}
	o := limited(t, start(t, server), mailconn.NewLimit(1))
	one, other := New(o), New(o)
	for n := range 3 {
		pass(t, one, message(2*n))
		pass(t, other, message(2*n+1))
	}
	other.Wake()
	pass(t, one, message(6)) // takes the place of one that was just asked
	pass(t, other, message(7))
	if n := len(server.Store.Messages(inbox)); n != 8 {
		t.Errorf("%d messages have arrived", n)
	}
	one.Close()
	other.Close()
}

// A tired connection tells whether it rests, and is given up when it should work
// again if it is gone.
type tired struct {
	net.Conn
	rests, gone bool
}

func (c *tired) Rest(func()) { c.rests = true }
func (c *tired) Work() error {
	c.rests = false
	if c.gone {
		return mailconn.ErrGivenUp
	}
	return nil
}

// A connection rests between passes only, and one that was given up meanwhile is not
// used.
func TestRestAndWork(t *testing.T) {
	o := start(t, &mailtest.IMAP{})
	dial, conns := o.Dial, []*tired(nil)
	o.Dial = func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		conns = append(conns, &tired{Conn: conn})
		return conns[len(conns)-1], err
	}
	d := New(o)
	pass(t, d, message(1))
	d.Wake()
	if !conns[0].rests {
		t.Error("it works while the source may have to be waited for")
	}
	if err := d.Prepare(t.Context(), ""); err != nil || conns[0].rests {
		t.Errorf("rests: %v, %v", conns[0].rests, err)
	}
	d.Rest()
	conns[0].gone = true
	pass(t, d, message(2))
	if len(conns) != 2 {
		t.Errorf("%d connections", len(conns))
	}
	d.Close()
}

// A server that is silent when it is woken is given up soon.
func TestKeptConnectionIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := script{{"NOOP", ""}}.dial(t)
		dialled := 0
		d := New(Options{Auth: auth, Dial: func(ctx context.Context) (net.Conn, error) {
			dialled++
			return dial(ctx)
		}})
		pass(t, d, message(1))
		start := time.Now()
		pass(t, d, message(2))
		if dialled != 2 || time.Since(start) != wakePatience {
			t.Errorf("dialled %d times, %v after it was woken", dialled, time.Since(start))
		}
		d.Close()
	})
}

// What ends with its context is what is under way, not a connection that rests.
func TestEndOfAPassWhileAwaking(t *testing.T) {
	d := New(Options{Auth: auth, Dial: script{{"NOOP", ""}}.dial(t)})
	pass(t, d, message(1))
	d.Wake()
	ctx, end := context.WithCancel(t.Context())
	end()
	if err := d.Prepare(ctx, ""); err != context.Canceled {
		t.Error(err)
	}
	if d.session == nil {
		t.Error("the connection was given up for a pass that did not begin")
	}
	d.Close()
}
