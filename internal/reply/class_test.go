package reply

import (
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestClassOfWhatTheSystemSays(t *testing.T) {
	path := func(errno syscall.Errno) error { return &fs.PathError{Op: "write", Path: "/state", Err: errno} }
	for _, c := range []struct {
		err  error
		want Class
	}{
		{path(syscall.ENOSPC), Full},
		{path(syscall.EDQUOT), Full},
		{path(syscall.EIO), IO},
		{path(syscall.EACCES), IO},
		{path(syscall.EROFS), IO},
		{path(syscall.EMFILE), IO},
		{&os.LinkError{Op: "rename", Err: syscall.EIO}, IO},
		{syscall.EIO, Temporary},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, Network},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ETIMEDOUT)}, Network},
		{&net.DNSError{Err: "no such host"}, Network},
		{os.ErrDeadlineExceeded, Network},
		{io.ErrUnexpectedEOF, Network},
		{nil, OK},
	} {
		if got := ClassOf(c.err); got != c.want {
			t.Errorf("%v: class %q, want %q", c.err, got, c.want)
		}
		if c.err == nil {
			continue
		}
		if got := ClassOf(fmt.Errorf("do: %w", c.err)); got != c.want {
			t.Errorf("%v, wrapped: class %q, want %q", c.err, got, c.want)
		}
	}
}
