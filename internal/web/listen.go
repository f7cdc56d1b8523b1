package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// longestPath is that of a unix socket (sun_path without its end).
const longestPath = 107

// listen opens HOST:PORT, or a unix socket that only its owner may use.
func listen(address string) (net.Listener, error) {
	if !filepath.IsAbs(address) {
		return net.Listen("tcp", address)
	}
	if len(address) > longestPath {
		return nil, fmt.Errorf("%s is longer than the %d octets that the name of a socket may have", address, longestPath)
	}
	if err := clear(address); err != nil {
		return nil, err
	}
	// A socket gets its mode before its name: at no time can anybody else connect.
	own := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		ctlErr := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) })
		return errors.Join(ctlErr, err)
	}}
	return own.Listen(context.Background(), "unix", address)
}

// clear removes the socket of a process that has died. Anything else that has
// the name stays.
func clear(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there already, and is no socket", path)
	}
	c, err := net.Dial("unix", path)
	switch {
	case err == nil:
		c.Close()
		return fmt.Errorf("another process listens on %s", path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	}
	return err
}
