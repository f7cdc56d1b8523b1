package mailtest

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

// A port that is kept is the server's alone: while it listens, and between two lives.
func TestPortIsKept(t *testing.T) {
	p, err := NewPort()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for life := range 2 {
		l, err := p.Listen()
		if err != nil {
			t.Fatalf("life %d: %v", life, err)
		}
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		s.Close() // the server's end stays in TIME_WAIT
		c.Close()
		l.Close()
		if c, err := net.Dial("tcp", l.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("life %d: somebody listens: %v, %v", life, c, err)
		}
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: p.Number, Addr: [4]byte{127, 0, 0, 1}}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("another socket is bound to it: %v", err)
	}
}

// The system gives a kept port to nobody who asks for any.
func TestPortIsGivenToNobody(t *testing.T) {
	kept := map[int]bool{}
	for range 500 {
		p, err := NewPort()
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if kept[p.Number] {
			t.Fatalf("%d is kept twice", p.Number)
		}
		kept[p.Number] = true
	}
	for range 5000 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if port := l.Addr().(*net.TCPAddr).Port; kept[port] {
			t.Fatalf("a listener was given %d", port)
		}
		l.Close()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 5000 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if port := c.LocalAddr().(*net.TCPAddr).Port; kept[port] {
			t.Fatalf("a connection was given %d", port)
		}
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
		s, err := l.Accept()
		if err == nil {
			s.Close()
		}
	}
}
