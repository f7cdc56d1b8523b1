package notice

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// A Way sends a letter. Its error is errNever where no further attempt helps.
type Way func(ctx context.Context, l Letter) error

// errNever says that a letter will never be taken.
var errNever = errors.New("the notice will never be taken")

// A Post keeps a book over restarts, and sends what it says. But for Run and Turn its
// methods may be called from any goroutine, and wait for nothing.
type Post struct {
	Options

	mu    sync.Mutex
	heard []func(*Book) // what the book was not told yet
	wake  chan struct{} // holds a token when something was heard

	book    *Book
	unsaved bool // the ledger did not take it
	ways    map[string]Way
	rests   map[string]rest // by way and place
}

// Options are what a Post needs of the process.
type Options struct {
	Ledger *ledger.Ledger
	Log    *slog.Logger
	Now    func() time.Time
	// Sleep waits for d or until ctx ends.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Open returns the post of a ledger, with what earlier processes knew.
func Open(ctx context.Context, o Options) (*Post, error) {
	notes, err := o.Ledger.Notes(ctx)
	if err != nil {
		return nil, err
	}
	book, err := NewBook(notes)
	if err != nil {
		o.Log.Warn("of what was told before not all is known; it may be told again", "err", err)
	}
	return &Post{Options: o, wake: make(chan struct{}, 1), book: book, rests: map[string]rest{}}, nil
}

// A rest is that of a way after failures.
type rest struct {
	failures int
	until    time.Time
}

// rests are the pauses after one, two, … failures in a row; the last one repeats. A
// refused login is not tried again before loginRest: the passes try often enough.
var rests = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour}

const loginRest = 6 * time.Hour

// Serve says which accounts there are from now on, and in which ways notices are sent.
// What the config says is new, so that every way is tried anew.
func (p *Post) Serve(accounts []Account, ways map[string]Way) {
	p.hear(func(b *Book) {
		b.Serve(accounts, p.Now())
		b.keep(sorted(ways))
		p.ways = ways
		clear(p.rests)
	})
}

// Passed says how a pass ended.
func (p *Post) Passed(e Event) {
	now := p.Now()
	p.hear(func(b *Book) { b.Passed(e, now) })
}

// Tell has f tell the book something, soon, on the goroutine of Run.
func (p *Post) Tell(f func(*Book)) { p.hear(f) }

func (p *Post) hear(f func(*Book)) {
	p.mu.Lock()
	p.heard = append(p.heard, f)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// How often the book is asked what is due, while something waits and while nothing
// does. Less than maxGap: see Book.
const (
	lookSoon  = time.Second
	lookAgain = time.Minute
)

// Run sends notices until ctx ends. What it has heard by then is kept for the next
// process.
func (p *Post) Run(ctx context.Context) {
	for ctx.Err() == nil {
		p.Turn(ctx)
		p.rest(ctx)
	}
	p.listen()
	p.save()
}

// rest waits for something to be heard, or for a while.
func (p *Post) rest(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pause := lookAgain
	if len(p.book.news) > 0 {
		pause = lookSoon
	}
	go func() {
		select {
		case <-p.wake:
			cancel()
		case <-ctx.Done():
		}
	}()
	_ = p.Sleep(ctx, pause) // the loop looks at its own ctx
}

// Turn tells the book what was heard, and sends what is due. What the disk does not
// take is sent all the same, for it may be the disk that needs its owner; only the next
// process would send it again. What is left when that takes long is for the next turn.
func (p *Post) Turn(ctx context.Context) {
	p.listen()
	p.book.Due(sorted(p.ways), p.Now())
	p.save()
	began := p.Now()
	for _, l := range p.book.Letters() {
		for _, way := range l.Ways {
			p.try(ctx, l, way)
			if p.Now().Sub(began) > lookAgain {
				return // a slow way keeps nobody from reading the book's clock for long
			}
		}
	}
}

func (p *Post) listen() {
	p.mu.Lock()
	heard := p.heard
	p.heard = nil
	p.mu.Unlock()
	for _, f := range heard {
		f(p.book)
	}
}

// save keeps what the book knows, also while everything stops. Of failures the first
// is logged.
func (p *Post) save() {
	err := p.book.Save(func(cs ...ledger.Change) error { return p.Ledger.Commit(context.Background(), cs...) })
	if err != nil && !p.unsaved {
		p.Log.Error("what was told could not be written to the ledger; it is tried again", "err", err)
	}
	p.unsaved = err != nil
}

// try sends a letter in one way, if that is open and does not rest.
func (p *Post) try(ctx context.Context, l Letter, way string) {
	send, known := p.ways[way]
	key := way
	if way == ByMail {
		key += " " + l.Place
	}
	before := p.rests[key]
	if !known || ctx.Err() != nil || p.Now().Before(before.until) || way == ByMail && p.book.down(l.Place) {
		return
	}
	err := send(ctx, l)
	switch {
	case err == nil, errors.Is(err, errNever):
		delete(p.rests, key)
		p.book.Sent(l.ID, way)
		p.save()
	case ctx.Err() != nil:
		return // the next process sends it
	default:
		p.rests[key] = before.next(err, p.Now())
	}
	p.say(&l, way, before, err)
}

// next is the rest after a further failure.
func (r rest) next(err error, now time.Time) rest {
	d := rests[min(r.failures, len(rests)-1)]
	if reply.ClassOf(err) == reply.Credentials {
		d = loginRest
	}
	return rest{r.failures + 1, now.Add(d)}
}

// say logs what became of an attempt: of failures the first only.
func (p *Post) say(l *Letter, way string, before rest, err error) {
	log := p.Log.With("notice", l.ID, "destination", l.Destination, "way", way)
	switch {
	case err == nil:
		log.Info("notice sent", "about", kinds(l.Items))
	case errors.Is(err, errNever):
		log.Error("a notice was not sent, and will not be", "err", reply.Clean(err.Error()))
	case before.failures == 0:
		log.Warn("a notice could not be sent; it is tried again", "err", reply.Clean(err.Error()))
	}
}
