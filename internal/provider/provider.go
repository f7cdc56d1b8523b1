// Package provider holds what is known of mail providers as tables: where their
// servers are and how they differ from the standards (presets), what their
// refusals mean (hints), and what is worth saying without a refusal (notes).
//
// A row states only what the provider's own documentation or a published log
// shows. What nobody has shown is left out: a user then gives the host, which is
// better than a password sent to a host that was guessed.
package provider

import (
	"path"
	"slices"
	"strings"
	"time"

	"mailrill/internal/lang"
)

// TLS modes of an Endpoint.
const (
	Implicit = "implicit" // TLS from the first octet
	StartTLS = "starttls"
)

// An Endpoint is a server of a provider. The zero Endpoint means that the
// provider has none, or that none is known.
type Endpoint struct {
	Host string
	Port int
	TLS  string // Implicit or StartTLS
}

// A Credential says what a provider takes in place of a password.
type Credential string

// The kinds of credentials.
const (
	Password    Credential = "password"     // the account's password, or an app password
	AppPassword Credential = "app password" // an app password or authorization code only
	OAuthOnly   Credential = "oauth"        // no password of any kind
)

// Kinds of OAuth sign-in, as the config names them.
const (
	Google    = "google"
	Microsoft = "microsoft"
)

// A Preset is what is known of one provider.
type Preset struct {
	Key        string
	Domains    []string // "gmail.com"; "outlook.*" stands for each country's ending; nil: the customer's own
	IMAP       Endpoint
	POP3       Endpoint
	SMTP       Endpoint
	NoPOP3     bool // it surely has none, as opposed to: none is known
	Credential Credential
	OAuth      string // Google or Microsoft: the sign-in that it takes, too; or ""
	Access
	Help   string // address of its own page about mail programs, or ""
	Quirks Quirks
	Limits Limits
}

// Access says to people how a program gets into a mailbox.
type Access struct {
	Secret lang.Text // what the provider calls that which it takes for a password
	MakeAt string    // where that is made; "" where the website has no such address, or none is known
	Setup  lang.Text // what to switch on, and how to make the secret
}

// Quirks are the ways in which a provider's servers differ from the standards.
type Quirks struct {
	NoCreate           bool     // IMAP CREATE is refused: folders are made on the website only
	NeedsID            bool     // IMAP ID must come before SELECT on every connection
	SilentIdle         bool     // IMAP IDLE is accepted and never says anything
	TrashOnDelete      bool     // IMAP EXPUNGE takes a label off; deleting is moving to \Trash
	TwoLineAuth        bool     // POP3 AUTH without an initial response
	WindowedPOP        bool     // POP3 lists a part of the mailbox; RETR and QUIT hide a message (Gmail)
	ConsumerSMTP       bool     // SMTP rewrites or refuses a foreign author: resend does not get through
	AppPasswordLetters bool     // the secret is 16 letters, shown in groups; sent without the blanks
	FolderParents      []string // folders below which the website puts the user's own
	SkippedTexts       []string // an APPEND refused with this text is of a message that is there already

	ShowsAfter time.Duration // IMAP may not show before what was stored
}

// Limits are a provider's, or those that we keep to stay well below them. Zero
// means none known.
type Limits struct {
	Connections int           // IMAP connections of one account at the same time, all programs together
	Reading     int           // of these, what is taken to collect unless the config says otherwise; 0: no preset
	POP3Gap     time.Duration // least time between two POP3 sessions
	IMAPGap     time.Duration // least time between two looks over IMAP
	POP3Down    int64         // octets a day
	IMAPDown    int64
	IMAPUp      int64
}

// Endpoint returns the provider's server for a protocol ("imap", "pop3" or
// "smtp"), and whether one is known.
func (p Preset) Endpoint(protocol string) (Endpoint, bool) {
	e := map[string]Endpoint{"imap": p.IMAP, "pop3": p.POP3, "smtp": p.SMTP}[protocol]
	return e, e.Host != ""
}

// PollGap returns the least time between two looks over protocol, or 0.
func (p Preset) PollGap(protocol string) time.Duration {
	if protocol == "pop3" {
		return p.Limits.POP3Gap
	}
	return p.Limits.IMAPGap
}

// DailyDown returns how many octets a day are read over protocol, 0 for no limit.
func (p Preset) DailyDown(protocol string) int64 {
	if protocol == "pop3" {
		return p.Limits.POP3Down
	}
	return p.Limits.IMAPDown
}

// DailyUp returns how many octets a day are written over protocol, 0 for no limit.
func (p Preset) DailyUp(protocol string) int64 {
	if protocol == "imap" {
		return p.Limits.IMAPUp
	}
	return 0
}

// Keys returns the names of all presets, sorted.
func Keys() []string {
	var keys []string
	for _, p := range presets() {
		keys = append(keys, p.Key)
	}
	slices.Sort(keys)
	return keys
}

// ByKey returns the preset with that name.
func ByKey(key string) (Preset, bool) {
	return first(func(p Preset) bool { return p.Key == key })
}

// ByAddress returns the preset for a mail address, found by its domain. Domains
// of customers are not found: nothing in them tells where their mail is.
func ByAddress(user string) (Preset, bool) {
	at := strings.LastIndexByte(user, '@')
	if at < 0 {
		return Preset{}, false
	}
	domain := strings.ToLower(user[at+1:])
	return first(func(p Preset) bool {
		return slices.ContainsFunc(p.Domains, func(pattern string) bool { return matchDomain(pattern, domain) })
	})
}

// ByHost returns the first preset that has a server of that name: an account
// that names the host by hand meets the same server with the same habits.
func ByHost(host string) (Preset, bool) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return first(func(p Preset) bool {
		return host != "" && (host == p.IMAP.Host || host == p.POP3.Host || host == p.SMTP.Host)
	})
}

// ByMX returns the preset of the company that runs the mail server of a domain
// of somebody's own, by the name in the domain's MX record.
func ByMX(host string) (Preset, bool) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, row := range mailExchangers {
		if fits, _ := path.Match(row.pattern, host); fits {
			return ByKey(row.key)
		}
	}
	return Preset{}, false
}

// mailExchangers are the names of ByMX, each below a domain of the company itself.
var mailExchangers = []struct{ pattern, key string }{
	{"aspmx.l.google.com", "workspace"},
	{"*.aspmx.l.google.com", "workspace"},
	{"*.mail.protection.outlook.com", "office365"},
	{"mx*.qq.com", "exmail"},
}

func first(match func(Preset) bool) (Preset, bool) {
	for _, p := range presets() {
		if match(p) {
			return p, true
		}
	}
	return Preset{}, false
}

// matchDomain compares a domain with a pattern. The "*" of "outlook.*" stands
// for "com", "de", "co.uk" or "com.br", never for a name that somebody could
// register below another ending.
func matchDomain(pattern, domain string) bool {
	stem, wild := strings.CutSuffix(pattern, "*")
	if !wild {
		return domain == pattern
	}
	ending, ok := strings.CutPrefix(domain, stem)
	return ok && isEnding(ending) && !slices.Contains(strangers, domain)
}

// strangers bear the name of a provider and belong to another company.
var strangers = []string{"yahoo.co.jp"}

func isEnding(s string) bool {
	head, tail, two := strings.Cut(s, ".")
	if !two {
		return isLetters(head, 2, 3)
	}
	return (head == "co" || head == "com") && isLetters(tail, 2, 2)
}

func isLetters(s string, least, most int) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == ""
}
