package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"mailrill/internal/reply"
)

// A reserve is a file that takes up room in the state folder, and gives it to the
// commit of what a destination has answered when the disk is full: an answer that
// cannot be written down is as good as lost, and where the destination cannot be
// asked the message is sent again.
type reserve struct {
	mu   sync.Mutex
	full bool // it has its size
}

// reserveSize is room for the answers about the messages that are under way: in
// the log a commit takes some 12 KiB, and shares it with all that came meanwhile.
const reserveSize = 1 << 20

// Reserve makes sure that there is room for CommitAnswers. It is called before a
// delivery is begun; without room its error is the disk's.
func (l *Ledger) Reserve() error {
	l.reserve.mu.Lock()
	defer l.reserve.mu.Unlock()
	if l.reserve.full {
		return nil
	}
	if info, err := os.Stat(l.reservePath()); err != nil || info.Size() != reserveSize {
		if err := l.fillReserve(); err != nil {
			return err
		}
	}
	l.reserve.full = true
	return nil
}

func (l *Ledger) reservePath() string { return filepath.Join(l.dir, "reserve") }

// fillReserve writes what no file system can make smaller. It need not be durable.
func (l *Ledger) fillReserve() error {
	path := l.reservePath()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // one that was not finished
		return err
	}
	file, err := l.fs.Create(path)
	if err != nil {
		return err
	}
	data := make([]byte, reserveSize)
	rand.Read(data)
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(path)
	}
	return err
}

// CommitAnswers is Commit for what a destination has answered. When the disk is
// full it gives up the reserve, and tries once more.
func (l *Ledger) CommitAnswers(ctx context.Context, changes ...Change) error {
	err := l.Commit(ctx, changes...)
	if reply.ClassOf(err) != reply.Full {
		return err
	}
	l.reserve.mu.Lock() // nobody makes it anew meanwhile
	defer l.reserve.mu.Unlock()
	if err := removeIfThere(l.fs, l.reservePath()); err != nil {
		return err
	}
	l.reserve.full = false
	return l.Commit(ctx, changes...)
}
