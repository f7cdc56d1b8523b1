package imap

import (
	"context"
	"errors"
	"fmt"
	"slices"

	goimap "github.com/emersion/go-imap/v2"
)

// markSeen stores \Seen.
func (s *session) markSeen(ctx context.Context, uids []uint32) ([]uint32, error) {
	return s.each(ctx, uids, s.storing(goimap.FlagSeen))
}

// expunge marks uids \Deleted and expunges these, and nothing that others have
// marked. What the server still shows afterwards is not done.
func (s *session) expunge(ctx context.Context, uids []uint32) ([]uint32, error) {
	marked, err := s.each(ctx, uids, s.storing(goimap.FlagDeleted))
	if err != nil || len(marked) == 0 {
		return nil, err
	}
	expunged, err := s.expungeMarked(ctx, marked)
	switch {
	case err != nil:
		return nil, err
	case !expunged:
		return marked, nil
	}
	return s.gone(ctx, marked)
}

// moveTo moves by MOVE (RFC 6851), or where that is not offered by COPY, then
// removing the original. Once copied a message is done, whatever becomes of the
// original: moved again, it would be there twice.
func (s *session) moveTo(folder string) act {
	return func(ctx context.Context, uids []uint32) ([]uint32, error) {
		// What go-imap believes decides. Without MOVE its own Move ends in a
		// plain EXPUNGE.
		if s.client.IMAP().Caps().Has(goimap.CapMove) {
			moved, err := s.each(ctx, uids, s.moving(folder))
			if err != nil || len(moved) == 0 {
				return nil, err
			}
			return s.gone(ctx, moved)
		}
		copied, err := s.each(ctx, uids, s.copying(folder))
		if len(copied) > 0 {
			err = errors.Join(err, s.removeCopied(ctx, copied))
		}
		return copied, err
	}
}

func (s *session) removeCopied(ctx context.Context, uids []uint32) error {
	marked, err := s.each(ctx, uids, s.storing(goimap.FlagDeleted))
	if err == nil && len(marked) > 0 {
		_, err = s.expungeMarked(ctx, marked)
	}
	return err
}

// expungeMarked expunges uids, which are marked \Deleted, and reports whether the
// server can do that: without UIDPLUS it cannot, and NetEase's offers it and
// answers BAD. Then they stay as they are. Plain EXPUNGE and CLOSE are no way
// out: they remove whatever anybody has marked.
func (s *session) expungeMarked(ctx context.Context, uids []uint32) (bool, error) {
	if s.client.Has("UIDPLUS") && !s.noExpunge {
		var bad bool
		err := s.run(ctx, "UID EXPUNGE", func() error {
			err := s.client.IMAP().UIDExpunge(numbers(uids)).Close()
			refusal, ok := errors.AsType[*goimap.Error](err)
			bad = ok && refusal.Type == goimap.StatusResponseTypeBad
			return err
		})
		if !bad {
			return err == nil, err
		}
	}
	s.noExpunge = true
	s.notice("the server cannot expunge single messages: %d in folder %q stay there, marked \\Deleted, until another client expunges them", len(uids), s.folder)
	return false, nil
}

func (s *session) storing(flag goimap.Flag) command {
	return command{"STORE", func(uids goimap.UIDSet) error {
		flags := &goimap.StoreFlags{Op: goimap.StoreFlagsAdd, Silent: true, Flags: []goimap.Flag{flag}}
		return s.client.IMAP().Store(uids, flags, nil).Close()
	}}
}

func (s *session) moving(folder string) command {
	return command{"MOVE", func(uids goimap.UIDSet) error {
		_, err := s.client.IMAP().Move(uids, folder).Wait()
		return err
	}}
}

func (s *session) copying(folder string) command {
	return command{"COPY", func(uids goimap.UIDSet) error {
		_, err := s.client.IMAP().Copy(uids, folder).Wait()
		return err
	}}
}

// A command is done to a set of UIDs, all or none.
type command struct {
	verb string
	do   func(goimap.UIDSet) error
}

// each does c to uids at once, and one by one when that is refused: QQ's server
// refuses STORE for single messages that it filed itself. It returns those that
// c was done to. The refusal is an error only when it met all of them.
func (s *session) each(ctx context.Context, uids []uint32, c command) ([]uint32, error) {
	if len(uids) == 0 {
		return nil, nil
	}
	err := s.run(ctx, c.verb, func() error { return c.do(numbers(uids)) })
	if err == nil {
		return uids, nil
	}
	if len(uids) == 1 || !s.refused(err) {
		return nil, err
	}
	return s.oneByOne(ctx, uids, c)
}

func (s *session) oneByOne(ctx context.Context, uids []uint32, c command) (done []uint32, err error) {
	var refusal error
	refusals := 0
	for _, uid := range uids {
		err := s.run(ctx, c.verb, func() error { return c.do(numbers([]uint32{uid})) })
		switch {
		case err == nil:
			done, refusals = append(done, uid), 0
			continue
		case !s.refused(err):
			return done, err
		}
		refusal = err
		if refusals++; refusals == refusalLimit {
			return done, fmt.Errorf("%d messages in a row: %w", refusals, refusal)
		}
	}
	if len(done) == 0 {
		return nil, refusal
	}
	s.notice("%s of %d of %d messages in folder %q: %v", c.verb, len(uids)-len(done), len(uids), s.folder, refusal)
	return done, nil
}

// gone returns those of uids that the folder holds no more.
func (s *session) gone(ctx context.Context, uids []uint32) ([]uint32, error) {
	left, err := s.present(ctx, uids)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(uids), func(uid uint32) bool { return left[uid] }), nil
}

func numbers(uids []uint32) goimap.UIDSet {
	var set goimap.UIDSet
	for _, uid := range uids {
		set.AddNum(goimap.UID(uid))
	}
	return set
}
