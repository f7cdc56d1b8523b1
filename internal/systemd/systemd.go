// Package systemd tells systemd how the service is (sd_notify), and says whether
// the log goes to the journal.
//
// Think of it as a one-way telephone: a message is one datagram to the socket that
// systemd names, nothing is answered, and without systemd nobody is called. The
// number is taken out of the environment, so that no program that we start can
// speak in our name. It is ours, not that of go-systemd, which looks the number up
// in the environment at each call.
package systemd

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"mailrill/internal/reply"
)

// The variables by which systemd says what it wants to know.
const (
	socketVariable   = "NOTIFY_SOCKET"
	intervalVariable = "WATCHDOG_USEC"
	processVariable  = "WATCHDOG_PID"
)

// A Service is this process, as systemd is told of it. Without systemd its methods
// do nothing, nor do those of nil. They may be called by several goroutines.
type Service struct {
	// Log is told what systemd could not be told.
	Log *slog.Logger
	// Sleep waits for d, or until ctx ends.
	Sleep func(ctx context.Context, d time.Duration) error
	// Monotonic is the kernel's CLOCK_MONOTONIC, by which systemd orders a reload
	// and what is said about it. New sets it.
	Monotonic func() time.Duration

	socket   string        // "": systemd wants to know nothing
	watchdog time.Duration // within which it wants a sign of life; 0: it does not watch
	failed   sync.Once
}

// New takes the variables of systemd out of the environment.
func New(log *slog.Logger, sleep func(ctx context.Context, d time.Duration) error) *Service {
	s := &Service{Log: log, Sleep: sleep, Monotonic: monotonic}
	s.socket = take(socketVariable)
	interval, process := take(intervalVariable), take(processVariable)
	if s.socket != "" && (process == "" || process == strconv.Itoa(os.Getpid())) {
		s.watchdog = microseconds(interval)
	}
	return s
}

// take returns a variable and removes it, for it is meant for this process only.
func take(variable string) string {
	value := os.Getenv(variable)
	os.Unsetenv(variable)
	return value
}

// microseconds reads a positive number of them; anything else is 0.
func microseconds(s string) time.Duration {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > int64(24*time.Hour/time.Microsecond) {
		return 0
	}
	return time.Duration(n) * time.Microsecond
}

// Listens reports whether systemd wants to know how the service is.
func (s *Service) Listens() bool { return s.socket != "" }

// Ready says that the service is up, or that a reload has ended.
func (s *Service) Ready(status string) { s.send("READY=1", statusIs(status)) }

// Status says in one line what the service is doing: systemctl status shows it.
func (s *Service) Status(status string) { s.send(statusIs(status)) }

// Reloading says that the config is being read again. Ready has to follow,
// whatever came of it.
func (s *Service) Reloading(status string) {
	if s == nil {
		return
	}
	s.send("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(s.Monotonic().Microseconds(), 10), statusIs(status))
}

// Stopping says that the service is about to end.
func (s *Service) Stopping(status string) { s.send("STOPPING=1", statusIs(status)) }

// extension is how much more time is asked for at once, extendEvery how often.
const (
	extension   = 30 * time.Second
	extendEvery = 10 * time.Second
)

// Extend asks for more time to stop, until ctx ends or alive says that nothing
// moves any more. So a delivery that has begun may finish, and one that hangs is
// killed.
func (s *Service) Extend(ctx context.Context, alive func() error) {
	if s == nil || s.socket == "" {
		return
	}
	for ctx.Err() == nil && alive() == nil {
		s.send("EXTEND_TIMEOUT_USEC=" + strconv.FormatInt(extension.Microseconds(), 10))
		if s.Sleep(ctx, extendEvery) != nil {
			return
		}
	}
}

// Watch gives systemd's watchdog its sign of life twice within the time that it
// allows, as long as alive returns nil, until ctx ends. While it does not, systemd
// hears nothing, and restarts the service when the time is over; the log says why.
func (s *Service) Watch(ctx context.Context, alive func() error) {
	if s == nil || s.watchdog == 0 {
		return
	}
	silent := false
	for ctx.Err() == nil {
		err := alive()
		if err == nil {
			s.send("WATCHDOG=1")
		} else if !silent {
			s.Log.Error("systemd's watchdog is left without a sign of life", "why", reply.Clean(err.Error()), "seconds", s.watchdog.Seconds())
		}
		silent = err != nil
		if s.Sleep(ctx, s.watchdog/2) != nil {
			return
		}
	}
}

// statusIs is one line, whatever is in status: another line would be another
// message.
func statusIs(status string) string {
	if status == "" {
		return ""
	}
	return "STATUS=" + reply.Clean(status)
}

// sendTimeout bounds the wait for a manager that does not read.
const sendTimeout = 5 * time.Second

// send tells systemd lines, those that are "" left out. That it cannot be told is
// no reason to end, and worth one line of the log.
func (s *Service) send(lines ...string) {
	if s == nil || s.socket == "" {
		return
	}
	var message strings.Builder
	for _, l := range lines {
		if l != "" {
			message.WriteString(l + "\n")
		}
	}
	if err := s.post(message.String()); err != nil {
		s.failed.Do(func() { s.Log.Warn("systemd cannot be told how the service is", "err", err) })
	}
}

// post sends one datagram. A name that begins with @ is abstract, as systemd and
// package net both write it.
func (s *Service) post(message string) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(message))
	return err
}

func monotonic() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // it cannot fail on Linux
	return time.Duration(t.Nano())
}
