package pop3

import (
	"context"
	"crypto/sha256"
	"io"

	"mailrill/fetch"
)

// A box is what List found. Slices are by message number - 1.
type box struct {
	listed     bool
	uidls      bool // the server has UIDLs
	keys       []string
	sizes      []int64             // nil: LIST was not asked
	shared     map[string]bool     // keys of UIDLs that occur more than once: they name nobody
	twins      map[string][]uint32 // numbers of messages that are equal octet for octet, by their key
	unreadable map[string]error    // why a message has a key of the kind "e:"
}

// List lists all messages; POP3 has no cursors. Messages that are equal octet for
// octet and cannot be told apart by a UIDL are one item. Sizes are asked for only
// where they are needed to tell messages apart; else they are -1 until Sizes.
//
// Where UIDLs do not do, it looks at messages: at headers by TOP, at whole
// messages by RETR where those leave a doubt.
func (s *session) List(ctx context.Context, _ fetch.Cursor) ([]fetch.Item, error) {
	defer s.cutWith(ctx)()
	if err := s.list(ctx); err != nil {
		return nil, ended(ctx, err)
	}
	return s.items(), nil
}

func (s *session) list(ctx context.Context) (err error) {
	if err := s.ready(); err != nil {
		return err
	}
	s.box = box{shared: map[string]bool{}, twins: map[string][]uint32{}, unreadable: map[string]error{}}
	if s.count == 0 {
		// Some servers refuse LIST and UIDL when there is nothing to list.
		s.box.listed, s.box.uidls = true, true
		return nil
	}
	if s.box.keys, s.box.uidls, err = s.uidls(); err != nil {
		return err
	}
	s.box.dropShared()
	if len(s.box.unnamed()) > 0 {
		if err := s.keysByContent(ctx); err != nil {
			return err
		}
	}
	s.box.listed = true
	return nil
}

func (s *session) items() []fetch.Item {
	items := make([]fetch.Item, 0, len(s.box.keys))
	for i, key := range s.box.keys {
		num := uint32(i + 1)
		if equal := s.box.twins[key]; len(equal) > 0 && equal[0] != num {
			continue
		}
		items = append(items, fetch.Item{Key: key, Num: num, Size: s.box.size(num)})
	}
	return items
}

// Sizes tells the sizes of a listing's items, by LIST.
func (s *session) Sizes(ctx context.Context, items []fetch.Item) error {
	defer s.cutWith(ctx)()
	if err := s.learnSizes(); err != nil {
		return ended(ctx, err)
	}
	for i, it := range items {
		items[i].Size = s.box.size(it.Num)
	}
	return nil
}

// learnSizes asks for sizes, once a listing.
func (s *session) learnSizes() (err error) {
	if s.box.sizes == nil && s.count > 0 {
		s.box.sizes, err = s.sizes()
	}
	return err
}

// size is that of a message as the server states it, -1 where it is not known.
func (b *box) size(num uint32) int64 {
	if num < 1 || int64(num) > int64(len(b.sizes)) {
		return -1
	}
	return b.sizes[num-1]
}

// dropShared takes away keys that name more than one message.
func (b *box) dropShared() {
	first := make(map[string]int, len(b.keys))
	for i, key := range b.keys {
		if key == "" {
			continue
		}
		if j, ok := first[key]; ok {
			b.keys[i], b.keys[j] = "", ""
			b.shared[key] = true
			continue
		}
		first[key] = i
	}
}

// unnamed returns the numbers of the messages without a key.
func (b *box) unnamed() (nums []uint32) {
	for i, key := range b.keys {
		if key == "" {
			nums = append(nums, uint32(i+1))
		}
	}
	return nums
}

// keysByContent gives keys to messages that have no UIDL of their own.
func (s *session) keysByContent(ctx context.Context) error {
	if err := s.learnSizes(); err != nil {
		return err
	}
	if err := s.keysByHeader(ctx); err != nil {
		return err
	}
	return s.keysByBody(ctx)
}

// keysByHeader gives keys to messages whose header tells them apart: one with a
// Message-ID or a Received field, that no other message of this size has. A
// header without those fields may come again with another text.
func (s *session) keysByHeader(ctx context.Context) error {
	if !s.caps.hasOrSilent("TOP") {
		return nil
	}
	err := s.headers(ctx, topHeaders, s.box.unnamed(), func(num uint32, h *header, refused error) error {
		if refused == nil && h.hash.Telling() {
			s.box.keys[num-1] = headerKey(s.box.size(num), h.hash.Sum())
		}
		return nil
	})
	s.box.dropShared()
	return err
}

// keysByBody gives keys to all messages that are left, by reading them.
func (s *session) keysByBody(ctx context.Context) error {
	nums := s.box.unnamed()
	return s.each(ctx, "RETR", retr, nums, func(i int, refused error) error {
		num := nums[i]
		if refused != nil {
			key := unreadableKey(num, s.box.size(num))
			s.box.keys[num-1] = key
			s.box.unreadable[key] = refused
			return nil
		}
		s.spoils("RETR", num)
		hash := sha256.New()
		if _, err := io.Copy(hash, s.answerBody(num)); err != nil {
			return s.fail("RETR", err)
		}
		key := bodyKey([sha256.Size]byte(hash.Sum(nil)))
		s.box.keys[num-1] = key
		s.box.twins[key] = append(s.box.twins[key], num)
		return nil
	})
}
