package imap

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mailrill/fetch"
	"mailrill/internal/reply"
)

// Finish does a to the messages of due that are still what was delivered. A key
// of another UIDVALIDITY is left out: nobody knows what its UID means now.
//
// A message counts as done when the server shows it: its UID is gone, or its
// flag was stored. Where the server cannot expunge by UID, a message that is
// marked \Deleted is as far as we go.
func (s *session) Finish(ctx context.Context, due []fetch.Due, a fetch.AfterAction) (done []string, err error) {
	if s.folder == "" {
		return nil, errNotOpen
	}
	do, err := s.action(ctx, a)
	if err != nil || do == nil {
		return nil, err
	}
	for chunk := range slices.Chunk(s.candidates(due), chunkSize) {
		if err := s.verify(ctx, chunk); err != nil {
			return done, fmt.Errorf("check messages of folder %q: %w", s.folder, err)
		}
		acted, err := do(ctx, same(chunk))
		for _, c := range chunk {
			_, ok := slices.BinarySearch(acted, c.uid)
			if ok && c.same || c.gone() {
				done = append(done, c.due.Key)
			}
		}
		if err != nil {
			return done, fmt.Errorf("%s messages of folder %q: %w", a.Do, s.folder, err)
		}
	}
	return done, nil
}

// An act does something to uids, ascending, and returns those it is done with.
type act func(ctx context.Context, uids []uint32) ([]uint32, error)

// action selects the folder for writing and prepares what a asks for. Keep needs
// nothing.
func (s *session) action(ctx context.Context, a fetch.AfterAction) (act, error) {
	if a.Do == fetch.Keep {
		return nil, nil
	}
	if err := s.openForWriting(ctx); err != nil {
		return nil, err
	}
	switch a.Do {
	case fetch.Seen:
		return s.markSeen, s.mayStore(`\Seen`)
	case fetch.Move:
		return s.mover(ctx, a.Folder)
	case fetch.Delete:
		return s.deleter(ctx)
	}
	return nil, reply.WithClass(reply.Config, fmt.Errorf("unknown after-action %q", a.Do))
}

func (s *session) openForWriting(ctx context.Context) error {
	s.fresh = false
	if s.writable {
		return nil
	}
	s.leave()
	folder := s.folder
	s.folder = ""
	sel, err := s.enter(ctx, folder, false)
	if err != nil {
		return err
	}
	if sel.ReadOnly {
		return reply.WithClass(reply.Config, fmt.Errorf("folder %q is read-only at the source: nothing can be marked, moved or deleted there", folder))
	}
	s.folder, s.selected, s.writable = folder, sel, true
	return nil
}

// mayStore refuses a flag that the folder does not keep. A server that does not
// tell keeps all of them (RFC 3501, 7.1).
func (s *session) mayStore(flag string) error {
	flags := s.selected.PermanentFlags
	if flags == nil || slices.ContainsFunc(flags, func(f string) bool { return strings.EqualFold(f, flag) }) {
		return nil
	}
	return reply.WithClass(reply.Config, fmt.Errorf("folder %q does not keep the flag %s", s.folder, flag))
}

// deleter removes from the folder; where that only takes a label away, it moves
// to the trash, unless the folder is the trash itself.
func (s *session) deleter(ctx context.Context) (act, error) {
	if !s.o.TrashOnDelete {
		return s.expunge, s.mayStore(`\Deleted`)
	}
	boxes, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	trash := find("role:trash", boxes)
	switch {
	case len(trash) == 0:
		return nil, reply.WithClass(reply.Config, fmt.Errorf("delete from folder %q: the server shows no trash folder to move to", s.folder))
	case trash[0].Name == s.folder:
		return s.expunge, s.mayStore(`\Deleted`)
	}
	return s.moveTo(trash[0].Name), nil
}

// mover moves to the folder that name means, which is made if it is missing.
func (s *session) mover(ctx context.Context, name string) (act, error) {
	boxes, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	target, exists := targetOf(name, boxes)
	switch {
	case target == "" || target == s.folder:
		return nil, reply.WithClass(reply.Config, fmt.Errorf("messages of folder %q cannot be moved to %q", s.folder, target))
	case !exists:
		if err := s.create(ctx, target); err != nil {
			return nil, err
		}
	}
	return s.moveTo(target), nil
}

// targetOf finds the folder that name means: as the server writes it, or with
// "/" between the levels.
func targetOf(name string, boxes []box) (target string, exists bool) {
	if strings.EqualFold(name, inbox) {
		return inbox, true
	}
	own := name
	if sep := separatorOf(boxes); sep != "" {
		own = strings.ReplaceAll(name, "/", sep)
	}
	for _, n := range []string{name, own} {
		if slices.ContainsFunc(boxes, func(b box) bool { return b.Name == n }) {
			return n, true
		}
	}
	return own, false
}

// create makes a folder. That the server refuses is a matter of its settings:
// QQ's makes none for anybody.
func (s *session) create(ctx context.Context, name string) error {
	err := s.run(ctx, "CREATE", func() error { return s.client.IMAP().Create(name, nil).Wait() })
	switch {
	case err == nil:
		s.boxes = nil
		return nil
	case !s.refused(err):
		return fmt.Errorf("create folder %q: %w", name, err)
	}
	return reply.WithClass(reply.Config, fmt.Errorf("create folder %q: %w", name, err))
}
