package imap

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/internal/mailtest"
)

// put stores a copy that bears these trace lines.
func put(s *mailtest.Store, folder string, ids ...string) mailtest.Message {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(deliver.TraceField + ": " + id + " account\r\n")
	}
	b.WriteString("Subject: x\r\n\r\nX-Mailrill-ID: " + strings.Repeat("z", 26) + "\r\n")
	return s.Add(folder, mailtest.Message{Body: []byte(b.String())})
}

func id(c string) string { return strings.Repeat(c, 26) }

func TestArrived(t *testing.T) {
	l := &log{}
	server := &mailtest.IMAP{Store: mailtest.NewStore(), OnCommand: l.command}
	s := server.Store
	for _, folder := range []string{inbox, "Archive", "垃圾"} {
		s.Create(folder)
		s.SetValidity(folder, 7)
	}
	s.Create("Parent", `\Noselect`)
	put(s, inbox)                           // not ours
	put(s, inbox, id("a"))                  //
	put(s, inbox, "bad", id("b"))           // only the first line counts
	put(s, "Archive", id("c"), id("a"))     // collected twice
	put(s, "垃圾", id("d"))                   //
	put(s, inbox, strings.ToUpper(id("e"))) // not an ID
	d := New(start(t, server))
	got, mark := collect(t, d, "")
	slices.Sort(got)
	for i := range got {
		got[i] = got[i][:strings.LastIndex(got[i], " ")]
	}
	if want := []string{"aaaa INBOX 7/2", "cccc Archive 7/1", "dddd 垃圾 7/1"}; !slices.Equal(got, want) {
		t.Errorf("all: %q, want %q", got, want)
	}
	put(s, inbox, id("f"))
	put(s, "Archive", id("g"))
	s.Create("New")
	put(s, "New", id("h")) // somebody's filter made this one
	got, next := collect(t, d, mark)
	if len(got) != 3 || !strings.HasPrefix(got[0], "ffff INBOX 7/5 ") {
		t.Errorf("since %s: %q, want f, g and h", mark, got)
	}
	if got, _ := collect(t, d, next); len(got) != 0 {
		t.Errorf("since %s: %q, want nothing", next, got)
	}
	if got := l.with("SELECT"); len(got) != 0 {
		t.Errorf("SELECT was sent: %q", got)
	}
}

// TestArrivedAnew: a folder that is not the one of the mark is read from its
// beginning, and so is everything when the mark says nothing.
func TestArrivedAnew(t *testing.T) {
	server := &mailtest.IMAP{Store: mailtest.NewStore()}
	server.Store.SetValidity(inbox, 7)
	put(server.Store, inbox, id("a"))
	d := New(start(t, server))
	_, mark := collect(t, d, "")
	if got, _ := collect(t, d, mark); len(got) != 0 {
		t.Errorf("unchanged: %q", got)
	}
	if got, _ := collect(t, d, "not a mark"); len(got) != 1 {
		t.Errorf("another mark: %q", got)
	}
	server.Store.SetValidity(inbox, 8)
	if got, _ := collect(t, d, mark); len(got) != 1 {
		t.Errorf("another UIDVALIDITY: %q", got)
	}
}

// TestArrivedWithoutUIDNEXT: the mark is the highest UID, and "n:*", which
// returns the last message in any case, brings nothing old.
func TestArrivedWithoutUIDNEXT(t *testing.T) {
	server := &mailtest.IMAP{Store: mailtest.NewStore(), NoUIDNext: true}
	d := New(start(t, server))
	_, empty := collect(t, d, "")
	put(server.Store, inbox, id("a"))
	put(server.Store, inbox, id("b"))
	got, mark := collect(t, d, empty)
	if len(got) != 2 {
		t.Errorf("%q, want a and b", got)
	}
	if got, _ := collect(t, d, mark); len(got) != 0 {
		t.Errorf("%q, want nothing", got)
	}
	put(server.Store, inbox, id("c"))
	if got, _ := collect(t, d, mark); len(got) != 1 {
		t.Errorf("%q, want c", got)
	}
}

// TestArrivedLate: what QQ does not show yet is not behind the mark, though UIDNEXT
// says so, and the wait for it is long enough.
func TestArrivedLate(t *testing.T) {
	var now atomic.Int64
	server := &mailtest.IMAP{
		Store: mailtest.NewStore(), ShowsAfter: 40 * time.Second, Now: func() time.Time { return time.Unix(now.Load(), 0) },
	}
	o := start(t, server)
	o.ShowsAfter = 45 * time.Second
	d := New(o)
	if d.Settles() < 50*time.Second || d.ShowsAfter() != o.ShowsAfter {
		t.Errorf("it settles in %v", d.Settles())
	}
	put(server.Store, inbox, id("a"))
	if _, err := one(t, d, message(1)); err != nil {
		t.Fatal(err)
	}
	got, mark := collect(t, d, "")
	if len(got) != 1 {
		t.Errorf("%q, want a", got)
	}
	now.Store(40)
	if got, _ := collect(t, d, mark); len(got) != 1 || strings.HasPrefix(got[0], "aaaa") {
		t.Errorf("%q, want what was shown late", got)
	}
}

// TestArrivedCut: what was not read to its end is an error, never "nothing".
func TestArrivedCut(t *testing.T) {
	for after := 1; after < 400; after += 7 {
		server := &mailtest.IMAP{Store: mailtest.NewStore(), OnCommand: func(_ int, line string) mailtest.Verdict {
			if strings.HasPrefix(line, "UID FETCH") {
				return mailtest.Verdict{CutAfter: after}
			}
			return mailtest.Verdict{}
		}}
		for _, c := range []string{"a", "b", "c"} {
			put(server.Store, inbox, id(c))
		}
		n := 0
		mark, err := New(start(t, server)).Arrived(t.Context(), "", func(string, deliver.Receipt) error { n++; return nil })
		if err == nil && n != 3 {
			t.Errorf("cut after %d octets: %d copies and no error (mark %s)", after, n, mark)
		}
	}
}

// TestArrivedFolderRefused: one that others share and that is not for us is left
// out; one that is locked for now, or that we deliver to, makes the answer unknown.
func TestArrivedFolderRefused(t *testing.T) {
	tests := []struct {
		folder, answer string
		known          bool
	}{
		{"Shared", "NO [NOPERM] Not yours.", true},
		{"Shared", "NO Folder not exist!", true},
		{"Shared", "NO [INUSE] Locked.", false},
		{inbox, "NO Unsafe Login.", false},
	}
	for _, test := range tests {
		server := &mailtest.IMAP{Store: mailtest.NewStore(), Without: []string{"LIST-STATUS"}, OnCommand: func(_ int, line string) mailtest.Verdict {
			if strings.HasPrefix(line, "EXAMINE") && strings.Contains(line, test.folder) {
				return mailtest.Verdict{Reply: test.answer}
			}
			return mailtest.Verdict{}
		}}
		server.Store.Create("Shared")
		put(server.Store, inbox, id("a"))
		d := New(start(t, server))
		if err := d.Prepare(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		n := 0
		_, err := d.Arrived(t.Context(), "", func(string, deliver.Receipt) error { n++; return nil })
		if test.known && (err != nil || n != 1) {
			t.Errorf("%s %s: %d copies, %v", test.folder, test.answer, n, err)
		}
		if !test.known && !errors.Is(err, deliver.ErrUnavailable) {
			t.Errorf("%s %s: %v, want ErrUnavailable", test.folder, test.answer, err)
		}
	}
}

// TestArrivedOpensLittle: what the list of folders tells to be empty or unchanged is
// not opened, but for where we deliver to.
func TestArrivedOpensLittle(t *testing.T) {
	l := &log{}
	server := &mailtest.IMAP{Store: mailtest.NewStore(), OnCommand: l.command}
	server.Store.Create("Empty")
	server.Store.Create("Moved")
	put(server.Store, "Moved", id("a"))
	d := New(start(t, server))
	if err := d.Prepare(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	lines, mark := collect(t, d, "")
	if got := l.with("EXAMINE"); len(lines) != 1 || len(got) != 2 {
		t.Errorf("found %q, opened %q", lines, got)
	}
	if lines, _ := collect(t, d, mark); len(lines) != 0 || len(l.with("EXAMINE")) != 3 {
		t.Errorf("again: found %q, opened %q", lines, l.with("EXAMINE"))
	}
	put(server.Store, "Moved", id("b"))
	put(server.Store, "Empty", id("c"))
	if lines, _ := collect(t, d, mark); len(lines) != 2 {
		t.Errorf("found %q of two that came", lines)
	}
}

// TestContextOfTheConnection: a connection lives no longer than the context that
// it was dialled under; the next call dials anew.
func TestContextOfTheConnection(t *testing.T) {
	server := &mailtest.IMAP{Store: mailtest.NewStore()}
	d := New(start(t, server))
	ctx, cancel := context.WithCancel(t.Context())
	if err := d.Prepare(ctx, ""); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := one(t, d, message(1)); err != nil {
		t.Errorf("with a live context: %v", err)
	}
	if err := d.Prepare(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}
