package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"mailrill/internal/ledger"
	"mailrill/internal/mailtest/oracle"
)

// playSoaking is mailrill with a clock that may be ahead of the machine's. It tells
// its parent when it has begun, and then at each SIGUSR1, how many goroutines it has.
func playSoaking(args []string) int {
	ctx, stop := untilStopped()
	defer stop()
	ahead, err := time.ParseDuration(os.Getenv(crashAhead))
	if err != nil {
		panic(err)
	}
	asked, parent := make(chan os.Signal, 1), os.NewFile(3, "parent")
	signal.Notify(asked, syscall.SIGUSR1)
	tell := func() { fmt.Fprintln(parent, runtime.NumGoroutine()) }
	tell()
	go func() {
		for range asked {
			tell()
		}
	}()
	now := func() time.Time { return time.Now().Add(ahead) }
	return execute(ctx, &app{stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, now: now, sleep: sleep}, args)
}

// A soakLife is a process that plays the service.
type soakLife struct {
	cmd    *exec.Cmd
	pipe   *os.File      // where it tells of its goroutines
	told   *bufio.Reader // of pipe
	ended  chan struct{}
	hung   atomic.Bool
	struck atomic.Pointer[syscall.Signal] // by what it is to end
}

// start starts mailrill. What it says on stderr is added to dir/log: all that it can,
// for by that the answers are counted that were lost.
func (s *soak) start(stdout *bytes.Buffer, args ...string) *soakLife {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	r, w, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	l := &soakLife{
		cmd:  exec.Command(self, append([]string{"play-soaking", "--config", s.config, "--log-level", "debug"}, args...)...),
		pipe: r, told: bufio.NewReader(r), ended: make(chan struct{}),
	}
	l.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", fmt.Sprint("GOGC=", garbage), crashAhead+"="+s.ahead.String())
	l.cmd.Stderr, l.cmd.ExtraFiles = log, []*os.File{w}
	if stdout != nil {
		l.cmd.Stdout = stdout
	}
	err = l.cmd.Start()
	w.Close() // the last one to have it open is the process
	if err != nil {
		s.t.Fatal(err)
	}
	go func() {
		defer close(l.ended)
		l.cmd.Wait()
	}()
	s.t.Cleanup(func() {
		l.cmd.Process.Kill()
		<-l.ended
		r.Close()
	})
	l.hear()
	return l
}

// hear returns how many goroutines the process says that it has; 0: it is gone.
func (l *soakLife) hear() (n int) {
	l.pipe.SetReadDeadline(time.Now().Add(hangs))
	fmt.Fscanln(l.told, &n)
	return n
}

// goroutines asks how many there are.
func (l *soakLife) goroutines() int {
	l.cmd.Process.Signal(syscall.SIGUSR1)
	return l.hear()
}

// strike has the life end. One that does not is asked where it hangs.
func (l *soakLife) strike(with syscall.Signal) {
	if !l.struck.CompareAndSwap(nil, &with) {
		return
	}
	l.cmd.Process.Signal(with)
	time.AfterFunc(hangs, func() {
		select {
		case <-l.ended:
		default:
			l.hung.Store(true)
			l.cmd.Process.Signal(syscall.SIGQUIT)
		}
	})
}

// live begins a life of the service.
func (s *soak) live() {
	s.t.Helper()
	s.lives++
	s.ahead += s.form.jump
	s.service = s.start(nil, "run", "--allow-root")
}

// kill has the service be killed, or told to stop, while it works. Where too little
// has passed for that since the last time, it happens now.
func (s *soak) kill() {
	service, with := s.service, syscall.SIGKILL
	if s.lives%3 == 0 {
		with = syscall.SIGTERM
	}
	if !s.links.hurry() {
		s.links.after(1+s.dice.IntN(100), func() { service.strike(with) })
	}
}

// end tells the service to stop, and waits until it has.
func (s *soak) end() {
	s.t.Helper()
	s.service.strike(syscall.SIGTERM)
	<-s.service.ended
	s.bury()
}

// bury looks at how a life has ended, and at what it leaves.
func (s *soak) bury() {
	s.t.Helper()
	l, exit := s.service, s.service.cmd.ProcessState.ExitCode()
	struck := l.struck.Load()
	switch {
	case struck == nil:
		s.t.Errorf("the service has ended by itself: %v\n%s", l.cmd.ProcessState, s.said())
		return
	case l.hung.Load():
		s.t.Errorf("the service did not stop; the log says where it hung")
	case *struck == syscall.SIGTERM && exit != 0:
		s.t.Errorf("the service was told to stop, and ended with %v\n%s", l.cmd.ProcessState, s.said())
	}
	s.doubts.read(s, exit < 0)
	s.judgeInstant()
}

// judgeInstant holds what a life leaves against the oracle. A host that is away
// cannot be asked.
func (s *soak) judgeInstant() {
	s.t.Helper()
	for _, a := range s.accounts {
		if a.to == "home" && s.dovecot != nil && s.host("home").back > 0 {
			continue
		}
		s.excuse(a)
		s.judge(a, a.c.Instant())
	}
}

func (s *soak) judge(a *soakAccount, fs oracle.Findings) {
	s.t.Helper()
	if len(fs) > 0 {
		s.t.Errorf("%s, at beat %d, in life %d:\n%v", a.name, s.beat, s.lives, fs)
	}
}

// judgeEnd holds the end against the oracle, has one more pass made, which must find
// nothing to do, and looks for secrets.
func (s *soak) judgeEnd() {
	s.t.Helper()
	for _, a := range s.accounts {
		s.furtherCopies += s.excuse(a)
		s.judge(a, a.c.End())
	}
	var out bytes.Buffer
	l := s.start(&out, "--once", "--json")
	<-l.ended
	s.stdout.Reset()
	_, _ = s.stdout.Write(out.Bytes())
	if sum := total(s.lines()); l.cmd.ProcessState.ExitCode() != 0 || sum.New+sum.Delivered+sum.AlreadyThere+sum.Held+sum.SourceDone > 0 {
		s.t.Errorf("one more pass has found something to do: %v, %+v\n%s", l.cmd.ProcessState, sum, s.said())
	}
	for _, a := range s.accounts {
		s.judge(a, a.c.End())
	}
	s.judge(&soakAccount{name: "all"}, oracle.Secrets([]string{canary, gmailCanary}, []string{filepath.Join(s.dir, "state"), filepath.Join(s.dir, "log"), filepath.Join(s.dir, "Maildir")}, nil))
}

// excuse has the oracle allow what a destination that cannot be asked may do: no more
// further copies of a message than answers about it were lost. It returns how many
// there are.
func (s *soak) excuse(a *soakAccount) (further int) {
	s.t.Helper()
	if a.to != "mta" {
		return 0
	}
	copies, err := a.c.Destination.Copies()
	if err != nil {
		s.t.Fatal(err)
	}
	count := map[string]int{}
	for _, c := range copies {
		count[strings.Fields(string(c.Body[:min(len(c.Body), 200)]))[1]]++
	}
	a.c.Ambiguous = 0
	for id, n := range count {
		further += n - 1
		if a.c.Ambiguous += s.doubts.byID[id]; n-1 > s.doubts.byID[id] {
			s.t.Errorf("%s: %d copies of %s, and %d answers about it were lost", a.name, n, id, s.doubts.byID[id])
		}
	}
	return further
}

// doubts are the answers about messages that were lost, by the messages' IDs: those
// that mailrill told of, and what it had begun and said nothing of when it was killed.
type doubts struct {
	byID   map[string]int
	silent map[string]bool
	logged int64 // octets of the log that were read
}

func newDoubts() doubts { return doubts{byID: map[string]int{}, silent: map[string]bool{}} }

// read counts the doubts that a life has left.
func (d *doubts) read(s *soak, killed bool) {
	s.t.Helper()
	log, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	log, d.logged = log[d.logged:], int64(len(log))
	for _, m := range doubtLine.FindAllSubmatch(log, -1) {
		d.byID[string(m[1])]++
	}
	if !killed {
		return
	}
	for _, r := range s.begun() {
		if one := fmt.Sprint(r.ID, r.At); r.NextTry.IsZero() && !d.silent[one] {
			d.silent[one] = true
			d.byID[r.ID]++
		}
	}
}

// begun returns the messages whose delivery was begun and not ended, from the
// ledger.
func (s *soak) begun() (rows []ledger.Row) {
	s.t.Helper()
	l, err := ledger.OpenReadOnly(filepath.Join(s.dir, "state"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	accounts, err := l.Accounts(s.t.Context())
	for _, a := range accounts {
		if err == nil {
			var more []ledger.Row
			more, err = l.Doubts(s.t.Context(), a.ID)
			rows = append(rows, more...)
		}
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return rows
}

// status is what mailrill says of each account.
func (s *soak) status() map[string]accountStatus {
	s.t.Helper()
	s.run("status", "--json")
	all := map[string]accountStatus{}
	for dec := json.NewDecoder(bytes.NewReader(s.stdout.Bytes())); dec.More(); {
		var a accountStatus
		if err := dec.Decode(&a); err != nil {
			s.t.Fatal(err)
		}
		all[a.Account] = a
	}
	return all
}

// said is the end of the log.
func (s *soak) said() []byte {
	log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return log[max(0, len(log)-3000):]
}
