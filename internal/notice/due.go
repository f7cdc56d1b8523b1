package notice

import (
	"maps"
	"slices"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// A due is an item that is due, with what is to be noted once it is told.
type due struct {
	Item
	place string
	cause string        // what is told once in a while
	again time.Duration // that while
	note  func()        // may be nil
}

// Due has what is to be told now become letters, to be sent in each of ways. Where
// destination is one of them, and its place takes nothing, it is left out; where it is
// the only one, the news wait.
func (b *Book) Due(ways []string, now time.Time) {
	b.read(now)
	b.forget(now)
	if len(ways) == 0 {
		return
	}
	all := map[string][]due{}
	for _, d := range b.all(now) {
		if at, known := b.told[d.cause]; !known || now.Sub(at) >= d.again {
			all[d.place] = append(all[d.place], d)
		}
	}
	for _, place := range sorted(b.places) {
		open := ways
		if b.down(place) {
			open = slices.DeleteFunc(slices.Clone(ways), func(w string) bool { return w == ByMail })
		}
		if ds := all[place]; len(ds) == 0 || len(open) == 0 {
			delete(b.news, place)
		} else if b.gathered(place, now) {
			b.tell(place, ds, open, now)
		}
	}
}

// gathered reports whether news of a place have waited long enough for others.
func (b *Book) gathered(place string, now time.Time) bool {
	first, waits := b.news[place]
	if !waits {
		b.news[place], first = now, now
	}
	last, told := b.sent[place]
	return now.Sub(first) >= gather && (!told || now.Sub(last) >= pause)
}

// tell writes what is due to a place into one letter.
func (b *Book) tell(place string, ds []due, ways []string, now time.Time) {
	n := Notice{Time: now, Place: place, Destination: b.accounts[b.places[place][0]].Destination}
	slices.SortStableFunc(ds, func(x, y due) int { return slices.Index(order, x.Kind) - slices.Index(order, y.Kind) })
	for _, d := range ds {
		n.Items = append(n.Items, d.Item)
		b.told[d.cause] = now
		if d.note != nil {
			d.note()
		}
	}
	delete(b.news, place)
	b.sent[place] = now
	b.post(n, ways)
}

// all returns what there is to tell, whether or not it was told lately.
func (b *Book) all(now time.Time) (ds []due) {
	for _, subject := range sorted(b.troubles) {
		if d, any := b.ofTrouble(subject, now); any {
			ds = append(ds, d)
		}
	}
	for _, place := range sorted(b.places) {
		if d, any := b.ofHold(place, now); any {
			ds = append(ds, d)
		}
	}
	for _, name := range sorted(b.signIns) {
		s := b.signIns[name]
		if b.troubles[ofAccount(name)] != nil || b.troubles[ofPlace(s.place)] != nil {
			continue // which says it already
		}
		ds = append(ds, due{
			Item:  Item{Kind: SignIn, Accounts: []string{name}, Hint: s.text},
			place: s.place, cause: "sign-in " + name, again: signInAgain,
		})
	}
	return ds
}

// ofTrouble returns what there is to tell of a trouble.
func (b *Book) ofTrouble(subject string, now time.Time) (d due, any bool) {
	t := b.troubles[subject]
	d = due{
		Item: Item{
			AtDestination: subject == ofPlace(t.Place), Accounts: slices.Clone(t.Accounts),
			Class: t.Class, Since: t.Since, Until: t.Ended, Words: t.Words, Hint: t.Hint, URL: t.URL,
		},
		place: t.Place, again: day,
	}
	if d.AtDestination {
		d.Accounts = b.places[t.Place]
	}
	switch {
	case !t.Ended.IsZero():
		d.Kind, d.cause, d.note = Back, "back "+subject, func() { delete(b.troubles, subject) }
		d.Hint, d.URL = lang.Text{}, "" // nothing is left to be done
		if t.Told == reply.OK {
			d.Kind, d.cause = Away, subject+" "+string(t.Class)
		}
		return d, true
	case t.ripe() && (t.Told == reply.OK || t.Told != t.Class && ownersTask(t.Class)):
		d.Kind = Failing
		if ownersTask(t.Class) {
			d.Kind = NeedsYou
		}
		d.cause, d.note = subject+" "+string(t.Class), func() { t.Told = t.Class }
		return d, true
	}
	return d, false
}

// ofHold returns what there is to tell of the hold: what came there of each account
// after that which was told. It is known when the pass ends, which others of the
// place may have done since.
func (b *Book) ofHold(place string, now time.Time) (d due, any bool) {
	d = due{Item: Item{Kind: Held}, place: place, cause: held + place, again: day}
	seen := map[string]time.Time{}
	for _, name := range b.places[place] {
		n := 0
		for _, came := range b.held[name] {
			upTo := heldUpTo + name
			if came.After(now) {
				upTo = heldAhead + name
			}
			if came.After(b.told[upTo]) {
				n++
				seen[upTo] = later(came, seen[upTo])
			}
		}
		if n > 0 {
			d.Accounts = append(d.Accounts, name)
			d.Count += n
		}
	}
	d.note = func() { maps.Copy(b.told, seen) }
	return d, d.Count > 0
}

// held begins the cause of held messages. What begins so is never forgotten.
const held = "held "

// heldUpTo and an account name when the last of its messages that were told came into
// the hold; heldAhead the same of those that lie ahead, by a clock that was wrong.
const (
	heldUpTo  = held + "up to "
	heldAhead = held + "ahead "
)

func later(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}
