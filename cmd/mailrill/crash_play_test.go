package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mailrill/internal/fsx"
	"mailrill/internal/mailtest/oracle"
)

// The process that dies. The test binary plays mailrill as "play-crashing" and
// calls a point at every seam there is: before each call of the file system,
// before and behind each COMMIT, before and behind each write to a connection,
// behind each read, at its start and at its end. A point is named by what
// happens and the how-manieth time it does; at the one in CRASH_AT the process
// kills itself, which neither defers nor flushes anything.

const (
	crashAt    = "CRASH_AT"    // "sync hold#2", or "*#17" for the 17th point whatever it is; "": never
	crashAhead = "CRASH_AHEAD" // how far its clock is ahead of the machine's
)

// A crasher counts points, tells its parent of each, and dies at one of them.
type crasher struct {
	at  string
	out *os.File // where points are told; whoever was begun by this process has it open too

	mu     sync.Mutex
	all    int
	counts map[string]int
}

func (c *crasher) point(label string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all++
	c.counts[label]++
	name := fmt.Sprintf("%s#%d", label, c.counts[label])
	fmt.Fprintln(c.out, name)
	if name == c.at || fmt.Sprintf("*#%d", c.all) == c.at {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// fault is the Fault of an fsx.FS. Paths are told by the place they belong to.
func (c *crasher) fault(op, path string) error {
	place := "state"
	for _, p := range []string{"hold", "Maildir"} {
		if strings.Contains(path, "/"+p) {
			place = p
		}
	}
	c.point(op + " " + place)
	return nil
}

func (c *crasher) wrap(end string, conn net.Conn) net.Conn { return &crashingConn{conn, c, end} }

// A crashingConn has a point before and behind each write, and behind each read.
type crashingConn struct {
	net.Conn
	c   *crasher
	end string
}

func (c *crashingConn) Write(p []byte) (int, error) {
	c.c.point("write " + c.end)
	n, err := c.Conn.Write(p)
	c.c.point("written " + c.end)
	return n, err
}

func (c *crashingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.c.point("read " + c.end)
	return n, err
}

// playCrashing is mailrill with points and a clock that jumps instead of waiting.
func playCrashing(args []string) int {
	c := &crasher{at: os.Getenv(crashAt), out: os.NewFile(3, "points"), counts: map[string]int{}}
	ahead, err := time.ParseDuration(os.Getenv(crashAhead))
	if err != nil {
		panic(err)
	}
	clock := &jumpingClock{ahead: ahead}
	a := &app{
		stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, now: clock.now, sleep: clock.sleep,
		fs: fsx.FS{Fault: c.fault}, wrap: c.wrap,
	}
	c.point("start")
	code := execute(context.Background(), a, args)
	c.point("end")
	if usage, err := oracle.Running(os.Getpid()); err == nil {
		usage.Goroutines = runtime.NumGoroutine()
		text, _ := json.Marshal(usage)
		fmt.Fprintf(c.out, "usage %s\n", text)
	}
	return code
}

// A jumpingClock goes on by itself, and jumps over every wait.
type jumpingClock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *jumpingClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *jumpingClock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
	return ctx.Err()
}

// A life is what is left of a process that played mailrill.
type life struct {
	points []string
	killed bool
	exit   int
	stdout []byte
	usage  oracle.Usage
}

// live runs mailrill until it ends or dies at a point, and returns when every
// process that it began has ended too: they hold the pipe open.
func live(t *testing.T, dir, at string, ahead time.Duration, args ...string) *life {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var stdout strings.Builder
	cmd := exec.Command(self, append([]string{"play-crashing"}, args...)...)
	cmd.Env = append(os.Environ(), crashAt+"="+at, crashAhead+"="+ahead.String(), "GORACE=atexit_sleep_ms=0")
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = &stdout, log, []*os.File{w}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	l := &life{}
	l.read(t, bufio.NewScanner(r))
	if cmd.Wait(); cmd.ProcessState.ExitCode() < 0 {
		l.killed = true
	}
	l.exit, l.stdout = cmd.ProcessState.ExitCode(), []byte(stdout.String())
	return l
}

func (l *life) read(t *testing.T, s *bufio.Scanner) {
	t.Helper()
	for s.Scan() {
		text, ok := strings.CutPrefix(s.Text(), "usage ")
		if !ok {
			l.points = append(l.points, s.Text())
		} else if err := json.Unmarshal([]byte(text), &l.usage); err != nil {
			t.Fatal(err)
		}
	}
}
