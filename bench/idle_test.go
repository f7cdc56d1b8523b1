package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mailrill/fetch"
	imapsrc "mailrill/fetch/imap"
	"mailrill/internal/mailconn"
	"mailrill/internal/mailtest"
	"mailrill/internal/push"
	"mailrill/internal/sasl"
)

// idle are n lines of internal/push that rest in IDLE over TLS.
var idle = []scenario{{"lines", scale{n: 1000}, scale{n: 5}, restInIdle}}

// restFor is how long each line adds to the time in which nothing happens: a
// thousand make a minute.
const restFor = 60 * time.Millisecond

// restInIdle has the lines in one process, which does nothing else, and their
// server in another, so that nothing of it is measured.
func restInIdle(t testing.TB, s scale) figures {
	dir := t.TempDir()
	_, server := role(t, "idle-server", dir)
	addr, err := server.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var f figures
	_, lines := role(t, "idle-lines", dir, strings.TrimSpace(addr), strconv.Itoa(s.n))
	if err := json.NewDecoder(lines).Decode(&f); err != nil {
		t.Fatal(err)
	}
	return f
}

// roles are what this program does as a child of a scenario.
var roles = map[string]func(args []string) error{"idle-server": serveIdle, "idle-lines": restLines, "idle-servers": serveManyIdle}

// role starts this program in a role, until the test ends, and returns what it
// hears and what it says.
func role(t testing.TB, args ...string) (in io.Writer, out *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "BENCH_ROLE="+args[0])
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return in, bufio.NewReader(stdout)
}

// serveIdle is a mailbox of ten messages, enough for TLS records of full length,
// and says where it is.
func serveIdle(args []string) error {
	ca, err := mailtest.NewCA()
	if err == nil {
		err = os.WriteFile(filepath.Join(args[1], "ca.pem"), ca.PEM(), 0o600)
	}
	if err != nil {
		return err
	}
	addr, err := (&mailtest.IMAP{Store: letters(0, 10, 20<<10), User: "u", Password: "p", TLS: ca.Server("127.0.0.1")}).Start()
	if err != nil {
		return err
	}
	fmt.Println(addr)
	select {}
}

// restLines makes the lines, and says what they take.
func restLines(args []string) error {
	n, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	debug.SetGCPercent(50) // as the program does
	before, start := memory(), time.Now()
	if err := armLines(args[1], args[2], n); err != nil {
		return err
	}
	f := figures{"armed-s": time.Since(start).Seconds()}
	cpu, start := processor(), time.Now()
	time.Sleep(time.Duration(n) * restFor)
	f["percent-of-a-core"] = 100 * (processor() - cpu).Seconds() / time.Since(start).Seconds()
	f["MiB"] = float64(memory()) / (1 << 20)
	f["KiB/line"] = float64(memory()-before) / float64(n) / (1 << 10)
	return json.NewEncoder(os.Stdout).Encode(f)
}

// armLines returns when so many lines have made a pass and wait for the next.
func armLines(dir, addr string, n int) error {
	host, port, _ := strings.Cut(addr, ":")
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	arming := make(chan bool, 50)
	var passed sync.WaitGroup
	failed := make(chan error, n)
	for range n {
		dialer := &mailconn.Dialer{Protocol: "imap", Host: host, Port: number, CAFile: filepath.Join(dir, "ca.pem")}
		line := push.New(context.Background(), imapsrc.New(imapsrc.Options{
			Dial: dialer.Dial,
			Auth: sasl.Password("u", func(context.Context) (string, error) { return "p", nil }),
		}), "INBOX")
		arming <- true
		passed.Add(1)
		go func() {
			err := lookOver(line)
			<-arming
			passed.Done()
			if err == nil {
				err = line.Wait(context.Background())
			}
			failed <- fmt.Errorf("the line does not rest: %v", err)
		}()
	}
	passed.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// lookOver makes a pass that reads all there is.
func lookOver(line *push.Line) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := line.All().Connect(ctx)
	if err != nil {
		return err
	}
	if _, err := s.Open(ctx, "INBOX"); err != nil {
		return err
	}
	items, err := s.List(ctx, fetch.Cursor{})
	if err != nil {
		return err
	}
	err = s.Retrieve(ctx, items, func(_ fetch.Item, _ *fetch.Meta, body io.Reader, err error) error {
		if err == nil {
			_, err = io.Copy(io.Discard, body)
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.Close(true)
}

// memory is what the kernel counts to this process, in octets.
func memory() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		panic(err)
	}
	return resident * int64(os.Getpagesize())
}

// processor is the time that this process has had one.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
