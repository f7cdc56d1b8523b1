package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailrill/internal/mailtest"
)

// binary is the program that is measured, $MAILRILL_BINARY or built here as it is
// released: without the race detector, and without what a debugger reads.
var binary string

func TestMain(m *testing.M) {
	if out := os.Getenv("MEASURE_INTO"); out != "" {
		os.Exit(measure(out))
	}
	if play := roles[os.Getenv("BENCH_ROLE")]; play != nil {
		if err := play(os.Args[1:]); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		panic(err)
	}
	if binary = os.Getenv("MAILRILL_BINARY"); binary == "" {
		binary = filepath.Join(dir, "mailrill")
		build(binary)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// build builds the program as .ci/run does, whose build cache it shares.
func build(path string) {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "mailrill/cmd/mailrill")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v\n%s", err, out))
	}
}

// A usage is what a run of the program took.
type usage struct {
	Wall, CPU time.Duration
	Peak      int64 // octets of memory
}

// measure runs the program in this small process of its own, and writes its usage
// into out: the kernel counts to a new process the memory of the one that forked
// it, which in a scenario holds the servers and all their mail.
func measure(out string) int {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	start := time.Now()
	err := cmd.Run()
	u := usage{Wall: time.Since(start)}
	if cmd.ProcessState == nil {
		panic(err)
	}
	u.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	u.Peak = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	text, err := json.Marshal(u)
	if err == nil {
		err = os.WriteFile(out, text, 0o600)
	}
	if err != nil {
		panic(err)
	}
	return cmd.ProcessState.ExitCode()
}

// A rig is where a scenario plays: a line with servers behind it, and a folder
// with the program's config and state.
type rig struct {
	t      testing.TB
	dir    string
	ca     *mailtest.CA
	line   line // near, until a scenario sets it
	config strings.Builder
	ended  func(account string) // is told of each account as its pass ends, if not nil
}

func newRig(t testing.TB) *rig {
	t.Helper()
	ca, err := mailtest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dir: t.TempDir(), ca: ca}
	if err := os.WriteFile(r.path("ca.pem"), ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&r.config, "state_dir = %q\n", r.path("state"))
	return r
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

// start starts a server behind a door of the line.
func (r *rig) start(s interface {
	Start() (string, error)
	Close() error
}) *door {
	r.t.Helper()
	addr, err := s.Start()
	if err != nil {
		r.t.Fatal(err)
	}
	d, ln, err := r.line.open(addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		ln.Close()
		s.Close()
	})
	return d
}

// run runs the program, which must end with want, and returns what it took.
func (r *rig) run(want int, args ...string) usage {
	r.t.Helper()
	if err := os.WriteFile(r.path("config.toml"), []byte(r.config.String()), 0o600); err != nil {
		r.t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(os.Args[0], append([]string{binary, "--config", r.path("config.toml")}, args...)...)
	// The race detector would have measure sleep for a second before it ends.
	cmd.Env = append(os.Environ(), "MEASURE_INTO="+r.path("usage"), "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.read(io.TeeReader(pipe, &stdout))
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != want {
		r.t.Fatalf("mailrill %s ended with %d, want %d\n%s%s", strings.Join(args, " "), got, want, &stdout, &stderr)
	}
	return r.usage()
}

// read reads to the end what the program prints, the lines of a pass one by one.
func (r *rig) read(stdout io.Reader) {
	for dec := json.NewDecoder(stdout); r.ended != nil; {
		var line struct{ Account string }
		if dec.Decode(&line) != nil {
			break
		}
		r.ended(line.Account)
	}
	io.Copy(io.Discard, stdout)
}

func (r *rig) usage() (u usage) {
	r.t.Helper()
	text, err := os.ReadFile(r.path("usage"))
	if err == nil {
		err = json.Unmarshal(text, &u)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return u
}

// once makes one pass, which must go well.
func (r *rig) once() usage {
	r.t.Helper()
	return r.run(0, "--once", "--json")
}
