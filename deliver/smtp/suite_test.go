package smtp

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mailrill/deliver"
	"mailrill/deliver/delivertest"
	"mailrill/internal/mailtest"
	"mailrill/internal/sasl"
)

var _ deliver.Destination = (*Destination)(nil)

// notByData are the shapes that DATA cannot carry.
var notByData = []string{"bare LF", "bare CR", "CR CR LF", "NUL", "final CR"}

// endedByData are those that end in no line end, which DATA adds. TestLastLine
// holds that it adds nothing else.
var endedByData = []string{"no final line end", "final dot"}

// TestSuite runs against servers that differ in what they offer, over one
// connection or several.
func TestSuite(t *testing.T) {
	bare := []string{"CHUNKING", "BINARYMIME", "PIPELINING", "8BITMIME", "SIZE", "ENHANCEDSTATUSCODES"}
	for _, offers := range []struct {
		name        string
		without     []string
		connections int
	}{
		{"all", nil, 1},
		{"no BINARYMIME", []string{"BINARYMIME"}, 1},
		{"no PIPELINING", []string{"PIPELINING"}, 1},
		{"no CHUNKING", []string{"CHUNKING"}, 1},
		{"no ENHANCEDSTATUSCODES", []string{"ENHANCEDSTATUSCODES"}, 1},
		{"bare", bare, 1},
		{"all over 4", nil, 4},
		{"bare over 4", bare, 4},
		{mailtest.Gmail, nil, 1},
		{mailtest.QQ, nil, 1},
	} {
		h := delivertest.Harness{Parallel: offers.connections > 1}
		provider := offers.name == mailtest.Gmail || offers.name == mailtest.QQ
		if strings.Contains(strings.Join(offers.without, " "), "CHUNKING") || offers.name == mailtest.QQ {
			h.Refuses, h.Changes = notByData, endedByData
		}
		for _, kind := range []string{"SMTP", "LMTP", "LMTP on a socket"} {
			if kind == "LMTP on a socket" && offers.name != "all" {
				continue // the socket makes no other difference
			}
			if kind != "SMTP" && provider {
				continue // they have no LMTP
			}
			t.Run(kind+"/"+offers.name, func(t *testing.T) {
				h.New = func(t *testing.T) *delivertest.Place {
					s := &mailtest.SMTP{LMTP: kind != "SMTP", Without: offers.without}
					if provider {
						s.Provider, s.User, s.Password = offers.name, "me@a.example", "secret"
					}
					if strings.HasSuffix(kind, "socket") {
						s.Socket = filepath.Join(t.TempDir(), "s")
					}
					return newPlace(t, s, offers.connections)
				}
				delivertest.Run(t, h)
			})
		}
	}
}

func startServer(t *testing.T, s *mailtest.SMTP) Options {
	t.Helper()
	addr, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	network := "tcp"
	if s.Socket != "" {
		network = "unix"
	}
	o := Options{Dial: dialer(network, addr), LMTP: s.LMTP, Hello: "me.example", Sender: "me@a.example", Recipient: "you@b.example", Now: now}
	if s.User != "" {
		o.Auth = sasl.Password(s.User, func(context.Context) (string, error) { return s.Password, nil })
	}
	return o
}

func newPlace(t *testing.T, s *mailtest.SMTP, connections int) *delivertest.Place {
	f := &faults{}
	s.OnCommand, s.RefuseMessage = f.command, f.message
	o := startServer(t, s)
	o.Connections = connections
	return &delivertest.Place{
		Open:          func() deliver.Destination { return New(o) },
		Copies:        func(*testing.T) []delivertest.Copy { return copies(o, s.Received()) },
		RefuseForGood: func(n int) { f.arm(n, "554 5.7.1 That is spam.", mailtest.Verdict{}) },
		RefuseForNow:  func(n int) { f.arm(n, "451 4.3.0 Later, please.", mailtest.Verdict{}) },
		CutBody:       func(n int) { f.arm(n, "", mailtest.Verdict{CutUpload: 20}) },
		LoseAnswer:    func(n int) { f.arm(n, "", mailtest.Verdict{LoseReply: true}) },
		Full:          f.fill,
	}
}

// copies takes the fields of Resent out again, and nothing else.
func copies(o Options, received []mailtest.Delivery) (out []delivertest.Copy) {
	for _, r := range received {
		body := string(r.Body)
		if i := strings.Index(body, "Resent-From:"); !o.LMTP && i >= 0 {
			if end := strings.Index(body, "@me.example>\r\n"); end > i {
				body = body[:i] + body[end+len("@me.example>\r\n"):]
			}
		}
		out = append(out, delivertest.Copy{Body: []byte(body)})
	}
	return out
}

// faults are those of one server, for the n-th message from when they are armed.
type faults struct {
	mu       sync.Mutex
	armed    bool
	n        int
	uploads  int
	messages int
	refusal  string
	verdict  mailtest.Verdict
	full     bool
}

func (f *faults) arm(n int, refusal string, v mailtest.Verdict) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed, f.n, f.uploads, f.messages, f.refusal, f.verdict = true, n, 0, 0, refusal, v
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
	if !f.armed || line != "DATA" && !strings.HasPrefix(line, "BDAT ") {
		return mailtest.Verdict{}
	}
	f.uploads++
	if f.uploads == f.n+1 {
		return f.verdict
	}
	return mailtest.Verdict{}
}

func (f *faults) message(mailtest.Delivery) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full {
		return "552 5.2.2 The mailbox is full."
	}
	f.messages++
	if f.armed && f.messages == f.n+1 {
		return f.refusal
	}
	return ""
}
