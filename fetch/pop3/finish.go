package pop3

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"mailrill/fetch"
	"mailrill/internal/reply"
)

var (
	errGmailDelete = errors.New("pop3: the server ignores DELE; a setting of the mailbox says what becomes of a message that was retrieved")
	errNotListed   = errors.New("pop3: the messages were not listed in this session")
)

// Finish marks messages for deletion, which is all that POP3 can do; Close(true)
// carries it out. Before DELE the header of each message is compared with that of
// the one that was delivered: a UIDL may come back for another message, and
// there is no way back from DELE and QUIT. A Due without a Header is left out
// always. Of messages that are equal octet for octet all are deleted.
//
// A key that is not listed is done where that proves that the message is gone,
// and not where the key has become useless (a UIDL that two messages share now,
// or a server that offers none today).
func (s *session) Finish(ctx context.Context, due []fetch.Due, a fetch.AfterAction) (done []string, err error) {
	switch {
	case a.Do != fetch.Delete:
		return nil, reply.WithClass(reply.Config, fmt.Errorf("pop3 cannot do %q at the source, only delete", a.Do))
	case s.partial():
		return nil, reply.WithClass(reply.Config, errGmailDelete)
	case !s.box.listed:
		return nil, errNotListed
	}
	defer s.cutWith(ctx)()
	f := s.finishing(due)
	if err := s.verify(ctx, f); err != nil {
		return nil, ended(ctx, err)
	}
	if err := s.remove(ctx, f); err != nil {
		return nil, ended(ctx, err)
	}
	return f.done(due), nil
}

// A finish is what becomes of the messages that are due, by key.
type finish struct {
	due  map[string]fetch.Due
	gone map[string]bool
	nums []uint32       // messages to look at, and then those to delete
	left map[string]int // messages in the mailbox
}

// finishing finds the due messages in this session's listing.
func (s *session) finishing(due []fetch.Due) *finish {
	f := &finish{due: map[string]fetch.Due{}, gone: map[string]bool{}, left: map[string]int{}}
	for _, d := range due {
		f.due[d.Key] = d
		f.gone[d.Key] = s.provesGone(d.Key)
	}
	for i, key := range s.box.keys {
		d, ok := f.due[key]
		if !ok {
			continue
		}
		f.gone[key] = false
		f.left[key]++
		if d.Header != [16]byte{} {
			f.nums = append(f.nums, uint32(i+1))
		}
	}
	return f
}

// provesGone reports whether a key that is not in the listing is that of a
// message that is no longer there.
func (s *session) provesGone(key string) bool {
	switch {
	case s.box.shared[key]:
		return false
	case keyKind(key) == byUIDL || keyKind(key) == byOddID:
		return s.box.uidls
	}
	return len(s.box.unreadable) == 0
}

// verify keeps the messages whose header is that of the delivered one. Where the
// server has no TOP, or refuses it, the whole message is read for its header.
func (s *session) verify(ctx context.Context, f *finish) error {
	unseen := f.nums
	f.nums = nil
	for _, how := range s.looks() {
		var refusals []uint32
		err := s.headers(ctx, how, unseen, func(num uint32, h *header, refused error) error {
			switch {
			case refused != nil:
				refusals = append(refusals, num)
			case h.hash.Sum() == f.due[s.box.keys[num-1]].Header:
				f.nums = append(f.nums, num)
			}
			return nil
		})
		if err != nil {
			return err
		}
		unseen = refusals
	}
	return nil
}

// looks returns the ways to see a header, the cheapest first.
func (s *session) looks() []look {
	if s.caps.hasOrSilent("TOP") {
		return []look{topHeaders, retrHeaders}
	}
	return []look{retrHeaders}
}

func (s *session) remove(ctx context.Context, f *finish) error {
	return s.each(ctx, "DELE", dele, f.nums, func(i int, refused error) error {
		if refused == nil {
			f.left[s.box.keys[f.nums[i]-1]]--
			delete(s.spoiled, f.nums[i])
		}
		return nil
	})
}

func dele(num uint32) string { return "DELE " + strconv.FormatUint(uint64(num), 10) }

// done returns the keys of which nothing is left in the mailbox.
func (f *finish) done(due []fetch.Due) (keys []string) {
	for _, d := range due {
		if n, listed := f.left[d.Key]; f.gone[d.Key] || listed && n == 0 {
			keys = append(keys, d.Key)
		}
	}
	return keys
}
