package pop3

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"mailrill/fetch"
)

// A step is one turn of a scripted server: it reads the lines of want, each of
// which must come as it stands, and then sends send as it stands.
type step struct{ want, send string }

// cut as the end of send drops the connection behind it.
const cut = "\x00CUT"

// A script is a server that plays steps to one client. When they are over it
// reads on, and everything that still comes is a fault of the client.
type script struct {
	t     *testing.T
	steps []step
	mute  chan struct{} // closed when all steps were played
}

// play returns a Source whose server plays steps. It is over when the test ends.
func play(t *testing.T, o Options, steps ...step) (*Source, *script) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, steps: steps, mute: make(chan struct{})}
	over := make(chan struct{})
	go func() {
		defer close(over)
		if conn, err := ln.Accept(); err == nil {
			s.serve(conn)
		}
	}()
	o.Dial = dial(ln.Addr().String())
	if o.Auth == nil {
		o.Auth = password("joe", "secret")
	}
	t.Cleanup(func() {
		ln.Close()
		<-over
	})
	return New(o), s
}

// patience ends a test whose client and server both wait.
const patience = 20 * time.Second

func (s *script) serve(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	br := bufio.NewReader(conn)
	for _, st := range s.steps {
		if !s.hear(br, st.want) {
			return
		}
		text, drop := strings.CutSuffix(st.send, cut)
		io.WriteString(conn, text)
		if drop {
			return
		}
	}
	close(s.mute)
	if line, err := br.ReadString('\n'); err == nil {
		s.t.Errorf("the client says %q when nothing was to be said", line)
	}
}

func (s *script) hear(br *bufio.Reader, want string) bool {
	for want != "" {
		line, rest, _ := strings.Cut(want, "\n")
		want = rest
		got, err := br.ReadString('\n')
		if err != nil {
			s.t.Errorf("the client left before %q: %v", line, err)
			return false
		}
		if got != line+"\r\n" {
			s.t.Errorf("the client says %q, want %q", got, line)
			return false
		}
	}
	if n := br.Buffered(); n > 0 {
		more, _ := br.Peek(n)
		s.t.Errorf("the client says %q too early", more)
	}
	return true
}

// login are the steps before those of a test, for a server with these
// capabilities ("" for none, and for one that does not know CAPA).
func login(capabilities string, steps ...step) []step {
	capa := step{"CAPA", "-ERR what?\r\n"}
	if capabilities != "" {
		capa.send = "+OK\r\n" + strings.ReplaceAll(capabilities, ",", "\r\n") + "\r\n.\r\n"
	}
	return append([]step{
		{"", "+OK hello\r\n"}, capa, {"USER joe", "+OK\r\n"}, {"PASS secret", "+OK in\r\n"}, capa,
	}, steps...)
}

// uidlStep is which of the steps of listed is UIDL; LIST is behind it.
const uidlStep = 6

// listed are the steps of a session that has listed n messages, with the UIDLs
// u1, u2 …, of ten octets each.
func listed(capabilities string, n int, steps ...step) []step {
	var list, uidl strings.Builder
	for i := 1; i <= n; i++ {
		list.WriteString(itoa(i) + " 10\r\n")
		uidl.WriteString(itoa(i) + " u" + itoa(i) + "\r\n")
	}
	return login(capabilities, append([]step{
		{"STAT", "+OK " + itoa(n) + " 100\r\n"},
		{"UIDL", "+OK\r\n" + uidl.String() + ".\r\n"},
		{"LIST", "+OK\r\n" + list.String() + ".\r\n"},
	}, steps...)...)
}

func itoa(n int) string { return strings.TrimPrefix(retr(uint32(n)), "RETR ") }

// connect logs in to a scripted server.
func connect(t *testing.T, o Options, steps ...step) *session {
	t.Helper()
	source, _ := play(t, o, steps...)
	opened, err := source.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close(false) })
	return opened.(*session)
}

// list logs in and lists.
func list(t *testing.T, o Options, steps ...step) (*session, []fetch.Item) {
	t.Helper()
	s := connect(t, o, steps...)
	items, err := openAndList(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return s, items
}

func openAndList(ctx context.Context, s fetch.Session) ([]fetch.Item, error) {
	if _, err := s.Open(ctx, Inbox); err != nil {
		return nil, err
	}
	items, err := s.List(ctx, fetch.Cursor{})
	if err != nil {
		return nil, err
	}
	return items, s.(fetch.Sizer).Sizes(ctx, items)
}

// A got is what Retrieve handed over.
type got struct {
	key  string
	body string
	err  error
}

func retrieveAll(t *testing.T, s *session, items []fetch.Item) (all []got, err error) {
	err = s.Retrieve(t.Context(), items, func(it fetch.Item, _ *fetch.Meta, r io.Reader, err error) error {
		g := got{key: it.Key, err: err}
		if err == nil {
			var body []byte
			body, g.err = io.ReadAll(r)
			g.body = string(body)
		}
		all = append(all, g)
		return nil
	})
	return all, err
}
