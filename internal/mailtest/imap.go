package mailtest

import (
	"crypto/tls"
	"net"
	"time"
)

// IMAP is an IMAP4rev1 server (RFC 3501). Without knobs it behaves like
// Dovecot's, except that it stores and serves octets as they are. What it offers
// it also does, and the other way round: take "MULTIAPPEND" away and it refuses
// a second message.
type IMAP struct {
	Store    *Store
	User     string
	Password string
	Token    string                        // an OAuth token that is taken; "": none
	Takes    func(user, token string) bool // further tokens that are taken: OAuth.Takes; nil: none
	TLS      *tls.Config                   // implicit TLS; nil: none
	StartTLS *tls.Config                   // offered by STARTTLS; nil: not offered

	Capabilities []string // after login, instead of the server's own list
	Without      []string // left out of that list, e.g. "UIDPLUS"

	// Provider has the server play that of a provider in all that is known of it:
	// Gmail, QQ, NetEase or Outlook, "" none. Start makes the folders that the
	// provider has, and sets the knobs below that say what it does.
	Provider string
	// Refuse is one of Refusals(Provider, "imap"), "": the server refuses nothing
	// that it would not refuse anyhow.
	Refuse string
	// Gmail is Provider: Gmail.
	Gmail bool
	// Language is that of Gmail's folders: "en" or "", or "zh".
	Language string
	// AutoExpunge is Gmail's setting (on by default there): \Deleted expunges at once.
	AutoExpunge bool

	Separator      string // of the hierarchy; "": "/"
	NoCreate       bool   // CREATE is refused (QQ)
	NoPush         bool   // IDLE is accepted and says nothing (QQ)
	RequireID      bool   // SELECT is refused until the connection sent ID (NetEase)
	OnlyTokens     bool   // passwords are refused, whatever they are (Outlook)
	UIDExpungeBad  bool   // UID EXPUNGE is offered and answered with BAD (NetEase)
	NoUIDNext      bool   // SELECT and STATUS do not tell it (NetEase)
	TrailingBlanks bool   // behind CAPABILITY and LIST (QQ)
	NoKeywords     bool   // flags of the client's own are taken and not kept (QQ)
	AllowNUL       bool   // in ordinary literals; otherwise it needs literal8
	AppendLimit    int64  // APPENDLIMIT, and what is longer is refused before its literal; 0: none, Gmail: 34 MiB
	Greeting       string // instead of the server's own, "* OK …"
	PermanentFlags []string

	// ShowsAfter is how long a message that came by APPEND is not shown, nor those
	// behind it, though it is stored and UIDNEXT counts it (QQ: 15 to 40 s). Now is
	// the clock for that; nil: time.Now.
	ShowsAfter time.Duration
	Now        func() time.Time

	RefuseAppend func(body []byte) string // a text refuses it behind its literal: "NO text", or as given if it begins with NO or BAD
	Size         func(Message) int64      // RFC822.SIZE; nil: the truth

	// Throttle is asked before each message of a FETCH. A text, such as
	// "* BYE [OVERQUOTA] enough", is sent in its place and ends the connection.
	Throttle func(Message) string

	// OnCommand is asked for a Verdict on each command. line is the command
	// without its tag up to its first literal, whose "{n}" is its end. Sessions
	// count from 1.
	OnCommand func(session int, line string) Verdict

	ln      *listener
	idlers  *idlers
	arrived map[uint64]time.Time // by serial; the store's lock guards it
}

// Start listens on 127.0.0.1 and returns host:port.
func (s *IMAP) Start() (addr string, err error) {
	if s.Gmail {
		s.Provider = Gmail
	}
	if err := checkPlay("imap", imapWordsOf, s.Provider, s.Refuse); err != nil {
		return "", err
	}
	s.play()
	s.arrived = map[uint64]time.Time{}
	s.idlers = newIdlers()
	if s.ln, err = listen("", s.TLS, s.serve); err != nil {
		return "", err
	}
	return s.ln.Addr().String(), nil
}

// play does what the provider's server does.
func (s *IMAP) play() {
	switch s.Provider {
	case Gmail:
		s.Gmail = true
		if s.Store.ByRole(`\All`) == "" {
			s.Store.GmailFolders(s.Language)
		}
	case QQ:
		s.NoCreate, s.NoPush, s.TrailingBlanks, s.NoKeywords = true, true, true, true
		s.Store.QQFolders()
	case NetEase:
		s.RequireID, s.UIDExpungeBad, s.NoUIDNext = true, true, true
		s.Store.NetEaseFolders()
	case Outlook:
		s.OnlyTokens = true
	}
}

// Close cuts all sessions and returns when they have ended.
func (s *IMAP) Close() error {
	if s.idlers != nil {
		s.idlers.close(true)
	}
	return s.ln.stop()
}

// Restart cuts all sessions, as Close does, and listens again at the same address.
func (s *IMAP) Restart() error {
	if err := s.ln.restart(); err != nil {
		return err
	}
	s.idlers.close(false)
	return nil
}

// Settle returns when no session runs, or none with these clients where some are
// named: what clients have sent that are gone now has been dealt with, to the
// last octet.
func (s *IMAP) Settle(clients ...net.Addr) { s.ln.settle(clients) }

// Sessions returns how many connections there were.
func (s *IMAP) Sessions() int { return s.ln.count() }
