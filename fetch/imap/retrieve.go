package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"mailrill/fetch"
	"mailrill/internal/imapwire"
)

const (
	// chunkAsks go out for many messages at once, singleAsks for one that a
	// chunk brought no body of: an empty body is believed only if its size is
	// told to be 0 too.
	chunkAsks  = "UID FLAGS INTERNALDATE BODY.PEEK[]"
	singleAsks = "UID RFC822.SIZE FLAGS INTERNALDATE BODY.PEEK[]"

	// refusalLimit is how many messages in a row may be refused before it is the
	// server that refuses, and not a message that it cannot read.
	refusalLimit = 10
)

// want is a message that was asked for.
type want struct {
	item    fetch.Item
	uid     uint32
	done    bool  // fn was called for it
	empties int   // answers with an empty body and a size of 0
	spoilt  error // why an answer's body could not be read from its first octet on
	date    time.Time
	flags   []string
}

// remember keeps what an answer without the body told of w: some servers split
// one message over two answers.
func (w *want) remember(r *imapwire.Response) {
	if !r.Date.IsZero() {
		w.date = r.Date
	}
	if r.HasFlags {
		w.flags = r.Flags
	}
}

// emptied notes an answer with an empty body, which is read to its end.
func (w *want) emptied(r *imapwire.Response) {
	if r.UID != w.uid {
		return
	}
	w.remember(r)
	if r.Size == 0 {
		w.empties++
	}
}

// retrieval is one call of Retrieve.
type retrieval struct {
	*session
	ctx      context.Context
	fn       func(fetch.Item, *fetch.Meta, io.Reader, error) error
	failed   error // what fn returned
	refusals int   // in a row
}

// Retrieve asks for chunks of messages, and once more singly for those that did
// not come with theirs.
func (s *session) Retrieve(ctx context.Context, items []fetch.Item, fn func(fetch.Item, *fetch.Meta, io.Reader, error) error) error {
	if s.folder == "" {
		return errNotOpen
	}
	r := &retrieval{session: s, ctx: ctx, fn: fn}
	for len(items) > 0 {
		late, rest, err := r.together(items)
		if err != nil {
			return err
		}
		for _, w := range late {
			if err := r.alone(w); err != nil {
				return err
			}
		}
		items = rest
	}
	return nil
}

func missing(wants []*want) []*want {
	return slices.DeleteFunc(slices.Clone(wants), func(w *want) bool { return w.done })
}

// wants reads the keys. One of another UIDVALIDITY names nothing any more.
func (r *retrieval) wants(items []fetch.Item) ([]*want, error) {
	var wants []*want
	for _, it := range items {
		validity, uid, ok := parseKey(it.Key)
		if ok && validity == r.selected.Validity {
			wants = append(wants, &want{item: it, uid: uid})
			continue
		}
		err := fmt.Errorf("%w: the folder's UIDVALIDITY is %d", fetch.ErrGone, r.selected.Validity)
		if err := r.give(it, nil, nil, err); err != nil {
			return nil, err
		}
	}
	return wants, nil
}

// together asks for chunk after chunk, until there are no more or a message did
// not come with its chunk. It returns those that are to be asked for alone, and
// the items that were not asked for.
func (r *retrieval) together(items []fetch.Item) (late []*want, rest []fetch.Item, err error) {
	s := &stream{retrieval: r, items: items, byUID: map[uint32]*want{}}
	defer s.close()
	for {
		if err := s.ask(); err != nil {
			return nil, nil, err
		}
		if len(s.asked) == 0 {
			break
		}
		if err := s.wait(); err != nil {
			return nil, nil, err
		}
	}
	s.close()
	if !s.refused && !r.uidBehind {
		err = r.strikeGone(s.late)
	}
	return missing(s.late), s.items, err
}

// strikeGone finds by one command what of an unanswered rest is no longer in the
// mailbox: another client may have emptied it meanwhile.
func (r *retrieval) strikeGone(rest []*want) error {
	if len(rest) < 2 {
		return nil
	}
	left, err := r.present(r.ctx, uidsWanted(rest))
	if broken := r.broken(err); broken != nil || err != nil {
		return broken
	}
	for _, w := range rest {
		if left[w.uid] {
			continue
		}
		w.done = true
		if err := r.give(w.item, nil, nil, fetch.ErrGone); err != nil {
			return err
		}
	}
	return nil
}

// broken leaves out of err what is a mere refusal of the command.
func (r *retrieval) broken(err error) error {
	switch {
	case err == nil:
		return nil
	case r.failed != nil:
		return r.failed
	case r.refused(err):
		return nil
	}
	return fmt.Errorf("retrieve from folder %q: %w", r.folder, err)
}

// uidsWanted returns the UIDs of wants, ascending.
func uidsWanted(wants []*want) []uint32 {
	uids := make([]uint32, len(wants))
	for i, w := range wants {
		uids[i] = w.uid
	}
	slices.Sort(uids)
	return uids
}

// alone asks for one message, twice if need be. Whose the body is, is known
// then even if its UID comes behind it; the reader checks it at the end.
func (r *retrieval) alone(w *want) error {
	for range 2 {
		err := r.client.Fetch(r.ctx, uidSet([]uint32{w.uid}), singleAsks, func(resp *imapwire.Response, body io.Reader) error {
			switch {
			case resp.UID == w.uid:
			case resp.UID != 0 || body == nil:
				return nil
			default:
				r.uidBehind = true
			}
			return r.answer(w, resp, body)
		})
		if broken := r.broken(err); broken != nil {
			return broken
		}
		if w.done {
			r.refusals = 0
			return nil
		}
		if err != nil {
			return r.refuse(w, err)
		}
	}
	return r.lacking(w)
}

// answer takes one FETCH that is about w. A second body, or a part of one, is
// left unread.
func (r *retrieval) answer(w *want, resp *imapwire.Response, body io.Reader) error {
	if w.done {
		return nil
	}
	if body == nil || !whole(resp.Section) {
		w.remember(resp)
		return nil
	}
	r.probed = true
	b := &bodyReader{body: body, resp: resp, want: w, meta: new(fetch.Meta)}
	switch empty, err := b.peek(); {
	case err != nil: // a dead connection is for Fetch to report
		w.spoilt = err
		return nil
	case empty:
		w.emptied(resp)
		return nil
	}
	w.done = true
	return r.give(w.item, b.meta, b, nil)
}

// whole reports whether a section is all of a message.
func whole(section string) bool {
	return strings.EqualFold(section, "BODY[]") || strings.EqualFold(section, "RFC822")
}

// lacking settles a message that two OKs brought no body of. It is gone only if
// its UID is; and it is empty only if the server said so both times.
func (r *retrieval) lacking(w *want) error {
	if w.empties >= 2 {
		meta := fetch.Meta{Received: w.date, Flags: kept(w.flags)}
		return r.give(w.item, &meta, strings.NewReader(""), nil)
	}
	left, err := r.present(r.ctx, []uint32{w.uid})
	if broken := r.broken(err); broken != nil {
		return broken
	}
	switch {
	case err == nil && !left[w.uid]:
		err = fetch.ErrGone
	case w.spoilt != nil:
		err = fmt.Errorf("%w: %w", fetch.ErrNoBody, w.spoilt)
	default:
		err = fetch.ErrNoBody
	}
	return r.give(w.item, nil, nil, err)
}

// refuse gives w the server's refusal, and ends the retrieval when there were
// too many of them.
func (r *retrieval) refuse(w *want, refusal error) error {
	if err := r.give(w.item, nil, nil, refusal); err != nil {
		return err
	}
	if r.refusals++; r.refusals < refusalLimit {
		return nil
	}
	return fmt.Errorf("retrieve from folder %q: %d messages in a row: %w", r.folder, r.refusals, refusal)
}

func (r *retrieval) give(it fetch.Item, meta *fetch.Meta, body io.Reader, err error) error {
	if r.failed = context.Cause(r.ctx); r.failed == nil {
		r.failed = r.fn(it, meta, body, err)
	}
	return r.failed
}

// present returns which of uids, ascending, the open folder holds.
func (s *session) present(ctx context.Context, uids []uint32) (map[uint32]bool, error) {
	there := make(map[uint32]bool, len(uids))
	err := s.client.Fetch(ctx, uidSet(uids), "UID", func(r *imapwire.Response, _ io.Reader) error {
		if _, asked := slices.BinarySearch(uids, r.UID); asked {
			there[r.UID] = true
		}
		return nil
	})
	return there, err
}

// errOtherUID: the answer turned out to be about another message.
var errOtherUID = errors.New("the server answered for another UID")
