// Package config reads config.toml and gives it back as typed values.
//
// Think of it as a border: behind it there are no strings left to interpret, no
// default to remember and no contradiction to meet. Everything that can be
// wrong with a config is found before anything is connected, all of it at once,
// each with its place in the file.
//
// The way of a file: a document is parsed and every key gets its position
// (document.go, position.go); tables are read key by key (table.go,
// decode_*.go); then accounts and destinations are looked at as a whole
// (validate.go, loops.go). No line of the file is ever quoted in an error, and no value
// either: a password may stand in any of them.
package config

import (
	"net/url"
	"time"

	"mailrill/internal/provider"
	"mailrill/internal/secret"
)

// A Config is all that config.toml and its includes say.
type Config struct {
	Path         string   // of config.toml, absolute
	Files        []string // Path and the included files, absolute
	StateDir     string   // as written, made absolute; "" when unset: see State
	Lang         string   // "en", "zh" or "" (from the environment)
	Destinations map[string]*Destination
	Accounts     []*Account // in the order of the files
	OAuth        OAuth
	Web          Web
	Notice       Notice
	Warnings     Errors // what works, and most likely is not meant
}

// OAuth holds the user's own registrations with the providers.
type OAuth struct {
	Google struct {
		ClientID     string
		ClientSecret *secret.Source // nil: none
	}
	Microsoft struct {
		ClientID string
		Tenant   string // "" means the default of the sign-in
	}
}

// TLSMode says how a connection becomes secure.
type TLSMode string

// The TLS modes.
const (
	TLSImplicit TLSMode = "implicit" // TLS from the first octet
	TLSStart    TLSMode = "starttls" // the protocol's command, strictly
	TLSNone     TLSMode = "none"     // cleartext
)

// A Server is how a mail server is reached and logged in to.
type Server struct {
	Provider       provider.Preset // its Key is "" when none is known
	Host           string
	Port           int
	TLS            TLSMode
	AllowCleartext bool
	CAFile         string // absolute; replaces the system's roots
	PinSHA256      string // base64
	ClientCert     string // absolute
	ClientKey      string // absolute; "" when ClientCert holds both
	Proxy          *Proxy // nil: none
	Timeout        time.Duration
	User           string
	Secret         *secret.Source // nil: no login by password
	OAuth          string         // "google", "microsoft" or ""
}

// A Proxy stands between us and a server.
type Proxy struct {
	URL      *url.URL       // socks5:// or http://, without a password
	Password *secret.Source // nil: none
}

// Protocols of accounts.
const (
	IMAP = "imap"
	POP3 = "pop3"
)

// An Account is a mailbox that mail is collected from.
type Account struct {
	Name     string
	Label    string // free text for people
	Enabled  bool
	Protocol string // IMAP or POP3
	Server

	Folders []string // names, patterns and roles; POP3: INBOX

	To          string
	Destination *Destination // that To names, with this account's values in place of {…}

	Schedule     Schedule
	ScheduleText string
	Poll         Schedule // in place of Schedule where push turns out not to work
	Quiet        Quiet
	Push         bool // IMAP IDLE is wanted, and is known to work

	Backlog     Backlog
	BacklogSeen bool

	After       After
	DeleteAfter time.Duration // since our delivery; 0: at once
	MoveTo      string
	MaxDelete   int

	MaxSize    int64 // octets; 0: none
	Recent     bool  // Gmail POP3's "recent:" mode
	Sent       bool  // Gmail POP3: own sent mail too
	DailyLimit int64 // octets; 0: none
	RateLimit  Rate

	MaxConnections int // per host, protocol and user

	into string
}

// After is what becomes of a message at its source once it is delivered.
type After string

// The after-actions.
const (
	Keep   After = "keep"
	Delete After = "delete"
	Seen   After = "seen"
	Move   After = "move"
)

// GmailPOP reports whether the source is Gmail's POP3, with its windows.
func (a *Account) GmailPOP() bool {
	return a.Protocol == POP3 && a.Provider.Quirks.WindowedPOP
}

// LoginUser returns the user name to log in with: Gmail's POP3 is told by a
// prefix to list the last 30 days, whatever other programs have read.
func (a *Account) LoginUser() string {
	if a.Recent && a.GmailPOP() {
		return "recent:" + a.User
	}
	return a.User
}

// Types of destinations.
const (
	TypeIMAP    = "imap"
	TypeSMTP    = "smtp"
	TypeLMTP    = "lmtp"
	TypeMaildir = "maildir"
	TypeCommand = "command"
)

// A Destination is a place that mail is brought to.
type Destination struct {
	Name string
	Type string
	Server
	Socket string // lmtp: absolute path of a unix socket, in place of Host and Port

	Folder string // imap, maildir
	Create bool   // imap, maildir: a missing folder is made
	Trace  bool   // the X-Mailrill-ID line

	Recipient string // smtp, lmtp
	Sender    string // smtp, lmtp: envelope sender
	Mode      Mode   // smtp, lmtp

	Path     string   // maildir: absolute
	Argv     []string // command
	LineEnds string   // command: "lf" or "crlf"

	MaxConnections int   // per host and user
	DailyLimit     int64 // octets per host and user; 0: none
	RateLimit      Rate  // per host and user

	dir string // of the file that it stands in
}

// Mode is how SMTP sends a message on.
type Mode string

// The modes.
const (
	Resend Mode = "resend" // the message itself, with our envelope and Resent-* fields
	Wrap   Mode = "wrap"   // as a message/rfc822 part of a message of our own
)

// Network reports whether the destination is a server that is logged in to.
func (d *Destination) Network() bool {
	switch d.Type {
	case TypeIMAP, TypeSMTP, TypeLMTP:
		return true
	}
	return false
}

// HasFolders reports whether the destination keeps mail in folders.
func (d *Destination) HasFolders() bool { return d.Type == TypeIMAP || d.Type == TypeMaildir }

// Account returns the account of that name, or nil.
func (c *Config) Account(name string) *Account {
	for _, a := range c.Accounts {
		if a.Name == name {
			return a
		}
	}
	return nil
}
