package collect

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"mailrill/deliver"
	"mailrill/fetch"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// A pass is one pass of one account. Its fields are used by one goroutine; what
// runs beside it (flow.go) hands its results back through channels.
type pass struct {
	c       *Collector
	a       *Account
	o       Options
	ctx     context.Context // ends when nothing new is to be begun
	hard    context.Context // ends when everything is to be cut
	log     *slog.Logger
	report  *Report
	account ledger.Account
	place   string         // what the ledger knows the destination by
	finder  deliver.Finder // nil: the destination cannot be asked
	// shownAfter is how long the destination may not show what it has stored.
	shownAfter time.Duration

	prepared  map[string]bool        // destination folders that were prepared
	folders   map[int64]string       // the account's folders, by Folder.ID
	intos     map[int64]string       // destination folder of those that were opened in this pass
	lane      spoolLane              // this pass's own part of the spool
	counted   map[uint64]struct{}    // messages that must not be counted again, by a hash of their rowKey
	seed      maphash.Seed           // of that hash
	drained   map[string]bool        // settled keys that were retrieved again to move a window on
	resend    map[rowKey]bool        // doubts that are surely not there
	ahead     map[rowKey]time.Time   // when doubts were begun by a clock that was ahead of this pass's
	gone      map[rowKey]bool        // those of them that are no longer at the source
	asked     time.Time              // when the destination was last asked in this pass
	failedDue bool                   // a message that failed before is due again
	removed   int                    // messages that were deleted at the source
	looped    int                    // messages that were skipped as copies of this account's own
	wanted    int                    // messages that were to be brought
	cautious  bool                   // ask the source for one message at a time
	down, up  *meter                 // of the logins at the source and at the destination
	waiting   map[string]*LimitError // folders of which messages have to wait for another day

	mu       sync.Mutex         // guards what flow.go's goroutines write: held, sample, and the results
	held     []holding          // what this pass put into the hold
	failures map[rowKey]failure // messages that failed in this pass
	sample   map[string]int64   // a few IDs delivered in this pass, with their size, to verify the destination
}

// rowKey names a row of the ledger.
type rowKey struct {
	folder int64
	key    string
}

// A phase is which of the wanted messages a session is for. Those that may
// break the session come after those that are healthy, in a session of their
// own, so that the others' after-actions are not undone with it.
type phase int

const (
	phaseFresh  phase = iota // never begun
	phaseDoubt               // begun, surely not there: sent again
	phaseFailed              // failed before, due again
)

// errStopped ends a login or a retrieval because the pass was told to stop.
var errStopped = errors.New("stopped")

const (
	// quietLimit is how many sessions in a row may break without a word about any
	// message before the pass is given up; the next pass goes on.
	quietLimit = 3
	// vainLimit is the same for sessions that bring nothing new, only failures and
	// copies of what is known: a server that gives new keys to old mail in each
	// session would be listed for ever.
	vainLimit = 20
)

// run makes the pass: the doubts of earlier passes are asked about, the fresh
// mail is brought, then what is still doubtful, then what failed before.
func (p *pass) run() (err error) {
	if err := p.begin(); err != nil {
		return err
	}
	if p.o.DryRun {
		_, err = p.session(phaseFresh)
		return err
	}
	p.wake()
	if err := p.retryHeld(); err != nil {
		return err
	}
	if err := p.askDoubts(); err != nil {
		return err
	}
	if err := p.sessions(phaseFresh); err != nil {
		return err
	}
	if err := p.settleDoubts(); err != nil {
		return err
	}
	if err := p.failedAgain(); err != nil {
		return err
	}
	if p.finder == nil || len(p.sample) == 0 || p.hard.Err() != nil {
		return nil
	}
	_, err = p.verified(nil)
	return err
}

// begin reads what the ledger knows of the account.
func (p *pass) begin() (err error) {
	if p.account, err = p.c.Ledger.Account(p.hard, p.a.Name); err != nil {
		return err
	}
	folders, err := p.c.Ledger.Folders(p.hard, p.account.ID)
	for _, f := range folders {
		p.folders[f.ID] = f.Name
	}
	if err != nil {
		return err
	}
	return p.meters()
}

// failedAgain tries the messages that failed before, in sessions of their own.
func (p *pass) failedAgain() error {
	if !p.failedDue {
		return nil
	}
	return p.sessions(phaseFailed)
}

// A failure is a message that could not be brought.
type failure struct {
	res *Result
	err error
}

// failure notes that a message failed, until it is delivered after all. It is
// called under the pass's lock.
func (p *pass) failure(res *Result, row ledger.Row, err error) {
	p.failures[rowKey{row.Folder, row.Key}] = failure{res, fmt.Errorf("message %s (attempt %d): %w", row.Key, row.Attempts, err)}
	p.failedDue = p.failedDue || row.Attempts > 0 && !p.now().Before(row.NextTry)
}

// noFailure takes back a failure: the message is settled after all. It is called
// under the pass's lock.
func (p *pass) noFailure(row ledger.Row) { delete(p.failures, rowKey{row.Folder, row.Key}) }

// sessions repeats session while a window moves on, or while the connection
// breaks and each break costs no more than the message it broke on.
func (p *pass) sessions(ph phase) error {
	for quiet, vain := 0, 0; p.ctx.Err() == nil; {
		v, err := p.session(ph)
		switch {
		case err != nil && !errors.Is(err, errBroken):
			return err
		case err == nil && !(v.more && v.progress > 0):
			return nil
		case v.brought > 0:
			quiet, vain = 0, 0
		case v.progress > 0:
			quiet, vain = 0, vain+1
		default:
			quiet, vain = quiet+1, vain+1
		}
		if quiet == quietLimit || vain == vainLimit {
			return err
		}
	}
	return nil
}

// errBroken marks the end of a connection in the middle of a retrieval.
var errBroken = errors.New("the connection to the source broke")

// session logs in once and works through the folders. After errBroken, and
// where v.more says so, another session of the same phase may bring more.
func (p *pass) session(ph phase) (v *visit, err error) {
	if ph == phaseDoubt {
		if err := p.chooseDoubts(); err != nil || len(p.resend) == 0 {
			return &visit{}, err
		}
	}
	p.rest()
	s, err := p.connect()
	if err != nil {
		return nil, fmt.Errorf("connect to the source: %w", err)
	}
	v = &visit{pass: p, session: s, phase: ph}
	err = v.visitAll()
	clean := err == nil && v.unsettled == 0 && p.ctx.Err() == nil && !p.o.DryRun
	if clean && v.hides {
		p.keepHeld()
	}
	if closeErr := s.Close(clean); clean && closeErr != nil {
		return v, fmt.Errorf("end the session with the source: %w", closeErr)
	}
	if clean {
		for _, key := range v.retrieved {
			p.drained[key] = true
		}
		err = p.commitFinished(v.deferred)
	}
	return v, err
}

// connectGrace is how long a login may go on after the pass was told to stop. That
// it was refused counts, and a token that is renewed for it must be written down.
const connectGrace = 5 * time.Second

// connect logs in at the source. A stop cuts that short, for nothing has begun yet;
// a session that is there lives on, for what it has begun.
func (p *pass) connect() (fetch.Session, error) {
	life, cut := context.WithCancelCause(p.hard)
	release := context.AfterFunc(p.ctx, func() {
		_ = p.c.Sleep(life, connectGrace)
		cut(errStopped)
	})
	s, err := p.a.Source.Connect(life)
	switch stopped := !release(); {
	case err != nil:
		cut(err)
		return nil, err
	case stopped:
		_ = s.Close(false)
		cut(errStopped)
		return nil, errStopped
	}
	return s, nil
}

// A visit is one session with the source and what came of it.
type visit struct {
	*pass
	session   fetch.Session
	open      string // the folder that is open in it
	phase     phase
	progress  int        // messages that were settled, or whose failure was recorded
	brought   int        // of these, those that were news
	unsettled int        // messages that were or may have been retrieved and are neither delivered nor held: no QUIT
	retrieved []string   // keys whose bodies were read, where that drains
	more      bool       // the window has moved: there may be more behind it
	deferred  []finished // done at the source once the session is closed regularly
	hides     bool       // a regular end may take what was retrieved out of the source's listing (POP3)
}

// visitAll works through the source's folders. A folder that is refused is
// reported; the others go on.
func (v *visit) visitAll() error {
	fs, err := v.session.Folders(v.hard)
	if err != nil {
		return fmt.Errorf("list the source's folders: %w", err)
	}
	if err := v.meet(fs); err != nil {
		return err
	}
	var boxes []*box
	for _, f := range fs {
		if v.ctx.Err() != nil {
			return nil
		}
		b := &box{name: f.Name, into: v.a.Into(f), res: v.report.result(f.Name)}
		boxes = append(boxes, b)
		if err := v.timed(b, v.folder); err != nil {
			return err
		}
	}
	return v.finishAll(boxes)
}

// timed takes a folder through a step. A refusal that concerns one folder only is
// reported; the others go on.
func (v *visit) timed(b *box, step func(*box) error) error {
	start := v.c.Now()
	err := step(b)
	b.res.Seconds += v.c.Now().Sub(start).Seconds()
	if refusal := (*reply.Error)(nil); errors.As(err, &refusal) && errors.Is(err, errFolder) {
		b.res.Err = err
		return nil
	}
	return err
}

// errFolder marks a refusal that concerns one folder only.
var errFolder = errors.New("folder")

// folder brings what is wanted of one folder.
func (v *visit) folder(b *box) error {
	defer func() { b.items, b.known, b.wanted, b.drain = nil, nil, nil, nil }()
	if err := v.look(b); err != nil || v.o.DryRun {
		return err
	}
	v.afford(b)
	defer b.down.end()
	defer b.up.end()
	if len(b.wanted) > 0 {
		if err := v.prepare(b.into); err != nil {
			return err
		}
	}
	if len(b.wanted)+len(b.drain) > 0 {
		err := v.retrieve(b)
		if err != nil || b.listing.Drains {
			v.remember(b, b.items...)
		}
		if err != nil {
			return err
		}
	}
	v.more = v.more || b.listing.Drains && v.progress > 0
	v.hides = v.hides || b.listing.Deferred || b.listing.Drains
	b.looked = true
	return v.raiseFloor(b)
}

// prepare connects the destination and readies folder there. Before the first
// delivery of this process the destination is asked what it has of ours, so that
// a lost or old ledger doubles nothing.
func (p *pass) prepare(folder string) error {
	if p.prepared[folder] {
		return nil
	}
	if err := p.a.Destination.Prepare(p.hard, folder); err != nil {
		return p.destinationError(err)
	}
	p.prepared[folder] = true
	return p.askOnce()
}

// errDestination marks an error of the destination, as opposed to the source.
var errDestination = errors.New("destination")

// FromDestination reports whether an error of a pass came from its destination.
func FromDestination(err error) bool { return errors.Is(err, errDestination) }

func (p *pass) destinationError(err error) error {
	return fmt.Errorf("%w %s: %w", errDestination, p.a.To, err)
}

// commit writes into the ledger. It is not cut: what is known of a message, after
// an answer that came in the last moment too, must not be forgotten.
func (p *pass) commit(changes ...ledger.Change) error {
	return p.commitBy(p.c.Ledger.Commit, changes)
}

// commitAnswers is commit for what a destination has answered.
func (p *pass) commitAnswers(changes ...ledger.Change) error {
	return p.commitBy(p.c.Ledger.CommitAnswers, changes)
}

func (p *pass) commitBy(commit func(context.Context, ...ledger.Change) error, changes []ledger.Change) error {
	all, undo := p.moved(changes)
	err := commit(context.WithoutCancel(p.hard), all...)
	if err != nil {
		undo()
	}
	return err
}

// tally runs f, which counts something, alone.
func (p *pass) tally(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// now is the time of the collector's clock, as the ledger keeps it.
func (p *pass) now() time.Time { return p.c.Now().Truncate(time.Millisecond) }
