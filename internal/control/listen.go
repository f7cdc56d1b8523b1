package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"mailrill/internal/reply"
	"mailrill/internal/unixsock"
)

// name is that of the socket in the state folder.
const name = "control"

// ErrNoService: no service runs with the state.
var ErrNoService = errors.New("no service is running")

// Listen opens the socket in the state folder dir. The caller holds the lock of
// that folder: a socket that is there was left by a process that has ended. What
// is no socket is left alone, and an error.
func Listen(ctx context.Context, dir string) (net.Listener, error) {
	if err := clear(filepath.Join(dir, name)); err != nil {
		return nil, err
	}
	path, way, err := address(dir)
	if err != nil {
		return nil, err
	}
	l, err := unixsock.Listen(ctx, path)
	if err != nil {
		way.Close()
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	return &listener{l, way}, nil
}

// clear makes room for the socket.
func clear(path string) error {
	err := unixsock.Clear(path)
	if errors.Is(err, unixsock.ErrOther) {
		return reply.WithClass(reply.Config, fmt.Errorf("%s is no socket, and nothing else belongs there: remove it", path))
	}
	return err
}

// address returns how the kernel is told of the socket in dir. The name of a state
// folder may be longer than an address: then it leads through the open folder,
// which is needed for as long as the address is.
func address(dir string) (path string, way io.Closer, err error) {
	if path = filepath.Join(dir, name); len(path) <= unixsock.Longest {
		return path, io.NopCloser(nil), nil
	}
	folder, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), name), folder, nil
}

// A listener keeps the way to its folder: it removes the socket when it is closed.
type listener struct {
	net.Listener
	way io.Closer
}

func (l *listener) Close() error { return errors.Join(l.Listener.Close(), l.way.Close()) }

// dial connects to the socket in dir.
func dial(ctx context.Context, dir string) (net.Conn, error) {
	path, way, err := address(dir)
	if err == nil {
		defer way.Close()
		var conn net.Conn
		if conn, err = new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
			return conn, nil
		}
	}
	errno, _ := errors.AsType[unix.Errno](err)
	switch errno {
	case unix.ENOENT, unix.ENOTSOCK, unix.ECONNREFUSED: // the last: its process has ended and had no time to remove it
		return nil, ErrNoService
	case unix.EACCES, unix.EPERM, unix.ENOTDIR: // in the words of a network it would be looked for elsewhere
		return nil, reply.WithClass(reply.IO, fmt.Errorf("reach the control socket in the state folder %s: %w", dir, errno))
	}
	return nil, err
}
