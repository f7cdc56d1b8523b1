package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"mailrill/internal/reply"
)

// Each file call that SQLite makes fails once, in a process of its own that makes
// a pass; the next pass, on a healthy disk, does what is left. What mailrill
// writes itself, TestEachFileCallFailsOnce fails.
//
// The short form takes some failures of each kind of call, by MAILRILL_SEED; with
// MAILRILL_SOAK set it takes every call with every errno.

// sqliteSessions are a destination that can be asked, and one that cannot.
var sqliteSessions = []crashPair{{"pop3", "maildir", true}, {"imap", "lmtp", true}}

// sqliteErrnos are those that a call fails with. A name that cannot be removed has
// no room to wait for.
func sqliteErrnos(call string) []syscall.Errno {
	if strings.HasPrefix(call, "unlink") {
		return []syscall.Errno{syscall.EIO}
	}
	return []syscall.Errno{syscall.EIO, syscall.ENOSPC}
}

func TestEachCallOfSQLiteFailsOnce(t *testing.T) {
	soak, seed := crashSettings(t)
	needsWatch(t)
	for i, p := range sqliteSessions {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			whole := &sqliteFault{}
			sqliteFailsOnce(t, p, seed, whole)
			checkSyncs(t, whole)
			faults := sqliteFaults(whole.calls)
			if soak == 0 {
				faults = someOfSQLite(rand.New(rand.NewPCG(seed, uint64(i))), faults)
			}
			var reached tally
			t.Cleanup(func() {
				t.Logf("SQLite makes %d calls; failed %v times", len(whole.calls), &reached)
				reached.check(t)
			})
			for _, f := range faults {
				t.Run(f.String(), func(t *testing.T) {
					t.Parallel()
					reached.add(sqliteFailsOnce(t, p, seed, f))
				})
			}
		})
	}
}

// needsWatch skips where the kernel lets no process be watched.
func needsWatch(t *testing.T) {
	t.Helper()
	actions, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail")
	if err != nil || !slices.Contains(strings.Fields(string(actions)), "user_notif") {
		t.Skipf("SKIPPED, NOT TESTED: SQLite's calls cannot be made to fail here: the kernel has no seccomp with user_notif (%v)", err)
	}
}

// checkSyncs demands that SQLite has synced its log at each commit: that is what a
// commit of the ledger promises, and what no fault can show.
func checkSyncs(t *testing.T, whole *sqliteFault) {
	t.Helper()
	if n := whole.counts["fsync ledger.db-wal"] + whole.counts["fdatasync ledger.db-wal"]; n < whole.commits || n == 0 {
		t.Errorf("the log was synced %d times at %d commits", n, whole.commits)
	}
}

// A sqliteFault names SQLite's calls, and has the one called at fail.
type sqliteFault struct {
	at    string // "pwrite64 ledger.db-wal#3"
	errno syscall.Errno

	commits int // of the pass

	mu     sync.Mutex
	calls  []string
	counts map[string]int
	failed bool
}

func (f *sqliteFault) String() string {
	if f.at == "" {
		return "no fault"
	}
	return fmt.Sprintf("%s %v", f.at, f.errno)
}

func (f *sqliteFault) answer(call, path string) syscall.Errno {
	name := filepath.Base(path)
	if !strings.HasPrefix(name, "ledger.") {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	label := call + " " + name
	if f.counts == nil {
		f.counts = map[string]int{}
	}
	f.counts[label]++
	at := fmt.Sprintf("%s#%d", label, f.counts[label])
	f.calls = append(f.calls, at)
	if at != f.at {
		return 0
	}
	f.failed = true
	return f.errno
}

func sqliteFaults(calls []string) (faults []*sqliteFault) {
	for _, at := range calls {
		for _, errno := range sqliteErrnos(at) {
			faults = append(faults, &sqliteFault{at: at, errno: errno})
		}
	}
	return faults
}

// someOfSQLite takes a fault of each kind of call, a kind being what is done to
// which file, and some more of those to the log, where the commits are.
func someOfSQLite(r *rand.Rand, faults []*sqliteFault) []*sqliteFault {
	return someOfEach(r, faults, func(f *sqliteFault) string { return f.at }, func(kind string) int {
		if strings.HasSuffix(kind, "-wal") {
			return 4
		}
		return 1
	})
}

// sqliteFailsOnce makes a pass in which a call fails, recovers from it, and
// reports whether the call was made.
func sqliteFailsOnce(t *testing.T, p crashPair, seed uint64, f *sqliteFault) bool {
	t.Helper()
	tr := newTrial(t, p, seed)
	w := newWatch(t, f.answer)
	l := tr.liveIn(crashWatched + "=" + w.addr)
	w.end(t)
	for _, point := range l.points {
		if strings.HasPrefix(point, "committed ") {
			f.commits++
		}
	}
	tr.judge(f.String(), tr.c.Instant())
	told := []int{reply.IO.ExitCode()}
	if f.errno == syscall.ENOSPC { // SQLite does not always say that it is that
		told = append(told, reply.Full.ExitCode())
	}
	if !slices.Contains(told, l.exit) && (l.exit != 65 || len(tr.c.End()) > 0) {
		log, _ := os.ReadFile(filepath.Join(tr.dir, "log"))
		t.Errorf("%v: exit status %d\n%s%s", f, l.exit, l.stdout, log[max(0, len(log)-2000):])
	}
	if !tr.asked {
		tr.c.Ambiguous = tr.lostAnswers()
	}
	tr.recover(f.String())
	return f.failed
}
