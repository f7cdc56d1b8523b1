package pop3

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A body reads one multi-line answer (RFC 1939, 3), octet for octet: it takes
// away the dots that the server has put before lines that begin with one, and
// ends in io.EOF behind the terminator, never reading past it.
//
// A line ends in CRLF and in nothing else. Mail holds bare LFs, and a reader
// that takes them for line ends finds the terminator in the middle of a message
// and its sender's words in place of the server's answers. Only where the
// server's own status lines end in bare LF does a line end in LF.
//
// Between lines that begin with a dot it hands on what lies in the buffer; the
// length of lines does not matter to it, nor does their number.
type body struct {
	in      *bufio.Reader
	end     []byte // of a line
	stuffed []byte // end and a dot
	fresh   bool   // a line begins here
	ready   int    // octets of the message that lie in the buffer, ready to be taken
	after   bool   // a line begins behind them
	size    int64  // octets handed on
	most    int64  // octets that may be handed on; 0: any number
	err     error
}

// errEndless is the error of a message that is read for its header or its digest,
// and goes on and on. A body that is retrieved is bounded by who reads it.
var errEndless = errors.New("the message is far longer than the server listed it; no end of it was seen")

// whole makes b end behind a message that was listed with size, even if the
// server counts line ends as one octet, or does not know the size.
func (b *body) whole(size int64) *body {
	b.most = 1 << 30
	if size > 0 {
		b.most = 2*min(size, 1<<40) + 64<<20
	}
	return b
}

var (
	crlfEnd, crlfDot = []byte("\r\n"), []byte("\r\n.")
	lfEnd, lfDot     = []byte("\n"), []byte("\n.")
)

func newBody(in *bufio.Reader, crlf bool) *body {
	if crlf {
		return &body{in: in, end: crlfEnd, stuffed: crlfDot, fresh: true}
	}
	return &body{in: in, end: lfEnd, stuffed: lfDot, fresh: true}
}

func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	piece, err := b.piece()
	if err != nil {
		return 0, err
	}
	n := copy(p, piece)
	b.take(n)
	return n, nil
}

// WriteTo spares io.Copy a buffer.
func (b *body) WriteTo(w io.Writer) (n int64, err error) {
	for {
		piece, err := b.piece()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		m, err := w.Write(piece)
		b.take(m)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
}

// empty reports whether the answer ends where it begins. It waits for the first
// octets; what goes wrong then is for Read to tell.
func (b *body) empty() bool {
	_, err := b.piece()
	return err == io.EOF && b.size == 0
}

// piece returns the octets that are ready, at least one. They stay in the buffer
// until they are taken.
func (b *body) piece() ([]byte, error) {
	for b.ready == 0 && b.err == nil {
		if b.err = b.scan(); b.err == nil && b.most > 0 && b.size+int64(b.ready) > b.most {
			b.ready, b.err = 0, errEndless
		}
	}
	if b.ready == 0 {
		return nil, b.err
	}
	return b.in.Peek(b.ready)
}

func (b *body) take(n int) {
	b.in.Discard(n) // cannot fail: they are in the buffer
	b.ready -= n
	b.size += int64(n)
	if b.ready == 0 {
		b.fresh = b.after
	}
}

// scan looks for the next octets of the message; it may have to be called again.
func (b *body) scan() error {
	if b.fresh {
		if err := b.startLine(); err != nil {
			return err
		}
		b.fresh = false
	}
	window, err := b.window(1)
	if err != nil {
		return err
	}
	if i := bytes.Index(window, b.stuffed); i >= 0 {
		b.ready, b.after = i+len(b.end), true
		return nil
	}
	b.ready, b.after = len(window), bytes.HasSuffix(window, b.end)
	if !b.after && len(b.end) == 2 && window[len(window)-1] == '\r' {
		// Half a line end: the other half decides.
		b.ready--
		if b.ready == 0 {
			_, err = b.window(2)
		}
	}
	return err
}

// startLine takes away the dot before a line, or the terminator, which it
// reports as io.EOF.
func (b *body) startLine() error {
	first, err := b.window(1)
	if err != nil || first[0] != '.' {
		return err
	}
	// At least a whole terminator lies ahead, so this never waits in vain.
	line, err := b.window(1 + len(b.end))
	if err != nil {
		return err
	}
	if bytes.HasPrefix(line[1:], b.end) {
		b.in.Discard(1 + len(b.end))
		return io.EOF
	}
	b.in.Discard(1)
	return nil
}

// window returns what is in the buffer, at least n octets.
func (b *body) window(n int) ([]byte, error) {
	if b.in.Buffered() < n {
		if _, err := b.in.Peek(n); err != nil {
			return nil, fmt.Errorf("read body: %w", cutShort(err))
		}
	}
	return b.in.Peek(b.in.Buffered())
}
