package pop3

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"

	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

const (
	// readSize is how much is read from the network at once.
	readSize = 64 << 10
	// lineLimit bounds a status line and a line of a listing. RFC 1939 allows 512
	// octets, RFC 2449 the same; a UIDL of 4 KiB has been seen.
	lineLimit = 8 << 10
)

var (
	errLongLine   = errors.New("the server sent a line over 8 KiB")
	errNotStatus  = errors.New("the server's answer is neither +OK nor -ERR")
	errUnasked    = errors.New("the server sent more than was asked for")
	errChallenged = errors.New("the server asks for more credentials")
)

// A gate stands between go-pop3 and the network. It gives the library at most
// one line per Read, and only status lines of a known form: the library's own
// buffer is empty after each of them, so that what follows (a listing, a body)
// can be read past the library, and a line that is blank, endless or neither +OK
// nor -ERR never reaches its lenient parser (which takes a blank line for
// success).
type gate struct {
	net.Conn
	in *bufio.Reader

	rest   []byte // of the status line that the library is reading
	status status // the last status line; the zero status before there is one
	err    error  // the first error while reading; it ends the session
	crlf   bool   // a status line has ended in CRLF
	veil   sasl.Veil
}

func newGate(conn net.Conn) *gate {
	return &gate{Conn: conn, in: bufio.NewReaderSize(conn, readSize)}
}

// Read is for go-pop3 only.
func (g *gate) Read(p []byte) (int, error) {
	if len(g.rest) == 0 {
		st, err := g.next()
		if err == nil && st.kind == challenge {
			err = g.broken(errChallenged)
		}
		if err != nil {
			return 0, err
		}
		g.rest = st.canonical()
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

// next reads a status line.
func (g *gate) next() (status, error) {
	line, err := g.line()
	if err != nil {
		return status{}, g.broken(err)
	}
	g.crlf = g.crlf || bytes.HasSuffix(line, []byte("\r\n"))
	st, ok := parseStatus(trimEnd(line))
	if !ok {
		return status{}, g.broken(fmt.Errorf("%w: %q", errNotStatus, reply.Clean(g.veil.Hide(string(trimEnd(line))))))
	}
	if st.kind == negative {
		st.code, st.text = g.veil.Hide(st.code), g.veil.Hide(st.text)
	}
	g.status = st
	return st, nil
}

// line returns the next line with its end. It is valid until the next read.
func (g *gate) line() ([]byte, error) {
	line, err := g.in.ReadSlice('\n')
	switch {
	case len(line) > lineLimit:
		return nil, errLongLine
	case err != nil:
		return nil, cutShort(err)
	}
	return line, nil
}

func (g *gate) broken(err error) error {
	if g.err == nil {
		g.err = err
	}
	return g.err
}

// cutShort makes the end of the connection an error: within a session it is
// never the regular end of anything.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the server closed the connection: %w", io.ErrUnexpectedEOF)
	}
	return err
}

func trimEnd(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}
