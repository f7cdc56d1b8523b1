package main

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailrill/internal/collect"
)

func TestDescribeProgress(t *testing.T) {
	for _, c := range []struct {
		p    collect.Progress
		took time.Duration
		want string
	}{
		{collect.Progress{Wanted: 10}, 0, "0 of 10 messages, 0 B"},
		{collect.Progress{Wanted: 10}, time.Minute, "0 of 10 messages, 0 B"},
		{collect.Progress{Done: 3, Wanted: 10, Bytes: 1234}, 999 * time.Millisecond, "3 of 10 messages, 1 kB"},
		{collect.Progress{Done: 200, Wanted: 1000, Bytes: 2_500_000}, 10 * time.Second, "200 of 1000 messages, 2.5 MB, 20/s, 40s left"},
		{collect.Progress{Done: 1000, Wanted: 1000, Bytes: 3_000_000_000}, time.Hour, "1000 of 1000 messages, 3.0 GB, 0/s, 0s left"},
	} {
		if got := describe(c.p, c.took); got != c.want {
			t.Errorf("describe(%+v, %v) = %q, want %q", c.p, c.took, got, c.want)
		}
	}
}

// A terminal gets a live line, drawn over itself and removed in the end, in
// which a folder's name cannot move the cursor.
func TestLiveLineOnATerminal(t *testing.T) {
	ours, theirs := openTerminal(t)
	a := &app{stderr: theirs}
	p := a.newProgress()
	p.last = time.Time{}
	p.update(collect.Progress{Account: "a", Folder: "IN\x1b[2JBOX", Done: 1, Wanted: 2, Bytes: 3})
	p.update(collect.Progress{Account: "a", Folder: "too soon for another", Done: 2, Wanted: 2, Bytes: 6})
	p.clear()
	p.clear()
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	drawn, _ := io.ReadAll(ours) // it ends with EIO, as the other end is closed
	if got, want := string(drawn), "\r\x1b[Ka IN?[2JBOX: 1 of 2 messages, 3 B\r\x1b[K"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Elsewhere it is a line of the log, and nothing for what is done at once.
func TestNoLiveLineInAFile(t *testing.T) {
	var log strings.Builder
	a := &app{stderr: &log, globals: globals{logLevel: "info", logFormat: "text"}}
	if err := a.startLog(); err != nil {
		t.Fatal(err)
	}
	p := a.newProgress()
	p.update(collect.Progress{Account: "a", Folder: "INBOX", Done: 1, Wanted: 9})
	if log.Len() > 0 {
		t.Errorf("logged at once: %s", log.String())
	}
	p.last = p.last.Add(-logPause)
	p.update(collect.Progress{Account: "a", Folder: "INBOX", Done: 2, Wanted: 9})
	p.clear()
	if !strings.Contains(log.String(), `msg="2 of 9 messages, 0 B" account=a folder=INBOX`) || strings.Contains(log.String(), "\x1b") {
		t.Errorf("logged: %s", log.String())
	}
}

// openTerminal returns the two ends of a pseudo-terminal that passes on what is
// written as it is.
func openTerminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { ours.Close() })
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, ours.Fd(), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY)
	if errno != 0 {
		t.Fatal(errno)
	}
	theirs = os.NewFile(fd, "terminal")
	raw, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	raw.Oflag &^= unix.OPOST
	if err := unix.IoctlSetTermios(int(fd), unix.TCSETS, raw); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}
