package imapwire

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailrill/internal/reply"
)

func TestIdle(t *testing.T) {
	var notices atomic.Int32
	hint := make(chan struct{}, 100)
	conn := serve(t, greeting, on("IDLE", func(s *peer, tag, _ string) bool {
		s.say("+ idling\r\n+ idling again\r\n* 4 EXISTS\r\n* 2 EXPUNGE\r\n* 1 FETCH (FLAGS (\"]\"))\r\n* VANISHED 3\r\n")
		line, _ := s.br.ReadString('\n')
		if line != "DONE\r\n" {
			return false
		}
		s.say("%s OK done\r\n", tag)
		return true
	}))
	c := connectWith(t, conn, Options{Notify: func() { notices.Add(1); hint <- struct{}{} }})
	for range 2 { // after a command of ours, and after an IDLE
		if _, err := fetchAll(c); err != nil {
			t.Fatal(err)
		}
		idle, err := c.IMAP().Idle()
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			<-hint
		}
		if err := c.Fetch(t.Context(), "1", "UID", nil); !errors.Is(err, errBusy) {
			t.Errorf("fetch while idling: %v", err)
		}
		if err := idle.Close(); err != nil {
			t.Fatal(err)
		}
		if err := idle.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if n := c.IMAP().State(); n != imap.ConnStateAuthenticated {
		t.Errorf("state is %v", n)
	}
}

func TestIdleEndedByTheServer(t *testing.T) {
	hint := make(chan struct{}, 10)
	conn := serve(t, greeting, func(s *peer, tag, command string) bool {
		switch {
		case tag == "DONE":
			t.Error("DONE went out behind the end of IDLE")
		case command == "IDLE":
			s.say("+ idling\r\n%s OK that is enough\r\n", tag)
			return true
		}
		return ok(s, tag, command)
	})
	c := connectWith(t, conn, Options{Notify: func() { hint <- struct{}{} }})
	idle, err := c.IMAP().Idle()
	if err != nil {
		t.Fatal(err)
	}
	<-hint
	if err := errors.Join(idle.Close(), idle.Wait()); err != nil {
		t.Error(err)
	}
	if err := c.IMAP().Noop().Wait(); err != nil {
		t.Errorf("noop: %v", err)
	}
}

func TestIdleRefused(t *testing.T) {
	c := session(t, on("IDLE", func(s *peer, tag, _ string) bool {
		s.say("%s NO not now\r\n", tag)
		return true
	}))
	_, err := c.IMAP().Idle()
	if _, ok := errors.AsType[*reply.Error](c.Refused("IDLE", err)); !ok {
		t.Errorf("error is %v", err)
	}
	if err := c.IMAP().Noop().Wait(); err != nil {
		t.Errorf("noop: %v", err)
	}
}

func TestNotifyWhenTheLineIsCut(t *testing.T) {
	hint := make(chan struct{}, 10)
	conn := serve(t, greeting, on("IDLE", func(s *peer, tag, _ string) bool {
		s.say("+ idling\r\n* BYE [UNAVAILABLE] going down\r\n")
		return false
	}))
	c := connectWith(t, conn, Options{Notify: func() { hint <- struct{}{} }})
	idle, err := c.IMAP().Idle()
	if err != nil {
		t.Fatal(err)
	}
	<-hint
	idle.Close()
	err = c.Refused("IDLE", idle.Wait())
	if refusal, _ := errors.AsType[*reply.Error](err); refusal == nil || refusal.Text != "going down" {
		t.Errorf("error is %v", err)
	}
}
