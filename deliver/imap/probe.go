package imap

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"mailrill/deliver"
	"mailrill/internal/imapwire"
)

var _ deliver.Prober = (*Destination)(nil)

// Probe logs in and returns what the server offers. A server that tells no quota,
// or refuses to, has none to tell.
func (d *Destination) Probe(ctx context.Context) (deliver.Facts, error) {
	end, err := d.begin(ctx)
	if err != nil {
		return deliver.Facts{}, err
	}
	defer end()
	facts := deliver.Facts{Offers: d.session.Capabilities()}
	if limit, stated := d.session.AppendLimit(); stated {
		facts.MaxSize = limit
	}
	q, err := d.session.Quota(ctx, inbox)
	switch {
	case err != nil && !isRefusal(err):
		return facts, d.broken(err)
	case q != nil:
		facts.Quota = &deliver.Quota{Used: q.Used, Limit: q.Limit}
	}
	return facts, nil
}

// Look finds a folder by the rules of Prepare, and makes none. Of one that is to
// be made it gives the name that is tried first.
func (d *Destination) Look(ctx context.Context, folder string) (deliver.Spot, error) {
	end, err := d.begin(ctx)
	if err != nil {
		return deliver.Spot{}, err
	}
	defer end()
	if folder == "" {
		folder = d.o.Folder
	}
	if err := d.list(ctx); err != nil {
		return deliver.Spot{}, err
	}
	if boxes := d.session.boxes; d.makes(boxes, folder) {
		return deliver.Spot{Name: toMake(boxes, folder)[0], Missing: true, Free: -1}, nil
	}
	name, err := d.folder(ctx, folder)
	return deliver.Spot{Name: name, Free: -1}, err
}

// makes reports whether Prepare would make a folder.
func (d *Destination) makes(boxes []imapwire.Mailbox, folder string) bool {
	if !d.o.Create || d.o.NoCreate || strings.EqualFold(folder, inbox) || !utf8.ValidString(folder) || slices.Contains(strings.Split(folder, "/"), "") {
		return false
	}
	_, there := find(boxes, candidates(boxes, folder, d.o.FolderParents))
	return !there
}
