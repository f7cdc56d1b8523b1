// Package control is how other programs, most of all mailrill's own commands,
// talk to the running service: through a socket in the state folder.
//
// A client connects, sends one request, a line of JSON, and reads events, a line
// each, until the one that is the end. docs/control.md describes them. This
// package knows the words and keeps clients apart from the service: they are
// known by their user, bounded in all they send, and whoever reads slowly, or
// not at all, is cut off before anything waits for it. What is done about a
// request is a Handler's business.
package control

import (
	"errors"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// version is that of the words. Further fields and events are no other version.
const version = 1

// A Verb is what is asked for.
type Verb string

// The verbs.
const (
	Status  Verb = "status"  // what is every account doing? Answered by a State each
	Collect Verb = "collect" // make a pass of Accounts now. Answered by Config, Progress, and a Pass each
	Reload  Verb = "reload"  // read config and secrets again. Answered by Changes
	Retry   Verb = "retry"   // offer held messages to their destination again. Answered by Retried
	Drop    Verb = "drop"    // give held messages up
	Finish  Verb = "finish"  // apply after to mail collected earlier. Answered by Count, then as by Collect
	Forget  Verb = "forget"  // collect mail again. Answered by Count
	Checked Verb = "checked" // take note of what became of Logins
	Recheck Verb = "recheck" // look at Accounts again: a login of theirs has changed
)

// A Request is the one line that a client sends.
type Request struct {
	V        int      `json:"v"`
	Do       Verb     `json:"do"`
	Accounts []string `json:"accounts,omitempty"` // names; from Retry to Forget one
	Force    bool     `json:"force,omitempty"`    // of Collect: also where a login was refused lately
	IDs      []string `json:"ids,omitempty"`      // of Retry and Drop: held messages
	Yes      bool     `json:"yes,omitempty"`      // of Finish: not only count
	Folder   string   `json:"folder,omitempty"`   // of Forget: only this one
	Logins   []Login  `json:"logins,omitempty"`   // of Checked
	// Of Finish, only mail delivered before; of Forget, only since.
	Day time.Time `json:"day,omitzero"`
}

// An Event is one line of the answer. Beside V one of its fields is set; a client
// leaves those alone that it does not know.
type Event struct {
	V        int       `json:"v"`
	State    *State    `json:"state,omitempty"`
	Config   *Config   `json:"config,omitempty"`
	Progress *Progress `json:"progress,omitempty"`
	Pass     *Pass     `json:"pass,omitempty"`
	Retried  *Retried  `json:"retried,omitempty"`
	Changes  *Changes  `json:"changes,omitempty"`
	Count    *int64    `json:"count,omitempty"`
	Alive    bool      `json:"alive,omitempty"` // nothing to tell; the service is still at it
	End      *End      `json:"end,omitempty"`   // the last line
}

// codes returns the exit statuses that the failures in e stand for.
func (e *Event) codes() (codes []int) {
	switch {
	case e.State != nil:
		codes = append(codes, e.State.Error.exit())
	case e.Pass != nil:
		for _, r := range e.Pass.Results {
			codes = append(codes, r.Error.exit())
		}
	}
	return codes
}

// An End is how a request ended.
type End struct {
	Exit  int      `json:"exit"` // the status with which a command would end
	Error *Failure `json:"error"`
}

// A Failure is an error as it crosses the socket.
type Failure struct {
	Class reply.Class `json:"class"`
	Text  string      `json:"text"`
	Hint  lang.Text   `json:"hint"`
	URL   string      `json:"url"`
}

func (f *Failure) Error() string { return f.Text }

// Err returns f as an error that knows its class.
func (f *Failure) Err() error { return reply.WithClass(f.Class, f) }

// exit returns the exit status that it stands for; nil is fine.
func (f *Failure) exit() int {
	if f == nil {
		return 0
	}
	return f.Class.ExitCode()
}

// FailureOf returns err as it crosses the socket: as it is where somebody has
// made a Failure of it already, else without a hint.
func FailureOf(err error) *Failure {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{Class: reply.ClassOf(err), Text: reply.Clean(err.Error())}
}

// A State is what an account is doing.
type State struct {
	Account  string     `json:"account"`
	State    string     `json:"state"`
	Since    time.Time  `json:"since"`
	Next     *time.Time `json:"next"` // by itself; null: only by push or request
	Progress *Progress  `json:"progress"`
	Push     []Push     `json:"push"`
	Error    *Failure   `json:"error"` // of the last pass
}

// A Config is the one that the service goes by.
type Config struct {
	Path string    `json:"path"`
	Read time.Time `json:"read"` // when
}

// A Push says whether a folder's news are pushed to us.
type Push struct {
	Folder string    `json:"folder"`
	On     bool      `json:"on"`
	Since  time.Time `json:"since"`
	Why    lang.Text `json:"why"` // not
}

// A Progress is how far a folder of a pass is.
type Progress struct {
	Account string `json:"account"`
	Folder  string `json:"folder"`
	Done    int    `json:"done"`
	Wanted  int    `json:"wanted"`
	Bytes   int64  `json:"bytes"`
	Total   int64  `json:"total"`
}

// A Pass is one that has ended.
type Pass struct {
	Account string   `json:"account"`
	To      string   `json:"to"`
	Results []Result `json:"results"`
}

// A Result is what a pass did in one folder.
type Result struct {
	Folder string `json:"folder"` // "" when the pass failed before any
	Counts
	Error *Failure `json:"error"`
}

// Counts are the figures of a Result. Their names and their order are also a
// promise of --once --json.
type Counts struct {
	Listed         int     `json:"listed"`
	New            int     `json:"new"`
	Delivered      int     `json:"delivered"`
	AlreadyThere   int     `json:"already_there"`
	Held           int     `json:"held"`
	SkippedBacklog int     `json:"skipped_backlog"`
	SkippedSize    int     `json:"skipped_size"`
	SourceDone     int     `json:"source_done"`
	Bytes          int64   `json:"bytes"`
	Seconds        float64 `json:"seconds"`
}

// A Retried says how many of an account's held messages were delivered.
type Retried struct {
	Account   string `json:"account"`
	Delivered int    `json:"delivered"`
	Of        int    `json:"of"`
}

// Changes are the accounts that a config changed, by name.
type Changes struct {
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Removed []string `json:"removed"`
	Same    []string `json:"same"`
}

// A Login is what became of the logins of an account.
type Login struct {
	Account string   `json:"account"`
	Error   *Failure `json:"error"`         // null: they work, at both ends
	Retry   float64  `json:"retry_seconds"` // how long the server asks to wait; 0: it does not
}
