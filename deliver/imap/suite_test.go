package imap

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"mailrill/deliver"
	"mailrill/deliver/delivertest"
	"mailrill/internal/mailtest"
	"mailrill/internal/sasl"
)

var (
	_ deliver.Destination = (*Destination)(nil)
	_ deliver.Finder      = (*Destination)(nil)
)

// TestSuite runs against servers that differ in what they offer.
func TestSuite(t *testing.T) {
	servers := []struct {
		name     string
		change   func(*mailtest.IMAP)
		refuses  []string
		parallel bool
	}{
		{"all", func(*mailtest.IMAP) {}, nil, false},
		{"one by one", func(s *mailtest.IMAP) { s.Without = []string{"MULTIAPPEND"} }, nil, false},
		{"literal-", func(s *mailtest.IMAP) {
			s.Without = []string{"LITERAL+"}
			s.Capabilities = []string{"IMAP4rev1", "LITERAL-", "BINARY", "UIDPLUS"}
		}, nil, true},
		{"bare", func(s *mailtest.IMAP) { s.Capabilities = []string{"IMAP4rev1"} }, []string{"NUL"}, true},
		{"dots, no UIDNEXT, ID wanted", func(s *mailtest.IMAP) {
			s.Separator, s.NoUIDNext, s.RequireID, s.Without = ".", true, true, []string{"MULTIAPPEND"}
		}, nil, false},
		{"Gmail", func(s *mailtest.IMAP) { s.Provider = mailtest.Gmail }, []string{"NUL"}, true},
		{"NetEase", func(s *mailtest.IMAP) { s.Provider = mailtest.NetEase }, []string{"NUL"}, false},
		{"QQ", func(s *mailtest.IMAP) { s.Provider = mailtest.QQ }, []string{"NUL"}, true},
	}
	for _, server := range servers {
		t.Run(server.name, func(t *testing.T) {
			delivertest.Run(t, delivertest.Harness{
				New:     func(t *testing.T) *delivertest.Place { return newPlace(t, server.change) },
				Refuses: server.refuses, Folders: server.name != "QQ", Dates: true, Flags: true, Parallel: server.parallel,
			})
		})
	}
}

// dialer returns a dialer to addr that keeps the contract: the connection is cut
// when its context ends.
func dialer(addr string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}
}

var auth = sasl.Password("me", func(context.Context) (string, error) { return "secret", nil })

// start runs a server for one test and returns the options of a Destination on it.
func start(t *testing.T, s *mailtest.IMAP) Options {
	t.Helper()
	if s.Store == nil {
		s.Store = mailtest.NewStore()
	}
	s.User, s.Password = "me", "secret"
	addr, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return Options{Dial: dialer(addr), Auth: auth, ID: map[string]string{"name": "mailrill"}, Create: true}
}

func newPlace(t *testing.T, change func(*mailtest.IMAP)) *delivertest.Place {
	f := &faults{}
	server := &mailtest.IMAP{Store: mailtest.NewStore(), OnCommand: f.command, RefuseAppend: f.message}
	change(server)
	f.together = !slices.Contains(server.Without, "MULTIAPPEND") && server.Capabilities == nil && server.Provider == ""
	options := start(t, server)
	place := &delivertest.Place{
		Open:   func() deliver.Destination { return New(options) },
		Copies: func(*testing.T) []delivertest.Copy { return stored(server.Store) },
		RefuseForGood: func(n int) {
			f.arm(n, "NO [CANNOT] That is no message.", mailtest.Verdict{})
			f.good = true
		},
		RefuseForNow: func(n int) { f.arm(n, "NO [UNAVAILABLE] Later, please.", mailtest.Verdict{}) },
		CutBody:      func(n int) { f.arm(n, "", mailtest.Verdict{CutUpload: 20}) },
		LoseAnswer:   func(n int) { f.arm(n, "", mailtest.Verdict{LoseReply: true}) },
		Full:         f.fill,
		OpenFolder: func(name string, create bool) deliver.Destination {
			o := options
			o.Folder, o.Create = name, create
			return New(o)
		},
	}
	if server.NoCreate { // TestMissingFolder is about it
		place.OpenFolder = nil
	}
	return place
}

// faults are those of one server, for the n-th message from when they are armed:
// of the first command, where all messages go out in one.
type faults struct {
	together bool
	mu       sync.Mutex
	armed    bool
	n        int
	commands int
	messages int
	good     bool   // it is refused for good, not once
	refused  []byte // the n-th message, once it has come
	refusal  string
	verdict  mailtest.Verdict
	full     bool
}

func (f *faults) arm(n int, refusal string, v mailtest.Verdict) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed, f.n, f.commands, f.messages, f.refusal, f.verdict = true, n, 0, 0, refusal, v
}

func (f *faults) fill() func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full = true
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.full = false
	}
}

func (f *faults) command(_ int, line string) mailtest.Verdict {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.armed || !strings.HasPrefix(line, "APPEND ") {
		return mailtest.Verdict{}
	}
	f.commands++
	if f.commands == f.n+1 || f.together && f.commands == 1 {
		return f.verdict
	}
	return mailtest.Verdict{}
}

func (f *faults) message(body []byte) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full {
		return "NO [OVERQUOTA] The mailbox is full."
	}
	f.messages++
	switch {
	case f.armed && f.messages == f.n+1:
		f.refused = body
		return f.refusal
	case f.refused != nil && bytes.Equal(body, f.refused) && f.good:
		return f.refusal
	}
	return ""
}

func stored(s *mailtest.Store) (copies []delivertest.Copy) {
	for _, folder := range s.Folders() {
		if folder == s.ByRole(`\All`) {
			continue // what lies there lies elsewhere too
		}
		for _, m := range s.Messages(folder) {
			copies = append(copies, delivertest.Copy{Body: m.Body, Folder: strings.TrimPrefix(folder, inbox), Received: m.Date, Flags: m.Flags})
		}
	}
	return copies
}

// TestSuiteOnGoImap runs against go-imap's server, and reads with its client.
func TestSuiteOnGoImap(t *testing.T) {
	delivertest.Run(t, delivertest.Harness{
		New: newGoImapPlace, Folders: true, Dates: true, Flags: true,
		// It serves a header that it has parsed and written anew.
		Changes: []string{"header only", "not a header", "empty", "no header", "from line"},
	})
}

func newGoImapPlace(t *testing.T) *delivertest.Place {
	user := imapmemserver.NewUser("me", "secret")
	if err := user.Create(inbox, nil); err != nil {
		t.Fatal(err)
	}
	mem := imapmemserver.New()
	mem.AddUser(user)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return mem.NewSession(), nil, nil
		},
		Caps:         goimap.CapSet{goimap.CapIMAP4rev1: {}, goimap.CapUIDPlus: {}, goimap.CapLiteralPlus: {}},
		InsecureAuth: true,
		Logger:       quiet{},
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(ln)
	t.Cleanup(func() { server.Close() })
	options := Options{Dial: dialer(ln.Addr().String()), Auth: auth, Create: true}
	return &delivertest.Place{
		Open:   func() deliver.Destination { return New(options) },
		Copies: func(t *testing.T) []delivertest.Copy { return readAccount(t, ln.Addr().String()) },
		Halves: true,
		OpenFolder: func(name string, create bool) deliver.Destination {
			o := options
			o.Folder, o.Create = name, create
			return New(o)
		},
	}
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

// readAccount reads all messages of an account with a client that is not ours.
func readAccount(t *testing.T, addr string) (copies []delivertest.Copy) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := imapclient.New(conn, nil)
	defer c.Close()
	if err := c.Login("me", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	boxes, err := c.List("", "*", nil).Collect()
	if err != nil {
		t.Fatal(err)
	}
	for _, box := range boxes {
		copies = append(copies, readBox(t, c, box.Mailbox)...)
	}
	return copies
}

func readBox(t *testing.T, c *imapclient.Client, name string) (copies []delivertest.Copy) {
	t.Helper()
	selected, err := c.Select(name, &goimap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if selected.NumMessages == 0 {
		return nil
	}
	body := &goimap.FetchItemBodySection{Peek: true}
	messages, err := c.Fetch(goimap.SeqSet{{Start: 1, Stop: 0}}, &goimap.FetchOptions{
		UID: true, Flags: true, InternalDate: true, BodySection: []*goimap.FetchItemBodySection{body},
	}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		one := delivertest.Copy{Body: m.FindBodySection(body), Folder: strings.TrimPrefix(name, inbox), Received: m.InternalDate}
		for _, f := range m.Flags {
			one.Flags = append(one.Flags, string(f))
		}
		copies = append(copies, one)
	}
	return copies
}

// collect returns what Arrived reports, as "ID WHERE SIZE" each.
func collect(t *testing.T, d *Destination, mark string) (lines []string, next string) {
	t.Helper()
	next, err := d.Arrived(t.Context(), mark, func(id string, r deliver.Receipt) error {
		lines = append(lines, fmt.Sprintf("%.4s %s %d", id, r.Where, r.Size))
		return nil
	})
	if err != nil {
		t.Fatalf("Arrived: %v", err)
	}
	return lines, next
}
