package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"mailrill/internal/fsx"
)

// A Spool keeps message bodies between their retrieval and their delivery:
// small ones in memory, large ones in files without a name that are gone with
// the process. Both kinds have a budget for the whole process; whoever wants
// more waits, which is all the back-pressure there is.
type Spool struct {
	fs     fsx.FS
	dir    string
	memory *budget
	disk   *budget
	pages  pagePool
	bufs   sync.Pool // of *[readSize]byte
}

// A spoolLane is a pass's own part of a Spool's budgets.
type spoolLane struct{ memory, disk lane }

const (
	spoolSmall  = 256 << 10 // bodies up to this many octets stay in memory
	spoolMemory = 8 << 20   // budget for small bodies, and what each pass has besides
	ownMemory   = 1 << 20
	spoolDisk   = 64 << 20 // budget for large ones
	ownDisk     = 4 << 20
	readSize    = 32 << 10
)

// NewSpool returns a Spool whose files lie in dir.
func NewSpool(fs fsx.FS, dir string) *Spool {
	return &Spool{
		fs: fs, dir: dir, memory: newBudget(spoolMemory, ownMemory), disk: newBudget(spoolDisk, ownDisk),
		bufs: sync.Pool{New: func() any { return new([readSize]byte) }},
	}
}

const (
	// unlistedLimit bounds a body whose size the source did not tell.
	unlistedLimit = 1 << 30
	// listedSpare is how much longer than listed any body may be.
	listedSpare = 64 << 20
)

// errEndless is the error of a body that goes on and on. What follows it on the
// connection cannot be found any more.
var errEndless = errors.New("the body is far longer than the server listed it; no end of it was seen")

// bodyLimit is how many octets are read of a body that was listed with size. A
// server that counts LF as one octet and sends CRLF lists half of the longest
// body that it means; 0 is what some list that do not know.
func bodyLimit(size int64) int64 {
	if size <= 0 {
		return unlistedLimit
	}
	return 2*min(size, math.MaxInt64/4) + listedSpare
}

// A Body is a spooled body. It can be read from several places at once.
type Body struct {
	Size    int64
	data    io.ReaderAt
	pages   *pages    // data, when it lies in memory
	file    *fsx.File // data, when it does not
	release func()
}

// A SpoolError is a failure of the disk under the spool, as opposed to one of
// the reader.
type SpoolError struct{ Err error }

func (e *SpoolError) Error() string { return fmt.Sprintf("spool a message: %v", e.Err) }
func (e *SpoolError) Unwrap() error { return e.Err }

// Take reads r to its end. size is the expected size, or -1. The taps see every
// octet. An error is r's, errEndless, or a *SpoolError.
func (s *Spool) Take(ctx context.Context, l *spoolLane, r io.Reader, size int64, taps ...io.Writer) (*Body, error) {
	room, release, err := s.reserve(ctx, l, size)
	if err != nil {
		return nil, err
	}
	b := &Body{release: release}
	if err := b.fill(s, io.TeeReader(&bounded{r, bodyLimit(size)}, io.MultiWriter(taps...)), room); err != nil {
		b.Release()
		return nil, err
	}
	return b, nil
}

// A bounded reader fails with errEndless behind its last octet.
type bounded struct {
	io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, errEndless
	}
	return n, err
}

// reserve takes the expected size off a budget. room is how much of the body may
// stay in memory. Servers state sizes that are a little wrong (line ends), so
// there is some to spare; what is still larger goes to a file, and the budget of
// memory holds whatever a server says.
func (s *Spool) reserve(ctx context.Context, l *spoolLane, size int64) (room int64, release func(), err error) {
	if size > spoolSmall {
		release, err = s.disk.take(ctx, &l.disk, min(size, spoolDisk))
		return 0, release, err
	}
	room = spoolSmall
	if size >= 0 {
		room = min(size+size/8+4<<10, spoolSmall)
	}
	release, err = s.memory.take(ctx, &l.memory, room)
	return room, release, err
}

// fill reads r into memory and, when that is more than room, into a file.
func (b *Body) fill(s *Spool, r io.Reader, room int64) (err error) {
	b.pages = newPages(&s.pages)
	over, err := b.pages.fill(r, room)
	b.data, b.Size = b.pages, b.pages.size
	if !over || err != nil {
		return err
	}
	if b.file, err = s.fs.Temp(s.dir); err != nil {
		return &SpoolError{err}
	}
	b.data = b.file
	if _, err := b.pages.WriteTo(spoolWriter{b.file}); err != nil {
		return err
	}
	b.pages.done()
	b.pages = nil
	buf := s.bufs.Get().(*[readSize]byte)
	defer s.bufs.Put(buf)
	more, err := io.CopyBuffer(spoolWriter{b.file}, r, buf[:])
	b.Size += more
	return err
}

// A spoolWriter tells the errors of the disk from those of who is read.
type spoolWriter struct{ f *fsx.File }

func (w spoolWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	if err != nil {
		err = &SpoolError{err}
	}
	return n, err
}

// Release gives the body's room back. It is called once, when no reader of the
// body is in use any more.
func (b *Body) Release() {
	if b.file != nil {
		b.file.Close()
	}
	if b.pages != nil {
		b.pages.done()
	}
	b.release()
}

// Open returns a reader of prefix and the body behind it.
func (b *Body) Open(prefix []byte) io.ReadSeekCloser {
	if b.pages != nil {
		b.pages.use()
	}
	c := copyReader{prefix, b.data}
	return &bodyReader{io.NewSectionReader(c, 0, int64(len(prefix))+b.Size), b.pages}
}

// A bodyReader keeps the pages that it reads until it is closed. One that is
// never closed keeps them from being used again, and costs no more than that.
type bodyReader struct {
	*io.SectionReader
	pages *pages
}

func (r *bodyReader) Close() error {
	if r.pages != nil {
		r.pages.done()
	}
	*r = bodyReader{SectionReader: io.NewSectionReader(closed{}, 0, r.Size())}
	return nil
}

// closed is what is behind a reader that was closed.
type closed struct{}

func (closed) ReadAt([]byte, int64) (int, error) { return 0, os.ErrClosed }

// copyReader reads a copy: the trace line, then the body.
type copyReader struct {
	prefix []byte
	body   io.ReaderAt
}

func (c copyReader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < int64(len(c.prefix)) {
		n = copy(p, c.prefix[off:])
		if n == len(p) {
			return n, nil
		}
		off += int64(n)
	}
	m, err := c.body.ReadAt(p[n:], off-int64(len(c.prefix)))
	return n + m, err
}
