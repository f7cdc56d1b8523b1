// Package doctor holds the checks behind `mailrill check`.
//
// Think of it as a walk along the way of a message, for each account from its
// secret to the messages that would be collected, for each destination from its
// secret to the place where they would lie. A walk is a chain of steps
// (account.go, destination.go); the first that fails ends it, and a failure ends
// with one sentence: what is most likely wrong and what to do (diagnose.go).
//
// The login is the one of a pass, by the same source and the same destination, so
// that a check that succeeds proves what a pass does. Looking on changes nothing:
// folders are opened by EXAMINE, over POP3 no message is asked for, no folder is
// made. Only Deliver leaves a trace, and removes it (trial.go).
package doctor

import (
	"context"
	"errors"
	"strings"
	"time"

	"mailrill/deliver"
	"mailrill/internal/config"
	"mailrill/internal/discover"
	"mailrill/internal/lang"
	"mailrill/internal/ledger"
	"mailrill/internal/provider"
	"mailrill/internal/reply"
	"mailrill/internal/wire"
)

// A Doctor checks accounts and destinations, one at a time.
type Doctor struct {
	Env    wire.Env
	Ledger *ledger.Ledger // only read; nil: nothing has been collected yet
	Now    func() time.Time
	// Sleep waits for d or until ctx ends.
	Sleep func(ctx context.Context, d time.Duration) error

	Offline bool // secrets are read, nothing is connected
	Deliver bool // a test message is delivered, read back and removed

	// Reaches reports whether a server takes connections on another port; nil:
	// Env.Reaches.
	Reaches func(ctx context.Context, s config.Server, port int) bool

	// Find finds the servers of a domain; nil: discover.Find.
	Find func(ctx context.Context, domain string, o discover.Options) ([]discover.Candidate, error)

	// Begin is told of each report before its first step, Done of each step as
	// soon as it is known; one at a time.
	Begin func(*Report)
	Done  func(*Report, Step)
}

func (d *Doctor) reaches(ctx context.Context, s config.Server, port int) bool {
	if d.Reaches != nil {
		return d.Reaches(ctx, s, port)
	}
	return d.Env.Reaches(ctx, s, port)
}

func (d *Doctor) find(ctx context.Context, domain string, o discover.Options) ([]discover.Candidate, error) {
	if d.Find != nil {
		return d.Find(ctx, domain, o)
	}
	return discover.Find(ctx, domain, o)
}

// Kinds of reports.
const (
	KindDomain      = "domain"
	KindAccount     = "account"
	KindDestination = "destination"
)

// A Report is what was found about one account, one destination or one domain.
type Report struct {
	Kind    string
	Name    string
	For     string // a destination whose values differ by account: that account
	What    string // protocol and user, or place, for people
	Steps   []Step
	Folders []Folder // an account's, as far as they were looked at
	Into    []string // the destination's folders that they go to; "" is its default
	Failure *Failure // nil: all is well
}

// A Folder is what there is to collect in one folder of a source.
type Folder struct {
	Name   string
	Role   string
	Listed int   // messages in it
	New    int   // of these, those that would be collected
	Bytes  int64 // of the new ones, as far as the server states sizes
}

// A Failure ends a report.
type Failure struct {
	Class reply.Class
	Text  string        // what happened, the server's words cleaned
	Hint  Said          // what is most likely wrong, and what to do
	URL   string        // of our own table, or ""
	Retry time.Duration // when to try again; 0: as the class says
	Login bool          // the mail server refused the credentials: it may count that
}

// fail ends the chain with err, which belongs to the step that was under way.
func (c *chain) fail(ctx context.Context, err error) {
	text := reply.Clean(strings.TrimPrefix(err.Error(), deliver.ErrUnavailable.Error()+": "))
	detail := verbatim(text)
	f := c.diagnose(ctx, err)
	if own, ok := errors.AsType[*fault](err); ok {
		detail, f.Hint = own.what, own.hint
	}
	c.say(c.stage(), Failed, detail, "")
	f.Text = text
	c.report.Failure = &f
}

// A fault is a failure that the doctor finds by itself, of class config.
type fault struct{ what, hint Said }

func (f *fault) Error() string      { return f.what.In(lang.English) }
func (f *fault) Class() reply.Class { return reply.Config }

// note shows what follows from what was seen.
func (c *chain) note(name Name, mark Mark, n provider.Note) {
	c.say(name, mark, Said{Text: n.Text}, n.URL)
}

// An end is a server, or what stands in its place, as a chain needs to know it.
type end struct {
	config.Server
	protocol string // "imap", "pop3", "smtp", "lmtp", or a kind of destination
	socket   string
	greeting string         // what the server said first
	shape    provider.Shape // of the secret, once it was read
}
