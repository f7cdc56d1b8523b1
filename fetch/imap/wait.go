package imap

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"

	"mailrill/fetch"
	"mailrill/internal/imapwire"
)

// A sight is how far a folder was seen when it was last listed. What lies beyond
// is news, whenever the session comes back to the folder: nothing can fall
// between a listing and the IDLE behind it.
type sight struct {
	validity uint32
	uid      uint32 // everything up to it
	count    int    // the fewest messages that the folder held since then
	news     bool   // more was announced since then
}

// A rester is a connection that may be given up while nothing is under way:
// *mailconn.Conn.
type rester interface {
	Rest(drop func())
	Work() error
}

// Rest forgets the folders that LIST told of: others may be made until the next
// pass.
func (s *session) Rest() {
	s.boxes = nil
	if r, ok := s.conn.(rester); ok {
		r.Rest(nil)
	}
}

// Work keeps the connection from being given up.
func (s *session) Work() error {
	if r, ok := s.conn.(rester); ok {
		return r.Work()
	}
	return nil
}

// Announced counts the announcements that came in IDLE.
func (s *session) Announced() uint64 { return s.waits.Load() }

// LocalAddr is this machine's end of the connection.
func (s *session) LocalAddr() net.Addr { return s.client.LocalAddr() }

// Err returns why the connection has ended.
func (s *session) Err() error { return s.client.Err() }

// Reopen saves a round trip where it can. Without an announcement it cannot: a
// server need not show in a FETCH what it has not announced.
func (s *session) Reopen(ctx context.Context, folder string) (fetch.Listing, error) {
	if s.folder != folder || s.writable || !s.news() {
		return s.Open(ctx, folder)
	}
	s.fresh = false
	return fetch.Listing{Validity: s.selected.Validity, Count: s.client.Count(), Stable: true}, nil
}

// Wait waits in IDLE, until mail is announced or the server ends it by itself.
func (s *session) Wait(ctx context.Context, folder string) error {
	if err := s.wait(ctx, folder); err != nil {
		return fmt.Errorf("wait for mail in folder %q: %w", folder, err)
	}
	return nil
}

func (s *session) wait(ctx context.Context, folder string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.fresh = false
	calm := context.WithoutCancel(ctx) // to cut the session is no way to end a wait
	if news, err := s.settle(calm, folder); news || err != nil {
		return err
	}
	before := s.client.Announced()
	if err := s.client.Idle(calm); err != nil {
		return err
	}
	over := s.await(ctx)
	s.waits.Add(s.client.Announced() - before) // not what comes behind DONE: some servers tell nothing until then
	if !over {
		return s.client.Err()
	}
	if err := s.client.Done(); err != nil {
		return err
	}
	return ctx.Err()
}

// await waits in IDLE until there is something to see, or ctx is over. A token may
// be left from before, and mean nothing.
func (s *session) await(ctx context.Context) (over bool) {
	for !s.news() && s.client.Idles() && s.client.Err() == nil {
		select {
		case <-s.changed:
		case <-ctx.Done():
			return true
		}
	}
	return false
}

// settle opens folder, unless it is open for reading, and reports whether it may
// hold what was not listed.
func (s *session) settle(ctx context.Context, folder string) (news bool, err error) {
	if s.folder == folder && !s.writable {
		return s.news(), nil
	}
	if _, err := s.Open(ctx, folder); err != nil {
		return false, err
	}
	s.fresh = false
	seen, listed := s.seen[folder]
	if !listed {
		return true, nil
	}
	seen.news, err = s.grown(ctx, seen)
	s.seen[folder] = seen
	return seen.news, err
}

// news reports whether the open folder was not listed, or mail was announced
// since then.
func (s *session) news() bool {
	seen, listed := s.seen[s.folder]
	return !listed || seen.news || s.client.Announced() > s.heard
}

// grown reports whether the folder that was just opened may hold more than was
// seen. UIDNEXT tells, but some servers do not say it, and some do not keep it.
func (s *session) grown(ctx context.Context, seen sight) (bool, error) {
	switch now := s.selected; {
	case seen.news, now.Validity != seen.validity, now.Count > seen.count:
		return true, nil
	case nothingBehind(seen.uid, now):
		return false, nil
	case now.Next != 0:
		return true, nil
	}
	more := false
	behind := strconv.FormatUint(uint64(seen.uid)+1, 10) + ":*"
	err := s.client.Fetch(ctx, behind, "UID", func(r *imapwire.Response, _ io.Reader) error {
		more = more || r.UID > seen.uid
		return nil
	})
	return more, err
}

// listed notes that the open folder was listed behind floor.
func (s *session) listed(floor uint32, items []fetch.Item) {
	uid := max(floor, max(s.selected.Next, 1)-1)
	if n := len(items); n > 0 {
		uid = max(uid, items[n-1].Num)
	}
	s.seen[s.folder] = sight{validity: s.selected.Validity, uid: uid, count: s.client.Count()}
}

// leave notes what is known of the open folder before it is left.
func (s *session) leave() {
	seen, listed := s.seen[s.folder]
	if !listed {
		return
	}
	seen.news = seen.news || s.client.Announced() > s.heard
	seen.count = min(seen.count, s.client.Count())
	s.seen[s.folder] = seen
}

// raise puts the token into c.
func raise(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
