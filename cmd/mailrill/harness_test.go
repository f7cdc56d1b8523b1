package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mailrill/internal/discover"
	"mailrill/internal/mailtest"
	"mailrill/internal/oauth"
)

// TestMain lets the test binary play mailrill itself, for scripts and to be
// killed, and the program that a command destination runs.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "play-mailrill":
			os.Exit(run(os.Args[2:], os.Stdout, os.Stderr))
		case "play-soaking":
			os.Exit(playSoaking(os.Args[2:]))
		case "play-crashing":
			os.Exit(playCrashing(os.Args[2:]))
		case "play-command":
			os.Exit(playCommand(os.Args[2]))
		}
	}
	testscript.Main(m, map[string]func(){"mailrill": main})
}

// playCommand stores its input in dir, under a name that tells one delivery
// from another.
func playCommand(dir string) int {
	f, err := os.CreateTemp(dir, os.Getenv("MAILRILL_ID")+".*")
	if err != nil {
		return 1
	}
	if _, err := io.Copy(f, os.Stdin); err != nil {
		return 1
	}
	return 0
}

// A rig is a folder with a config, and mailrill run on it within this process.
type rig struct {
	t      *testing.T
	dir    string
	config string
	now    time.Time // zero: the machine's
	// hurry lets the clock jump ahead instead of waiting. It is for servers that
	// surely do nothing more for a connection of before.
	hurry bool
	ahead time.Duration
	clock *clock                                // nil: as the fields above say
	wrap  func(end string, c net.Conn) net.Conn // nil: connections are left alone
	// What a person does: enters stdin, and reads what is shown to them, as it comes.
	stdin     io.Reader
	reads     func(shown string)
	endpoints map[string]oauth.Endpoints
	find      func(context.Context, string, discover.Options) ([]discover.Candidate, error)
	stdout    record
	stderr    record
}

// newRig writes config, in which $DIR stands for the rig's folder.
func newRig(t *testing.T, config string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	r.config = filepath.Join(r.dir, "config.toml")
	r.write(config)
	return r
}

func (r *rig) write(config string) {
	r.t.Helper()
	config = "state_dir = \"$DIR/state\"\n" + config
	if err := os.WriteFile(r.config, []byte(strings.ReplaceAll(config, "$DIR", r.dir)), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// run runs mailrill and returns its exit status.
func (r *rig) run(args ...string) int {
	r.t.Helper()
	return r.runUntil(context.Background(), args...)
}

func (r *rig) runUntil(ctx context.Context, args ...string) int {
	r.stdout.Reset()
	r.stderr.Reset()
	return execute(ctx, r.app(), append([]string{"--config", r.config}, args...))
}

// app returns mailrill as the rig has it run. It stays who it is: the process is
// that of all tests.
func (r *rig) app() *app {
	a := &app{root: retained, stdin: r.stdin, stdout: &r.stdout, stderr: &r.stderr, getenv: os.Getenv, now: time.Now, sleep: sleep, wrap: r.wrap, endpoints: r.endpoints, find: r.find}
	if r.reads != nil {
		a.stderr = reader{&r.stderr, r.reads}
	}
	if !r.now.IsZero() {
		a.now = func() time.Time { return r.now }
	}
	if r.hurry {
		a.now = func() time.Time { return time.Now().Add(r.ahead) }
		a.sleep = func(ctx context.Context, d time.Duration) error {
			r.ahead += d
			return ctx.Err()
		}
	}
	if r.clock != nil {
		a.now, a.sleep = r.clock.now, r.clock.sleep
	}
	return a
}

// A reader reads what is written, as it comes.
type reader struct {
	io.Writer
	reads func(string)
}

func (r reader) Write(p []byte) (int, error) {
	n, err := r.Writer.Write(p)
	r.reads(string(p))
	return n, err
}

// A clock is one that servers may share. Its time passes when somebody waits by it
// or lets it pass, and not otherwise.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(c.ahead.Load()))
}

func (c *clock) pass(d time.Duration) { c.ahead.Add(int64(d)) }

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.pass(d)
	return ctx.Err()
}

// once makes a pass and returns its lines; the exit status must be want.
func (r *rig) once(want int, args ...string) []jsonLine {
	r.t.Helper()
	if got := r.run(append([]string{"--once", "--json"}, args...)...); got != want {
		r.t.Fatalf("exit status %d, want %d\nstdout: %s\nstderr: %s", got, want, r.stdout.String(), r.stderr.String())
	}
	return r.lines()
}

// sum is once, and the sum of its lines.
func (r *rig) sum(want int, args ...string) jsonLine {
	r.t.Helper()
	return total(r.once(want, args...))
}

func (r *rig) lines() (lines []jsonLine) {
	r.t.Helper()
	dec := json.NewDecoder(bytes.NewReader(r.stdout.Bytes()))
	dec.DisallowUnknownFields()
	for dec.More() {
		var l jsonLine
		if err := dec.Decode(&l); err != nil {
			r.t.Fatalf("stdout: %v", err)
		}
		lines = append(lines, l)
	}
	return lines
}

// total sums the lines of a pass.
func total(lines []jsonLine) (sum jsonLine) {
	for _, l := range lines {
		sum.Listed += l.Listed
		sum.New += l.New
		sum.Delivered += l.Delivered
		sum.AlreadyThere += l.AlreadyThere
		sum.Held += l.Held
		sum.SkippedSize += l.SkippedSize
		sum.SkippedBacklog += l.SkippedBacklog
		sum.SourceDone += l.SourceDone
		if l.Error != nil && sum.Error == nil {
			sum.Error = l.Error
		}
	}
	return sum
}

// accountTo is an account that collects from a server on this machine.
func accountTo(protocol, addr, user, extra string) string {
	_, port, _ := net.SplitHostPort(addr)
	return fmt.Sprintf("[[account]]\nname = %q\nprotocol = %q\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = %q\npassword = \"pass\"\nto = \"home\"\nbacklog = \"all\"\n%s\n",
		protocol, protocol, port, user, extra)
}

// A starter is a server of mailtest.
type starter interface {
	Start() (string, error)
	Close() error
}

func startServer(t *testing.T, s starter) (addr string) {
	t.Helper()
	addr, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return addr
}

// filled returns a mailbox with these messages, dated one minute apart, with
// flags now and then.
func filled(bodies [][]byte) *mailtest.Store {
	s := mailtest.NewStore()
	flags := [][]string{nil, {`\Seen`}, {`\Flagged`}, {`\Answered`, `\Seen`}}
	for i, b := range bodies {
		s.Add("INBOX", mailtest.Message{Body: b, Date: messageDate(i), Flags: flags[i%len(flags)]})
	}
	return s
}

func messageDate(i int) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(i) * time.Minute)
}

// bodies returns n messages of many shapes, the odd ones first.
func bodies(n int) (out [][]byte) {
	for _, s := range mailtest.Shapes() {
		out = append(out, s.Body)
	}
	return append(out, mailtest.Corpus(7, max(0, n-len(out)))...)[:n]
}

// behindTrace cuts the trace line off a copy and fails if there is none.
func behindTrace(t *testing.T, copied []byte) []byte {
	t.Helper()
	line, rest, ok := bytes.Cut(copied, []byte("\r\n"))
	if !ok || !traceLineForm.Match(line) {
		t.Fatalf("a copy begins with %.80q", copied)
	}
	return rest
}

// missing returns the first few of want that are not in got, as a multiset, and
// of got that are not in want.
func difference(got, want [][]byte) string {
	count := map[string]int{}
	for _, w := range want {
		count[string(w)]++
	}
	for _, g := range got {
		count[string(g)]--
	}
	var b strings.Builder
	for body, n := range count {
		switch {
		case n > 0:
			fmt.Fprintf(&b, "missing %d × %.200q\n", n, body)
		case n < 0:
			fmt.Fprintf(&b, "too many %d × %.200q\n", -n, body)
		}
		if b.Len() > 3000 {
			break
		}
	}
	return b.String()
}
