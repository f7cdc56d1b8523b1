package wire

import (
	"testing"

	"mailrill/internal/config"
)

// TestLimitOfALogin: destinations that are one login share its connections.
func TestLimitOfALogin(t *testing.T) {
	var s Shared
	mine := &config.Destination{MaxConnections: 4, Server: config.Server{Host: "imap.example", Port: 993, User: "u"}}
	archive, other, elsewhere := *mine, *mine, *mine
	archive.Folder = "Archive"
	other.User = "v"
	elsewhere.Host = "imap.example.org"
	if s.limit(mine) != s.limit(&archive) {
		t.Error("two folders of one mailbox are counted apart")
	}
	if s.limit(mine) == s.limit(&other) || s.limit(mine) == s.limit(&elsewhere) {
		t.Error("two mailboxes are counted together")
	}
}

// However a login is written, it has one day's limit; POP3's is not IMAP's.
func TestDailyOfALogin(t *testing.T) {
	login := func(protocol, host, user string) string {
		return daily("reading", protocol, config.Server{Host: host, User: user}, 1).Login
	}
	mine := login("imap", "imap.example", "me@example.org")
	if login("imap", "IMAP.example", "Me@Example.org") != mine {
		t.Error("one login is counted apart from itself")
	}
	if login("pop3", "imap.example", "me@example.org") == mine || login("imap", "imap.example", "you@example.org") == mine {
		t.Error("two are counted together")
	}
}
