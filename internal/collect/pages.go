package collect

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// pageSize wastes half a page a message, and lets one Read bring much of a TLS
// record.
const pageSize = 8 << 10

// A pagePool keeps the pages that nobody uses. Bodies come and go by the thousand;
// left to the garbage collector they would take twice the spool's budget.
type pagePool struct {
	mu   sync.Mutex
	free []*[pageSize]byte
	used int
}

func (l *pagePool) get() *[pageSize]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used++
	if n := len(l.free); n > 0 {
		page := l.free[n-1]
		l.free = l.free[:n-1]
		return page
	}
	return new([pageSize]byte)
}

// put takes pages back. When none is used any more, all are given up.
func (l *pagePool) put(pages []*[pageSize]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, pages...)
	if l.used -= len(pages); l.used == 0 {
		l.free = nil
	}
}

// Pages hold a small body. They are used again once the body was released and the
// last of its readers was closed.
type pages struct {
	size int64
	list []*[pageSize]byte
	pool *pagePool
	uses atomic.Int64 // the body itself, and its readers
}

func newPages(pool *pagePool) *pages {
	p := &pages{pool: pool}
	p.uses.Store(1)
	return p
}

// fill reads r to its end, or until there is more than most; over says which.
func (p *pages) fill(r io.Reader, most int64) (over bool, err error) {
	for p.size <= most && err == nil {
		var n int
		n, err = r.Read(p.space())
		p.size += int64(n)
	}
	if err == io.EOF {
		err = nil
	}
	return p.size > most, err
}

// space is where the next octets go.
func (p *pages) space() []byte {
	at := int(p.size % pageSize)
	if p.size == int64(len(p.list))*pageSize {
		p.list = append(p.list, p.pool.get())
	}
	return p.list[len(p.list)-1][at:]
}

// WriteTo writes all of it.
func (p *pages) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{io.NewSectionReader(p, 0, p.size)})
}

func (p *pages) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	for n < len(b) && off < p.size {
		page := p.list[off/pageSize][:min(pageSize, p.size-off/pageSize*pageSize)]
		more := copy(b[n:], page[off%pageSize:])
		n, off = n+more, off+int64(more)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// use and done bracket the time in which somebody may read.
func (p *pages) use() { p.uses.Add(1) }

func (p *pages) done() {
	if p.uses.Add(-1) > 0 {
		return
	}
	p.pool.put(p.list)
	p.list, p.size = nil, 0
}
