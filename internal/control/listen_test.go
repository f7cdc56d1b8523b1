package control

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailrill/internal/reply"
	"mailrill/internal/unixsock"
)

// The socket is its owner's alone, and goes with its listener.
func TestSocketIsItsOwners(t *testing.T) {
	dir := t.TempDir()
	l, err := Listen(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(filepath.Join(dir, name))
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

// A state folder may have a name longer than an address of a socket.
func TestLongPath(t *testing.T) {
	for _, n := range []int{unixsock.Longest - 1, unixsock.Longest, unixsock.Longest + 1, 3 * unixsock.Longest} {
		dir := t.TempDir()
		for rest := n - len(dir) - len("/"+name); rest > 1; rest = n - len(dir) - len("/"+name) {
			dir = filepath.Join(dir, strings.Repeat("d", min(rest-1, 200)))
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		l, err := Listen(t.Context(), dir)
		if err != nil {
			t.Fatalf("%d octets: %v", n, err)
		}
		conn, err := dial(t.Context(), dir)
		if err != nil {
			t.Fatalf("%d octets: %v", n, err)
		}
		conn.Close()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%d octets: %v is left", n, left)
		}
	}
}

// What a process left that was killed is replaced; until then it is no service.
func TestStaleSocket(t *testing.T) {
	dir := t.TempDir()
	if _, err := Dial(t.Context(), dir); !errors.Is(err, ErrNoService) {
		t.Errorf("an empty folder: %v", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, name)})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := Dial(t.Context(), dir); !errors.Is(err, ErrNoService) {
		t.Errorf("a stale socket: %v", err)
	}
	l2, err := Listen(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l2.Close()
	c, err := Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// A state folder that cannot be entered is the disk's matter, and no network is to
// be looked at.
func TestFolderThatCannotBeEntered(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can play another user")
	}
	dir := t.TempDir()
	for parent := filepath.Dir(dir); parent != os.TempDir(); parent = filepath.Dir(parent) {
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	plain := filepath.Join(filepath.Dir(dir), "plain")
	if err := errors.Join(os.Chmod(dir, 0o700), os.WriteFile(plain, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, why string }{{dir, "permission denied"}, {plain, "not a directory"}} {
		dialled := make(chan error)
		go func() {
			become(t, 65534)
			_, err := Dial(t.Context(), c.dir)
			dialled <- err
		}()
		if err := <-dialled; reply.ClassOf(err) != reply.IO || err.Error() != "reach the control socket in the state folder "+c.dir+": "+c.why {
			t.Errorf("class %q: %v", reply.ClassOf(err), err)
		}
	}
}

// What is no socket is left as it is, and so is what a link leads to.
func TestSomethingElseAtTheSocketsPlace(t *testing.T) {
	for what, put := range map[string]func(path string) error{
		"file":      func(path string) error { return os.WriteFile(path, []byte("mine"), 0o600) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"link": func(path string) error {
			return errors.Join(os.WriteFile(path+".target", nil, 0o600), os.Symlink(path+".target", path))
		},
		"link to nothing": func(path string) error { return os.Symlink(path+".target", path) },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if err := put(path); err != nil {
			t.Fatal(err)
		}
		before, _ := os.Lstat(path)
		l, err := Listen(t.Context(), dir)
		if reply.ClassOf(err) != reply.Config || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, %v", what, l, err)
		}
		if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s: it was replaced: %v", what, err)
		}
		if c, err := Dial(t.Context(), dir); err == nil {
			c.Close()
			t.Errorf("%s: connected to it", what)
		}
	}
}

// Another user is refused even where the rights of the files would let it in.
func TestAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can play another user")
	}
	uid := make(chan uint32, 1)
	ours, theirs := pairOf(t, 65534)
	go func() {
		n, err := userOf(ours)
		if err != nil {
			t.Error(err)
		}
		uid <- n
	}()
	if n := <-uid; n != 65534 {
		t.Errorf("user %d", n)
	}
	if known(ours) {
		t.Error("another user is let in")
	}
	s := only(Status, nil)
	s.patience = 50 * time.Millisecond
	s.meet(t.Context(), ours)
	answer := make([]byte, 1000)
	n, _ := theirs.Read(answer)
	if !strings.Contains(string(answer[:n]), `"exit":64`) {
		t.Errorf("it is told %s", answer[:n])
	}
	own, _ := pairOf(t, 0)
	if !known(own) {
		t.Error("our own user is refused")
	}
}

// pairOf returns both ends of a connection that a process of a user has made.
func pairOf(t *testing.T, uid int) (net.Conn, net.Conn) {
	t.Helper()
	fds := make(chan [2]int)
	go func() {
		become(t, uid)
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
		}
		fds <- pair
	}()
	pair := <-fds
	var conns [2]net.Conn
	for i, fd := range pair {
		f := os.NewFile(uintptr(fd), "pair")
		conn, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conns[i] = conn
	}
	return conns[0], conns[1]
}

// become has this goroutine, and nothing else, be another user from now on.
func become(t *testing.T, uid int) {
	runtime.LockOSThread() // for good: the thread ends with the goroutine
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); errno != 0 {
		t.Error(errno)
	}
}
