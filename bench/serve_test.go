package bench

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mailrill/internal/mailtest"
)

// serve is the service with n accounts, each at a server of its own that pushes over
// TLS: how long until all rest in IDLE, what that takes when nothing happens, and how
// long it takes after all servers have restarted.
var serve = []scenario{{"accounts", scale{n: 1000}, scale{n: 4}, serveAccounts}}

func serveAccounts(t testing.TB, s scale) figures {
	r := newRig(t)
	ends := startServers(t, r.dir, s.n)
	r.sink("maildir")
	for i, port := range ends.ports {
		r.account(fmt.Sprintf("a%d", i), "imap", &door{port: port}, true)
	}
	start := time.Now()
	service := r.serve()
	ends.ask("await")
	f := figures{"armed-s": time.Since(start).Seconds()}

	time.Sleep(time.Duration(s.n) * restFor / 6) // what the beginning has left is tidied up
	cpu, start := service.processor(t), time.Now()
	time.Sleep(time.Duration(s.n) * restFor)
	f["percent-of-a-core"] = 100 * (service.processor(t) - cpu).Seconds() / time.Since(start).Seconds()
	f["MiB"] = float64(service.memory(t)) / (1 << 20)

	start = time.Now()
	ends.ask("restart")
	ends.ask("await")
	f["rearmed-s"] = time.Since(start).Seconds()
	f["connects/s"] = ends.ask("busiest")
	if got := service.stop(t); got != 0 {
		t.Errorf("the service ended with %d", got)
	}
	return f
}

// servers are in another process, so that nothing of them is measured.
type servers struct {
	t     testing.TB
	ports []int
	in    io.Writer
	out   *bufio.Scanner
}

// startServers starts n servers.
func startServers(t testing.TB, dir string, n int) *servers {
	t.Helper()
	in, out := role(t, "idle-servers", dir, strconv.Itoa(n))
	s := &servers{t: t, in: in, out: bufio.NewScanner(out)}
	for range n {
		s.ports = append(s.ports, int(s.read()))
	}
	return s
}

// ask gives an order and returns the answer.
func (s *servers) ask(order string) float64 {
	s.t.Helper()
	fmt.Fprintln(s.in, order)
	return s.read()
}

func (s *servers) read() float64 {
	s.t.Helper()
	if !s.out.Scan() {
		s.t.Fatal("the servers have ended")
	}
	x, err := strconv.ParseFloat(s.out.Text(), 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return x
}

// A logbook notes when clients have logged in.
type logbook struct {
	mu    sync.Mutex
	times []time.Time
}

func (l *logbook) note() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times = append(l.times, time.Now())
}

// busiest is the greatest number of logins within a second.
func (l *logbook) busiest() (most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := 0
	for i, at := range l.times {
		for at.Sub(l.times[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// serveManyIdle starts servers with two messages each, says their ports, and then
// does what it reads.
func serveManyIdle(args []string) error {
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	ca, err := mailtest.NewCA()
	if err == nil {
		err = os.WriteFile(filepath.Join(args[1], "ca.pem"), ca.PEM(), 0o600) // in place of the rig's
	}
	if err != nil {
		return err
	}
	secure := ca.Server("127.0.0.1")
	var all []*mailtest.IMAP
	var logins logbook
	for range n {
		s := &mailtest.IMAP{Store: letters(0, 2, 1<<10), User: "u", Password: "p", TLS: secure}
		s.OnCommand = func(_ int, line string) mailtest.Verdict {
			if strings.HasPrefix(line, "AUTHENTICATE") || strings.HasPrefix(line, "LOGIN") {
				logins.note()
			}
			return mailtest.Verdict{}
		}
		addr, err := s.Start()
		if err != nil {
			return err
		}
		fmt.Println(addr[strings.LastIndexByte(addr, ':')+1:])
		all = append(all, s)
	}
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		switch orders.Text() {
		case "await":
			for _, s := range all {
				s.AwaitIdle(1)
			}
			fmt.Println(0)
		case "restart":
			for _, s := range all {
				if err := restart(s); err != nil {
					return err
				}
			}
			fmt.Println(0)
		case "busiest":
			fmt.Println(logins.busiest())
		}
	}
	return nil
}

// restart returns when nobody is in IDLE any more.
func restart(s *mailtest.IMAP) error {
	if err := s.Restart(); err != nil {
		return err
	}
	s.Settle()
	return nil
}

// A running service is the program as a process.
type running struct{ *exec.Cmd }

// serve starts the service.
func (r *rig) serve() *running {
	r.t.Helper()
	if err := os.WriteFile(r.path("config.toml"), []byte(r.config.String()), 0o600); err != nil {
		r.t.Fatal(err)
	}
	log, err := os.Create(r.path("log"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(binary, "--config", r.path("config.toml"), "run", "--allow-root")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return &running{cmd}
}

// stop ends the service in good order and returns its status.
func (p *running) stop(t testing.TB) int {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.Wait()
	return p.ProcessState.ExitCode()
}

// processor is the time that the service has had one.
func (p *running) processor(t testing.TB) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		t.Fatal(err)
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * (time.Second / 100) // clock ticks, of which Linux shows 100 a second
}

// memory is what the kernel counts to the service, in octets.
func (p *running) memory(t testing.TB) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * int64(os.Getpagesize())
}
