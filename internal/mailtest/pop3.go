package mailtest

import (
	"crypto/tls"
	"net"
	"time"
)

// POP3 is a POP3 server (RFC 1939). Without knobs it behaves like Dovecot's: it
// serves INBOX, and DELE takes effect with QUIT. It serves octets as they are; a
// body that does not end in CRLF gets one, which is all the protocol can say, so
// that a client sees POP3Body(body).
type POP3 struct {
	Store    *Store
	User     string
	Password string
	Token    string                        // an OAuth token that is taken; "": none
	Takes    func(user, token string) bool // further tokens that are taken: OAuth.Takes; nil: none
	TLS      *tls.Config                   // implicit TLS; nil: none
	StartTLS *tls.Config                   // offered by STLS; nil: not offered

	// Provider has the server play that of a provider in all that is known of it:
	// Gmail, QQ, NetEase or Outlook, "" none.
	Provider string
	// Refuse is one of Refusals(Provider, "pop3"), "": the server refuses nothing
	// that it would not refuse anyhow.
	Refuse string
	// Gmail is Provider: Gmail. It shows a window on the oldest messages of all folders
	// but spam and trash that were not retrieved yet. RETR and a clean QUIT take a
	// message out of it, DELE does nothing. A user "recent:NAME" sees the last 30
	// days, whatever was retrieved, and marks nothing as retrieved.
	Gmail bool
	// Window is how many messages Gmail's window holds; 0: 250.
	Window int
	// Disposition is what Gmail does to a message that was retrieved:
	// "leaveInInbox" (or ""), "markRead", "archive" or "trash".
	Disposition string
	// Now is the clock of recent mode; nil: time.Now.
	Now func() time.Time

	OnlyTokens   bool                 // passwords are refused, whatever they are (Outlook)
	TwoLineAuth  bool                 // AUTH takes no initial response (Outlook)
	Pipelining   bool                 // CAPA offers it; answered in order it is always
	NoUIDL       bool                 // UIDL is an unknown command
	NoTOP        bool                 // TOP is an unknown command
	NoCAPA       bool                 // CAPA is an unknown command
	UIDL         func(Message) string // instead of the server's own ids: duplicates, odd characters
	Size         func(Message) int64  // what STAT and LIST state; nil: the octets that RETR sends
	Capabilities []string             // what CAPA lists, instead of the server's own list
	Greeting     string               // instead of the server's own, "+OK …"
	BareLF       bool                 // all line ends on the wire are LF, also those within messages

	// CutBody says after how many octets of a message's RETR the connection drops;
	// 0: it does not. It is how one message breaks each session that asks for it.
	CutBody func(Message) int

	// OnCommand is asked for a Verdict on each command. Sessions count from 1.
	OnCommand func(session int, line string) Verdict

	ln *listener
}

// Start listens on 127.0.0.1 and returns host:port.
func (s *POP3) Start() (addr string, err error) {
	if s.Gmail {
		s.Provider = Gmail
	}
	if err := checkPlay("pop3", popWordsOf, s.Provider, s.Refuse); err != nil {
		return "", err
	}
	s.Gmail = s.Provider == Gmail
	if s.Provider == Outlook {
		s.OnlyTokens, s.TwoLineAuth = true, true
	}
	if s.ln, err = listen("", s.TLS, s.serve); err != nil {
		return "", err
	}
	return s.ln.Addr().String(), nil
}

// Close cuts all sessions and returns when they have ended.
func (s *POP3) Close() error { return s.ln.stop() }

// Settle returns when no session runs, or none with these clients where some are
// named: what clients have sent that are gone now has been dealt with, to the
// last octet.
func (s *POP3) Settle(clients ...net.Addr) { s.ln.settle(clients) }

// Sessions returns how many connections there were.
func (s *POP3) Sessions() int { return s.ln.count() }
