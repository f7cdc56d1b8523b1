package imapwire

import (
	"errors"
	"fmt"
	"io"
)

// A body is the octets of a message on the wire.
type body struct {
	m       *message
	present bool  // the response brought octets
	left    int64 // of a literal
	quoted  bool
	escaped bool  // the last octet of a quoted string was a backslash
	spoilt  error // why there are no octets though there should be
	err     error // once it is read: io.EOF, or what spoilt it
}

var errLate = errors.New("the body was read after its time")

// close ends the body: nothing of the response is left on the wire but the rest
// of its last line.
func (b *body) close(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Read reads the body. It returns io.EOF when the response has ended well.
func (b *body) Read(p []byte) (n int, err error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	if b.quoted {
		n, err = b.readQuoted(p)
	} else {
		n, err = b.readLiteral(p)
	}
	if err != nil && !isOdd(err) {
		b.err = fmt.Errorf("read body of message %d: %w", b.m.Seq, b.m.w.fail(err))
		return n, b.err
	}
	if err != nil {
		b.close(err)
		if err := b.m.w.scan.skipRest(); err != nil {
			b.m.w.fail(err)
		}
	}
	if n == 0 && err == nil {
		return 0, b.finish()
	}
	return n, err
}

func (b *body) readLiteral(p []byte) (int, error) {
	if b.left == 0 {
		return 0, nil
	}
	n, err := b.m.w.scan.br.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if n > 0 {
		return n, nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return 0, fmt.Errorf("%d octets are missing: %w", b.left, cut(err))
}

// readQuoted reads octets of a quoted string, which may be longer than the
// buffer. It returns 0 at its end.
func (b *body) readQuoted(p []byte) (n int, err error) {
	s := &b.m.w.scan
	for n < len(p) {
		if len(s.b) == 0 {
			if s.eol {
				return n, odd("a quoted body does not end")
			}
			s.spent = 0
			if err := s.more(); err != nil {
				return n, err
			}
			continue
		}
		c := s.b[0]
		if c == '"' && !b.escaped {
			return n, nil
		}
		s.b = s.b[1:]
		if b.escaped = c == '\\' && !b.escaped; !b.escaped {
			p[n] = c
			n++
		}
	}
	return n, nil
}

// finish reads what stands behind the body's octets, and returns io.EOF when
// that ends the response.
func (b *body) finish() error {
	s := &b.m.w.scan
	var err error
	if b.quoted {
		s.b = s.b[1:]
	} else {
		s.spent = 0
		err = s.more()
	}
	b.left = 0
	if err == nil {
		err = b.m.read()
	}
	if err != nil {
		b.err = fmt.Errorf("read message %d: %w", b.m.Seq, b.m.w.fail(err))
	}
	return b.err
}

// drain reads to the end of the response. What spoils the message is no error
// here.
func (b *body) drain() error {
	for b.err == nil {
		if err := b.discard(); err != nil {
			return err
		}
	}
	if b.err == io.EOF || isOdd(b.err) {
		return nil
	}
	return b.err
}

// discard reads on without keeping anything.
func (b *body) discard() error {
	s := &b.m.w.scan
	if err := s.throwAway(max(b.left, 1)); err != nil {
		return b.m.w.fail(err)
	}
	if b.left > 0 {
		n, err := s.br.Discard(int(b.left)) // at most maxWaste
		b.left -= int64(n)
		if err != nil {
			return b.m.w.fail(cut(err))
		}
		return nil
	}
	// Nobody quotes a long body; it is read octet by octet, so it counts for more.
	n, _ := b.Read(make([]byte, 4<<10))
	if err := s.throwAway(16 * int64(n)); err != nil {
		return b.m.w.fail(err)
	}
	return nil
}
