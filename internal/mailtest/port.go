package mailtest

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// A Port is a port of 127.0.0.1 that is kept for one server, whether that listens or
// not: a server that starts takes a while, and one that starts again was away. The
// system gives it to no connection and to no other listener meanwhile.
type Port struct {
	Number int
	socket *os.File
}

// NewPort keeps a port until Close, or until nobody holds the Port any more.
func NewPort() (*Port, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("keep a port: %w", err)
	}
	p := &Port{socket: os.NewFile(uintptr(fd), "port")}
	if p.Number, err = bind(fd); err != nil {
		p.Close()
		return nil, fmt.Errorf("keep a port: %w", err)
	}
	return p, nil
}

// bind binds a socket to a port that no other is bound to. Only then does it say
// SO_REUSEADDR, as servers do, who may so be bound beside it: said before, the system
// could give one port to two of us, where net.ipv4.ip_autobind_reuse is set.
func bind(fd int) (port int, err error) {
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, err
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	return name.(*syscall.SockaddrInet4).Port, nil
}

// Listen listens at the port.
func (p *Port) Listen() (net.Listener, error) {
	return net.Listen("tcp", fmt.Sprint("127.0.0.1:", p.Number))
}

// Close gives the port back.
func (p *Port) Close() error { return p.socket.Close() }
