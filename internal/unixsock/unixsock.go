// Package unixsock opens unix sockets that are for their owner alone.
//
// A socket has a name among the files, which is there before anybody can cut its
// rights down, and stays when its process is killed. So it gets its mode before its
// name, and a name that was left is cleared first; how one knows that it was left
// is the caller's choice. What is no socket is never touched.
package unixsock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Longest is how many octets the address of a socket may have.
const Longest = len(unix.RawSockaddrUnix{}.Path) - 1

// ErrOther says that what has the name is something else.
var ErrOther = errors.New("is no socket")

// Listen opens a socket at path, where nothing may be. Its listener removes it
// when it is closed.
func Listen(ctx context.Context, path string) (net.Listener, error) {
	return (&net.ListenConfig{Control: forOwner}).Listen(ctx, "unix", path)
}

// forOwner has the socket be its owner's alone from its first moment: bind gives
// the file the mode of the socket, less the umask.
func forOwner(_, _ string, c syscall.RawConn) (err error) {
	err2 := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) })
	return errors.Join(err, err2)
}

// Clear removes the socket at path, if there is one. The caller knows that its
// process has ended, by a lock that this one held.
func Clear(path string) error {
	if there, err := found(path); !there {
		return err
	}
	return os.Remove(path)
}

// ClearDead is Clear for a caller who does not know: a socket to which somebody
// listens stays, and is an error.
func ClearDead(path string) error {
	if there, err := found(path); !there {
		return err
	}
	c, err := net.Dial("unix", path)
	switch {
	case err == nil:
		c.Close()
		return fmt.Errorf("another process listens on %s", path)
	case errors.Is(err, unix.ECONNREFUSED):
		return os.Remove(path)
	}
	return err
}

// found reports whether a socket is at path. A link to one is something else.
func found(path string) (bool, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.Mode().Type() != fs.ModeSocket:
		return false, fmt.Errorf("%s is there already, and %w", path, ErrOther)
	}
	return true, nil
}
