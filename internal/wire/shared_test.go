package wire

import (
	"net"
	"testing"
	"time"

	"mailrill/internal/collect"
	"mailrill/internal/config"
	"mailrill/internal/mailconn"
)

// TestLimitOfALogin: destinations that are one login share its connections.
func TestLimitOfALogin(t *testing.T) {
	var s Shared
	limit := func(end, protocol, host, user string) *mailconn.Limit {
		return s.limit(end, protocol, config.Server{Host: host, Port: 993, User: user}, "", 4)
	}
	mine := limit(toWrite, "imap", "imap.example", "me@example.org")
	if limit(toWrite, "imap", "IMAP.example", "Me@Example.org") != mine {
		t.Error("one login is counted apart from itself")
	}
	for _, other := range []*mailconn.Limit{
		limit(toWrite, "imap", "imap.example", "you@example.org"), limit(toWrite, "imap", "imap.example.org", "me@example.org"),
		limit(toWrite, "smtp", "imap.example", "me@example.org"), limit(toRead, "imap", "imap.example", "me@example.org"),
	} {
		if other == mine {
			t.Error("two are counted together")
		}
	}
}

// TestLimitOfAccounts: accounts of one login wait for each other.
func TestLimitOfAccounts(t *testing.T) {
	e := Env{Shared: &Shared{}}
	a := &config.Account{Protocol: config.IMAP, MaxConnections: 2, Server: config.Server{Host: "imap.example", Port: 993, User: "u"}}
	b := *a
	b.Folders = []string{"Archive"}
	if limit := e.entrance(a).Limit; limit == nil || limit != e.entrance(&b).Limit {
		t.Error("two accounts of one login are counted apart")
	}
}

// However a login is written, it has one day's limit; POP3's is not IMAP's.
func TestDailyOfALogin(t *testing.T) {
	login := func(protocol, host, user string) string {
		return daily("reading", protocol, config.Server{Host: host, User: user}, 1, config.Rate{}).Login
	}
	mine := login("imap", "imap.example", "me@example.org")
	if login("imap", "IMAP.example", "Me@Example.org") != mine {
		t.Error("one login is counted apart from itself")
	}
	if login("pop3", "imap.example", "me@example.org") == mine || login("imap", "imap.example", "you@example.org") == mine {
		t.Error("two are counted together")
	}
}

// TestLimitIsReadAgain: what a config that was read again allows holds for
// connections that are made from then on.
func TestLimitIsReadAgain(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	e := Env{Shared: &Shared{}}
	a := &config.Account{Protocol: config.IMAP, Server: config.Server{Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, TLS: "none", User: "u"}}
	for a.MaxConnections = 1; a.MaxConnections < 4; a.MaxConnections++ {
		conn, err := e.entrance(a).Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
}

// Each end has the limits of its own table.
func TestLimits(t *testing.T) {
	a := &config.Account{
		Protocol: "imap", Server: config.Server{Host: "in.example", User: "me"}, DailyLimit: 1, RateLimit: config.Rate{Messages: 60, Per: time.Minute},
		Destination: &config.Destination{Type: "lmtp", Server: config.Server{Host: "out.example", User: "you"}, DailyLimit: 2, RateLimit: config.Rate{Messages: 500, Per: time.Hour}},
	}
	down, up := Limits(a)
	if want := (collect.Daily{Login: "reading me at in.example over imap", Limit: 1, Rate: collect.Rate{Messages: 60, Per: time.Minute}}); down != want {
		t.Errorf("source: %+v", down)
	}
	if want := (collect.Daily{Login: "writing to you at out.example over lmtp", Limit: 2, Rate: collect.Rate{Messages: 500, Per: time.Hour}}); up != want {
		t.Errorf("destination: %+v", up)
	}
}
