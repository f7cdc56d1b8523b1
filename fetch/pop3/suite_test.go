package pop3

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mailrill/fetch"
	"mailrill/fetch/fetchtest"
	"mailrill/internal/mailtest"
	"mailrill/internal/sasl"
)

// TestContract holds the source to its contract on servers of all kinds.
func TestContract(t *testing.T) {
	for name, v := range variants {
		t.Run(name, func(t *testing.T) { fetchtest.Run(t, v.harness()) })
	}
}

type variant struct {
	server  mailtest.POP3
	options Options
	served  func([]byte) []byte
	reuses  bool // UIDLs can be made to come back for another message
}

var variants = map[string]variant{
	"plain":          {reuses: true},
	"pipelining":     {server: mailtest.POP3{Pipelining: true}, reuses: true},
	"no CAPA":        {server: mailtest.POP3{NoCAPA: true}, reuses: true},
	"no UIDL":        {server: mailtest.POP3{NoUIDL: true, Pipelining: true}},
	"no TOP":         {server: mailtest.POP3{NoTOP: true}, reuses: true},
	"no UIDL or TOP": {server: mailtest.POP3{NoUIDL: true, NoTOP: true, NoCAPA: true}},
	"one UIDL":       {server: mailtest.POP3{UIDL: func(mailtest.Message) string { return "same" }}},
	"empty UIDLs":    {server: mailtest.POP3{UIDL: func(mailtest.Message) string { return "" }}},
	"odd UIDLs": {server: mailtest.POP3{UIDL: func(m mailtest.Message) string {
		return fmt.Sprintf("caf\u00a0%d/../%s", m.UID, strings.Repeat("x", 200))
	}}},
	"bare LF": {server: mailtest.POP3{BareLF: true, Pipelining: true}, served: bareLF},
	"QQ":      {server: mailtest.POP3{Provider: mailtest.QQ}, reuses: true},
	"NetEase": {server: mailtest.POP3{Provider: mailtest.NetEase}, reuses: true},
	"Gmail":   {server: mailtest.POP3{Gmail: true}, options: Options{Drains: true}},
	"Gmail, recent": {server: mailtest.POP3{Gmail: true, Now: func() time.Time { return time.Date(2024, 3, 5, 0, 0, 0, 0, time.UTC) }},
		options: Options{Recent: true}},
}

func bareLF(body []byte) []byte {
	body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	if !bytes.HasSuffix(body, []byte("\n")) {
		body = append(body, '\n')
	}
	return body
}

func (v variant) harness() fetchtest.Harness {
	h := fetchtest.Harness{New: v.mailbox, Served: v.served, Do: []fetch.Action{fetch.Delete}}
	if h.Served == nil {
		h.Served = mailtest.POP3Body
	}
	if v.server.Gmail {
		h.Do = nil
	}
	h.Undated = v.server.NoTOP
	return h
}

// A mailbox is a server of mailtest with faults.
type mailbox struct {
	store *mailtest.Store
	ids   []uint32 // UIDs of the messages that New was given

	mu       sync.Mutex
	verdicts map[string]mailtest.Verdict
	uidls    map[uint32]string // of messages that took over another's
}

func (v variant) mailbox(t *testing.T, ms []fetchtest.Message) fetchtest.Mailbox {
	m := &mailbox{store: mailtest.NewStore(), verdicts: map[string]mailtest.Verdict{}, uidls: map[uint32]string{}}
	for _, msg := range ms {
		m.ids = append(m.ids, m.add(msg))
	}
	out := fetchtest.Mailbox{Folder: Inbox, Messages: m.messages, Remove: m.remove, NoBody: m.noBody, Mend: m.mend}
	server := v.server
	if v.reuses {
		server.UIDL = m.uidl
		out.Replace = m.replace
	}
	server.Store, server.User, server.Password, server.OnCommand = m.store, "joe", "secret", m.verdict
	status := map[bool]string{true: "\n", false: "\r\n"}[server.BareLF]
	out.Cut = func(i, octets int) {
		line := fmt.Sprintf("+OK %d octets%s", len(mailtest.POP3Body(ms[i].Body)), status)
		if server.Gmail {
			line = "+OK message follows\r\n"
		}
		m.set(i, mailtest.Verdict{CutAfter: len(line) + octets})
	}
	out.Source = source(t, &server, v.options)
	return out
}

// source starts a server and returns a Source for it.
func source(t testing.TB, server *mailtest.POP3, o Options) *Source {
	addr, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	o.Dial, o.Auth = dial(addr), password("joe", "secret")
	return New(o)
}

// dial connects as mailconn does: the connection is cut when ctx ends.
func dial(addr string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}
}

func password(user, secret string) sasl.Auth {
	return sasl.Password(user, func(context.Context) (string, error) { return secret, nil })
}

func (m *mailbox) add(msg fetchtest.Message) uint32 {
	return m.store.Add(Inbox, mailtest.Message{Body: msg.Body, Date: msg.Date, Flags: msg.Flags}).UID
}

func (m *mailbox) messages() (out []fetchtest.Message) {
	for _, msg := range m.store.Messages(Inbox) {
		out = append(out, fetchtest.Message{Body: msg.Body, Date: msg.Date, Flags: msg.Flags})
	}
	return out
}

func (m *mailbox) remove(i int) { m.store.Remove(Inbox, m.ids[i]) }

func (m *mailbox) replace(i int, msg fetchtest.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(i)
	m.uidls[m.add(msg)] = fmt.Sprintf("uid-%d", m.ids[i])
}

func (m *mailbox) uidl(msg mailtest.Message) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if id, ok := m.uidls[msg.UID]; ok {
		return id
	}
	return fmt.Sprintf("uid-%d", msg.UID)
}

func (m *mailbox) noBody(i int) { m.set(i, mailtest.Verdict{Reply: "+OK\r\n."}) }

func (m *mailbox) set(i int, v mailtest.Verdict) {
	m.mu.Lock()
	defer m.mu.Unlock()
	number := slices.IndexFunc(m.store.Messages(Inbox), func(msg mailtest.Message) bool { return msg.UID == m.ids[i] }) + 1
	m.verdicts[fmt.Sprintf("RETR %d", number)] = v
}

func (m *mailbox) mend() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.verdicts)
}

func (m *mailbox) verdict(_ int, line string) mailtest.Verdict {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.verdicts[line]
}
