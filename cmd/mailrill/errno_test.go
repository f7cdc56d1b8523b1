package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"mailrill/internal/fsx"
	"mailrill/internal/mailtest/oracle"
	"mailrill/internal/reply"
)

// Each call of the file system, and each commit of the ledger, fails once with
// each errno that fits it. A first pass tells which calls there are. Either the
// pass tells of the failure by its class, or it did its work all the same; the
// next one, on a healthy disk, does what is left.
//
// The short form takes one failure of each kind of call, by MAILRILL_SEED; with
// MAILRILL_SOAK set it takes every call with every errno.

// errnoSample is how many failures of each kind of call the short form takes,
// a kind being what is done and where.
const errnoSample = 1

// errnoSessions spool, hold, write a Maildir, and begin a program.
var errnoSessions = []crashPair{
	{"pop3", "maildir", true},
	{"imap", "imap", true},
	{"pop3", "command", true},
}

// errnoShapes are spooled in memory and in a file, and held.
var errnoShapes = []string{"plain", "large", "circles", "refused"}

// errnos are those that each call can fail with (open(2), write(2), …). A commit
// is SQLite's, which writes and syncs.
var errnos = map[string][]syscall.Errno{
	"create":  {syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EACCES, syscall.EROFS, syscall.EMFILE},
	"write":   {syscall.ENOSPC, syscall.EDQUOT, syscall.EIO},
	"sync":    {syscall.ENOSPC, syscall.EDQUOT, syscall.EIO},
	"close":   {syscall.ENOSPC, syscall.EDQUOT, syscall.EIO},
	"link":    {syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EACCES, syscall.EROFS},
	"rename":  {syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EACCES, syscall.EROFS},
	"mkdir":   {syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EACCES, syscall.EROFS},
	"remove":  {syscall.EIO, syscall.EACCES, syscall.EROFS},
	"chtimes": {syscall.EIO, syscall.EACCES, syscall.EROFS},
	"syncdir": {syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EACCES, syscall.EMFILE},
	"commit":  {syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS},
}

// errnoClasses are the classes that a failure may be told by: rights and
// read-only file systems are for the config where the user named the folder.
var errnoClasses = map[syscall.Errno][]reply.Class{
	syscall.ENOSPC: {reply.Full},
	syscall.EDQUOT: {reply.Full},
	syscall.EIO:    {reply.IO},
	syscall.EACCES: {reply.IO, reply.Config},
	syscall.EROFS:  {reply.IO, reply.Config},
	syscall.EMFILE: {reply.IO, reply.Temporary},
}

func TestEachFileCallFailsOnce(t *testing.T) {
	soak, seed := crashSettings(t)
	for i, p := range errnoSessions {
		t.Run(p.String(), func(t *testing.T) {
			whole := &faulter{}
			failOnce(t, p, seed, whole)
			faults := faultsOf(t, whole.calls)
			if soak == 0 {
				faults = someOfEach(rand.New(rand.NewPCG(seed, uint64(i))), faults,
					func(f *faulter) string { return f.at }, func(string) int { return errnoSample })
			}
			var reached tally
			t.Cleanup(func() {
				t.Logf("a pass makes %d calls; failed %v times", len(whole.calls), &reached)
				reached.check(t)
			})
			for _, f := range faults {
				t.Run(f.String(), func(t *testing.T) {
					if p.destination != "command" { // a program that is begun inherits the locks of the others until its exec
						t.Parallel()
					}
					reached.add(failOnce(t, p, seed, f))
				})
			}
		})
	}
}

// faultsOf returns each call with each of its errnos.
func faultsOf(t *testing.T, calls []string) (faults []*faulter) {
	t.Helper()
	for _, call := range calls {
		op, _, _ := strings.Cut(call, " ")
		if len(errnos[op]) == 0 && op != "committed" {
			t.Errorf("no errno is known for %q", call)
		}
		for _, errno := range errnos[op] {
			faults = append(faults, &faulter{at: call, errno: errno})
		}
	}
	return faults
}

// someOfEach takes a few faults of each kind of call: at most as many as most says.
// at is the call at which a fault happens, its kind and "#n".
func someOfEach[F any](r *rand.Rand, faults []F, at func(F) string, most func(kind string) int) []F {
	r.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	taken := map[string]int{}
	return slices.DeleteFunc(faults, func(f F) bool {
		kind, _, _ := strings.Cut(at(f), "#")
		taken[kind]++
		return taken[kind] > most(kind)
	})
}

// failOnce makes a pass in which a call fails, recovers from it, and reports
// whether the call was made.
func failOnce(t *testing.T, p crashPair, seed uint64, f *faulter) bool {
	t.Helper()
	in := newInner(t, p, seed, errnoShapes...)
	f.dir = in.dir
	told := in.pass(fsx.FS{Fault: f.fault}, nil)
	in.judge(f.String(), in.c.Instant())
	if !f.told(told.Exit) && (told.Exit != 65 || len(in.c.End()) > 0) {
		t.Errorf("%v: exit status %d\n%s%s", f, told.Exit, told.Lines, in.stderr.Bytes())
	}
	full := f.errno == syscall.ENOSPC || f.errno == syscall.EDQUOT // for that there is the reserve
	if !in.asked && !full && strings.HasPrefix(f.at, "commit ") {
		in.c.Ambiguous = in.unwritten()
	}
	in.recover(f.String())
	return f.failed
}

// unwritten is how many messages a destination that cannot be asked has taken
// without mailrill having been able to write that down.
func (in *inner) unwritten() int {
	_, status := in.do(fsx.FS{}, nil, "status", "--json")
	return min(oracle.Doubts(status), in.taken())
}

// A faulter names the calls, and has the one called at fail.
type faulter struct {
	at    string // "sync hold#2"
	errno syscall.Errno
	dir   string

	mu     sync.Mutex
	calls  []string
	counts map[string]int
	failed bool
}

func (f *faulter) String() string {
	if f.at == "" {
		return "no fault"
	}
	return fmt.Sprintf("%s %v", f.at, f.errno)
}

func (f *faulter) fault(op, path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	label := op + " " + f.place(path)
	if f.counts == nil {
		f.counts = map[string]int{}
	}
	f.counts[label]++
	call := fmt.Sprintf("%s#%d", label, f.counts[label])
	f.calls = append(f.calls, call)
	if call != f.at {
		return nil
	}
	f.failed = true
	return f.errno
}

// place is what the disk of a path is for.
func (f *faulter) place(path string) string {
	rel, err := filepath.Rel(f.dir, path)
	switch {
	case err != nil || rel == ".":
		return "home"
	case strings.HasPrefix(rel, "Maildir"):
		return "Maildir"
	case strings.HasPrefix(rel, filepath.Join("state", "hold")):
		return "hold"
	}
	return "state"
}

// told reports whether an exit status tells of the failure.
func (f *faulter) told(exit int) bool {
	return slices.ContainsFunc(errnoClasses[f.errno], func(c reply.Class) bool { return c.ExitCode() == exit })
}
