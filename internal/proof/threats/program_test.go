// Package threats drives the whole program, as it is installed, against servers
// that mean harm, and says for each threat and each CVE of a peer which test
// holds us to it. It has tests only: what it proves is a binary, and nobody
// imports a proof.
//
// threats_test.go is the table to begin with.
package threats

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailrill/internal/mailtest/hostile"
)

// canary is the password of every account and destination here. Nothing but a
// login may show it.
const canary = "Canary-4711-Geheimnis"

// patience is how long a run may take before it counts as hanging. No run comes
// near it: the timeout of every connection is a second.
const patience = 2 * time.Minute

// binary is the program under test, $MAILRILL_BINARY or built here: without the
// race detector, which would change what it takes of memory.
var binary string

func TestMain(m *testing.M) {
	if out := os.Getenv("MEASURE_INTO"); out != "" {
		os.Exit(measure(out))
	}
	dir, err := os.MkdirTemp("", "threats")
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

// measure runs the program in this small process of its own, and writes into out
// the most memory that it took, in KiB: the kernel counts to a new process what
// the one that forked it had.
func measure(out string) int {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	if cmd.ProcessState == nil {
		panic(err)
	}
	peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if err := os.WriteFile(out, []byte(strconv.FormatInt(peak, 10)), 0o600); err != nil {
		panic(err)
	}
	return cmd.ProcessState.ExitCode()
}

// A rig is a folder with a config, and what the last run on it left.
type rig struct {
	t        *testing.T
	dir      string
	out, log string
	exit     int
	exempt   string // a file that holds the canary rightly, besides "secret"
	peak     int64  // most memory, in octets
}

const home = "[destination.home]\ntype = \"maildir\"\npath = \"$DIR/Maildir\"\n"

// newRig writes a config, in which $DIR is the rig's folder.
func newRig(t *testing.T, config ...string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	text := "state_dir = \"$DIR/state\"\n" + strings.Join(config, "")
	r.write("config.toml", strings.ReplaceAll(text, "$DIR", r.dir))
	r.write("secret", canary+"\n")
	if err := os.Mkdir(filepath.Join(r.dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// server is the part of a config that says how a hostile server is reached.
func server(s *hostile.Server, tls string) string {
	return fmt.Sprintf("host = \"127.0.0.1\"\nport = %d\ntls = %q\ntimeout = \"1s\"\nuser = \"me\"\npassword_file = \"secret\"\n", s.Port(), tls)
}

func account(protocol string, s *hostile.Server, tls, extra string) string {
	return fmt.Sprintf("[[account]]\nname = \"acct\"\nprotocol = %q\nto = \"home\"\nbacklog = \"all\"\n%s%s\n", protocol, server(s, tls), extra)
}

// start starts a hostile server for the length of a test.
func start(t *testing.T, play func(*hostile.Conn)) *hostile.Server {
	t.Helper()
	s, err := hostile.Start(play)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// run runs the program to its end, and looks for the canary in all it left.
func (r *rig) run(args ...string) *rig {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	peak := filepath.Join(r.t.TempDir(), "peak")
	cmd := exec.CommandContext(ctx, self, append([]string{binary, "--config", filepath.Join(r.dir, "config.toml")}, args...)...)
	cmd.Dir = r.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "TMPDIR=" + filepath.Join(r.dir, "tmp"), "MEASURE_INTO=" + peak}
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err = cmd.Run()
	if ctx.Err() != nil {
		r.t.Fatalf("mailrill %q hangs; so far:\n%s%s", args, &out, &log)
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	r.out, r.log, r.exit = out.String(), log.String(), cmd.ProcessState.ExitCode()
	r.peak = r.readPeak(peak)
	r.noSecret()
	if strings.Contains(r.log, "panic") || strings.Contains(r.log, "goroutine ") {
		r.t.Errorf("it panics:\n%s", r.log)
	}
	return r
}

func (r *rig) readPeak(path string) int64 {
	r.t.Helper()
	text, err := os.ReadFile(path)
	kib, numberErr := strconv.ParseInt(string(text), 10, 64)
	if err = errors.Join(err, numberErr); err != nil {
		r.t.Fatalf("%v\n%s", err, r.log)
	}
	return kib << 10
}

// once makes a pass with all that the log can tell; the exit status must be one
// of want.
func (r *rig) once(want ...int) *rig {
	r.t.Helper()
	r.run("--once", "--log-level", "debug")
	r.wantExit(want...)
	return r
}

func (r *rig) wantExit(want ...int) {
	r.t.Helper()
	for _, w := range want {
		if r.exit == w {
			return
		}
	}
	r.t.Errorf("exit status %d, want %v\n%s%s", r.exit, want, r.out, r.log)
}

// secrets are the forms in which the canary may hide.
func secrets() []string {
	forms := []string{canary}
	for _, s := range []string{canary, "\x00" + canary, "me\x00" + canary, "\x00me\x00" + canary} {
		coded := base64.StdEncoding.EncodeToString([]byte(s))
		forms = append(forms, coded[4:len(coded)-8]) // without what the neighbours change
	}
	return forms
}

func findSecret(text string) string {
	for _, s := range secrets() {
		if i := strings.Index(text, s); i >= 0 {
			return text[max(0, i-80):min(len(text), i+80)]
		}
	}
	return ""
}

// noSecret looks for the canary in what was printed and in every file but the
// one that it came from, names included.
func (r *rig) noSecret() {
	r.t.Helper()
	for what, text := range map[string]string{"stdout": r.out, "stderr": r.log} {
		if found := findSecret(text); found != "" {
			r.t.Errorf("%s shows the password: %q", what, found)
		}
	}
	for path, text := range r.files() {
		if found := findSecret(path + text); found != "" && path != "secret" && path != r.exempt {
			r.t.Errorf("file %q holds the password: %q", path, found)
		}
	}
}

// files returns all files of the rig by their path in it.
func (r *rig) files() map[string]string {
	r.t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(r.dir, path)
		files[name] = string(text)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return files
}

// copies returns the messages in the Maildir, without their trace line.
func (r *rig) copies() (bodies []string) {
	r.t.Helper()
	for path, text := range r.files() {
		if strings.HasPrefix(path, "Maildir/") {
			_, body, _ := strings.Cut(text, "\r\n")
			bodies = append(bodies, body)
		}
	}
	return bodies
}
