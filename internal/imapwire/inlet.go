package imapwire

import (
	"bufio"
	"io"
	"sync"
)

// lineBuffers are *bufio.Reader for lines of up to maxLine.
var lineBuffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, maxLine) }}

// An inlet is the connection as a scanner reads it. It can wait for what comes
// next with no more memory than a short announcement takes.
type inlet struct {
	conn  io.Reader
	small [128]byte
	first []byte // of small: what has come, and was not read yet
}

// await waits until something has come.
func (i *inlet) await() error {
	for range 100 {
		n, err := i.conn.Read(i.small[:])
		if n > 0 {
			i.first = i.small[:n] // err, if any, comes again
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

func (i *inlet) Read(p []byte) (int, error) {
	if len(i.first) == 0 {
		return i.conn.Read(p)
	}
	n := copy(p, i.first)
	i.first = i.first[n:]
	return n, nil
}
