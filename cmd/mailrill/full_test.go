package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"mailrill/internal/fsx"
	"mailrill/internal/reply"
)

// The disk is full: a folder lies on a file system of its own, on which 0, 4, 8 …
// KiB are free when a pass is made. The pass says so or does its work all the
// same, and nothing is lost. Then there is room, and one more pass makes all whole.
//
// The short form samples the steps, by MAILRILL_SEED, at which something may have
// been begun; with MAILRILL_SOAK set it takes each.

// fullSample is how many steps the short form takes of each folder, besides the
// first and the last.
const fullSample = 5

const fullStep = 4 << 10

// fullSessions are the folders, each with a pass that writes into it. With fewer
// octets free than begins it begins no delivery, and with enough it has what it needs.
var fullSessions = []struct {
	name   string
	folder string
	crashPair
	shapes []string
	begins int64
	enough int64
}{
	{"state", "state", crashPair{"pop3", "maildir", true}, []string{"plain", "circles", "dots"}, 1 << 20, 1536 << 10},
	{"state", "state", crashPair{"imap", "imap", true}, []string{"plain", "refused", "dots"}, 1 << 20, 1536 << 10},
	{"state", "state", crashPair{"pop3", "lmtp", true}, []string{"plain", "refused", "dots"}, 1 << 20, 1536 << 10},
	{"spool", "state", crashPair{"imap", "maildir", true}, []string{"large", "plain", "large"}, 1 << 20, 2 << 20},
	{"Maildir", "Maildir", crashPair{"pop3", "maildir", true}, []string{"plain", "large", "dots", "large"}, 0, 704 << 10},
	{"hold", "state/hold", crashPair{"pop3", "imap", true}, []string{"plain", "circles", "refused", "dots"}, 0, 64 << 10},
}

func TestDiskFullAtEveryStep(t *testing.T) {
	soak, seed := crashSettings(t)
	for i, s := range fullSessions {
		t.Run(fmt.Sprintf("%s of %v", s.name, s.crashPair), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			var full tally
			t.Cleanup(func() { t.Logf("the disk was too small at %v steps", &full) })
			for _, left := range fullSteps(r, s.begins, s.enough, soak) {
				t.Run(fmt.Sprint(left>>10, " KiB"), func(t *testing.T) {
					t.Parallel()
					was := passOnFull(t, s.crashPair, seed, s.folder, s.shapes, left)
					full.add(was)
					if was && left == s.enough || !was && left <= s.begins {
						t.Errorf("with %d octets free the disk was full: %v", left, was)
					}
				})
			}
		})
	}
}

// fullSteps returns how many octets are free: 0, what nothing begins with, enough,
// and all between, or some.
func fullSteps(r *rand.Rand, begins, enough int64, soak int) (steps []int64) {
	first := begins + fullStep
	if soak > 0 {
		first = fullStep
	}
	for left := first; left < enough; left += fullStep {
		steps = append(steps, left)
	}
	if soak == 0 {
		r.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
		steps = steps[:fullSample]
	}
	return append(steps, 0, begins, enough)
}

// sayFull is what a pass has to say of a full disk, whoever met it.
var sayFull = regexp.MustCompile(`no space left on device|disk is full`)

// passOnFull makes a pass with so many octets free in a folder, and recovers from
// it. It reports whether the disk was full.
func passOnFull(t *testing.T, p crashPair, seed uint64, folder string, shapes []string, left int64) (full bool) {
	t.Helper()
	in := newInner(t, p, seed, shapes...)
	disk := filepath.Join(in.dir, folder)
	if err := os.MkdirAll(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	mountSmall(t, disk, "8M")
	release := ballast(t, disk, left)
	told := in.pass(fsx.FS{}, nil)
	full = told.Exit == reply.Full.ExitCode()
	if said := slices.Concat(told.Lines, in.stderr.Bytes()); full && !sayFull.Match(said) {
		t.Errorf("exit status %d\n%s", told.Exit, said)
	}
	what := fmt.Sprintf("%d octets free in %s", left, folder)
	in.judge(what, in.c.Instant())
	if !full { // but for the backup of the state, without which a pass is whole
		in.judge(what, in.c.End())
	}
	release()
	in.recover(what)
	return full
}
