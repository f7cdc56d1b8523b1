package systemd

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A manager is systemd's end of the socket.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

// listen plays a manager on a socket of that name.
func listen(t *testing.T, name string) *manager {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &manager{t, conn}
}

// heard returns what was sent so far, a message each: a datagram is there as soon
// as it is sent.
func (m *manager) heard() (messages []string) {
	m.t.Helper()
	raw, err := m.conn.SyscallConn()
	if err != nil {
		m.t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	for {
		n := 0
		var err error
		_ = raw.Control(func(fd uintptr) { n, _, err = syscall.Recvfrom(int(fd), buf, syscall.MSG_DONTWAIT) })
		if errors.Is(err, syscall.EAGAIN) {
			return messages
		}
		if err != nil {
			m.t.Fatal(err)
		}
		messages = append(messages, string(buf[:n]))
	}
}

func (m *manager) wants(messages ...string) {
	m.t.Helper()
	if got := m.heard(); !slices.Equal(got, messages) {
		m.t.Errorf("systemd heard %q, want %q", got, messages)
	}
}

// A clock counts who sleeps by it, and wakes them until its end.
type clock struct {
	slept []time.Duration
	end   int // sleeps
}

func (c *clock) sleep(_ context.Context, d time.Duration) error {
	c.slept = append(c.slept, d)
	if len(c.slept) == c.end {
		return context.Canceled
	}
	return nil
}

// start returns a Service whose manager listens, and its log.
func start(t *testing.T, c *clock) (*Service, *manager, *bytes.Buffer) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	t.Setenv(socketVariable, path)
	m := listen(t, path)
	var log bytes.Buffer
	return New(slog.New(slog.NewTextHandler(&log, nil)), c.sleep), m, &log
}

func TestWhatSystemdIsTold(t *testing.T) {
	s, m, _ := start(t, &clock{})
	s.Monotonic = func() time.Duration { return 1234567 * time.Microsecond }
	s.Ready("3 accounts")
	s.Status("collecting")
	s.Reloading("")
	s.Stopping("finishing 2 deliveries")
	m.wants("READY=1\nSTATUS=3 accounts\n", "STATUS=collecting\n", "RELOADING=1\nMONOTONIC_USEC=1234567\n", "STOPPING=1\nSTATUS=finishing 2 deliveries\n")
}

func TestMonotonicIsTheKernelsClock(t *testing.T) {
	if a, b := monotonic(), monotonic(); a <= 0 || b < a {
		t.Errorf("%v, then %v", a, b)
	}
}

// A server's words may be part of a status: they are to start no second line.
func TestStatusIsOneLine(t *testing.T) {
	s, m, _ := start(t, &clock{})
	s.Status("gmail: no\nMAINPID=1\r\x1b[31m")
	m.wants("STATUS=gmail: no MAINPID=1 ?[31m\n")
}

func TestAbstractSocket(t *testing.T) {
	name := "@mailrill-test-" + strconv.Itoa(os.Getpid())
	t.Setenv(socketVariable, name)
	m := listen(t, name)
	New(slog.New(slog.DiscardHandler), nil).Ready("")
	m.wants("READY=1\n")
}

// Programs that we start must not speak in our name.
func TestEnvironmentIsTaken(t *testing.T) {
	t.Setenv(intervalVariable, "1000000")
	t.Setenv(processVariable, "1")
	start(t, &clock{})
	for _, name := range []string{socketVariable, intervalVariable, processVariable} {
		if v, set := os.LookupEnv(name); set {
			t.Errorf("%s is still %q", name, v)
		}
	}
}

func TestWithoutSystemd(t *testing.T) {
	t.Setenv(socketVariable, "")
	t.Setenv(intervalVariable, "1000000")
	s := New(nil, nil) // it neither logs nor waits
	alive := func() error { t.Error("it was asked whether it lives"); return nil }
	s.Ready("")
	s.Watch(t.Context(), alive)
	s.Extend(t.Context(), alive)
	s.Stopping("")
}

func TestManagerThatIsGone(t *testing.T) {
	s, m, log := start(t, &clock{})
	m.conn.Close()
	s.Ready("")
	s.Status("collecting")
	if n := strings.Count(log.String(), "systemd cannot be told"); n != 1 {
		t.Errorf("%d lines: %s", n, log)
	}
}

func TestWatchdogIsFedAtHalfItsTime(t *testing.T) {
	t.Setenv(intervalVariable, "60000000")
	c := &clock{end: 3}
	s, m, _ := start(t, c)
	s.Watch(t.Context(), func() error { return nil })
	m.wants("WATCHDOG=1\n", "WATCHDOG=1\n", "WATCHDOG=1\n")
	if want := []time.Duration{30 * time.Second, 30 * time.Second, 30 * time.Second}; !slices.Equal(c.slept, want) {
		t.Errorf("slept %v", c.slept)
	}
}

// What does not move is not called alive, and the log says once why.
func TestWatchdogGoesHungry(t *testing.T) {
	t.Setenv(intervalVariable, "60000000")
	s, m, log := start(t, &clock{end: 5})
	stuck := errors.New("gmail: no progress\nfor 10m")
	answers := []error{nil, stuck, stuck, nil, stuck}
	s.Watch(t.Context(), func() error {
		err := answers[0]
		answers = answers[1:]
		return err
	})
	m.wants("WATCHDOG=1\n", "WATCHDOG=1\n")
	if n := strings.Count(log.String(), `why="gmail: no progress for 10m"`); n != 2 {
		t.Errorf("%d lines for two silences: %s", n, log)
	}
}

func TestWhoIsWatched(t *testing.T) {
	for _, c := range []struct {
		interval, process string
		want              time.Duration
	}{
		{"3000000", "", 3 * time.Second},
		{"3000000", strconv.Itoa(os.Getpid()), 3 * time.Second},
		{"3000000", strconv.Itoa(os.Getpid() + 1), 0},
		{"", "", 0},
		{"0", "", 0},
		{"-5", "", 0},
		{"5m", "", 0},
		{"99999999999999999999", "", 0},
		{"9223372036854775807", "", 0},
	} {
		t.Setenv(intervalVariable, c.interval)
		t.Setenv(processVariable, c.process)
		if s, _, _ := start(t, &clock{}); s.watchdog != c.want {
			t.Errorf("%s for process %q: every %v, want %v", c.interval, c.process, s.watchdog, c.want)
		}
	}
}

func TestStoppingTakesItsTime(t *testing.T) {
	c := &clock{end: 2}
	s, m, _ := start(t, c)
	s.Extend(t.Context(), func() error { return nil })
	m.wants("EXTEND_TIMEOUT_USEC=30000000\n", "EXTEND_TIMEOUT_USEC=30000000\n")
	if c.slept[0] >= extension {
		t.Errorf("asked again after %v", c.slept[0])
	}
}

// A delivery that hangs is no reason to go on for ever.
func TestStoppingEndsWithoutProgress(t *testing.T) {
	s, m, _ := start(t, &clock{})
	left := 2
	s.Extend(t.Context(), func() error {
		if left--; left < 0 {
			return errors.New("nothing moves")
		}
		return nil
	})
	m.wants("EXTEND_TIMEOUT_USEC=30000000\n", "EXTEND_TIMEOUT_USEC=30000000\n")
}

func TestJournal(t *testing.T) {
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	stream := streamOf(t, log)
	for value, want := range map[string]bool{"": false, stream: true, stream + "1": false, "0:0": false, "x": false} {
		t.Setenv(journalVariable, value)
		if got := Journal(log); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
	t.Setenv(journalVariable, stream)
	log.Close()
	if Journal(log) {
		t.Error("a closed file leads to the journal")
	}
}

// streamOf names a file as systemd does.
func streamOf(t *testing.T, f *os.File) string {
	t.Helper()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	s := info.Sys().(*syscall.Stat_t)
	return strconv.FormatUint(s.Dev, 10) + ":" + strconv.FormatUint(s.Ino, 10)
}
