package push

import (
	"errors"
	"net"
	"syscall"
)

// Moved reports whether this machine has lost the address that the line's
// connection has here: after another network was joined nothing will ever come
// over it, and nobody says so.
func (l *Line) Moved() bool {
	c := l.current()
	return c != nil && lost(c.LocalAddr())
}

// lost tries to bind to an address. To list those of this machine takes netlink,
// which a sandbox may forbid.
func lost(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return false
	}
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: tcp.IP, Zone: tcp.Zone})
	if err == nil {
		_ = socket.Close()
	}
	return errors.Is(err, syscall.EADDRNOTAVAIL)
}
