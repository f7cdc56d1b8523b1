package pop3

import (
	"context"
	"slices"
	"strings"

	"mailrill/fetch"
)

var _ fetch.Prober = (*session)(nil)

// Probe returns what CAPA listed, parameters included.
func (s *session) Probe(ctx context.Context) (fetch.Facts, error) {
	facts := fetch.Facts{Folders: []fetch.Folder{{Name: Inbox, Role: "inbox"}}}
	for keyword, parameters := range s.caps {
		facts.Offers = append(facts.Offers, strings.Join(append([]string{keyword}, parameters...), " "))
	}
	slices.Sort(facts.Offers)
	return facts, ctx.Err()
}

// Survey asks for UIDL and LIST only: TOP and RETR count as reading at some
// servers (EXPIRE 0), and at Gmail RETR takes a message out of the listing.
func (s *session) Survey(ctx context.Context) ([]fetch.Item, error) {
	defer s.cutWith(ctx)()
	if err := s.ready(); err != nil {
		return nil, ended(ctx, err)
	}
	if s.count == 0 {
		return nil, nil
	}
	names, _, err := s.uidls()
	if err != nil {
		return nil, ended(ctx, err)
	}
	sizes, err := s.sizes()
	if err != nil {
		return nil, ended(ctx, err)
	}
	seen := box{keys: names, sizes: sizes, shared: map[string]bool{}}
	seen.dropShared()
	items := make([]fetch.Item, len(names))
	for i, key := range seen.keys {
		items[i] = fetch.Item{Key: key, Num: uint32(i + 1), Size: sizes[i]}
	}
	return items, nil
}
