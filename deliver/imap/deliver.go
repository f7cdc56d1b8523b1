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
		for len(ms) > 0 {
			n := sameFolder(ms)
			more, err := d.deliverTo(ctx, ms[:n], batches, done)
			if err != nil {
				fail(append(ms[n:], more...), notTaken(err), done)
				return err
			}
			ms = append(ms[n:], more...)
		}
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

// deliverTo stores ms, which go to one folder, and the batches behind them for as
// long as they can follow. It returns a batch that cannot. A folder that is not
// to be had keeps back its own messages only.
func (d *Destination) deliverTo(ctx context.Context, ms []*deliver.Message, batches <-chan []*deliver.Message, done doneFunc) (more []*deliver.Message, err error) {
	end, err := d.begin(ctx)
	if err != nil {
		fail(ms, notTaken(err), done)
		return nil, err
	}
	defer end()
	folder, err := d.folder(ctx, ms[0].Folder)
	if err == nil {
		err = d.learnFlags(ctx, folder, ms)
	}
	if err == nil {
		err = d.leave()
	}
	if err != nil {
		fail(ms, notTaken(err), done)
		if d.session != nil {
			return nil, nil
		}
		return nil, err
	}
	w := &window{d: d, name: ms[0].Folder, folder: folder, batches: batches, done: done}
	err = w.deliver(ctx, ms)
	return w.more, err
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

func where(folder string, at imapwire.AppendUID) string {
	if at.UID == 0 {
		return folder
	}
	return fmt.Sprintf("%s %d/%d", folder, at.Validity, at.UID)
}
