package imap

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"mailrill/fetch"
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

func TestWait(t *testing.T) {
	for _, c := range []struct {
		what, answer string
	}{
		{"new mail", "+ idling\r\n* 4 EXISTS\r\n"},
		{"gone mail", "+ idling\r\n* 1 EXPUNGE\r\n"},
		{"recent mail", "+ idling\r\n* 1 RECENT\r\n"},
		{"noise first", "+ idling\r\n* OK still here\r\n* 2 FETCH (FLAGS (\\Seen))\r\n* 4 EXISTS\r\n"},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newScript(texts(4)...)
			s.on = idling(c.answer)
			session := s.connect(t, Options{})
			if err := session.(fetch.Waiter).Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := list(t, session, fetch.Cursor{Validity: 7, UID: 999}); len(s.asked("UID FETCH")) != 1 {
				t.Errorf("nothing was asked for after the push: %v", got)
			}
			if len(s.asked("DONE")) != 1 {
				t.Error("IDLE was not ended")
			}
		})
	}
}

// A server that ends IDLE by itself: look, and whatever comes next, no hang.
func TestWaitEndedByServer(t *testing.T) {
	s := newScript(texts(4)...)
	s.on = idling("+ idling\r\nTAG OK timeout\r\n")
	if err := s.connect(t, Options{}).(fetch.Waiter).Wait(t.Context()); err != nil {
		t.Errorf("Wait: %v", err)
	}
}

func TestWaitFails(t *testing.T) {
	for _, c := range []struct {
		what, answer string
		says         string
	}{
		{"the connection breaks", "+ idling\r\nCUT", ""},
		{"BYE", "+ idling\r\n* BYE Account exceeded limits\r\nCUT", "Account exceeded limits"},
		{"IDLE is refused", "TAG NO not now\r\n", "not now"},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newScript(texts(4)...)
			s.on = idling(c.answer)
			err := s.connect(t, Options{}).(fetch.Waiter).Wait(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Wait: %v", err)
			}
		})
	}
}

// The end of ctx ends IDLE and leaves the session as it was.
func TestWaitUntilCancelled(t *testing.T) {
	s := newScript(texts(4)...)
	session := s.connect(t, Options{})
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		s.mu.Lock()
		s.on = func(line string) string {
			if line == "IDLE" {
				cancel()
				return "+ idling\r\n"
			}
			return ""
		}
		s.mu.Unlock()
		if err := session.(fetch.Waiter).Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("Wait: %v", err)
		}
	}
	if len(list(t, session, fetch.Cursor{})) != 4 || len(s.asked("DONE")) != 2 {
		t.Errorf("asked %q", s.asked("IDLE", "DONE"))
	}
}

// Mail that came while the pass still ran is not slept over.
func TestWaitKnowsWhatCameBefore(t *testing.T) {
	s := newScript(texts(2)...)
	session := s.connect(t, Options{})
	s.mu.Lock()
	s.fetch = func(uid uint32, asks string) string { return s.plain(uid, asks) + "* 5 EXISTS\r\n" }
	s.on = idling("+ idling\r\n")
	s.mu.Unlock()
	list(t, session, fetch.Cursor{})
	if err := session.(fetch.Waiter).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// What a listing has seen is no news for the Wait behind it.
func TestWaitForgetsWhatWasListed(t *testing.T) {
	s := newScript(texts(2)...)
	session := s.connect(t, Options{})
	for range 10 { // a change and the end of ctx at once are chosen between by chance
		ctx, cancel := context.WithCancel(t.Context())
		s.mu.Lock()
		s.fetch = func(uid uint32, asks string) string {
			if strings.Contains(asks, "INTERNALDATE") {
				return s.plain(uid, asks) + "* 5 EXISTS\r\n"
			}
			return s.plain(uid, asks)
		}
		s.on = func(line string) string {
			if line == "IDLE" {
				cancel()
				return "+ idling\r\n"
			}
			return ""
		}
		s.mu.Unlock()
		if err := session.(fetch.Dater).Dates(ctx, items(1), func(fetch.Item, fetch.Meta) {}); err != nil {
			t.Fatal(err)
		}
		list(t, session, fetch.Cursor{})
		if err := session.(fetch.Waiter).Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("Wait: %v", err)
		}
	}
}

func TestWaitWithoutIdle(t *testing.T) {
	s := newScript()
	s.caps = "IMAP4rev1"
	if err := s.connect(t, Options{}).(fetch.Waiter).Wait(t.Context()); !errors.Is(err, errors.ErrUnsupported) {
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
