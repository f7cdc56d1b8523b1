package maildir

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mailrill/deliver"
	"mailrill/internal/reply"
)

// What passes by itself is not called a fault of the config.
func TestDiskClasses(t *testing.T) {
	for errno, want := range map[syscall.Errno]reply.Class{
		unix.ENOSPC: reply.Full, unix.EDQUOT: reply.Full, unix.EIO: reply.IO,
		unix.EROFS: reply.Config, unix.EACCES: reply.Config,
		unix.EMFILE: reply.Temporary, unix.ENFILE: reply.Temporary,
	} {
		err := &fs.PathError{Op: "open", Path: "Maildir", Err: errno}
		if got := reply.ClassOf(classed(err)); got != want {
			t.Errorf("a folder, %v: class %q, want %q", errno, got, want)
		}
		if err := notStored(err); reply.ClassOf(err) != want || !errors.Is(err, deliver.ErrUnavailable) {
			t.Errorf("a message, %v: %v of class %q, want %q for all", errno, err, reply.ClassOf(err), want)
		}
	}
}
