package imap

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"mailrill/deliver"
	"mailrill/internal/imapwire"
)

// traceItems asks for what tells a copy of ours.
const traceItems = "UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (" + deliver.TraceField + ")]"

// headerLimit bounds what is read of a header; a server may return all of it.
const headerLimit = 64 << 10

// Arrived looks through all folders, each from where mark says that it stood. So
// it finds a copy also after its owner or a filter has moved it.
//
// Where a folder stands is asked before it is read: what comes in meanwhile is
// seen now, or by the next call, or by both.
func (d *Destination) Arrived(ctx context.Context, mark string, fn func(id string, r deliver.Receipt) error) (string, error) {
	end, err := d.begin(ctx)
	if err != nil {
		return "", err
	}
	defer end()
	folders, err := d.allFolders(ctx)
	if err != nil {
		return "", err
	}
	told := d.told()
	old, stands := parseMark(mark), marks{}
	for _, folder := range folders {
		key := imapwire.EncodeName(folder)
		if now, quiet := told[folder].quiet(old[key]); quiet && !slices.Contains(d.known, folder) {
			stands[key] = now
			continue
		}
		now, err := d.arrivedIn(ctx, folder, old[key], fn)
		if err != nil {
			return "", err
		}
		if now != (position{}) {
			stands[key] = now
		}
	}
	return stands.String(), nil
}

// allFolders returns every folder that can be opened, and those that were
// prepared, which a server need not list.
func (d *Destination) allFolders(ctx context.Context) ([]string, error) {
	if err := d.leave(); err != nil { // a server need not tell the truth of the open folder
		return nil, err
	}
	boxes, err := d.session.ListStatus(ctx) // others may have made folders since
	if err != nil {
		return nil, d.broken(fmt.Errorf("list folders: %w", err))
	}
	d.session.boxes = boxes
	folders := slices.Clone(d.known)
	for _, b := range d.session.boxes {
		if selectable(b) {
			folders = append(folders, b.Name)
		}
	}
	folders = slices.DeleteFunc(folders, func(name string) bool { return strings.EqualFold(name, inbox) })
	slices.Sort(folders)
	return append([]string{inbox}, slices.Compact(folders)...), nil
}

// A stand is what the server told of a folder along with its name; nil: nothing.
type stand imapwire.Selected

// told returns what the list of folders has told of each. Where we deliver to it is
// not relied on: a server may tell it out of a cache. Nor is it where messages are
// shown late.
func (d *Destination) told() map[string]*stand {
	stands := map[string]*stand{}
	if d.o.ShowsAfter > 0 {
		return stands
	}
	for _, b := range d.session.boxes {
		name := b.Name
		if strings.EqualFold(name, inbox) {
			name = inbox
		}
		stands[name] = (*stand)(b.Status)
	}
	return stands
}

// quiet reports whether a folder holds nothing that came after from, and where it
// stands now. One of which too little was told is not.
func (s *stand) quiet(from position) (now position, quiet bool) {
	if s == nil || s.Validity == 0 || s.Next == 0 {
		return position{}, false
	}
	floor := from.floor(s.Validity)
	return position{s.Validity, s.Next}, s.Count == 0 || floor > 1 && floor >= s.Next
}

// arrivedIn reports the copies in one folder that came after from. The zero
// position says that the folder cannot be opened.
func (d *Destination) arrivedIn(ctx context.Context, folder string, from position, fn func(id string, r deliver.Receipt) error) (position, error) {
	selected, err := d.session.open(ctx, folder, true)
	if err != nil {
		return position{}, d.notOpened(folder, err)
	}
	floor := from.floor(selected.Validity)
	stands, err := d.standing(ctx, selected, floor)
	nothingNew := floor > 1 && floor >= stands.next()
	if err != nil || selected.Count == 0 || nothingNew {
		return stands, err
	}
	return stands, d.fetchIDs(ctx, folder, selected.Validity, floor, fn)
}

// notOpened returns nil for a folder that is not for us (a shared one, one that
// has just gone), in which no copy of ours can be. One that was prepared, or that
// is locked for now, may hold one: then nobody can say what has arrived.
func (d *Destination) notOpened(folder string, err error) error {
	if !isRefusal(err) {
		d.drop()
		return fmt.Errorf("examine folder %q: %w", folder, err)
	}
	ours := slices.Contains(d.known, folder) && !isCode(err, "NONEXISTENT")
	if ours || isPassing(err) {
		return fmt.Errorf("%w: examine folder %q: %w", deliver.ErrUnavailable, folder, err)
	}
	return nil
}

// standing returns where the folder stands now. NetEase does not say UIDNEXT, and
// where messages are shown late it would pass over those that are not shown yet:
// there the highest UID is asked for.
func (d *Destination) standing(ctx context.Context, s *imapwire.Selected, floor uint32) (position, error) {
	next := s.Next
	if next == 0 || d.o.ShowsAfter > 0 {
		next = floor
		if s.Count > 0 {
			err := d.session.Fetch(ctx, "*", "UID", func(r *imapwire.Response, _ io.Reader) error {
				next = max(next, r.UID+1)
				return nil
			})
			if err != nil {
				return position{}, d.broken(fmt.Errorf("ask for the highest UID: %w", err))
			}
		}
	}
	return position{s.Validity, next}, nil
}

// fetchIDs reports what lies in the open folder from UID floor on. "n:*" always
// returns the last message, also when its UID is below n.
func (d *Destination) fetchIDs(ctx context.Context, folder string, validity, floor uint32, fn func(id string, r deliver.Receipt) error) error {
	var fnErr error
	err := d.session.Fetch(ctx, fmt.Sprintf("%d:*", floor), traceItems, func(r *imapwire.Response, body io.Reader) error {
		if body == nil {
			return nil
		}
		header, err := readHeader(body)
		if err != nil {
			return err
		}
		id := traceID(header)
		if id == "" || r.UID < floor {
			return nil
		}
		fnErr = fn(id, deliver.Receipt{Where: where(folder, imapwire.AppendUID{Validity: validity, UID: r.UID}), Size: r.Size})
		return fnErr
	})
	if fnErr != nil {
		d.drop()
		return fnErr
	}
	if err != nil {
		return d.broken(fmt.Errorf("fetch trace lines of folder %q: %w", folder, err))
	}
	return nil
}

// readHeader reads a body to its end, behind which the response is complete.
func readHeader(body io.Reader) ([]byte, error) {
	header, err := io.ReadAll(io.LimitReader(body, headerLimit))
	if err == nil {
		_, err = io.Copy(io.Discard, body)
	}
	return header, err
}
