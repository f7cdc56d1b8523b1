package imapwire

import (
	"errors"
	"slices"
	"testing"

	"mailrill/internal/reply"
)

func quotaSession(t *testing.T, answer string) *Client {
	t.Helper()
	return session(t, func(s *peer, tag, command string) bool {
		if len(command) > 4 && command[:4] == "AUTH" {
			s.say("%s OK [CAPABILITY IMAP4rev1 QUOTA] in\r\n", tag)
			return true
		}
		return on("GETQUOTAROOT", func(s *peer, tag, _ string) bool {
			s.say("%s", answer)
			s.say("%s OK done\r\n", tag)
			return true
		})(s, tag, command)
	})
}

func TestQuota(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		want         *Quota
	}{
		{"storage", "* QUOTAROOT INBOX \"\"\r\n* QUOTA \"\" (STORAGE 10 512)\r\n", &Quota{10240, 524288}},
		{"the least room", "* QUOTAROOT INBOX a b\r\n* QUOTA a (STORAGE 10 512)\r\n* QUOTA b (MESSAGE 3 9 storage 500 512)\r\n", &Quota{512000, 524288}},
		{"none", "* QUOTAROOT INBOX\r\n", nil},
		{"other resources", "* QUOTA \"\" (MESSAGE 3 9)\r\n", nil},
		{"nonsense", "* QUOTA \"\" (STORAGE -1 999999999999999999999 STORAGE x y STORAGE)\r\n* QUOTA oops\r\n* QUOTA\r\n* QUOTA \"\" (STORAGE 1 0)\r\n* QUOTA \"\" (STORAGE x 100)\r\n* QUOTA \"\" (STORAGE -5 100)\r\n", nil},
	} {
		got, err := quotaSession(t, c.answer).Quota(t.Context(), "INBOX")
		if err != nil || (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

func TestQuotaIsRefusedOrNotOffered(t *testing.T) {
	c := session(t, on("GETQUOTAROOT", func(*peer, string, string) bool { panic("not offered") }))
	if q, err := c.Quota(t.Context(), "INBOX"); q != nil || err != nil {
		t.Errorf("%v, %v", q, err)
	}
	c = quotaSession(t, "* BAD what\r\n")
	if _, err := c.Quota(t.Context(), "a\r\nb"); err == nil {
		t.Error("a name with a line break was sent")
	}
	c = session(t, func(s *peer, tag, command string) bool {
		if command == "GETQUOTAROOT INBOX" {
			s.say("%s NO no quota\r\n", tag)
			return true
		}
		if len(command) > 4 && command[:4] == "AUTH" {
			s.say("%s OK [CAPABILITY IMAP4rev1 QUOTA] in\r\n", tag)
			return true
		}
		return ok(s, tag, command)
	})
	_, err := c.Quota(t.Context(), "INBOX")
	if _, refused := errors.AsType[*reply.Error](err); !refused {
		t.Errorf("%v", err)
	}
	if !slices.Equal(c.Capabilities(), []string{"IMAP4REV1", "QUOTA"}) {
		t.Errorf("capabilities %q", c.Capabilities())
	}
}
