package smtp

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"mailrill/deliver"
	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

// Looking on goes as far as RCPT, and leaves a session in which a message can
// follow.
func TestLookSendsNothing(t *testing.T) {
	var mu sync.Mutex
	var said []string
	s := &mailtest.SMTP{MaxSize: 5000, OnCommand: func(_ int, line string) mailtest.Verdict {
		mu.Lock()
		defer mu.Unlock()
		verb, _, _ := strings.Cut(line, " ")
		said = append(said, verb)
		return mailtest.Verdict{}
	}}
	d := open(t, startServer(t, s))
	facts, err := d.Probe(t.Context())
	if err != nil || facts.MaxSize != 5000 || !slices.Contains(facts.Offers, "SIZE 5000") {
		t.Fatalf("%+v, %v", facts, err)
	}
	for range 2 {
		if spot, err := d.Look(t.Context(), ""); err != nil || spot.Name != "you@b.example" {
			t.Fatalf("%+v, %v", spot, err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(said, " "); got != "EHLO MAIL RCPT RSET MAIL RCPT RSET" || len(s.Received()) != 0 {
		t.Errorf("it said %s; %d messages were sent", got, len(s.Received()))
	}
}

func TestLookIsRefused(t *testing.T) {
	for _, c := range []struct {
		server *mailtest.SMTP
		class  reply.Class
	}{
		{&mailtest.SMTP{RefuseRecipient: func(string) string { return "550 5.1.1 no such user" }}, reply.Config},
		{&mailtest.SMTP{RefuseSender: func(string) string { return "501 5.1.7 not you" }}, reply.Config},
		{&mailtest.SMTP{RefuseRecipient: func(string) string { return "452 4.2.2 over quota" }}, reply.Limit},
		{&mailtest.SMTP{Without: []string{"PIPELINING"}, RefuseSender: func(string) string { return "550 5.7.1 no" }}, reply.Config},
	} {
		d := open(t, startServer(t, c.server))
		_, err := d.Look(t.Context(), "")
		if !errors.Is(err, deliver.ErrUnavailable) || reply.ClassOf(err) != c.class {
			t.Errorf("class %q, want %q: %v", reply.ClassOf(err), c.class, err)
		}
	}
}
