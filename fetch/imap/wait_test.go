package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"mailrill/fetch"
	"mailrill/internal/imapwire"
	"mailrill/internal/reply"
)

func idling(answer string) func(string) string {
	return func(line string) string {
		if line == "IDLE" {
			return answer
		}
		return ""
	}
}

// waiting connects, and lists INBOX, which holds 4 messages, UIDNEXT being next.
func waiting(t *testing.T, s *script, next string) *session {
	t.Helper()
	s.selected = fmt.Sprintf("* 4 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 7] valid%s", next)
	session := s.connect(t, Options{}).(*session)
	if got := list(t, session, fetch.Cursor{}); len(got) != 4 {
		t.Fatalf("listed %v", got)
	}
	return session
}

// idleFor has IDLE answered with says, and ends the context it returns when it was.
func (s *script) idleFor(t *testing.T, says string) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = func(line string) string {
		if line != "IDLE" {
			return ""
		}
		cancel()
		return "+ idling\r\n" + says
	}
	return ctx
}

const next5 = "\r\n* OK [UIDNEXT 5] next"

func TestWait(t *testing.T) {
	for _, c := range []struct {
		what, answer string
		announced    uint64
	}{
		{"new mail", "* 5 EXISTS\r\n", 1},
		{"recent mail", "* 1 RECENT\r\n", 1},
		{"fewer than before", "* 3 EXISTS\r\n", 1},
		{"noise first", "* OK still here\r\n* 2 FETCH (FLAGS (\\Seen))\r\n* 1 EXPUNGE\r\n+ again\r\n* 4 EXISTS\r\n", 1},
		{"the server ends it", "TAG OK timeout\r\n", 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newScript(texts(4)...)
			session := waiting(t, s, next5)
			s.on = idling("+ idling\r\n" + c.answer)
			if err := session.Wait(t.Context(), "INBOX"); err != nil {
				t.Fatal(err)
			}
			if n := session.Announced(); n != c.announced {
				t.Errorf("%d announcements", n)
			}
			if s.selected = ""; len(s.asked("EXAMINE")) != 1 {
				t.Error("the folder was opened again, though it was open")
			}
		})
	}
}

// A wake costs one round trip to the listing: nothing is opened, and the end of
// IDLE goes out with it.
func TestWakeIsOneRoundTrip(t *testing.T) {
	s := newScript(texts(4)...)
	session := waiting(t, s, next5)
	s.on = idling("+ idling\r\n* 5 EXISTS\r\n")
	if err := session.Wait(t.Context(), "INBOX"); err != nil {
		t.Fatal(err)
	}
	session.Rest()
	listing, err := session.Reopen(t.Context(), "INBOX")
	if err != nil || listing.Validity != 7 || listing.Count != 5 || !listing.Stable || listing.Next != 0 {
		t.Fatalf("Reopen: %+v, %v", listing, err)
	}
	s.mu.Lock()
	s.messages[5] = text(5)
	s.mu.Unlock()
	if got := list(t, session, fetch.Cursor{Validity: 7, UID: 4}); len(got) != 1 || got[0].Num != 5 {
		t.Errorf("listed %v", got)
	}
	if all := s.asked(""); !slices.Equal(all[len(all)-3:], []string{"IDLE", "DONE", "UID FETCH 5:* (UID RFC822.SIZE)"}) {
		t.Errorf("asked %q", all)
	}
	if _, err := session.Reopen(t.Context(), "INBOX"); err != nil || len(s.asked("EXAMINE")) != 2 {
		t.Errorf("a folder of which nothing was announced was not opened again (%v)", err)
	}
}

func TestWaitFails(t *testing.T) {
	for _, c := range []struct {
		what, answer string
		says         string
		lives        bool
	}{
		{"the connection breaks", "+ idling\r\nCUT", "", false},
		{"BYE", "+ idling\r\n* BYE Account exceeded limits\r\nCUT", "Account exceeded limits", false},
		{"IDLE is refused", "TAG NO not now\r\n", "not now", true},
		{"IDLE is not known", "TAG BAD what?\r\n", "what?", true},
		{"a line without end", "+ idling\r\n* OK " + strings.Repeat("x", 100<<10), "64 KiB", false},
		{"announcements without end", "+ idling\r\n" + strings.Repeat("* OK \r\n", 100_001), "nobody asked", false},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newScript(texts(4)...)
			session := waiting(t, s, next5)
			s.on = idling(c.answer)
			err := session.Wait(t.Context(), "INBOX")
			if err == nil || !strings.Contains(err.Error(), c.says) || errors.Is(err, errors.ErrUnsupported) != c.lives {
				t.Errorf("Wait: %v", err)
			}
			if (session.Err() == nil) != c.lives {
				t.Errorf("the session ended with %v", session.Err())
			}
		})
	}
}

// The end of ctx ends IDLE and leaves the session as it was.
func TestWaitUntilCancelled(t *testing.T) {
	s := newScript(texts(4)...)
	session := waiting(t, s, next5)
	for range 2 {
		if err := session.Wait(s.idleFor(t, ""), "INBOX"); !errors.Is(err, context.Canceled) {
			t.Fatalf("Wait: %v", err)
		}
	}
	if err := session.Wait(s.idleFor(t, "CUT"), "INBOX"); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("a server that is gone counts as alive: %v", err)
	}
}

// Mail that came while the pass still ran is not slept over, and stays news until
// it is listed.
func TestWaitKnowsWhatCameBefore(t *testing.T) {
	s := newScript(texts(4)...)
	session := waiting(t, s, next5)
	s.mu.Lock()
	s.fetch = func(uid uint32, asks string) string { return s.plain(uid, asks) + "* 5 EXISTS\r\n" }
	s.mu.Unlock()
	list(t, session, fetch.Cursor{})
	for range 2 {
		if err := session.Wait(t.Context(), "INBOX"); err != nil || len(s.asked("IDLE")) != 0 {
			t.Fatalf("Wait: %v", err)
		}
	}
}

// What a listing has seen is no news for the Wait behind it.
func TestWaitForgetsWhatWasListed(t *testing.T) {
	s := newScript(texts(4)...)
	session := waiting(t, s, next5)
	s.mu.Lock()
	s.fetch = func(uid uint32, asks string) string {
		if strings.Contains(asks, "INTERNALDATE") {
			return s.plain(uid, asks) + "* 5 EXISTS\r\n"
		}
		return s.plain(uid, asks)
	}
	s.mu.Unlock()
	if err := session.Dates(t.Context(), items(1), func(fetch.Item, fetch.Meta) {}); err != nil {
		t.Fatal(err)
	}
	list(t, session, fetch.Cursor{})
	if err := session.Wait(s.idleFor(t, ""), "INBOX"); !errors.Is(err, context.Canceled) {
		t.Fatalf("Wait: %v", err)
	}
}

// A folder that was not listed may hold anything.
func TestWaitBeforeAListing(t *testing.T) {
	s := newScript(texts(4)...)
	session := s.connect(t, Options{}).(*session)
	for _, folder := range []string{"INBOX", "INBOX", "Other"} {
		if err := session.Wait(t.Context(), folder); err != nil || len(s.asked("IDLE")) != 0 {
			t.Errorf("Wait in %s: %v", folder, err)
		}
	}
}

// A pass leaves the folder, or opens it for writing. Whatever came between its
// listing and the IDLE behind it is found when it is opened again, and nothing is
// found where nothing came: that would be passes without end.
func TestWaitComesBack(t *testing.T) {
	ways := map[string]func(*session) error{
		"left":               func(s *session) error { _, err := s.Open(t.Context(), "Other"); return err },
		"opened for writing": func(s *session) error { return s.openForWriting(t.Context()) },
	}
	for _, c := range []struct {
		what     string
		during   string // what the server says before the folder is left
		after    string // what it says when it is opened again
		news     bool
		noNext   bool
		messages int
	}{
		{"nothing", "", "* 4 EXISTS\r\n* OK [UIDVALIDITY 7] x" + next5, false, false, 4},
		{"mail", "", "* 5 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 6] x", true, false, 5},
		{"mail, and other mail went", "", "* 4 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 6] x", true, false, 5},
		{"mail, and UIDNEXT lags behind", "", "* 5 EXISTS\r\n* OK [UIDVALIDITY 7] x" + next5, true, false, 5},
		{"mail was announced", "* 5 EXISTS\r\n", "* 4 EXISTS\r\n* OK [UIDVALIDITY 7] x" + next5, true, false, 4},
		{"mail went", "* 4 EXPUNGE\r\n", "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x" + next5, false, false, 3},
		{"mail went and came, and UIDNEXT lags behind", "* 4 EXPUNGE\r\n", "* 4 EXISTS\r\n* OK [UIDVALIDITY 7] x" + next5, true, false, 4},
		{"another numbering", "", "* 4 EXISTS\r\n* OK [UIDVALIDITY 8] x" + next5, true, false, 4},
		{"all went", "* 1 EXPUNGE\r\n", "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 6] x", false, false, 0},
		{"no UIDNEXT, nothing", "", "* 4 EXISTS\r\n* OK [UIDVALIDITY 7] x", false, true, 4},
		{"no UIDNEXT, mail", "", "* 4 EXISTS\r\n* OK [UIDVALIDITY 7] x", true, true, 5},
	} {
		for way, leave := range ways {
			t.Run(c.what+", "+way, func(t *testing.T) {
				s := newScript(texts(4)...)
				next := next5
				if c.noNext {
					next = ""
				}
				session := waiting(t, s, next)
				s.mu.Lock()
				if s.messages[5] = text(5); c.messages < 5 {
					delete(s.messages, 5)
				}
				s.fetch = func(uint32, string) string { return c.during }
				s.mu.Unlock()
				if err := session.client.Fetch(t.Context(), "1", "UID", func(*imapwire.Response, io.Reader) error { return nil }); err != nil {
					t.Fatal(err)
				}
				s.mu.Lock()
				s.fetch = nil
				s.mu.Unlock()
				if err := leave(session); err != nil {
					t.Fatal(err)
				}
				s.mu.Lock()
				s.selected = c.after
				s.mu.Unlock()
				err := session.Wait(s.idleFor(t, ""), "INBOX")
				if c.news != (err == nil) || err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("Wait: %v; asked %q", err, s.asked(""))
				}
			})
		}
	}
}

func TestWaitWithoutIdle(t *testing.T) {
	s := newScript(texts(4)...)
	s.caps = "IMAP4rev1"
	if err := waiting(t, s, next5).Wait(t.Context(), "INBOX"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Wait: %v", err)
	}
}

// NetEase demands ID before SELECT, on each connection.
func TestIDBeforeSelect(t *testing.T) {
	s := newScript(texts(1)...)
	s.caps = "IMAP4rev1 ID"
	told := false
	s.on = func(line string) string {
		switch {
		case strings.HasPrefix(line, "ID "):
			told = true
		case strings.HasPrefix(line, "EXAMINE") && !told:
			return "TAG NO EXAMINE Unsafe Login. Please contact kefu@188.com for help\r\n"
		case strings.HasPrefix(line, "LOGIN"):
			told = false
		}
		return ""
	}
	source := s.source(t, Options{ID: map[string]string{"name": "mailrill"}})
	for range 2 {
		session, err := source.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := session.Open(t.Context(), "INBOX"); err != nil {
			t.Error(err)
		}
		if err := session.Close(true); err != nil {
			t.Error(err)
		}
	}
	session, err := s.source(t, Options{}).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(false)
	_, err = session.Open(t.Context(), "INBOX")
	if refusal, ok := errors.AsType[*reply.Error](err); !ok || !strings.Contains(refusal.Text, "Unsafe Login") {
		t.Errorf("without ID: %v", err)
	}
}

func TestRefusedLogin(t *testing.T) {
	s := newScript()
	s.on = func(line string) string {
		if strings.HasPrefix(line, "LOGIN") {
			return "TAG NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n"
		}
		return ""
	}
	_, err := s.source(t, Options{}).Connect(t.Context())
	if reply.ClassOf(err) != reply.Credentials || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v (%s)", err, reply.ClassOf(err))
	}
}

// The end of the context given to Connect ends whatever goes on.
func TestContextCutsTheSession(t *testing.T) {
	s := newScript(texts(3)...)
	ctx, cancel := context.WithCancel(t.Context())
	session, err := s.source(t, Options{}).Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.Open(ctx, "INBOX"); err != nil {
		t.Fatal(err)
	}
	err = session.Retrieve(ctx, items(1, 2, 3), func(_ fetch.Item, _ *fetch.Meta, r io.Reader, err error) error {
		cancel()
		return err
	})
	if err == nil {
		t.Error("Retrieve reports nothing")
	}
	session.Close(false)
}
