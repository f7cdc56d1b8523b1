package pop3

import (
	"context"
	"fmt"
	"strconv"

	"mailrill/fetch"
	"mailrill/internal/reply"
)

// Finish marks messages for deletion, which is all that POP3 can do; Close(true)
// carries it out. Before DELE the header of each message is compared with that of
// the one that was delivered: a UIDL may come back for another message, and
// there is no way back from DELE and QUIT. A Due without a Header is left out
// always. Of messages that are equal octet for octet all are deleted.
//
// A key that is not listed is done where that proves that the message is gone:
// not on a listing that is a part of the mailbox, nor where the key has become
// useless (UIDL shared by two messages, or not offered today).
func (s *session) Finish(ctx context.Context, due []fetch.Due, a fetch.AfterAction) (done []string, err error) {
	if a.Do != fetch.Delete {
		return nil, reply.WithClass(reply.Config, fmt.Errorf("pop3 cannot do %q at the source, only delete", a.Do))
	}
	if !s.box.listed {
		return nil, fmt.Errorf("pop3 finish: the messages were not listed in this session")
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
	nums []uint32 // messages to look at, and then those to delete
	keys []string // of nums
	left map[string]int
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
			f.nums, f.keys = append(f.nums, uint32(i+1)), append(f.keys, key)
		}
	}
	return f
}

// provesGone reports whether a key that is not in the listing is that of a
// message that is no longer there.
func (s *session) provesGone(key string) bool {
	switch {
	case s.o.Drains || s.o.Recent, s.box.shared[key]:
		return false
	case keyKind(key) == byUIDL || keyKind(key) == byOddID:
		return s.box.uidls
	}
	return len(s.box.unreadable) == 0
}

// verify keeps the messages whose header is that of the delivered one.
func (s *session) verify(ctx context.Context, f *finish) error {
	how := topHeaders
	if !s.caps.hasOrSilent("TOP") {
		how = retrHeaders
	}
	var nums []uint32
	var keys []string
	i := -1
	err := s.headers(ctx, how, f.nums, func(num uint32, h *header, refused error) error {
		i++
		if refused == nil && h.hash.Sum() == f.due[f.keys[i]].Header {
			nums, keys = append(nums, num), append(keys, f.keys[i])
		}
		return nil
	})
	f.nums, f.keys = nums, keys
	return err
}

func (s *session) remove(ctx context.Context, f *finish) error {
	return s.each(ctx, "DELE", dele, f.nums, func(i int, refused error) error {
		if refused == nil {
			f.left[f.keys[i]]--
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
