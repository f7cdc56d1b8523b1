package imapwire

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"mailrill/internal/sasl"
)

// A script answers one command; it returns false to hang up.
type script func(s *peer, tag, command string) bool

// A peer is the server's end of a connection.
type peer struct {
	net.Conn
	br *bufio.Reader
}

func (s *peer) say(format string, a ...any) { fmt.Fprintf(s.Conn, format, a...) }

// octets reads n octets of a literal and the line behind them.
func (s *peer) octets(n int) (body, rest string) {
	b := make([]byte, n)
	n, _ = io.ReadFull(s.br, b)
	rest, _ = s.br.ReadString('\n')
	return string(b[:n]), strings.TrimRight(rest, "\r\n")
}

const greeting = "* OK [CAPABILITY IMAP4rev1 IDLE UIDPLUS LITERAL+ ID APPENDLIMIT=1000 AUTH=PLAIN SASL-IR] hello\r\n"

// A line is the client's end. The server has ended when ended is closed.
type line struct {
	net.Conn
	ended <-chan struct{}
}

// hangUp closes the client and waits for its server, whose state may then be
// looked at.
func hangUp(c *Client) {
	c.Close()
	conn := c.wire.Conn
	if cut, ok := conn.(*cutting); ok {
		conn = cut.Conn
	}
	<-conn.(line).ended
}

// serve answers commands by answer.
func serve(t *testing.T, greet string, answer script) net.Conn {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := ln.Accept()
		ln.Close()
		if err != nil {
			return
		}
		defer conn.Close()
		s := &peer{conn, bufio.NewReaderSize(conn, 1<<16)}
		s.say("%s", greet)
		for {
			text, err := s.br.ReadString('\n')
			if err != nil {
				return
			}
			tag, command, _ := strings.Cut(strings.TrimRight(text, "\r\n"), " ")
			if !answer(s, tag, command) {
				return
			}
		}
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); <-ended })
	return line{conn, ended}
}

// ok answers what a script is not about.
func ok(s *peer, tag, command string) bool {
	switch {
	case strings.HasPrefix(command, "AUTHENTICATE"), strings.HasPrefix(command, "LOGIN"):
		s.say("%s OK [CAPABILITY IMAP4rev1 IDLE UIDPLUS LITERAL+ ID APPENDLIMIT=1000] in\r\n", tag)
	case command == "NOOP":
		s.say("%s OK nothing\r\n", tag)
	case strings.HasPrefix(command, "ID "):
		s.say("* ID NIL\r\n%s OK\r\n", tag)
	case command == "LOGOUT":
		s.say("* BYE see you\r\n%s OK\r\n", tag)
	default:
		s.say("%s OK done\r\n", tag)
	}
	return true
}

// on answers the commands that begin with prefix, and the others by ok.
func on(prefix string, answer script) script {
	return func(s *peer, tag, command string) bool {
		if strings.HasPrefix(command, prefix) {
			return answer(s, tag, command)
		}
		return ok(s, tag, command)
	}
}

func password(user, secret string) sasl.Auth {
	return sasl.Password(user, func(context.Context) (string, error) { return secret, nil })
}

func connect(t *testing.T, conn net.Conn) *Client {
	t.Helper()
	return connectWith(t, conn, Options{})
}

func connectWith(t *testing.T, conn net.Conn, o Options) *Client {
	t.Helper()
	if o.Auth == nil {
		o.Auth = password("me", "secret")
	}
	c, err := Connect(t.Context(), conn, o)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// session is a client whose server answers by answer.
func session(t *testing.T, answer script) *Client {
	t.Helper()
	return connect(t, serve(t, greeting, answer))
}

// literalOf returns the size that ends a command, and whether it is sent unasked.
func literalOf(command string) (n int, unasked bool) {
	i := strings.LastIndexByte(command, '{')
	size := strings.TrimSuffix(command[i+1:], "}")
	n, _ = strconv.Atoi(strings.TrimSuffix(size, "+"))
	return n, strings.HasSuffix(size, "+")
}
