package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"mailrill/internal/fsx"
	"mailrill/internal/reply"
)

// A Store keeps the token files of a state folder, one for each name of an
// account or destination. It may be used by several goroutines, and several
// processes may have one over the same folder.
type Store struct {
	FS    fsx.FS
	Dir   string // state_dir/tokens
	Sleep func(context.Context, time.Duration) error

	mu       sync.Mutex
	turns    map[string]chan struct{}
	unsaved  map[string]unsaved
	failures map[string]failure
}

// unsaved is a token that the disk did not take, and the refresh token that it
// came in the place of.
type unsaved struct {
	token *Token
	after string
}

// A failure is the last of a name's renewals that failed, for whoever waited for
// its end: one timeout is enough for all.
type failure struct {
	count int    // of all so far
	after string // the refresh token that was sent
	err   error
}

func (s *Store) path(name string) string { return filepath.Join(s.Dir, name) }

// hidden is the path of a file beside the token file. No account or destination
// has a name that begins with a dot.
func (s *Store) hidden(name, kind string) string {
	return filepath.Join(s.Dir, "."+name+"."+kind)
}

// Load returns the sign-in of name. Without one, or with one that is damaged, the
// error has class credentials and says what to do.
func (s *Store) Load(name string) (*Token, error) {
	f, err := os.Open(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notSignedIn("nobody has signed in for %s yet: mailrill login %s", name, name)
	}
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, err
	}
	t, ok := decode(data)
	if !ok {
		return nil, notSignedIn("the token file of %s is damaged: mailrill login %s", name, name)
	}
	return t, nil
}

// unreadable gives a file that belongs to another user its class: it is no fault of
// the disk.
func unreadable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return reply.WithClass(reply.Config, err)
	}
	return err
}

// SignedIn returns when somebody last signed in for name; zero for never. The
// renewals since then do not count.
func (s *Store) SignedIn(name string) time.Time {
	t, err := s.Load(name)
	if err != nil {
		return time.Time{}
	}
	return t.SignedIn
}

// Save keeps t as the sign-in of name.
func (s *Store) Save(ctx context.Context, name string, t *Token) error {
	unlock, err := s.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	return s.save(name, t)
}

// save makes t durable: a reader finds the old file or the new, also after a
// power cut. It is called under the lock.
func (s *Store) save(name string, t *Token) error {
	data, err := t.encode()
	if err != nil {
		return err
	}
	if err := s.FS.ReplaceFile(s.path(name), s.hidden(name, "new"), data); err != nil {
		return fmt.Errorf("keep the sign-in of %s: %w", name, err)
	}
	return nil
}

// Has reports whether there is a file of name, good or not.
func (s *Store) Has(name string) bool {
	_, err := os.Lstat(s.path(name))
	return !errors.Is(err, fs.ErrNotExist)
}

// Rename gives the sign-in of an account that is renamed its new name. There may
// be none.
func (s *Store) Rename(old, new string) error {
	if !s.Has(old) {
		return nil
	}
	if err := s.FS.RenameExclusive(s.path(old), s.path(new)); err != nil {
		return err
	}
	return s.FS.SyncDir(s.Dir)
}

// pause is how often a lock of another process is looked at.
const pause = 100 * time.Millisecond

// lock waits until nobody else, in this process or another, renews or replaces
// the sign-in of name.
func (s *Store) lock(ctx context.Context, name string) (unlock func(), err error) {
	turn := s.turn(name)
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	f, err := s.flock(ctx, name)
	if err != nil {
		<-turn
		return nil, err
	}
	return func() {
		f.Close()
		<-turn
	}, nil
}

// turn spares the goroutines of a process the polling of flock.
func (s *Store) turn(name string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turns == nil {
		s.turns = map[string]chan struct{}{}
	}
	if s.turns[name] == nil {
		s.turns[name] = make(chan struct{}, 1)
	}
	return s.turns[name]
}

// flock locks a file that is never removed: who waits for a name that another
// removes holds a lock on nothing. The system lets go of it when a process dies.
func (s *Store) flock(ctx context.Context, name string) (*os.File, error) {
	if err := s.FS.MkdirAll(s.Dir); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(s.hidden(name, "lock"), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, unreadable(err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = s.Sleep(ctx, pause)
		} else if err == nil {
			return f, nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock the sign-in of %s: %w", name, err)
		}
	}
}
