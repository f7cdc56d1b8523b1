// Package collect is the engine: it takes one pass over one account, from the
// listing of the source to the after-actions there, and keeps the promise that
// no message is lost and none delivered twice.
//
// Two invariants carry everything, and each file says where it keeps them:
//
//   - nothing is delivered that is not begun on disk (INTENT before delivery);
//   - nothing is done at the source that is not delivered or held on disk.
//
// A crash, a cut line and SIGTERM end in the same place: rows that were begun
// and not confirmed. The next pass asks the destination about them (doubt.go);
// there is no other recovery and no shutdown logic, except that a delivery whose
// body has started may finish under a deadline.
//
// pass.go is the way of a pass. It reads from the top: session, folder, and the
// steps of a folder, each in a file of its own.
package collect

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"mailrill/deliver"
	"mailrill/fetch"
	"mailrill/internal/fsx"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// An Account is what a pass needs to know of an account.
type Account struct {
	Name        string
	Source      fetch.Source
	Destination deliver.Destination
	To          string                           // the destination's name
	Place       string                           // what the ledger knows it by: one name may be several mailboxes; "" is To
	Into        func(folder fetch.Folder) string // destination folder of a source folder; "" its default
	Backlog     Backlog
	BacklogSeen bool // old mail is delivered as read
	After       fetch.AfterAction
	Delay       time.Duration // from delivery to After
	MaxDelete   int           // more deletions due in one pass: none is done
	MaxSize     int64         // octets; 0 no limit
	Trace       bool          // copies get the trace line
	Down, Up    Daily         // what its logins may move in a day, at the source and at the destination
	KeepOpen    bool          // the destination's connection outlives a pass, and is closed by the account's owner
	Own         string        // an address whose own mail is left out; "" collects it
}

// A Collector runs passes. One serves all accounts of a process.
type Collector struct {
	Ledger *ledger.Ledger
	Hold   *Hold
	Spool  *Spool
	FS     fsx.FS
	Log    *slog.Logger
	Now    func() time.Time
	// Sleep waits for d or until ctx ends.
	Sleep func(ctx context.Context, d time.Duration) error
	// Progress is told how far a folder is; it must be quick.
	Progress func(Progress)
	// Delivered is told of each message that has reached its destination, from
	// several goroutines; it must be quick. nil: nobody asks.
	Delivered func(Delivery)
	// Started is when this process began: no connection of an earlier one can
	// have been cut later.
	Started time.Time

	mu    sync.Mutex
	asked map[string]bool // destinations that were read since Started
	// traffic is that of logins with a limit, by Daily.Login.
	traffic map[string]*traffic
}

// Options change a single pass.
type Options struct {
	DryRun bool // list and count; nothing is changed anywhere
	// Unlimited lifts Account.MaxDelete: the owner has seen the number.
	Unlimited bool
}

// Progress is how far the retrieval of a folder is.
type Progress struct {
	Account, Folder string
	Done, Wanted    int
	Bytes, Total    int64
}

// A Result is what a pass did in one folder.
type Result struct {
	Folder         string // "" when the pass failed before any folder
	Listed         int
	New            int // without a row before
	Delivered      int
	AlreadyThere   int // doubts, adopted copies, and further copies of one message
	Held           int
	SkippedBacklog int
	SkippedSize    int
	SourceDone     int
	Bytes          int64 // delivered
	Seconds        float64
	Err            error
}

// A Report is the outcome of a pass: a Result for each folder, at least one.
type Report struct {
	Account string
	To      string
	Start   time.Time
	Results []*Result
	Stopped bool // ended early because ctx did
}

// Err returns the first error of the pass. What was refused and is in the hold, or
// waits for a limit of ours, is one only where nothing has failed: the account goes on
// as if all were well.
func (r *Report) Err() (err error) {
	for _, res := range r.Results {
		_, limited := errors.AsType[*LimitError](res.Err)
		switch minor := limited || reply.ClassOf(res.Err) == reply.Refused; {
		case res.Err != nil && !minor:
			return res.Err
		case err == nil:
			err = res.Err
		}
	}
	return err
}

// result returns the Result of folder, made when missing.
func (r *Report) result(folder string) *Result {
	for _, res := range r.Results {
		if res.Folder == folder {
			return res
		}
	}
	res := &Result{Folder: folder}
	r.Results = append(r.Results, res)
	return res
}

// grace is how long a pass may go on after it was told to stop, to finish the
// deliveries whose bodies have begun.
const grace = 60 * time.Second

// Pass makes one pass over a. When ctx ends nothing new is begun; what has
// begun may finish within a minute.
func (c *Collector) Pass(ctx context.Context, a *Account, o Options) *Report {
	p := c.newPass(ctx, a, o)
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	p.hard = hard
	stop := context.AfterFunc(ctx, func() {
		_ = c.Sleep(hard, grace)
		cancel()
	})
	defer stop()
	parted := false
	defer func() {
		if !parted { // a bug ends the pass, and nobody knows what its connection is good for
			a.Destination.Close()
		}
	}()
	p.conclude(p.run())
	parted = true
	return p.report
}

// newPass returns a pass that is cut when ctx ends.
func (c *Collector) newPass(ctx context.Context, a *Account, o Options) *pass {
	p := &pass{
		c: c, a: a, o: o, ctx: ctx, hard: ctx,
		report:   &Report{Account: a.Name, To: a.To, Start: c.Now()},
		log:      c.Log.With("account", a.Name),
		prepared: map[string]bool{},
		folders:  map[int64]string{},
		intos:    map[int64]string{},
		drained:  map[string]bool{},
		counted:  map[uint64]struct{}{},
		seed:     maphash.MakeSeed(),
		resend:   map[rowKey]bool{},
		ahead:    map[rowKey]time.Time{},
		gone:     map[rowKey]bool{},
		failures: map[rowKey]failure{},
		sample:   map[string]int64{},
		waiting:  map[string]*LimitError{},
	}
	if p.place = a.Place; p.place == "" {
		p.place = a.To
	}
	if f, ok := a.Destination.(deliver.Finder); ok && a.Trace {
		p.finder = f
	}
	if s, ok := a.Destination.(deliver.Slow); ok {
		p.shownAfter = s.ShowsAfter()
	}
	return p
}

// RetryHeld brings held messages of a, by their IDs, to the destination, and
// returns how many of them it has taken.
func (c *Collector) RetryHeld(ctx context.Context, a *Account, ids []string) (delivered int, err error) {
	p := c.newPass(ctx, a, Options{})
	defer p.part()
	if err := p.begin(); err != nil {
		return 0, err
	}
	return p.deliverHeld(ids)
}

// ApplyAfter marks mail that was delivered before a day, and kept at its source,
// for the account's present after-action. With dry it only counts.
func (c *Collector) ApplyAfter(ctx context.Context, a *Account, before time.Time, dry bool) (n int, err error) {
	p := c.newPass(ctx, a, Options{})
	if err := p.begin(); err != nil {
		return 0, err
	}
	var cs []ledger.Change
	for id := range p.folders {
		err := c.Ledger.Rows(ctx, id, func(r ledger.Row) error {
			if r.State != ledger.Delivered || !before.IsZero() && !r.At.Before(before) {
				return nil
			}
			r.After, r.Due = afterText(a.After), p.now()
			n++
			cs = append(cs, r)
			return nil
		})
		if err != nil {
			return n, err
		}
	}
	if dry || n == 0 {
		return n, nil
	}
	return n, c.Ledger.Commit(ctx, cs...)
}
