package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mailrill/fetch"
	imapsrc "mailrill/fetch/imap"
	"mailrill/internal/mailtest"
	"mailrill/internal/sasl"
)

// A rig is a server, a line to it, and what went over the line.
type rig struct {
	t      *testing.T
	server *mailtest.IMAP
	source fetch.Source
	dial   func(context.Context) (net.Conn, error)
	line   *Line
	floor  map[string]fetch.Cursor // up to which passes have collected, by folder
	got    []string                // the bodies that they brought

	mu     sync.Mutex
	pieces []string // what was written in one piece, without tags
}

// newRig has a line to a server that has so many messages in INBOX.
func newRig(t *testing.T, server *mailtest.IMAP, messages int, folders ...string) *rig {
	t.Helper()
	if server.Store == nil {
		server.Store = mailtest.NewStore()
	}
	server.User, server.Password = "u", "p"
	r := &rig{t: t, server: server, floor: map[string]fetch.Cursor{}}
	for i := range messages {
		r.add("INBOX", fmt.Sprintf("old %d", i+1))
	}
	addr, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	r.dial = func(ctx context.Context) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { conn.Close() })
		return &tapped{conn, r}, nil
	}
	r.source = imapsrc.New(imapsrc.Options{
		Dial:    r.dial,
		Auth:    sasl.Password("u", func(context.Context) (string, error) { return "p", nil }),
		Folders: folders,
	})
	r.line = New(t.Context(), r.source, "INBOX")
	return r
}

// A tapped connection tells its rig what is written.
type tapped struct {
	net.Conn
	r *rig
}

func (c *tapped) Write(p []byte) (int, error) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	var piece []string
	for line := range strings.Lines(string(p)) {
		line = strings.TrimRight(line, "\r\n")
		if _, command, tagged := strings.Cut(line, " "); tagged {
			line = command
		}
		piece = append(piece, line)
	}
	c.r.pieces = append(c.r.pieces, strings.Join(piece, " + "))
	return c.Conn.Write(p)
}

// wrote returns what was written since it was last asked for.
func (r *rig) wrote() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pieces
	r.pieces = nil
	return p
}

func body(text string) string { return "Subject: x\r\n\r\n" + text + "\r\n" }

func (r *rig) add(folder, text string) {
	r.server.Store.Add(folder, mailtest.Message{Body: []byte(body(text))})
}

// pass does with a source what a pass does, and returns what it brought.
func (r *rig) pass(source fetch.Source) []string {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	s, err := source.Connect(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	brought := r.visit(ctx, s)
	if err := s.Close(true); err != nil {
		r.t.Fatal(err)
	}
	return brought
}

func (r *rig) visit(ctx context.Context, s fetch.Session) (brought []string) {
	r.t.Helper()
	folders, err := s.Folders(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range folders {
		brought = append(brought, r.folder(ctx, s, f.Name)...)
	}
	r.got = append(r.got, brought...)
	return brought
}

func (r *rig) folder(ctx context.Context, s fetch.Session, name string) (brought []string) {
	r.t.Helper()
	listing, err := s.Open(ctx, name)
	if err != nil {
		r.t.Fatal(err)
	}
	items, err := s.List(ctx, r.floor[name])
	if err != nil {
		r.t.Fatal(err)
	}
	err = s.Retrieve(ctx, items, func(it fetch.Item, _ *fetch.Meta, b io.Reader, err error) error {
		if err != nil {
			return err
		}
		text, err := io.ReadAll(b)
		brought = append(brought, strings.TrimSpace(strings.TrimPrefix(string(text), "Subject: x\r\n\r\n")))
		r.floor[name] = fetch.Cursor{Validity: listing.Validity, UID: it.Num}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return brought
}

// wait waits for news.
func (r *rig) wait() {
	r.t.Helper()
	if err := r.line.Wait(r.t.Context()); err != nil {
		r.t.Fatalf("Wait: %v", err)
	}
}

// rests has the line wait, checks that it was in IDLE, and ends that.
func (r *rig) rests() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	go func() {
		r.server.AwaitIdle(1)
		cancel()
	}()
	if err := r.line.Wait(ctx); !errors.Is(err, context.Canceled) {
		r.t.Fatalf("Wait: %v; wrote %q", err, r.wrote())
	}
}

// later does f once the line is in IDLE.
func (r *rig) later(f func()) {
	go func() {
		r.server.AwaitIdle(1)
		f()
	}()
}

// From the announcement to the body it takes two round trips: two pieces that are
// answered, and nothing else in between.
func TestPushIsTwoRoundTrips(t *testing.T) {
	r := newRig(t, &mailtest.IMAP{}, 3, "INBOX", "Other")
	r.server.Store.Create("Other")
	r.pass(r.line.All())
	for i := range 3 {
		r.later(func() { r.add("INBOX", "new") })
		r.wait()
		r.wrote()
		if got := r.pass(r.line.Here()); !slices.Equal(got, []string{"new"}) {
			t.Fatalf("brought %q", got)
		}
		want := []string{
			fmt.Sprintf("DONE + UID FETCH %d:* (UID RFC822.SIZE)", i+4),
			fmt.Sprintf("UID FETCH %d (UID RFC822.SIZE FLAGS INTERNALDATE BODY.PEEK[])", i+4),
		}
		if w := r.wrote(); !slices.Equal(w, want) {
			t.Errorf("wrote %q, want %q", w, want)
		}
	}
	if n := r.server.Sessions(); n != 1 || r.line.Announced() != 3 {
		t.Errorf("%d logins, %d announcements", n, r.line.Announced())
	}
	r.later(func() { r.add("INBOX", "new") })
	r.wait()
	r.wrote()
	if r.pass(r.line.All()); !slices.Contains(r.wrote(), "EXAMINE INBOX") {
		t.Error("a pass over all folders believes an announcement")
	}
}

// Passes of both kinds share one login, each finds what came before it, and then
// there is no news.
func TestPassesShareALogin(t *testing.T) {
	for _, server := range []mailtest.IMAP{{}, {NoUIDNext: true}} {
		shareALogin(t, &server)
	}
}

func shareALogin(t *testing.T, server *mailtest.IMAP) {
	r := newRig(t, server, 2, "*")
	if r.line.Connected() {
		t.Error("it is connected before the first pass")
	}
	r.wait() // nobody can know whether something came
	for i, source := range []fetch.Source{r.line.All(), r.line.Here(), r.line.All(), r.line.Here(), r.line.Here(), r.line.All()} {
		name := fmt.Sprintf("made %d", i)
		r.server.Store.Create(name)
		r.add("INBOX", fmt.Sprintf("in %d", i))
		r.add(name, name)
		r.pass(source)
		if !slices.Contains(r.got, fmt.Sprintf("in %d", i)) {
			t.Errorf("pass %d brought not what lay in INBOX", i)
		}
		if source == r.line.All() && !slices.Contains(r.got, name) {
			t.Errorf("pass %d brought not what lay in a new folder", i)
		}
		r.rests()
	}
	if n := r.server.Sessions(); n != 1 || !r.line.Connected() {
		t.Errorf("%d logins", n)
	}
}

// A folder is the same in both kinds of passes, to the last detail: it says where
// copies go.
func TestHereIsTheFolderOfAll(t *testing.T) {
	for _, config := range [][]string{{"INBOX"}, {"inbox", "a.b"}, {"*"}} {
		r := newRig(t, &mailtest.IMAP{Separator: "."}, 1, config...)
		r.server.Store.Create("a.b")
		s, err := r.source.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(false)
		all, err := s.Folders(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			line := New(t.Context(), r.source, f.Name)
			for range 2 {
				here, err := line.Here().Connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if got, err := here.Folders(t.Context()); err != nil || len(got) != 1 || got[0] != f {
					t.Errorf("%+v, want %+v (%v)", got, f, err)
				}
				here.Close(true)
			}
		}
	}
}

// A config may write INBOX in any case.
func TestInboxInAnyCase(t *testing.T) {
	r := newRig(t, &mailtest.IMAP{}, 1)
	r.line = New(t.Context(), r.source, "Inbox")
	r.pass(r.line.Here())
	r.rests()
}

func TestFolderThatIsNot(t *testing.T) {
	r := newRig(t, &mailtest.IMAP{}, 1)
	s, err := New(t.Context(), r.source, "Gone").Here().Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if fs, err := s.Folders(t.Context()); err != nil || len(fs) != 0 {
		t.Errorf("Folders: %v, %v", fs, err)
	}
	s.Close(false)
}

// Whenever a message comes, before any of the commands, a pass brings it, and when
// it is there passes end.
func TestNothingFallsBetween(t *testing.T) {
	for _, server := range []mailtest.IMAP{{}, {NoUIDNext: true}} {
		for at, reached := 1, true; reached; at++ {
			s := server
			if reached = playLate(t, &s, at); at > 50 {
				t.Fatal("no end of commands")
			}
		}
	}
}

// playLate has a message come before a command. It reports whether there were that
// many.
func playLate(t *testing.T, server *mailtest.IMAP, at int) (reached bool) {
	var commands atomic.Int32
	var r *rig
	server.OnCommand = func(int, string) mailtest.Verdict {
		if commands.Add(1) == int32(at) {
			r.add("INBOX", "late")
		}
		return mailtest.Verdict{}
	}
	r = newRig(t, server, 2, "*")
	r.server.Store.Create("Other")
	r.pass(r.line.All())
	r.follow()
	reached = commands.Load() >= int32(at)
	r.follow()
	if reached && !slices.Contains(r.got, "late") {
		t.Errorf("a message came before command %d; brought %q; wrote %q", at, r.got, r.wrote())
	}
	r.server.Close()
	return reached
}

// follow makes a pass for each announcement, until there is none.
func (r *rig) follow() {
	r.t.Helper()
	for passes, quiet := 0, 0; quiet < 2; {
		ctx, cancel := context.WithCancel(r.t.Context())
		r.later(cancel)
		err := r.line.Wait(ctx)
		cancel()
		if quiet++; err == nil {
			quiet = 0
			r.pass(r.line.Here())
			passes++
		}
		if passes > 5 {
			r.t.Fatalf("passes without end; wrote %q", r.wrote())
		}
	}
}
