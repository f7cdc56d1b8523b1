package imap

import (
	"context"
	"errors"
	"fmt"

	"mailrill/deliver"
	"mailrill/internal/imapwire"
)

type doneFunc = func(*deliver.Message, deliver.Receipt, error)

// Deliver stores the messages, those of one folder in one go. Their order is kept on
// one connection only: where each message costs a round trip there are several.
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
	w := &window{d: d, s: d.session, name: ms[0].Folder, folder: folder, batches: batches, done: done}
	if d.session.AppendsWait() && d.o.Connections > 1 {
		more, err = w.spread(ctx, ms)
	} else {
		err = w.deliver(ctx, ms)
		more = w.more
	}
	d.tidy(err)
	return more, err
}

// tidy drops a connection that broke. If the account takes no more the folder may
// have gone: it is looked for again.
func (d *Destination) tidy(err error) {
	switch {
	case d.session.lost:
		d.drop()
	case err != nil:
		clear(d.session.folders)
		d.session.boxes = nil
	}
}

// dropTooLarge refuses what the server said it will not take (RFC 7889), so that
// it is not sent in vain each time.
func (s *session) dropTooLarge(ms []*deliver.Message, done doneFunc) (fit []*deliver.Message) {
	limit, stated := s.AppendLimit()
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
