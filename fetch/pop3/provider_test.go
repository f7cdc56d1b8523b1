package pop3

import (
	"testing"

	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

// xoauth2 is XOAUTH2 as far as these tests need it.
func xoauth2(token string) *bearer {
	return &bearer{initial: []byte("user=joe\x01auth=Bearer " + token + "\x01\x01")}
}

// Gmail takes tokens in one line and in two, Outlook in two only. Both refuse one
// by a challenge first, which begins like a success.
func TestTokens(t *testing.T) {
	for _, c := range []struct {
		provider string
		twoLines bool
		token    string
		class    reply.Class
	}{
		{mailtest.Gmail, false, "good", reply.OK},
		{mailtest.Gmail, true, "good", reply.OK},
		{mailtest.Gmail, false, "bad", reply.Credentials},
		{mailtest.Gmail, true, "bad", reply.Credentials},
		{mailtest.Outlook, true, "good", reply.OK},
		{mailtest.Outlook, true, "bad", reply.Credentials},
		{mailtest.Outlook, false, "good", reply.Temporary}, // "Protocol error": the option is for this
	} {
		server := &mailtest.POP3{Provider: c.provider, Store: mailtest.NewStore(), User: "joe", Token: "good"}
		s := source(t, server, Options{TwoLineAuth: c.twoLines})
		s.o.Auth = with(xoauth2(c.token))
		session, err := s.Connect(t.Context())
		if reply.ClassOf(err) != c.class {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil {
			session.Close(true)
		}
	}
}

// NetEase refuses by POP3, whose switch is its own, what it takes by IMAP.
func TestNetEaseNotEnabled(t *testing.T) {
	server := &mailtest.POP3{Provider: mailtest.NetEase, Refuse: "not-enabled", Store: mailtest.NewStore(), User: "joe", Password: "secret"}
	_, err := source(t, server, Options{}).Connect(t.Context())
	if r, ok := refused(err); !ok || r.Text != "Unable to log on" || r.Class() != reply.Credentials {
		t.Errorf("%v", err)
	}
}
