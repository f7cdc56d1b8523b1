package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"mailrill/deliver"
	"mailrill/internal/imapwire"
)

var _ deliver.Trier = (*Destination)(nil)

// A trial looks at what came to a folder behind a position.
type trial struct {
	d      *Destination
	folder string // as the server names it
	from   position
	uid    uint32 // of the copy that was found
}

// Try notes where the folder stands.
func (d *Destination) Try(ctx context.Context, folder string) (deliver.Trial, error) {
	end, err := d.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	name, err := d.folder(ctx, folder)
	if err != nil {
		return nil, err
	}
	t := &trial{d: d, folder: name}
	selected, err := d.session.open(ctx, name, true)
	if err != nil {
		return nil, d.broken(fmt.Errorf("examine folder %q: %w", name, err))
	}
	if t.from, err = d.standing(ctx, selected, 1); err != nil {
		return nil, err
	}
	return t, d.leave()
}

// Find opens the folder anew each time: QQ shows what has come to a fresh EXAMINE
// only.
func (t *trial) Find(ctx context.Context, id string) (*deliver.Copy, error) {
	end, err := t.d.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	if err := t.d.leave(); err != nil {
		return nil, err
	}
	selected, err := t.d.session.open(ctx, t.folder, true)
	if err != nil {
		return nil, t.d.broken(fmt.Errorf("examine folder %q: %w", t.folder, err))
	}
	if t.uid, err = t.search(ctx, t.from.floor(selected.Validity), id); err != nil {
		return nil, t.d.broken(err)
	}
	if t.uid == 0 || selected.Count == 0 {
		return nil, deliver.ErrNotThere
	}
	c, err := t.read(ctx)
	if err != nil {
		return nil, t.d.broken(err)
	}
	c.Where = where(t.folder, imapwire.AppendUID{Validity: selected.Validity, UID: t.uid})
	return c, nil
}

// search returns the UID of the copy with that ID from floor on, 0 if there is none.
func (t *trial) search(ctx context.Context, floor uint32, id string) (uid uint32, err error) {
	err = t.d.session.Fetch(ctx, fmt.Sprintf("%d:*", floor), traceItems, func(r *imapwire.Response, body io.Reader) error {
		if body == nil {
			return nil
		}
		header, err := readHeader(body)
		if err == nil && traceID(header) == id {
			uid = r.UID
		}
		return err
	})
	return uid, err
}

// copyLimit bounds what is read of a copy: more than any test message has.
const copyLimit = 1 << 20

func (t *trial) read(ctx context.Context) (*deliver.Copy, error) {
	c := &deliver.Copy{}
	set := fmt.Sprint(t.uid)
	err := t.d.session.Fetch(ctx, set, "UID INTERNALDATE FLAGS BODY.PEEK[]", func(r *imapwire.Response, body io.Reader) (err error) {
		if body != nil {
			if c.Body, err = io.ReadAll(io.LimitReader(body, copyLimit)); err == nil {
				_, err = io.Copy(io.Discard, body)
			}
		}
		if r.UID == t.uid {
			c.Received, c.Flags = r.Date, r.Flags
		}
		return err
	})
	return c, err
}

// Remove removes the copy by its UID, so that nothing goes that others have
// marked. Where deleting only takes a label off, or a server cannot expunge one
// message, it goes to the trash.
func (t *trial) Remove(ctx context.Context) (left string, err error) {
	end, err := t.d.begin(ctx)
	if err != nil {
		return t.folder, err
	}
	defer end()
	if err := t.d.leave(); err != nil {
		return t.folder, err
	}
	if _, err := t.d.session.open(ctx, t.folder, false); err != nil {
		return t.folder, t.d.broken(fmt.Errorf("select folder %q: %w", t.folder, err))
	}
	if !t.d.o.TrashOnDelete {
		err := t.expunge()
		if err == nil || !isRefusal(err) && !errors.Is(err, errNoExpunge) {
			return "", err
		}
	}
	return t.discard(ctx)
}

// errNoExpunge: there is neither UID EXPUNGE (RFC 4315; NetEase offers it and
// answers BAD) nor a trash that MOVE reaches.
var errNoExpunge = errors.New("the server cannot expunge single messages; it is marked as deleted there")

// expunge marks the copy as deleted, which hides it in most programs, and expunges
// it where that is possible.
func (t *trial) expunge() error {
	s, set := t.d.session, goimap.UIDSetNum(goimap.UID(t.uid))
	flags := &goimap.StoreFlags{Op: goimap.StoreFlagsAdd, Silent: true, Flags: []goimap.Flag{goimap.FlagDeleted}}
	if err := s.Refused("STORE", s.IMAP().Store(set, flags, nil).Close()); err != nil {
		return t.d.broken(err)
	}
	if !s.Has("UIDPLUS") {
		return errNoExpunge
	}
	if err := s.Refused("UID EXPUNGE", s.IMAP().UIDExpunge(set).Close()); err != nil {
		return t.d.broken(err)
	}
	return nil
}

// discard moves the copy to the trash, where MOVE (RFC 6851) and a trash are there.
func (t *trial) discard(ctx context.Context) (left string, err error) {
	s := t.d.session
	if err := t.d.list(ctx); err != nil {
		return t.folder, err
	}
	trash := roleFolder(s.boxes, `\Trash`)
	if trash == "" || !s.IMAP().Caps().Has(goimap.CapMove) {
		return t.folder, errNoExpunge
	}
	_, err = s.IMAP().Move(goimap.UIDSetNum(goimap.UID(t.uid)), trash).Wait()
	if err != nil {
		return t.folder, t.d.broken(s.Refused("MOVE", err))
	}
	return trash, nil
}

// roleFolder returns the folder with a role's attribute (RFC 6154), "" if none has it.
func roleFolder(boxes []imapwire.Mailbox, role string) string {
	for _, b := range boxes {
		if slices.ContainsFunc(b.Attrs, func(a string) bool { return strings.EqualFold(a, role) }) {
			return b.Name
		}
	}
	return ""
}
