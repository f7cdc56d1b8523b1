package notice

import (
	"maps"
	"slices"
	"strings"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// A Book remembers what is wrong, and what its owner was told of it. It is used by
// one goroutine. Its methods are given the time; between two of its readings no more
// than maxGap may pass while the process lives, or the time between does not count.
type Book struct {
	accounts map[string]Account
	places   map[string][]string    // the names of the accounts that deliver to each
	troubles map[string]*trouble    // by subject: an account, or a place
	told     map[string]time.Time   // by cause: when it was told last
	letters  []*Letter              // to be sent, the oldest first
	held     map[string][]time.Time // by account: when each of its held messages came there
	signIns  map[string]signIn      // by the name of the sign-in
	news     map[string]time.Time   // by place: since when there is something to tell
	sent     map[string]time.Time   // by place: when something was told last
	clock    time.Time              // when the clock was last read
	saved    map[string]string      // what the ledger has
}

// A trouble is something that fails: an account at its source, or a place at which a
// destination takes nothing.
type trouble struct {
	Place    string
	Since    time.Time // for people
	Counted  time.Time // Since, moved on by all the time in which nobody could look
	Last     time.Time // when it was last seen to fail
	Ended    time.Time // when it was seen to work again; zero: it fails
	Accounts []string  // whose passes failed of it
	Class    reply.Class
	Words    string
	Hint     lang.Text
	URL      string
	Told     reply.Class // with which class it was told; OK: it was not
}

type signIn struct {
	place string
	text  lang.Text
}

const (
	maxGap = 10 * time.Minute
	// gather is how long the first news of a place wait for more of the same, and pause
	// how long those after a notice do.
	gather = 5 * time.Second
	pause  = time.Minute
	// signInAgain is when the end of a sign-in is told once more.
	signInAgain = 7 * day
)

func newBook() *Book {
	return &Book{
		accounts: map[string]Account{}, troubles: map[string]*trouble{}, told: map[string]time.Time{},
		held: map[string][]time.Time{}, signIns: map[string]signIn{},
		news: map[string]time.Time{}, sent: map[string]time.Time{}, saved: map[string]string{},
	}
}

func ofAccount(name string) string { return "account " + name }
func ofPlace(place string) string  { return "place " + place }

// Serve says which accounts there are from now on. What was known of others is
// forgotten: nobody can act on it any more.
func (b *Book) Serve(accounts []Account, now time.Time) {
	b.read(now)
	b.notAhead(now) // what an earlier process wrote
	b.accounts, b.places = map[string]Account{}, map[string][]string{}
	for _, a := range accounts {
		b.accounts[a.Name] = a
		b.places[a.Place] = append(b.places[a.Place], a.Name)
	}
	for subject, t := range b.troubles {
		t.Accounts = slices.DeleteFunc(t.Accounts, func(name string) bool { return b.accounts[name].Place != t.Place })
		if len(t.Accounts) == 0 {
			delete(b.troubles, subject)
		}
	}
	maps.DeleteFunc(b.held, func(name string, _ []time.Time) bool { return b.accounts[name].Name == "" })
	maps.DeleteFunc(b.signIns, func(name string, s signIn) bool {
		return !slices.ContainsFunc(accounts, func(a Account) bool { return a.Place == s.place && (a.Name == name || a.Destination == name) })
	})
	maps.DeleteFunc(b.news, func(place string, _ time.Time) bool { return b.places[place] == nil })
	b.letters = slices.DeleteFunc(b.letters, func(l *Letter) bool { return b.places[l.Place] == nil })
}

// Passed says how a pass ended.
func (b *Book) Passed(e Event, now time.Time) {
	b.read(now)
	a, known := b.accounts[e.Account]
	switch {
	case !known:
	case e.Class == reply.OK:
		if !e.OneFolder {
			b.end(ofAccount(a.Name), now)
		}
		b.through(a, e, now)
	case e.AtDestination: // so the source was fine
		b.end(ofAccount(a.Name), now)
		b.fail(ofPlace(a.Place), a, e, now)
	default:
		b.fail(ofAccount(a.Name), a, e, now)
	}
}

// fail notes that something fails. What was said to be over before its owner was
// told so goes on.
func (b *Book) fail(subject string, a Account, e Event, now time.Time) {
	t := b.troubles[subject]
	if t == nil {
		t = &trouble{Place: a.Place, Since: now, Counted: now}
		if !e.Since.IsZero() && e.Since.Before(now) {
			t.Since = e.Since
		}
		b.troubles[subject] = t
	}
	t.Last, t.Ended = now, time.Time{}
	t.Class, t.Words, t.Hint, t.URL = e.Class, e.Words, e.Hint, e.URL
	if !slices.Contains(t.Accounts, a.Name) {
		t.Accounts = append(t.Accounts, a.Name)
	}
}

// through notes that the pass of an account met no trouble at its destination. If it
// had met one before, and has tried all of its mail, or if it has delivered something,
// that shows more.
func (b *Book) through(a Account, e Event, now time.Time) {
	t := b.troubles[ofPlace(a.Place)]
	if t == nil || !t.Ended.IsZero() {
		return
	}
	i := slices.Index(t.Accounts, a.Name)
	if e.OneFolder || e.Short {
		i = -1
	}
	switch {
	case folderOnly[t.Class] && len(t.Accounts) > 1:
		if i >= 0 {
			t.Accounts = slices.Delete(t.Accounts, i, i+1)
		}
	case i >= 0, e.Reached && !folderOnly[t.Class]:
		b.end(ofPlace(a.Place), now)
	}
}

// end notes that something works again. Its owner hears of it if they were told that
// it failed, or would have been but for its being the place where they are told.
func (b *Book) end(subject string, now time.Time) {
	t := b.troubles[subject]
	switch {
	case t == nil || !t.Ended.IsZero():
	case t.Told != reply.OK, subject == ofPlace(t.Place) && t.ripe():
		t.Ended = now
	default:
		delete(b.troubles, subject)
	}
}

// ripe reports whether a trouble has lasted so long that it is to be told.
func (t *trouble) ripe() bool {
	delay := delays[t.Class]
	return delay == 0 || t.Last.Sub(t.Counted) >= delay
}

// down reports whether a place takes nothing now, so that no notice can be left there.
func (b *Book) down(place string) bool {
	t := b.troubles[ofPlace(place)]
	return t != nil && t.Ended.IsZero() && !folderOnly[t.Class]
}

// Hold says when each message that an account has in the hold came there.
func (b *Book) Hold(account string, came []time.Time) { b.held[account] = came }

// SignIns says which sign-ins of an account's ends are gone, or will be within days,
// by their names.
func (b *Book) SignIns(account string, texts map[string]lang.Text) {
	a, known := b.accounts[account]
	if !known {
		return
	}
	maps.DeleteFunc(b.signIns, func(name string, s signIn) bool {
		return s.place == a.Place && (name == a.Name || name == a.Destination)
	})
	for name, text := range texts {
		b.signIns[name] = signIn{a.Place, text}
	}
}

// read reads the clock. Where the machine slept, the process did not run, or somebody
// set the clock, the time between is not one in which something failed.
func (b *Book) read(now time.Time) {
	gap := now.Sub(b.clock)
	if !b.clock.IsZero() && (gap < 0 || gap > maxGap) {
		for _, t := range b.troubles {
			t.Counted = t.Counted.Add(gap)
		}
	}
	if gap < 0 {
		b.notAhead(now)
	}
	b.clock = now
}

// notAhead has nothing lie ahead of now: a clock that was wrong wrote it.
func (b *Book) notAhead(now time.Time) {
	cut := func(at *time.Time) {
		if at.After(now) {
			*at = now
		}
	}
	for _, t := range b.troubles {
		cut(&t.Since)
		cut(&t.Last)
		cut(&t.Ended)
	}
	for _, l := range b.letters {
		cut(&l.Time)
	}
	for cause, at := range b.told {
		if name, ok := strings.CutPrefix(cause, heldUpTo); ok && at.After(now) {
			b.told[heldAhead+name] = later(at, b.told[heldAhead+name])
		}
	}
	for _, times := range []map[string]time.Time{b.told, b.news, b.sent} {
		for name, at := range times {
			if strings.HasPrefix(name, heldAhead) {
				continue
			}
			cut(&at)
			times[name] = at
		}
	}
}
