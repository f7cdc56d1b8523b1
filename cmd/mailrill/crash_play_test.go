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
// kills itself, which neither defers nor flushes anything, and at the one in
// CRASH_STOP it is told to stop.

const (
	crashAt    = "CRASH_AT"    // "sync hold#2", or "*#17" for the 17th point whatever it is; "": never
	crashStop  = "CRASH_STOP"  // in the same form
	crashAhead = "CRASH_AHEAD" // how far its clock is ahead of the machine's
	crashWaits = "CRASH_WAITS" // "yes": it waits like a real one, for what its clock else jumps over
)

// A crasher counts points, tells its parent of each, and dies at one of them.
type crasher struct {
	at, stop string
	out      *os.File // where points are told; whoever was begun by this process has it open too

	mu     sync.Mutex
	all    int
	counts map[string]int
}

func (c *crasher) point(label string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all++
	c.counts[label]++
	name, any := fmt.Sprintf("%s#%d", label, c.counts[label]), fmt.Sprintf("*#%d", c.all)
	fmt.Fprintln(c.out, name)
	switch c.at {
	case name, any:
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	switch c.stop {
	case name, any:
		syscall.Kill(os.Getpid(), syscall.SIGTERM)
	}
}

// idlePoint is where the service has nothing to do. It is told to stop there.
const idlePoint = "idle"

// sleep is the sleep of an app. A pass that was told to stop has a minute to come
// to an end: whoever waits for that minute waits here until the pass has ended, so
// a pass that needs it hangs. Of the other waits only the service's are long.
func (c *crasher) sleep(short func(context.Context, time.Duration) error) func(context.Context, time.Duration) error {
	return func(ctx context.Context, d time.Duration) error {
		switch {
		case d >= time.Minute:
		case d > 15*time.Second:
			c.point(idlePoint)
			syscall.Kill(os.Getpid(), syscall.SIGTERM)
		default:
			return short(ctx, d)
		}
		<-ctx.Done()
		return ctx.Err()
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
	ctx, stop := untilStopped()
	defer stop()
	c := &crasher{at: os.Getenv(crashAt), stop: os.Getenv(crashStop), out: os.NewFile(3, "points"), counts: map[string]int{}}
	ahead, err := time.ParseDuration(os.Getenv(crashAhead))
	if err != nil {
		panic(err)
	}
	if addr := os.Getenv(crashWatched); addr != "" {
		if err := beWatched(addr); err != nil {
			panic(err)
		}
	}
	clock := &jumpingClock{ahead: ahead}
	short := clock.sleep
	if os.Getenv(crashWaits) != "" {
		short = sleep
	}
	a := &app{
		stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, now: clock.now, sleep: c.sleep(short),
		fs: fsx.FS{Fault: c.fault}, wrap: c.wrap,
	}
	c.point("start")
	code := execute(ctx, a, args)
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

// A life is a process that plays mailrill, and what is left of it.
type life struct {
	t      *testing.T
	cmd    *exec.Cmd
	pipe   *os.File // where it tells its points
	out    strings.Builder
	points []string
	killed bool // by a signal
	exit   int
	stdout []byte
	usage  oracle.Usage
}

// live runs mailrill until it ends or dies at a point.
func live(t *testing.T, dir, at string, ahead time.Duration, args ...string) *life {
	t.Helper()
	l := begin(t, dir, []string{crashAt + "=" + at, crashAhead + "=" + ahead.String()}, args...)
	l.end()
	return l
}

// begin begins a life. What it says on stderr is added to dir/log.
func begin(t *testing.T, dir string, env []string, args ...string) *life {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	l := &life{t: t, pipe: r, cmd: exec.Command(self, append([]string{"play-crashing"}, args...)...)}
	l.cmd.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=0"), env...)
	l.cmd.Stdout, l.cmd.Stderr, l.cmd.ExtraFiles = &l.out, log, []*os.File{w}
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return l
}

// end returns when the life has ended, and every process that it began too: they
// hold the pipe open.
func (l *life) end() {
	l.t.Helper()
	defer l.pipe.Close()
	hung := time.AfterFunc(hangs, func() { l.cmd.Process.Signal(syscall.SIGQUIT) })
	for s := bufio.NewScanner(l.pipe); s.Scan(); {
		text, ok := strings.CutPrefix(s.Text(), "usage ")
		if !ok {
			l.points = append(l.points, s.Text())
		} else if err := json.Unmarshal([]byte(text), &l.usage); err != nil {
			l.t.Fatal(err)
		}
	}
	l.cmd.Wait()
	if !hung.Stop() {
		l.t.Errorf("it hung; the log says where")
	}
	l.exit, l.stdout = l.cmd.ProcessState.ExitCode(), []byte(l.out.String())
	l.killed = l.exit < 0
}

// hangs is when a life is taken to have no end.
const hangs = 5 * time.Minute
