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
