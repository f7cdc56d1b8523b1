package imap

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"mailrill/deliver"
	"mailrill/internal/imapwire"
)

// A spool is a message's octets on their way to the server. When they cannot be
// read on, the connection is cut at once: the server may hold its answers to the
// messages before back until it has this one, and would be waited for in vain
// for as long as the connection allows.
type spool struct {
	m    *deliver.Message
	cut  func() error // of the connection
	fail error        // why the octets could not be read
}

func (s *spool) open() (io.ReadSeekCloser, error) {
	r, err := s.m.Open()
	if err != nil {
		s.fail = err
		return nil, err
	}
	return &spoolReader{r, s, s.m.Size}, nil
}

type spoolReader struct {
	io.ReadSeekCloser
	s    *spool
	left int64 // octets until the message's size is reached
}

func (r *spoolReader) Read(p []byte) (int, error) {
	n, err := r.ReadSeekCloser.Read(p)
	r.left -= int64(n)
	if r.left < 0 || err == io.EOF && r.left > 0 {
		err = fmt.Errorf("it is not of %d octets, as announced", r.s.m.Size)
	}
	if err != nil && err != io.EOF {
		r.s.fail = err
		r.s.cut()
	}
	return n, err
}

// blame puts the failure of a spool in place of what it did to the connection. A
// message that could not be read to its end was never sent whole.
func (s *spool) blame(err error) error {
	if s.fail == nil {
		return err
	}
	return fmt.Errorf("%w: read message: %w", imapwire.ErrNotSent, s.fail)
}

// scratch holds what a message is looked through in: there are thousands.
var scratch = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// holdsNUL reports whether m needs a literal8 (RFC 3516): no other literal may
// hold NUL. What cannot be read now will fail again when it is sent.
func holdsNUL(m *deliver.Message) bool {
	r, err := m.Open()
	if err != nil {
		return false
	}
	defer r.Close()
	buf := scratch.Get().(*[32 << 10]byte)
	defer scratch.Put(buf)
	for {
		n, err := r.Read(buf[:])
		if bytes.IndexByte(buf[:n], 0) >= 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
}
