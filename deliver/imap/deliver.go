package imap

import (
	"context"
	"errors"
	"fmt"

	"mailrill/deliver"
	"mailrill/internal/imapwire"
)

type doneFunc = func(*deliver.Message, deliver.Receipt, error)

// Deliver stores the messages in their order, those of one folder in one go.
func (d *Destination) Deliver(ctx context.Context, batches <-chan []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) error {
	for ms := range batches {
		if err := d.deliverAll(ctx, ms, done); err != nil {
			return err
		}
	}
	return nil
}

func (d *Destination) deliverAll(ctx context.Context, ms []*deliver.Message, done func(*deliver.Message, deliver.Receipt, error)) error {
	for len(ms) > 0 {
		n := sameFolder(ms)
		if err := d.deliverTo(ctx, ms[:n], done); err != nil {
			fail(ms[n:], notTaken(err), done)
			return err
		}
		ms = ms[n:]
	}
	return nil
}

// sameFolder returns how many messages at the head of ms go to one folder.
func sameFolder(ms []*deliver.Message) int {
	n := 1
	for n < len(ms) && ms[n].Folder == ms[0].Folder {
		n++
	}
	return n
}

func fail(ms []*deliver.Message, err error, done doneFunc) {
	for _, m := range ms {
		done(m, deliver.Receipt{}, err)
	}
}

// notTaken is the fate of messages that were not begun.
func notTaken(err error) error {
	if errors.Is(err, deliver.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", deliver.ErrNotTaken, err)
}

// deliverTo stores messages of one folder. A folder that is not to be had keeps
// back its own messages only.
func (d *Destination) deliverTo(ctx context.Context, ms []*deliver.Message, done doneFunc) error {
	end, err := d.begin(ctx)
	if err != nil {
		fail(ms, notTaken(err), done)
		return err
	}
	defer end()
	folder, err := d.folder(ctx, ms[0].Folder)
	if err == nil {
		err = d.learnFlags(ctx, folder, ms)
	}
	if err != nil {
		fail(ms, notTaken(err), done)
		if d.session != nil {
			return nil
		}
		return err
	}
	return d.appendAll(ctx, folder, d.dropTooLarge(ms, done), done)
}

// dropTooLarge refuses what the server said it will not take (RFC 7889), so that
// it is not sent in vain each time.
func (d *Destination) dropTooLarge(ms []*deliver.Message, done doneFunc) (fit []*deliver.Message) {
	limit, stated := d.session.AppendLimit()
	for _, m := range ms {
		if stated && m.Size > limit {
			done(m, deliver.Receipt{}, fmt.Errorf("%w: it has %d octets, the server takes up to %d (APPENDLIMIT)", deliver.ErrRejected, m.Size, limit))
			continue
		}
		fit = append(fit, m)
	}
	return fit
}

// appendAll sends the messages and reports each. It returns an error when the
// connection is lost, or the account takes no more.
func (d *Destination) appendAll(ctx context.Context, folder string, ms []*deliver.Message, done doneFunc) error {
	if len(ms) == 0 {
		return nil
	}
	batch, spools := make([]imapwire.Append, len(ms)), make([]spool, len(ms))
	for i, m := range ms {
		spools[i] = spool{m: m, cut: d.session.conn.Close}
		batch[i] = d.appendOf(folder, &spools[i])
	}
	var stop error
	err := d.session.Append(ctx, folder, batch, func(i int, at imapwire.AppendUID, err error) {
		if err == nil {
			done(ms[i], deliver.Receipt{Where: where(folder, at), Size: ms[i].Size}, nil)
			return
		}
		err = d.fate(spools[i].blame(err))
		if stop == nil && errors.Is(err, deliver.ErrUnavailable) {
			stop = err
		}
		done(ms[i], deliver.Receipt{}, err)
	})
	if err != nil {
		d.drop()
		return fmt.Errorf("append messages: %w", err)
	}
	if stop != nil {
		clear(d.session.folders) // the folder may have gone
		d.session.boxes = nil
	}
	return stop
}

func (d *Destination) appendOf(folder string, s *spool) imapwire.Append {
	return imapwire.Append{
		Flags:  permitted(s.m.Flags, d.session.flags[folder]),
		Date:   s.m.Received,
		Size:   s.m.Size,
		Open:   s.open,
		Binary: d.session.Has("BINARY") && holdsNUL(s.m),
	}
}

func where(folder string, at imapwire.AppendUID) string {
	if at.UID == 0 {
		return folder
	}
	return fmt.Sprintf("%s %d/%d", folder, at.Validity, at.UID)
}
