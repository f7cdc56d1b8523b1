package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A manager is systemd's end of the socket that a service speaks to.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

// next returns what the service says next, the sign of life for the watchdog left
// out.
func (m *manager) next() string {
	m.t.Helper()
	buf := make([]byte, 1<<12)
	for {
		if err := m.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			m.t.Fatal(err)
		}
		n, err := m.conn.Read(buf)
		if err != nil {
			m.t.Fatal(err)
		}
		if said := string(buf[:n]); said != "WATCHDOG=1\n" {
			return said
		}
	}
}

// startUnder runs the service below a manager, with an account whose server never
// says a word.
func startUnder(t *testing.T, r *rig) (*exec.Cmd, *manager) {
	t.Helper()
	path := filepath.Join(r.dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	cmd := exec.CommandContext(t.Context(), os.Args[0], "play-mailrill", "--config", r.config, "run", "--allow-root")
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=600000000")
	cmd.Stderr = &r.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &manager{t, conn}
}

func silentServer(t *testing.T) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String()
}

// The service is up as soon as its config, its lock and its state are, whatever the
// network does; it says so when it reads its config again, and when it ends.
func TestServiceSpeaksWithSystemd(t *testing.T) {
	r := newRig(t, maildirHome+accountTo("imap", silentServer(t), "me", ""))
	cmd, m := startUnder(t, r)
	if said := m.next(); !strings.HasPrefix(said, "READY=1\n") {
		t.Errorf("first it says %q", said)
	}
	for _, config := range []string{maildirHome + accountTo("imap", silentServer(t), "you", ""), "nonsense"} {
		r.write(config)
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if said := m.next(); !strings.HasPrefix(said, "RELOADING=1\nMONOTONIC_USEC=") {
			t.Errorf("at SIGHUP it says %q", said)
		}
		if said := m.next(); !strings.HasPrefix(said, "READY=1\n") {
			t.Errorf("after the reload it says %q", said)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if said := m.next(); !strings.HasPrefix(said, "STOPPING=1\n") {
		t.Errorf("at SIGTERM it says %q", said)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, r.stderr.String())
	}
}

// A start that fails never says that the service is up.
func TestServiceThatCannotStartIsNotReady(t *testing.T) {
	r := newRig(t, "nonsense")
	cmd, m := startUnder(t, r)
	err := cmd.Wait()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 78 {
		t.Errorf("%v: %s", err, r.stderr.String())
	}
	raw, err := m.conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		if n, _, err := syscall.Recvfrom(int(fd), make([]byte, 100), syscall.MSG_DONTWAIT); err == nil {
			t.Errorf("it said something, of %d octets", n)
		}
	})
}
