package push

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"mailrill/fetch"
	"mailrill/internal/mailtest"
)

// What ends a rest, and what the line is good for then. Wherever it was broken the
// next pass makes a new one and brings what came.
func TestRestEnds(t *testing.T) {
	refusing := func(answer string) *mailtest.IMAP {
		return &mailtest.IMAP{OnCommand: func(_ int, line string) mailtest.Verdict {
			if line == "IDLE" {
				return mailtest.Verdict{Reply: answer, Cut: strings.HasPrefix(answer, "* BYE")}
			}
			return mailtest.Verdict{}
		}}
	}
	for _, c := range []struct {
		what   string
		server *mailtest.IMAP
		then   func(*rig) // once it is in IDLE
		err    func(error) bool
		logins int
	}{
		{"the server ends IDLE", &mailtest.IMAP{}, func(r *rig) { r.server.EndIdle() }, isNil, 1},
		{"BYE", &mailtest.IMAP{}, func(r *rig) { r.server.Push("* BYE enough"); r.server.Restart() }, says("enough"), 2},
		{"the server restarts", &mailtest.IMAP{}, func(r *rig) { r.server.Restart() }, isBroken, 2},
		{"the line is ended", &mailtest.IMAP{}, func(r *rig) { r.line.End() }, isBroken, 2},
		{"no IDLE", &mailtest.IMAP{Without: []string{"IDLE"}}, nil, isUnsupported, 1},
		{"IDLE is refused", refusing("BAD what?"), nil, isUnsupported, 1},
		{"IDLE is refused for now", refusing("NO [UNAVAILABLE] not now"), nil, isBroken, 2},
		{"BYE to IDLE", refusing("* BYE go away"), nil, isBroken, 2},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := newRig(t, c.server, 1)
			r.pass(r.line.All())
			did := make(chan struct{})
			if c.then == nil {
				close(did)
			} else {
				r.later(func() { c.then(r); close(did) })
			}
			err := r.line.Wait(t.Context())
			<-did
			if !c.err(err) || isBroken(err) == r.line.Connected() {
				t.Errorf("Wait: %v; connected: %v", err, r.line.Connected())
			}
			r.add("INBOX", "meanwhile")
			if got := r.pass(r.line.Here()); len(got) != 1 {
				t.Errorf("brought %q", got)
			}
			if n := r.server.Sessions(); n != c.logins {
				t.Errorf("%d logins", n)
			}
		})
	}
}

func isNil(err error) bool         { return err == nil }
func isUnsupported(err error) bool { return errors.Is(err, errors.ErrUnsupported) }
func says(text string) func(error) bool {
	return func(err error) bool { return isBroken(err) && strings.Contains(err.Error(), text) }
}
func isBroken(err error) bool { return err != nil && !isUnsupported(err) }

// A server that takes IDLE and says nothing: a pass finds the mail, and the count
// of announcements says that none came.
func TestSilentServer(t *testing.T) {
	r := newRig(t, &mailtest.IMAP{NoPush: true}, 1)
	r.pass(r.line.All())
	r.add("INBOX", "unannounced")
	r.rests()
	if got := r.pass(r.line.All()); len(got) != 1 || r.line.Announced() != 0 {
		t.Errorf("brought %q, %d announcements", got, r.line.Announced())
	}
}

// A server that announces mail without end keeps nobody busy who does not look, and
// fills nothing; whoever looks is through at once.
func TestEndlessAnnouncements(t *testing.T) {
	r := newRig(t, &mailtest.IMAP{}, 1)
	r.pass(r.line.All())
	many := strings.Repeat("* 9 EXISTS\n", 10_000)
	r.later(func() { r.server.Push(many) })
	r.wait()
	for range 3 {
		r.server.Push(many) // it is read, or this would never end
		r.wait()
	}
	r.add("INBOX", "new")
	if got := r.pass(r.line.Here()); !slices.Equal(got, []string{"new"}) {
		t.Errorf("brought %q", got)
	}
}

// The count goes on when the line is made anew.
func TestAnnouncedOverSessions(t *testing.T) {
	r := newRig(t, &mailtest.IMAP{}, 1)
	for i := range 3 {
		r.pass(r.line.All())
		r.later(func() { r.add("INBOX", "new") })
		r.wait()
		if n := r.line.Announced(); n != int64(i+1) {
			t.Errorf("%d announcements, want %d", n, i+1)
		}
		r.line.End()
	}
}

// The end of a pass's context ends what the pass does, and not the line that rests.
func TestContexts(t *testing.T) {
	r := newRig(t, &mailtest.IMAP{}, 1)
	life, end := context.WithCancel(t.Context())
	r.line = New(life, r.source, "INBOX")
	r.pass(r.line.All()) // its context has ended
	r.rests()

	ctx, cancel := context.WithCancel(t.Context())
	s, err := r.line.All().Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for err == nil { // until the cut has come through; without one, for ever
		_, err = s.Open(t.Context(), "INBOX")
	}
	if err := s.Close(true); err == nil || r.line.Connected() {
		t.Error("a cut session is put to rest")
	}

	r.pass(r.line.All())
	r.later(end)
	if err := r.line.Wait(t.Context()); err == nil || r.line.Connected() {
		t.Errorf("the line outlives its context (%v)", err)
	}
	if _, err := r.line.All().Connect(t.Context()); err == nil {
		t.Error("the line connects after its life")
	}
	if err := r.line.Wait(t.Context()); err == nil {
		t.Error("the line asks for passes after its life")
	}
}

// A pass that fails drops the session, and a second session beside one that is out
// is not kept.
func TestDropped(t *testing.T) {
	r := newRig(t, &mailtest.IMAP{}, 1)
	connect := func() fetch.Session {
		s, err := r.line.All().Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first, second := connect(), connect()
	if second.Close(true); !r.line.Connected() {
		t.Error("the line has lost its session")
	}
	if first.Close(false); r.line.Connected() {
		t.Error("a session that was dropped is kept")
	}
	if n := r.server.Sessions(); n != 2 {
		t.Errorf("%d logins", n)
	}
}

// A stub is a session that is good for nothing.
type stub struct {
	session
	err       error
	gone      error // of Work
	wait      func()
	connected int
}

func (s *stub) Connect(context.Context) (fetch.Session, error) { s.connected++; return s, nil }
func (s *stub) Wait(context.Context, string) error             { s.wait(); return nil }
func (s *stub) Work() error                                    { return s.gone }
func (s *stub) Err() error                                     { return s.err }
func (s *stub) Announced() uint64                              { return 1 }
func (s *stub) Rest()                                          {}
func (s *stub) Close(bool) error                               { return s.err }

// A session that has died in its rest is not handed to a pass, and the death of one
// in a pass is told by Close.
func TestDeadSession(t *testing.T) {
	died := errors.New("died")
	s := &stub{}
	l := New(t.Context(), s, "INBOX")
	for i := range 3 {
		s.err = nil
		first, err := l.All().Connect(t.Context())
		if err != nil || first.Close(true) != nil || !l.Connected() {
			t.Fatal(err)
		}
		s.err = died
		if l.Connected() {
			t.Error("a dead session counts as connected")
		}
		again, err := l.All().Connect(t.Context())
		if err != nil || l.Announced() != int64(2*i+2) {
			t.Errorf("%d announcements over %d sessions (%v)", l.Announced(), 2*i+2, err)
		}
		if err := again.Close(true); err != died {
			t.Errorf("Close: %v", err)
		}
	}
}

// A session whose pass was stopped is not put to rest, though it may look alive for
// a moment; and a line that is ended says so, whatever its session saw of that.
func TestEndsCount(t *testing.T) {
	s := &stub{}
	l := New(t.Context(), s, "INBOX")
	ctx, cancel := context.WithCancel(t.Context())
	v, err := l.All().Connect(ctx)
	cancel()
	if v.Close(true); err != nil || l.Connected() {
		t.Errorf("a session that is being cut is put to rest (%v)", err)
	}
	v, err = l.All().Connect(t.Context())
	s.wait = l.End
	if v.Close(true); err != nil || l.Wait(t.Context()) == nil {
		t.Errorf("a line that was ended asks for a pass (%v)", err)
	}
}

func TestMoved(t *testing.T) {
	r := newRig(t, &mailtest.IMAP{}, 1)
	if r.line.Moved() {
		t.Error("a line that is not connected has moved")
	}
	if r.pass(r.line.All()); r.line.Moved() {
		t.Error("this machine has lost its loopback address")
	}
	for addr, want := range map[net.Addr]bool{
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 993}:           true, // TEST-NET-1, nobody's
		&net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 993}:       true,
		&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 993}:           false,
		&net.UnixAddr{Net: "unix", Name: "/run/mailrill-test.socket"}: false,
	} {
		if got := lost(addr); got != want {
			t.Errorf("%v: %v", addr, got)
		}
	}
}
