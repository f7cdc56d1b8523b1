package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A watch sees the file calls of a process that plays mailrill, SQLite's among
// them, and answers each: the kernel goes on with it, or it fails. It is what
// `strace -e inject` does, but strace counts the calls of each thread apart, and
// which thread runs a goroutine is up to chance, so that "the n-th call" would be
// another one each time. Here the process asks the kernel to be watched
// (seccomp_unotify(2)), which needs no rights and no tool.
type watch struct {
	addr   string
	answer func(call, path string) syscall.Errno
	l      *net.UnixListener
	done   chan error
}

// crashWatched is the address of the watch, in the environment of the process.
const crashWatched = "CRASH_WATCHED"

// watchedCalls are those that SQLite writes with, by their numbers.
var watchedCalls = func() map[int32]string {
	calls := map[int32]string{
		unix.SYS_OPENAT: "openat", unix.SYS_UNLINKAT: "unlinkat", unix.SYS_FSYNC: "fsync", unix.SYS_FDATASYNC: "fdatasync",
		unix.SYS_FTRUNCATE: "ftruncate", unix.SYS_PWRITE64: "pwrite64", unix.SYS_FALLOCATE: "fallocate",
	}
	if runtime.GOARCH == "amd64" { // newer machines do not have these
		calls[2], calls[87] = "open", "unlink"
	}
	return calls
}()

var watches atomic.Int64

// newWatch waits for a process to watch. answer is asked about each call with the
// path of its file, one at a time; 0 lets it be.
func newWatch(t *testing.T, answer func(call, path string) syscall.Errno) *watch {
	t.Helper()
	w := &watch{addr: fmt.Sprintf("@mailrill-watch-%d-%d", os.Getpid(), watches.Add(1)), answer: answer, done: make(chan error, 1)}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: w.addr, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	w.l = l
	go func() { w.done <- w.run() }()
	return w
}

// end is called when the process has ended.
func (w *watch) end(t *testing.T) {
	t.Helper()
	w.l.Close()
	if err := <-w.done; err != nil {
		t.Errorf("watch: %v", err)
	}
}

func (w *watch) run() error {
	conn, err := w.l.AcceptUnix()
	if err != nil {
		return err
	}
	defer conn.Close()
	oob := make([]byte, unix.CmsgSpace(4))
	if _, _, _, _, err = conn.ReadMsgUnix(make([]byte, 1), oob); err != nil {
		return err
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return err
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return err
	}
	defer unix.Close(fds[0])
	for {
		if more, err := w.next(fds[0]); !more || err != nil {
			return err
		}
	}
}

// A trapped call is struct seccomp_notif, and a verdict struct seccomp_notif_resp.
type trapped struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

type verdict struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

// next answers one call; false when the process is no more.
func (w *watch) next(fd int) (more bool, err error) {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if _, err := unix.Poll(poll, -1); err != nil {
		return errors.Is(err, unix.EINTR), ignoreErrno(err, unix.EINTR)
	}
	if poll[0].Revents&unix.POLLIN == 0 {
		return false, nil
	}
	var n trapped
	if err := ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)); err != nil {
		return true, ignoreErrno(err, unix.ENOENT) // its thread was killed
	}
	v := verdict{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	if path := n.path(); path != "" {
		if errno := w.answer(watchedCalls[n.nr], path); errno != 0 {
			v.flags, v.errno = 0, -int32(errno)
		}
	}
	return true, ignoreErrno(ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&v)), unix.ENOENT)
}

func ignoreErrno(err, no error) error {
	if errors.Is(err, no) {
		return nil
	}
	return err
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// path returns which file a call is for, "" if that cannot be told.
func (n *trapped) path() string {
	switch watchedCalls[n.nr] {
	case "open", "unlink":
		return n.text(n.args[0])
	case "openat", "unlinkat":
		return n.text(n.args[1])
	}
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", n.pid, int32(n.args[0])))
	if err != nil {
		return ""
	}
	return path
}

// text reads a string of the process.
func (n *trapped) text(at uint64) string {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", n.pid))
	if err != nil {
		return ""
	}
	defer mem.Close()
	buf := make([]byte, unix.PathMax)
	size, _ := mem.ReadAt(buf, int64(at))
	return filepath.Clean(unix.ByteSliceToString(buf[:size]))
}

// beWatched has the watch at addr asked about each call of this process from now
// on. Whatever this process begins is watched too.
func beWatched(addr string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: addr, Net: "unix"})
	if err != nil {
		return err
	}
	defer conn.Close()
	fd, err := filterCalls()
	if err != nil {
		return err
	}
	_, _, err = conn.WriteMsgUnix([]byte{0}, unix.UnixRights(fd), nil)
	return errors.Join(err, unix.Close(fd))
}

// filterCalls asks the kernel to hold each call that is watched, and returns where
// it tells of them.
func filterCalls() (fd int, err error) {
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // the number of the call
	for nr := range watchedCalls {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(nr), Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	flags := uintptr(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH)
	r, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return 0, fmt.Errorf("seccomp: %w", errno)
	}
	return int(r), nil
}
