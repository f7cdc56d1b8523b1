package imap

import (
	"context"

	"mailrill/fetch"
)

var _ fetch.Prober = (*session)(nil)

// Probe returns the capabilities, and the folders with their roles.
func (s *session) Probe(ctx context.Context) (fetch.Facts, error) {
	boxes, err := s.list(ctx)
	if err != nil {
		return fetch.Facts{}, err
	}
	facts := fetch.Facts{Offers: s.client.Capabilities()}
	for _, b := range boxes {
		if b.selectable {
			facts.Folders = append(facts.Folders, b.Folder)
		}
	}
	return facts, nil
}

// Survey is List: over IMAP that touches no message.
func (s *session) Survey(ctx context.Context) ([]fetch.Item, error) {
	return s.List(ctx, fetch.Cursor{})
}
