package imap

import (
	"context"
	"fmt"
	"io"
	"slices"

	"mailrill/fetch"
	"mailrill/internal/imapwire"
)

// Peek digests the headers of messages of the open folder.
func (s *session) Peek(ctx context.Context, items []fetch.Item, fn func(it fetch.Item, header [16]byte, telling bool)) error {
	if s.folder == "" {
		return errNotOpen
	}
	for chunk := range slices.Chunk(items, chunkSize) {
		if err := s.peek(ctx, chunk, fn); err != nil {
			return fmt.Errorf("ask for headers in folder %q: %w", s.folder, err)
		}
	}
	return nil
}

// peek asks for one chunk. A header whose end the server did not send is none.
func (s *session) peek(ctx context.Context, items []fetch.Item, fn func(it fetch.Item, header [16]byte, telling bool)) error {
	asked := map[uint32]fetch.Item{}
	var uids []uint32
	for _, it := range items {
		if validity, uid, ok := parseKey(it.Key); ok && validity == s.selected.Validity {
			asked[uid] = it
			uids = append(uids, uid)
		}
	}
	if len(uids) == 0 {
		return nil
	}
	return s.client.Fetch(ctx, uidSet(uids), "UID BODY.PEEK[HEADER]", func(r *imapwire.Response, body io.Reader) error {
		if body == nil {
			return nil
		}
		header := fetch.NewHeaderHash()
		if _, err := io.Copy(header, body); err != nil {
			return nil // a dead connection is for Fetch to report
		}
		if it, ok := asked[r.UID]; ok {
			delete(asked, r.UID)
			fn(it, header.Sum(), header.Telling())
		}
		return nil
	})
}
