package imapwire

import (
	"bufio"
	"io"
	"sync/atomic"
)

// streamBuffer is what small messages are gathered in.
const streamBuffer = 64 << 10

// A stream is what an Append writes. It counts octets in two places: when they
// are queued, and when they are handed to the connection, from where on they may
// arrive whatever happens.
type stream struct {
	w       *wire
	buf     *bufio.Writer
	piece   []byte // of a message, on its way to buf
	queued  int64
	written atomic.Int64
}

func newStream(w *wire) *stream {
	s := &stream{w: w, piece: make([]byte, 32<<10)}
	s.buf = bufio.NewWriterSize(handing{s}, streamBuffer)
	return s
}

// handing is the way from the buffer to the connection. Octets count as written
// before they are, since an answer may come at once; after an error those that
// the connection did not take count no more.
type handing struct{ s *stream }

func (h handing) Write(p []byte) (int, error) {
	h.s.written.Add(int64(len(p)))
	n, err := h.s.w.write(p)
	h.s.written.Add(int64(n - len(p)))
	return n, err
}

func (s *stream) write(text string) error { return s.writeBytes([]byte(text)) }

func (s *stream) writeBytes(p []byte) error {
	s.queued += int64(len(p))
	_, err := s.buf.Write(p)
	return err
}

func (s *stream) flush() error { return s.buf.Flush() }

// atEnd makes sure that r has no more.
func atEnd(r io.Reader) error {
	var one [1]byte
	for range 100 {
		n, err := r.Read(one[:])
		switch {
		case n > 0:
			return errSize
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}
