package imap

import (
	"context"
	"fmt"
	"io"
	"slices"

	"mailrill/fetch"
	"mailrill/internal/imapwire"
)

// Dates asks for arrival dates and flags.
func (s *session) Dates(ctx context.Context, items []fetch.Item, fn func(fetch.Item, fetch.Meta)) error {
	if s.folder == "" {
		return errNotOpen
	}
	for chunk := range slices.Chunk(items, chunkSize) {
		if err := s.dates(ctx, chunk, fn); err != nil {
			return fmt.Errorf("ask for dates in folder %q: %w", s.folder, err)
		}
	}
	return nil
}

// dates asks for one chunk. What it is told is gathered first: a flag that
// changes just then comes as an answer of its own, without a date.
func (s *session) dates(ctx context.Context, items []fetch.Item, fn func(fetch.Item, fetch.Meta)) error {
	wants := map[string]*want{}
	var asked []*want
	for _, it := range items {
		if validity, uid, ok := parseKey(it.Key); ok && validity == s.selected.Validity {
			wants[it.Key] = &want{item: it, uid: uid}
			asked = append(asked, wants[it.Key])
		}
	}
	if len(asked) == 0 {
		return nil
	}
	err := s.client.Fetch(ctx, uidSet(uidsWanted(asked)), "UID INTERNALDATE FLAGS", func(r *imapwire.Response, _ io.Reader) error {
		if w := wants[keyOf(s.selected.Validity, r.UID)]; w != nil {
			w.remember(r)
			w.done = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, w := range asked {
		if w.done {
			fn(w.item, fetch.Meta{Received: w.date, Flags: kept(w.flags)})
		}
	}
	return nil
}
