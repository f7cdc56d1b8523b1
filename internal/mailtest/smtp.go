package mailtest

import (
	"crypto/tls"
	"net"
	"sync"
)

// SMTP is an SMTP server (RFC 5321), or with LMTP an LMTP server (RFC 2033). It
// keeps what it was handed.
type SMTP struct {
	LMTP     bool
	User     string // with a User nothing is taken before AUTH
	Password string
	Token    string                        // an OAuth token that is taken; "": none
	Takes    func(user, token string) bool // further tokens that are taken: OAuth.Takes; nil: none
	TLS      *tls.Config                   // implicit TLS; nil: none
	StartTLS *tls.Config                   // offered by STARTTLS; nil: not offered
	// Provider has the server play that of a provider in all that is known of it:
	// Gmail, QQ, NetEase or Outlook, "" none.
	Provider string
	// Refuse is one of Refusals(Provider, "smtp"), "": the server refuses nothing
	// that it would not refuse anyhow.
	Refuse string
	// Sent is the mailbox of who sends, where the provider files what it has taken
	// (QQ, Gmail); nil: nothing is filed.
	Sent       *Store
	OnlyTokens bool   // passwords are refused, whatever they are (Outlook)
	Socket     string // a unix socket to listen on instead of 127.0.0.1

	Capabilities []string // behind EHLO or LHLO, instead of the server's own list; AUTH and STARTTLS are added
	Without      []string // left out of that list, e.g. "CHUNKING"
	MaxSize      int64    // SIZE; larger ones are refused at MAIL and at the end; 0: no limit
	Greeting     string   // instead of the server's own, "220 …"

	// These refuse by returning a reply such as "550 5.1.1 no such user".
	RefuseSender    func(from string) string
	RefuseRecipient func(to string) string
	RefuseMessage   func(Delivery) string              // at the end of the message
	RefuseFor       func(to string, d Delivery) string // LMTP: the same for one recipient

	// OnCommand is asked for a Verdict on each command, and once more with "."
	// when the octets of DATA, and of the last BDAT, are there. Sessions count from 1.
	OnCommand func(session int, line string) Verdict

	ln       *listener
	mu       sync.Mutex
	received []Delivery
}

// A Delivery is a message that the server took.
type Delivery struct {
	From   string   // envelope sender, without <>
	To     []string // envelope recipients that took it
	Params string   // what stood behind the sender at MAIL: "BODY=8BITMIME SIZE=120"
	User   string   // who was logged in
	Body   []byte   // octets, without dot-stuffing
	BDAT   bool     // it came by BDAT
}

// Start listens and returns host:port, or the socket's path.
func (s *SMTP) Start() (addr string, err error) {
	if err := checkPlay("smtp", smtpWordsOf, s.Provider, s.Refuse); err != nil {
		return "", err
	}
	s.OnlyTokens = s.OnlyTokens || s.Provider == Outlook
	if s.ln, err = listen(s.Socket, s.TLS, s.serve); err != nil {
		return "", err
	}
	return s.ln.Addr().String(), nil
}

// Close cuts all sessions and returns when they have ended.
func (s *SMTP) Close() error { return s.ln.stop() }

// Settle returns when no session runs, or none with these clients where some are
// named: what clients have sent that are gone now has been dealt with, to the
// last octet.
func (s *SMTP) Settle(clients ...net.Addr) { s.ln.settle(clients) }

// Sessions returns how many connections there were.
func (s *SMTP) Sessions() int { return s.ln.count() }

// Received returns what was taken so far, in order.
func (s *SMTP) Received() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Delivery(nil), s.received...)
}
