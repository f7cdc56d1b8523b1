package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mailrill/internal/fsx"
	"mailrill/internal/mailtest/oracle"
)

// Cut at every byte: in a session of three messages the connection to the source,
// or to the destination, is cut, reset or stalled behind each octet in each
// direction. Then passes on healthy lines are made and the oracle judges. All of
// it happens in this process; time is a clock that jumps, and a stalled line is
// one whose deadlines pass at once.
//
// The short form samples octets by MAILRILL_SEED; with MAILRILL_SOAK set it takes
// every octet.

// cutSample is how many octets of each direction the short form takes, for each
// way to break.
const cutSample = 2

// cutSessions are the lines that are broken, each with a plain partner.
var cutSessions = []struct {
	crashPair
	end string
}{
	{crashPair{"pop3", "maildir", true}, "source"},
	{crashPair{"imap", "maildir", true}, "source"},
	{crashPair{"pop3", "imap", true}, "destination"},
	{crashPair{"pop3", "lmtp", true}, "destination"},
	{crashPair{"pop3", "smtp", true}, "destination"},
}

// cutShapes end with one that the destination refuses if it can.
var cutShapes = []string{"plain", "dots", "refused"}

func TestCutAtEveryByte(t *testing.T) {
	soak, seed := crashSettings(t)
	for i, s := range cutSessions {
		t.Run(fmt.Sprintf("%v at the %s", s.crashPair, s.end), func(t *testing.T) {
			t.Parallel()
			whole := &severer{end: s.end, at: -1}
			cutOnce(t, s.crashPair, seed, whole)
			var reached tally
			t.Cleanup(func() {
				t.Logf("%d octets sent, %d received; cut at %v", whole.passed[sent], whole.passed[received], &reached)
				reached.check(t)
			})
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for way := range ways {
				for direction, octets := range whole.passed {
					for _, at := range octetsOf(r, octets, soak) {
						c := &severer{end: s.end, direction: direction, way: way, at: at}
						t.Run(c.String(), func(t *testing.T) {
							t.Parallel()
							reached.add(cutOnce(t, s.crashPair, seed, c))
						})
					}
				}
			}
		})
	}
}

// octetsOf returns the octets behind which is cut: all of n, or a sample.
func octetsOf(r *rand.Rand, n, soak int) []int {
	at := r.Perm(n)
	if soak > 0 {
		return at
	}
	return at[:cutSample]
}

// cutClass is the class of a pass that was cut: temporary if it got over it, but
// for what may or may not have arrived.
var cutClass = regexp.MustCompile(`"class":"(network|temporary)"`)

// cutOnce makes a pass with a line that breaks, recovers from it, and reports
// whether the line was broken.
func cutOnce(t *testing.T, p crashPair, seed uint64, c *severer) bool {
	t.Helper()
	in := newInner(t, p, seed, cutShapes...)
	if c.end == "destination" {
		in.broken = c.dead
	}
	told := in.pass(fsx.FS{}, c.wrap)
	if !slices.Contains([]int{0, 65, 75}, told.Exit) {
		t.Errorf("the pass that was cut: exit status %d\n%s%s", told.Exit, told.Lines, in.stderr.Bytes())
	}
	if told.Exit == 75 && !cutClass.Match(told.Lines) {
		t.Errorf("no line tells of the network or of a doubt:\n%s", told.Lines)
	}
	if !in.asked {
		in.c.Ambiguous = in.taken() - c.answers()
	}
	in.judge(c.String(), in.c.Instant())
	in.recover(c.String())
	return c.broken
}

// An inner is a trial whose passes are made within this process.
type inner struct {
	*trial
	clock  *jumpingClock
	broken func() []net.Addr // the connections to the destination that are broken; nil: none is
}

func newInner(t *testing.T, p crashPair, seed uint64, shapes ...string) *inner {
	t.Helper()
	tr := &trial{pair: p, asked: p.destination == "imap" || p.destination == "maildir"}
	tr.c = &oracle.Case{Messages: oracle.Make(seed, 1, len(shapes), shapes...), TraceField: "X-Mailrill-ID", Removed: p.remove}
	for i := range tr.c.Messages {
		m := &tr.c.Messages[i]
		m.Poison = m.Poison && (m.Shape != "refused" || p.destination != "maildir" && p.destination != "command")
	}
	tr.rig = newRig(t, "")
	destination := tr.destination(t)
	tr.write("[destination.home]\n" + destination + "\n" + tr.source(t))
	tr.c.Hold = oracle.Hold(filepath.Join(tr.dir, "state", "hold"))
	return &inner{trial: tr, clock: &jumpingClock{}}
}

// sleep lets the clock jump, once the servers have dealt with what came over the
// lines that are broken: in the time that is jumped over they would have.
func (in *inner) sleep(ctx context.Context, d time.Duration) error {
	if in.broken != nil {
		if gone := in.broken(); len(gone) > 0 {
			for _, settle := range in.settle {
				settle(gone...)
			}
		}
	}
	return in.clock.sleep(ctx, d)
}

// betweenPasses is longer than any destination may take to deal with what came
// over a line that has stalled.
const betweenPasses = time.Hour

// pass makes a pass on these files and lines and lets the servers come to rest.
func (in *inner) pass(files fsx.FS, wrap func(string, net.Conn) net.Conn) (told oracle.Told) {
	in.t.Helper()
	in.clock.sleep(context.Background(), betweenPasses)
	told.Exit, told.Lines = in.do(files, wrap, "--once", "--json", "--log-level", "debug")
	in.judge("a pass", oracle.Secrets([]string{canary}, nil, map[string][]byte{"stdout": told.Lines, "stderr": in.stderr.Bytes()}))
	for _, settle := range in.settle {
		settle()
	}
	return told
}

func (in *inner) do(files fsx.FS, wrap func(string, net.Conn) net.Conn, args ...string) (exit int, stdout []byte) {
	in.stdout.Reset()
	in.stderr.Reset()
	a := &app{
		stdout: &in.stdout, stderr: &in.stderr, getenv: os.Getenv, now: in.clock.now, sleep: in.sleep,
		fs: files, wrap: wrap,
	}
	exit = execute(context.Background(), a, append([]string{"--config", in.config}, args...))
	return exit, bytes.Clone(in.stdout.Bytes())
}

// healthy makes a pass with which nothing interferes, and asks for the status.
func (in *inner) healthy() oracle.Told {
	in.t.Helper()
	told := in.pass(fsx.FS{}, nil)
	if told.Exit != 0 && told.Exit != 65 {
		in.t.Errorf("a healthy pass: exit status %d\n%s%s", told.Exit, told.Lines, in.stderr.Bytes())
	}
	told.StatusExit, told.Status = in.do(fsx.FS{}, nil, "status", "--json")
	return told
}

// recover makes a healthy pass, and one more that finds nothing to do, and holds
// the end against every invariant.
func (in *inner) recover(behind string) {
	in.t.Helper()
	told := in.healthy()
	in.judge(behind, in.c.End())
	in.judge(behind, in.c.Truth(told))
	bodies := in.bodies.Load()
	in.judge(behind, in.c.Again(0, func() int {
		in.healthy()
		return int(in.bodies.Load() - bodies)
	}))
}

func (in *inner) judge(behind string, fs oracle.Findings) {
	in.t.Helper()
	if len(fs) > 0 {
		in.t.Errorf("behind %s:\n%v", behind, fs)
	}
}

// taken is how many copies the destination has.
func (in *inner) taken() int {
	copies, err := in.c.Destination.Copies()
	if err != nil {
		in.t.Fatal(err)
	}
	return len(copies)
}

// What a line does from a certain octet on. Each has the errors that the system
// gives for it.
var ways = []struct {
	name        string
	read, write error
	linger      bool // the peer gets a farewell (FIN), and not a reset
	open        bool // the peer notices nothing
}{
	{"cut", io.EOF, &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}, true, false},
	{"reset", &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.ECONNRESET)}, false, false},
	{"stalled", os.ErrDeadlineExceeded, os.ErrDeadlineExceeded, true, true},
}

// The directions, as mailrill sees them.
const (
	sent = iota
	received
)

// A severer counts the octets of all connections to one end, and breaks the one
// over which the octet behind at would go. With at < 0 it only counts.
type severer struct {
	end                string
	direction, way, at int

	mu     sync.Mutex
	passed [2]int
	broken bool
	conns  []*severedConn
}

func (c *severer) String() string {
	return fmt.Sprintf("%s after %d octets %s", ways[c.way].name, c.at, [2]string{"sent", "received"}[c.direction])
}

func (c *severer) wrap(end string, conn net.Conn) net.Conn {
	if end != c.end {
		return conn
	}
	k := &severedConn{Conn: conn, c: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, k)
	return k
}

// dead returns the connection that was broken, as its server knows it.
func (c *severer) dead() (gone []net.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.conns {
		if k.dead.Load() {
			gone = append(gone, k.Conn.LocalAddr())
		}
	}
	return gone
}

// let counts n octets that are about to pass in a direction and returns how many
// of them may, and whether the line breaks behind those.
func (c *severer) let(direction, n int) (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if breaks := !c.broken && direction == c.direction && c.at >= 0 && c.passed[direction]+n > c.at; breaks {
		c.broken = true
		n = c.at - c.passed[direction]
		c.passed[direction] = c.at
		return n, true
	}
	c.passed[direction] += n
	return n, false
}

// takenForm is the whole answer with which an SMTP or LMTP server of mailtest
// takes a message.
var takenForm = regexp.MustCompile(`(?m)^250 2\.0\.0 (Ok: queued as \d+|<.*> Saved)\r\n`)

// answers is how many messages mailrill was told of that they were taken.
func (c *severer) answers() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.conns {
		n += len(takenForm.FindAll(k.heard.Bytes(), -1))
	}
	return n
}

// A severedConn is a connection to the end that a severer breaks.
type severedConn struct {
	net.Conn
	c     *severer
	dead  atomic.Bool
	mu    sync.Mutex // of the deadline, which a line that stalls has passed for good
	heard bytes.Buffer
}

func (k *severedConn) Write(p []byte) (int, error) {
	if k.dead.Load() {
		return 0, ways[k.c.way].write
	}
	n, breaks := k.c.let(sent, len(p))
	m, err := k.Conn.Write(p[:n])
	if breaks {
		k.kill()
		return m, ways[k.c.way].write
	}
	return m, err
}

// Read waits for octets even if none of them may pass: so the peer has surely
// done what they answer.
func (k *severedConn) Read(p []byte) (int, error) {
	if k.dead.Load() {
		return 0, ways[k.c.way].read
	}
	n, err := k.Conn.Read(p)
	n, breaks := k.c.let(received, n)
	k.heard.Write(p[:n])
	if breaks {
		k.kill()
	}
	if k.dead.Load() && n == 0 {
		err = ways[k.c.way].read
	}
	return n, err
}

// kill breaks the line; a Read that waits learns it too.
func (k *severedConn) kill() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dead.Store(true)
	switch way := ways[k.c.way]; {
	case way.open:
		k.Conn.SetReadDeadline(time.Unix(1, 0))
	case way.linger:
		k.Conn.Close()
	default:
		k.Conn.(*net.TCPConn).SetLinger(0)
		k.Conn.Close()
	}
}

func (k *severedConn) SetReadDeadline(at time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead.Load() {
		return nil
	}
	return k.Conn.SetReadDeadline(at)
}
