package imap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"mailrill/deliver"
	"mailrill/deliver/delivertest"
	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// A log keeps the commands that a server got.
type log struct {
	mu    sync.Mutex
	lines []string
}

func (l *log) command(_ int, line string) mailtest.Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	return mailtest.Verdict{}
}

func (l *log) with(prefix string) (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.HasPrefix(strings.ToUpper(line), prefix) {
			out = append(out, line)
		}
	}
	return out
}

func one(t *testing.T, d *Destination, m *deliver.Message) (deliver.Receipt, error) {
	t.Helper()
	var receipt deliver.Receipt
	var fate error
	d.Deliver(t.Context(), deliver.Batch(m), func(_ *deliver.Message, r deliver.Receipt, err error) { receipt, fate = r, err })
	return receipt, fate
}

func message(n int) *deliver.Message {
	return delivertest.NewMessage(fmt.Sprintf("Subject: %d\r\n\r\nHello.\r\n", n))
}

func TestReceipt(t *testing.T) {
	store := mailtest.NewStore()
	store.SetValidity(inbox, 77)
	receipt, err := one(t, New(start(t, &mailtest.IMAP{Store: store})), message(1))
	if err != nil || receipt.Where != "INBOX 77/1" || receipt.Size != message(1).Size {
		t.Errorf("%+v, %v", receipt, err)
	}
	receipt, err = one(t, New(start(t, &mailtest.IMAP{Without: []string{"UIDPLUS"}})), message(1))
	if err != nil || receipt.Where != "INBOX" {
		t.Errorf("without UIDPLUS: %+v, %v", receipt, err)
	}
}

// TestMissingFolder: never silently INBOX, and the error says what to do.
func TestMissingFolder(t *testing.T) {
	tests := []struct {
		name   string
		server mailtest.IMAP
		change func(*Options)
	}{
		{"not allowed", mailtest.IMAP{}, func(o *Options) { o.Create = false }},
		{"provider known to refuse", mailtest.IMAP{NoCreate: true}, func(o *Options) { o.NoCreate = true }},
		{"refused", mailtest.IMAP{NoCreate: true}, func(*Options) {}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.server.Store = mailtest.NewStore()
			test.server.Store.Create("Sent Messages")
			o := start(t, &test.server)
			o.Folder = "工作"
			test.change(&o)
			d := New(o)
			err := d.Prepare(t.Context(), "")
			if !errors.Is(err, deliver.ErrUnavailable) || reply.ClassOf(err) != reply.Config {
				t.Fatalf("Prepare: %v (class %q)", err, reply.ClassOf(err))
			}
			for _, word := range []string{`"工作"`, `"Sent Messages"`, "website"} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %s", err, word)
				}
			}
			if _, err := one(t, d, message(1)); !errors.Is(err, deliver.ErrUnavailable) {
				t.Errorf("Deliver: %v", err)
			}
			if n := len(test.server.Store.Messages(inbox)); n != 0 {
				t.Errorf("%d messages in INBOX", n)
			}
			test.server.Store.Create("工作") // its owner makes it, while we run
			if err := d.Prepare(t.Context(), ""); err != nil {
				t.Errorf("once the folder is there: %v", err)
			}
		})
	}
}

// TestQQFolder: a folder that was made on QQ's website lies below 其他文件夹.
func TestQQFolder(t *testing.T) {
	server := &mailtest.IMAP{Store: mailtest.NewStore(), NoCreate: true, TrailingBlanks: true}
	server.Store.Create("其他文件夹", `\NoSelect`)
	server.Store.Create("其他文件夹/工作")
	o := start(t, server)
	o.NoCreate, o.Folder, o.FolderParents = true, "工作", []string{"其他文件夹"}
	receipt, err := one(t, New(o), message(1))
	if err != nil || !strings.HasPrefix(receipt.Where, "其他文件夹/工作 ") {
		t.Errorf("%+v, %v", receipt, err)
	}
}

func TestFolderIsMadeAndSubscribed(t *testing.T) {
	l := &log{}
	server := &mailtest.IMAP{Store: mailtest.NewStore(), Separator: ".", OnCommand: l.command}
	server.Store.Create("Other")
	o := start(t, server)
	o.Folder = "me@example.com/旧"
	if err := New(o).Prepare(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(server.Store.Folders(), "me@example_com.旧") {
		t.Errorf("folders: %q", server.Store.Folders())
	}
	if got := l.with("SUBSCRIBE"); len(got) != 1 {
		t.Errorf("subscriptions: %q", got)
	}
}

// TestHostileFolder: one call is one command, whatever a folder is called.
func TestHostileFolder(t *testing.T) {
	names := []string{"a\r\nX1 DELETE INBOX", "a\nb", "a\x00b", `a"b\c`, "*", "%", "a b", "{5}", "\xff", "a//b", "/", "..", "&AAA-"}
	for _, name := range names {
		l := &log{}
		o := start(t, &mailtest.IMAP{Store: mailtest.NewStore(), OnCommand: l.command})
		o.Folder = name
		d := New(o)
		d.Prepare(t.Context(), "")
		one(t, d, message(1))
		if got := l.with("X1"); len(got) != 0 {
			t.Errorf("%q became a command: %q", name, got)
		}
		known := []string{"CAPABILITY", "AUTHENTICATE", "LOGIN", "ID", "NOOP", "LIST", "CREATE", "SUBSCRIBE", "APPEND", "SELECT", "EXAMINE", "NAMESPACE", "UNSELECT", "LOGOUT"}
		for _, line := range l.with("") {
			verb, _, _ := strings.Cut(line, " ")
			if !slices.Contains(known, strings.ToUpper(verb)) {
				t.Errorf("%q: command %q", name, line)
			}
		}
	}
}

// TestAppendLimit: what the server will not take is not sent where it says so, and
// refused before its octets where it only says that there is a limit, as Gmail may.
func TestAppendLimit(t *testing.T) {
	for _, test := range []struct {
		name     string
		change   func(*mailtest.IMAP)
		announce int // how often the message is announced
	}{
		{"with the value", func(*mailtest.IMAP) {}, 0},
		{"without", func(s *mailtest.IMAP) { s.Capabilities = []string{"IMAP4rev1", "LITERAL-", "APPENDLIMIT"} }, 1},
		{"not at all", func(s *mailtest.IMAP) { s.Capabilities = []string{"IMAP4rev1", "LITERAL-"}; s.AppendLimit = 0 }, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := &log{}
			server := &mailtest.IMAP{Store: mailtest.NewStore(), AppendLimit: 500, OnCommand: l.command}
			test.change(server)
			d := New(start(t, server))
			big := delivertest.NewMessage(strings.Repeat("x", 6000))
			_, err := one(t, d, big)
			if refuses := server.AppendLimit > 0; refuses != errors.Is(err, deliver.ErrRejected) || !refuses && err != nil {
				t.Errorf("%v", err)
			}
			if got := l.with("APPEND"); len(got) != test.announce {
				t.Errorf("it was announced: %q", got)
			}
			if _, err := one(t, d, message(1)); err != nil {
				t.Errorf("a small one behind it: %v", err)
			}
		})
	}
}

func TestSkipped(t *testing.T) {
	server := &mailtest.IMAP{Store: mailtest.NewStore(), RefuseAppend: func([]byte) string { return "NO Mail has saved by smtp!" }}
	o := start(t, server)
	o.SkippedTexts = []string{"Mail has saved by smtp"}
	if _, err := one(t, New(o), message(1)); !errors.Is(err, deliver.ErrSkipped) || errors.Is(err, deliver.ErrRejected) {
		t.Errorf("%v, want ErrSkipped", err)
	}
}

// TestFlags: only what the folder keeps is sent, and it is asked once.
func TestFlags(t *testing.T) {
	l := &log{}
	server := &mailtest.IMAP{Store: mailtest.NewStore(), PermanentFlags: []string{`\Seen`, `\Deleted`, "Work"}, OnCommand: l.command}
	d := New(start(t, server))
	for n := range 3 {
		m := message(n)
		m.Flags = []string{`\Seen`, `\Flagged`, `\Deleted`, `\Recent`, "work", "Other"}
		if _, err := one(t, d, m); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range server.Store.Messages(inbox) {
		if want := []string{`\Seen`, "work"}; !slices.Equal(m.Flags, want) {
			t.Errorf("flags %q, want %q", m.Flags, want)
		}
	}
	if got := l.with("SELECT"); len(got) != 1 {
		t.Errorf("SELECT was sent %d times", len(got))
	}
}

// TestLoginRefused: the server's own words, as a refusal.
func TestLoginRefused(t *testing.T) {
	server := &mailtest.IMAP{Store: mailtest.NewStore(), OnCommand: func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "LOGIN") || strings.HasPrefix(line, "AUTHENTICATE") {
			return mailtest.Verdict{Reply: "NO [AUTHENTICATIONFAILED] No way."}
		}
		return mailtest.Verdict{}
	}}
	d := New(start(t, server))
	err := d.Prepare(t.Context(), "")
	if !errors.Is(err, deliver.ErrUnavailable) || reply.ClassOf(err) != reply.Credentials || !strings.Contains(err.Error(), "No way.") {
		t.Errorf("Prepare: %v (class %q)", err, reply.ClassOf(err))
	}
	if _, err := one(t, d, message(1)); !errors.Is(err, deliver.ErrUnavailable) {
		t.Errorf("Deliver: %v", err)
	}
}

// TestReconnect: a connection that the server has closed between two passes
// costs a new one, and no message.
func TestReconnect(t *testing.T) {
	cut := false
	var mu sync.Mutex
	server := &mailtest.IMAP{Store: mailtest.NewStore(), OnCommand: func(_ int, line string) mailtest.Verdict {
		mu.Lock()
		defer mu.Unlock()
		if cut && line == "NOOP" {
			cut = false
			return mailtest.Verdict{Cut: true}
		}
		return mailtest.Verdict{}
	}}
	d := New(start(t, server))
	if _, err := one(t, d, message(1)); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	cut = true
	mu.Unlock()
	if err := d.Prepare(t.Context(), ""); err != nil {
		t.Fatalf("Prepare: %v", err)
	}
	if _, err := one(t, d, message(2)); err != nil {
		t.Fatal(err)
	}
	if n := server.Sessions(); n != 2 {
		t.Errorf("%d sessions, want 2", n)
	}
}

// TestFolderGone: a folder that its owner removes while we run keeps its
// messages back, is no reason to reject them, and is made by the next Prepare.
func TestFolderGone(t *testing.T) {
	l := &log{}
	server := &mailtest.IMAP{Store: mailtest.NewStore(), OnCommand: l.command}
	d := New(start(t, server))
	server.Store.Create("Archive")
	if err := d.Prepare(t.Context(), "Archive"); err != nil {
		t.Fatal(err)
	}
	server.Store.Delete("Archive")
	m := message(1)
	m.Folder = "Archive"
	_, err := one(t, d, m)
	if !errors.Is(err, deliver.ErrUnavailable) || reply.ClassOf(err) != reply.Config {
		t.Errorf("without the folder: %v (class %q)", err, reply.ClassOf(err))
	}
	if err := d.Prepare(t.Context(), "Archive"); err != nil {
		t.Fatal(err)
	}
	if _, err := one(t, d, m); err != nil || len(l.with("CREATE")) != 1 {
		t.Errorf("after Prepare: %v, %q", err, l.with("CREATE"))
	}
}

// TestOtherFolders: a folder that is not to be had keeps back its own messages only.
func TestOtherFolders(t *testing.T) {
	server := &mailtest.IMAP{Store: mailtest.NewStore(), NoCreate: true}
	d := New(start(t, server))
	ms := []*deliver.Message{message(1), message(2), message(3)}
	ms[1].Folder = "Missing"
	var fates []error
	if err := d.Deliver(t.Context(), deliver.Batch(ms...), func(_ *deliver.Message, _ deliver.Receipt, err error) { fates = append(fates, err) }); err != nil {
		t.Errorf("Deliver: %v", err)
	}
	if fates[0] != nil || !errors.Is(fates[1], deliver.ErrUnavailable) || fates[2] != nil {
		t.Errorf("fates: %v", fates)
	}
}

// What keeps a login from being begun says nothing against the message that it was
// for: a provider that gives no token takes no message of anybody's.
func TestNoLoginIsNoFaultOfAMessage(t *testing.T) {
	for _, class := range []reply.Class{reply.Temporary, reply.Limit, reply.Credentials, reply.Config, reply.TLS} {
		o := start(t, &mailtest.IMAP{})
		o.Auth = func(context.Context) (sasl.Client, error) { return nil, reply.WithClass(class, errors.New("no token")) }
		d := New(o)
		var fate error
		err := d.Deliver(t.Context(), deliver.Batch(&deliver.Message{}), func(_ *deliver.Message, _ deliver.Receipt, err error) { fate = err })
		for _, err := range []error{err, fate} {
			if !errors.Is(err, deliver.ErrUnavailable) || reply.ClassOf(err) != class {
				t.Errorf("%s: %v of class %s", class, err, reply.ClassOf(err))
			}
		}
		d.Close()
	}
}
