package imap

import (
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

// account starts server and returns a Source for it.
func account(t testing.TB, server *mailtest.IMAP, o Options) *Source {
	t.Helper()
	server.User, server.Password = "joe", "secret"
	addr, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	o.Dial = func(ctx context.Context) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}
	o.Auth = sasl.Password("joe", func(context.Context) (string, error) { return "secret", nil })
	return New(o)
}

func TestSuite(t *testing.T) {
	for _, c := range []struct {
		what   string
		server mailtest.IMAP
		trash  bool
	}{
		{"Dovecot", mailtest.IMAP{}, false},
		{"Gmail", mailtest.IMAP{Provider: mailtest.Gmail, Language: "zh"}, true},
		{"QQ", mailtest.IMAP{Provider: mailtest.QQ}, false},
		{"NetEase", mailtest.IMAP{Provider: mailtest.NetEase}, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			fetchtest.Run(t, fetchtest.Harness{
				New: func(t *testing.T, ms []fetchtest.Message) fetchtest.Mailbox {
					server := c.server
					return newMailbox(t, &server, Options{TrashOnDelete: c.trash}, ms)
				},
				Dates: true,
				Flags: true,
				Do:    []fetch.Action{fetch.Delete, fetch.Seen, fetch.Move},
			})
		})
	}
}

// A mailbox is a server of mailtest with faults.
type mailbox struct {
	store *mailtest.Store
	ms    []mailtest.Message // as New was given them

	mu     sync.Mutex
	cut    int // the message whose body is cut after so many octets; -1: none
	octets int
	noBody int // the message that comes without a body; -1: none
}

func newMailbox(t *testing.T, server *mailtest.IMAP, o Options, ms []fetchtest.Message) fetchtest.Mailbox {
	m := &mailbox{store: mailtest.NewStore()}
	m.mend()
	for _, msg := range ms {
		m.ms = append(m.ms, m.store.Add(inbox, mailtest.Message{Body: msg.Body, Date: msg.Date, Flags: msg.Flags}))
	}
	if server.Provider == mailtest.QQ {
		m.store.Create(moveTo) // which nobody can do over IMAP
	}
	server.Store, server.OnCommand = m.store, m.verdict
	o.ID = map[string]string{"name": "mailrill"}
	return fetchtest.Mailbox{
		Source:   account(t, server, o),
		Folder:   inbox,
		Messages: func() []fetchtest.Message { return m.folder(inbox) },
		Remove:   func(i int) { m.store.Remove(inbox, m.ms[i].UID) },
		Cut:      func(i, octets int) { m.fault(i, octets, -1) },
		NoBody:   func(i int) { m.fault(-1, 0, i) },
		Mend:     m.mend,
		MoveTo:   moveTo,
		Moved:    func() []fetchtest.Message { return m.folder(moveTo) },
	}
}

const moveTo = "完成/2026"

// folder returns what lies in a folder. Where the server cannot expunge by UID,
// what is marked \Deleted is as good as gone.
func (m *mailbox) folder(name string) (ms []fetchtest.Message) {
	for _, msg := range m.store.Messages(name) {
		if slices.Contains(msg.Flags, `\Deleted`) {
			continue
		}
		ms = append(ms, fetchtest.Message{Body: msg.Body, Date: msg.Date, Flags: msg.Flags})
	}
	return ms
}

func (m *mailbox) mend() { m.fault(-1, 0, -1) }

func (m *mailbox) fault(cut, octets, noBody int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut, m.octets, m.noBody = cut, octets, noBody
}

// verdict breaks the answer to a command that asks for bodies.
func (m *mailbox) verdict(_ int, line string) (v mailtest.Verdict) {
	m.mu.Lock()
	defer m.mu.Unlock()
	set, asks, ok := strings.Cut(strings.TrimPrefix(line, "UID FETCH "), " ")
	if !ok || !strings.Contains(asks, "BODY.PEEK[]") {
		return v
	}
	var before strings.Builder
	for i, msg := range m.ms {
		if !inSet(set, msg.UID) {
			continue
		}
		switch head := answerHead(msg, asks); i {
		case m.cut:
			return mailtest.Verdict{CutAfter: before.Len() + len(head) + m.octets}
		case m.noBody:
			fmt.Fprintf(&before, "* %d FETCH (UID %d)\r\n", msg.UID, msg.UID)
			v.Reply = "OK done"
		default:
			fmt.Fprintf(&before, "%s%s)\r\n", head, msg.Body)
		}
	}
	if v.Reply != "" {
		v.Reply = before.String() + v.Reply
	}
	return v
}

// answerHead is what mailtest writes before the octets of a body.
func answerHead(m mailtest.Message, asks string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "* %d FETCH (UID %d", m.UID, m.UID)
	if strings.Contains(asks, "RFC822.SIZE") {
		fmt.Fprintf(&b, " RFC822.SIZE %d", len(m.Body))
	}
	fmt.Fprintf(&b, " FLAGS (%s) INTERNALDATE %q BODY[] {%d}\r\n", strings.Join(m.Flags, " "), m.Date.Format("02-Jan-2006 15:04:05 -0700"), len(m.Body))
	return b.String()
}

// One message under two labels of Gmail is one: Item.Same says so.
func TestGmailLabels(t *testing.T) {
	store := mailtest.NewStore()
	first := store.Add("旅行", mailtest.Message{Body: []byte(text(1))})
	store.Add(inbox, mailtest.Message{Body: []byte(text(2))})
	store.Add(inbox, mailtest.Message{Body: []byte(text(1)), GmailID: first.GmailID})
	source := account(t, &mailtest.IMAP{Store: store, Gmail: true, Language: "zh"}, Options{Folders: []string{"*", "role:all"}})
	session, err := source.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(false)
	folders, err := session.Folders(t.Context())
	if err != nil || names(folders) != "INBOX | [Gmail]/已发邮件 | 旅行 | [Gmail]/所有邮件" {
		t.Fatalf("%s, %v", names(folders), err)
	}
	places := map[uint64]int{}
	for _, f := range folders {
		if _, err := session.Open(t.Context(), f.Name); err != nil {
			t.Fatal(err)
		}
		for _, it := range list(t, session, fetch.Cursor{}) {
			places[it.Same]++
		}
	}
	if len(places) != 2 || places[first.GmailID] != 3 {
		t.Errorf("places by Same: %v", places)
	}
}

// At Gmail, what is deleted goes to the trash, whatever it is called; it leaves
// all its labels.
func TestGmailDelete(t *testing.T) {
	for _, language := range []string{"en", "zh"} {
		store := mailtest.NewStore()
		server := &mailtest.IMAP{Store: store, Gmail: true, Language: language}
		source := account(t, server, Options{TrashOnDelete: true})
		m := store.Add(inbox, mailtest.Message{Body: []byte(text(1))})
		finish(t, source, inbox, m, fetch.AfterAction{Do: fetch.Delete})
		trash := store.ByRole(`\Trash`)
		if n := len(store.Messages(trash)); n != 1 || len(store.Messages(store.ByRole(`\All`))) != 0 {
			t.Errorf("%s: %d messages in %q", language, n, trash)
		}
		// In the trash itself, to delete is to delete.
		finish(t, source, trash, store.Messages(trash)[0], fetch.AfterAction{Do: fetch.Delete})
		if n := len(store.Messages(trash)); n != 0 {
			t.Errorf("%s: %d messages are left in %q", language, n, trash)
		}
	}
}

// finish does a to m alone, as the engine would, and expects it done.
func finish(t *testing.T, source *Source, folder string, m mailtest.Message, a fetch.AfterAction) {
	t.Helper()
	session, err := source.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(false)
	listing, err := session.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	d := due(m.UID, string(m.Body))
	d.Key = keyOf(listing.Validity, m.UID)
	done, err := session.Finish(t.Context(), []fetch.Due{d}, a)
	if err != nil || !slices.Equal(done, []string{d.Key}) {
		t.Fatalf("done %q, %v", done, err)
	}
}

// What others have marked \Deleted stays, whatever the server can do.
func TestDeleteSparesWhatOthersMarked(t *testing.T) {
	for _, server := range []*mailtest.IMAP{{}, {UIDExpungeBad: true}, {Without: []string{"UIDPLUS", "MOVE"}}} {
		for _, a := range []fetch.AfterAction{{Do: fetch.Delete}, {Do: fetch.Move, Folder: "Done"}} {
			store := mailtest.NewStore()
			ours := store.Add(inbox, mailtest.Message{Body: []byte(text(1))})
			theirs := store.Add(inbox, mailtest.Message{Body: []byte(text(2)), Flags: []string{`\Deleted`}})
			s := *server
			s.Store = store
			finish(t, account(t, &s, Options{}), inbox, ours, a)
			left := store.Messages(inbox)
			if !slices.ContainsFunc(left, func(m mailtest.Message) bool { return m.UID == theirs.UID }) {
				t.Errorf("%v: %s removed what others marked", s.Without, a.Do)
			}
			for _, m := range left {
				if m.UID == ours.UID && !slices.Contains(m.Flags, `\Deleted`) {
					t.Errorf("%v: %s left ours unmarked", s.Without, a.Do)
				}
			}
		}
	}
}

// A server whose messages were all renumbered under a new UIDVALIDITY: old keys
// are left out, never deleted by their number.
func TestDeleteAfterRenumbering(t *testing.T) {
	store := mailtest.NewStore()
	for i := range 3 {
		store.Add(inbox, mailtest.Message{Body: []byte(text(i + 1)), Date: time.Unix(int64(i), 0)})
	}
	source := account(t, &mailtest.IMAP{Store: store}, Options{})
	session, err := source.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(false)
	if _, err := session.Open(t.Context(), inbox); err != nil {
		t.Fatal(err)
	}
	old := list(t, session, fetch.Cursor{})
	store.Renumber(inbox, 4242)
	d := due(1, text(1))
	d.Key = old[0].Key
	done, err := session.Finish(t.Context(), []fetch.Due{d}, fetch.AfterAction{Do: fetch.Delete})
	if len(done) > 0 || len(store.Messages(inbox)) != 3 {
		t.Errorf("done %q, %v, %d messages are left", done, err, len(store.Messages(inbox)))
	}
}
