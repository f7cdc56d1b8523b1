package imap

import (
	"context"
	"io"
	"slices"

	"mailrill/fetch"
	"mailrill/internal/imapwire"
)

const (
	headerAsks = "UID RFC822.SIZE BODY.PEEK[HEADER]"
	// beginAsks is for messages whose header the server reads in another way
	// than we do (lines without a colon, no header at all): it asks for their
	// first octets as they are, as many as fetch.HeaderHash looks at.
	beginAsks = "UID RFC822.SIZE BODY.PEEK[]<0.262144>"
)

// A candidate is a due message, and what the server showed of it.
type candidate struct {
	due  fetch.Due
	uid  uint32
	seen bool // the server answered for its UID
	same bool // with the header that was delivered
}

// gone reports whether the folder holds the UID no more.
func (c *candidate) gone() bool { return !c.seen }

// candidates returns the due messages whose keys belong to the open folder as it
// is now, ascending, each once.
func (s *session) candidates(due []fetch.Due) (cs []*candidate) {
	for _, d := range due {
		if validity, uid, ok := parseKey(d.Key); ok && validity == s.selected.Validity {
			cs = append(cs, &candidate{due: d, uid: uid})
		}
	}
	slices.SortFunc(cs, func(a, b *candidate) int { return compareUID(a, b.uid) })
	return slices.CompactFunc(cs, func(a, b *candidate) bool { return a.uid == b.uid })
}

// compareUID orders candidates.
func compareUID(c *candidate, uid uint32) int {
	switch {
	case c.uid < uid:
		return -1
	case c.uid > uid:
		return 1
	}
	return 0
}

// verify looks whether the UIDs of cs still mean the messages that were
// delivered: there are servers that give a UID to another message.
func (s *session) verify(ctx context.Context, cs []*candidate) error {
	if err := s.compare(ctx, cs, headerAsks); err != nil {
		return err
	}
	odd := slices.DeleteFunc(slices.Clone(cs), func(c *candidate) bool { return c.same || c.gone() })
	if len(odd) == 0 {
		return nil
	}
	return s.compare(ctx, odd, beginAsks)
}

func (s *session) compare(ctx context.Context, cs []*candidate, asks string) error {
	return s.client.Fetch(ctx, uidSet(uidsOf(cs)), asks, func(r *imapwire.Response, body io.Reader) error {
		header := fetch.NewHeaderHash()
		whole := body != nil
		if whole { // the UID may come behind it
			_, err := io.Copy(header, body)
			whole = err == nil // a dead connection is for Fetch to report
		}
		if i, asked := slices.BinarySearchFunc(cs, r.UID, compareUID); asked {
			c := cs[i]
			c.seen = true
			c.same = c.same || whole && c.is(header, r.Size)
		}
		return nil
	})
}

// is reports whether a header of a message of so many octets is that of the
// delivered one. One without a mark of its own says too little: then the size
// must be the same, too.
func (c *candidate) is(header *fetch.HeaderHash, size int64) bool {
	if header.Sum() != c.due.Header {
		return false
	}
	return header.Telling() || c.due.Size < 0 || c.due.Size == size
}

func same(cs []*candidate) (uids []uint32) {
	for _, c := range cs {
		if c.same {
			uids = append(uids, c.uid)
		}
	}
	return uids
}

func uidsOf(cs []*candidate) (uids []uint32) {
	for _, c := range cs {
		uids = append(uids, c.uid)
	}
	return uids
}
