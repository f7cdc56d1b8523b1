package control

import (
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// known reports whether who connected may ask for anything: the user that the
// service runs as, and root. The rights of the socket say the same, but a copy of
// the state folder may have others.
func known(conn net.Conn) bool {
	uid, err := userOf(conn)
	return err == nil && (uid == 0 || uid == uint32(os.Geteuid()))
}

// userOf returns the user of the process that connected, as it was then.
func userOf(conn net.Conn) (uid uint32, err error) {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	var peer *unix.Ucred
	err2 := raw.Control(func(fd uintptr) {
		peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, err2); err != nil {
		return 0, err
	}
	return peer.Uid, nil
}
