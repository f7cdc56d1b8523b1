package imap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"mailrill/fetch"
	"mailrill/internal/imapwire"
	"mailrill/internal/reply"
)

const (
	// listLimit bounds what one listing may hold. No folder of a person comes
	// near it; a server that never ends its answer does.
	listLimit = 1_000_000
	// listSpare is how many more than EXISTS a listing may have: mail comes in
	// meanwhile, and the count of some servers lags behind.
	listSpare = 100_000
)

// Open selects a folder for reading only: looking at mail changes nothing, not
// even \Recent.
func (s *session) Open(ctx context.Context, folder string) (fetch.Listing, error) {
	s.leave()
	s.folder, s.writable = "", false
	sel, err := s.enter(ctx, folder, true)
	if err != nil {
		return fetch.Listing{}, err
	}
	s.folder, s.selected, s.fresh = folder, sel, true
	return fetch.Listing{Validity: sel.Validity, Next: sel.Next, Count: sel.Count, Stable: true}, nil
}

// enter selects a folder. One without a UIDVALIDITY is refused, for now: its
// UIDs may come to mean other messages without anybody noticing, and then mail
// would be taken for collected. RFC 3501 (2.3.1.1) demands it of every server,
// so that its absence is a fault that passes.
func (s *session) enter(ctx context.Context, folder string, readOnly bool) (*imapwire.Selected, error) {
	sel, err := s.client.Select(ctx, folder, readOnly)
	if err != nil {
		return nil, fmt.Errorf("open folder %q: %w", folder, err)
	}
	s.heard = s.client.Announced() // what SELECT itself announced is no news
	if sel.Validity == 0 {
		return nil, reply.WithClass(reply.Temporary, fmt.Errorf("open folder %q: the server gave no UIDVALIDITY, without which its messages cannot be told apart", folder))
	}
	return sel, nil
}

// List asks for everything behind from. EXISTS is a hint only (QQ's overstates):
// what the server does not list is not there, and nothing follows from it.
func (s *session) List(ctx context.Context, from fetch.Cursor) ([]fetch.Item, error) {
	if s.folder == "" {
		return nil, errNotOpen
	}
	floor := from.UID
	if from.Validity != s.selected.Validity {
		floor = 0
	}
	if floor == math.MaxUint32 || s.fresh && nothingBehind(floor, s.selected) {
		s.listed(floor, nil)
		return nil, nil
	}
	s.heard = s.client.Announced()
	l := newListing(s.selected, floor)
	set := strconv.FormatUint(uint64(floor)+1, 10) + ":*"
	if err := s.client.Fetch(ctx, set, s.listItems(), l.add); err != nil {
		return nil, fmt.Errorf("list folder %q: %w", s.folder, err)
	}
	items := l.result()
	s.listed(floor, items)
	return items, nil
}

var errNotOpen = errors.New("no folder is open")

// nothingBehind reports whether the folder can be known to hold nothing behind
// floor. Without a floor only EXISTS counts: once a day everything is listed, and
// a wrong UIDNEXT is then without effect.
func nothingBehind(floor uint32, sel *imapwire.Selected) bool {
	return sel.Count == 0 || floor > 0 && sel.Next != 0 && sel.Next <= floor+1
}

func (s *session) listItems() string {
	if s.client.Has("X-GM-EXT-1") {
		return "UID RFC822.SIZE X-GM-MSGID"
	}
	return "UID RFC822.SIZE"
}

// listing gathers the answers to one listing.
type listing struct {
	validity, floor uint32
	limit           int
	answers         int
	items           []fetch.Item
}

// newListing makes room for all that the folder is said to hold, where all of it
// is listed: a slice that grows to a million items takes three times the memory.
func newListing(sel *imapwire.Selected, floor uint32) *listing {
	count := min(max(sel.Count, 0), listLimit-listSpare)
	l := &listing{validity: sel.Validity, floor: floor, limit: count + listSpare}
	if floor == 0 {
		l.items = make([]fetch.Item, 0, count)
	}
	return l
}

// add takes one FETCH. "n:*" always names the last message, even one below n
// (RFC 3501, 6.4.8), and what changes meanwhile is announced by FETCH too.
func (l *listing) add(r *imapwire.Response, _ io.Reader) error {
	if r.UID <= l.floor {
		return nil
	}
	l.answers++
	if n := len(l.items); n > 0 && l.items[n-1].Num == r.UID && l.answers < 4*l.limit {
		l.merge(n-1, r)
		return nil
	}
	if len(l.items) == l.limit || l.answers >= 4*l.limit {
		return fmt.Errorf("the server lists more than %d messages and says that there are %d", l.limit, l.limit-listSpare)
	}
	l.items = append(l.items, fetch.Item{Num: r.UID, Size: r.Size, Same: r.GmailID})
	return nil
}

// merge adds to an item what another answer for it tells.
func (l *listing) merge(i int, r *imapwire.Response) {
	l.items[i].Size = max(l.items[i].Size, r.Size)
	l.items[i].Same = max(l.items[i].Same, r.GmailID)
}

// result returns the items by ascending UID, each once, with all that any of
// its answers told.
func (l *listing) result() []fetch.Item {
	slices.SortStableFunc(l.items, func(a, b fetch.Item) int { return cmp.Compare(a.Num, b.Num) })
	out := l.items[:0]
	for _, it := range l.items {
		if n := len(out); n > 0 && out[n-1].Num == it.Num {
			out[n-1].Size = max(out[n-1].Size, it.Size)
			out[n-1].Same = max(out[n-1].Same, it.Same)
			continue
		}
		it.Key = keyOf(l.validity, it.Num)
		out = append(out, it)
	}
	return out
}
