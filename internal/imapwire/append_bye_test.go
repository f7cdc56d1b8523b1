package imapwire

import (
	"errors"
	"strings"
	"testing"

	"mailrill/internal/reply"
)

func TestAppendByeKeepsTheWords(t *testing.T) {
	c := session(t, on("APPEND", func(s *peer, tag, command string) bool {
		s.say("* BYE [TOOBIG] your mail is too large\r\n")
		return false
	}))
	log := make(fateLog, 1)
	err := appendAll(t.Context(), c, "x", []Append{mail(strings.Repeat("a", 8<<20))}, log.done)
	if log[0] != "not sent" {
		t.Errorf("fate %v", log)
	}
	if refusal, _ := errors.AsType[*reply.Error](err); refusal != nil && refusal.Code != "TOOBIG" {
		t.Errorf("error is %v", err)
	}
}

// TestByeIsNoAnswer: what a server says when it goes away tells nothing of a message
// that it has.
func TestByeIsNoAnswer(t *testing.T) {
	c := session(t, on("APPEND", func(s *peer, _, command string) bool {
		n, _ := literalOf(command)
		s.octets(n)
		s.say("* BYE [UNAVAILABLE] Server shutting down.\r\n")
		return false
	}))
	log := make(fateLog, 1)
	if err := appendAll(t.Context(), c, "x", []Append{mail("a")}, log.done); err == nil || log[0] != "unknown" {
		t.Errorf("%v, %v", log, err)
	}
}
