package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailrill/internal/mailtest"
	"mailrill/internal/mailtest/oracle"
)

// Lost, old and corrupt state. A pass collects half of the messages; then the
// state is spoilt, the other half comes in, and the next pass either makes all
// whole or refuses the state and says what to do. What it says is done then, and
// after that all is whole. Nothing is ever lost or doubled.
//
// The short form cuts the file at each page and flips a sample of bytes.
// MAILRILL_SOAK=n flips n bytes of each destination.

// flips is how many bytes the short form flips.
const flips = 25

// A stateTrial is one mailbox that is kept, one destination, one mailrill.
type stateTrial struct {
	*rig
	c           *oracle.Case
	source      *mailtest.Store
	destination *mailtest.Store  // nil: a Maildir
	after       []oracle.Message // what comes in after the state was spoilt
	first       []oracle.Message

	saved   [2]*mailtest.Saved
	folders map[string][]byte // files below the rig's folder, as they were before
}

func newStateTrial(t *testing.T, destination string) *stateTrial {
	t.Helper()
	all := oracle.Make(3, 1, 8, "plain", "forged", "no-header", "dots")
	tr := &stateTrial{rig: newRig(t, ""), source: mailtest.NewStore(), first: all[:4], after: all[4:]}
	tr.hurry = true
	tr.c = &oracle.Case{TraceField: "X-Mailrill-ID", Source: storeBox(tr.source)}
	to := "type = \"maildir\"\npath = \"$DIR/Maildir\""
	tr.c.Destination = oracle.Maildir(filepath.Join(tr.dir, "Maildir"))
	if destination == "imap" {
		tr.destination = mailtest.NewStore()
		addr := startServer(t, &mailtest.IMAP{Store: tr.destination, User: "dst", Password: canary})
		to, tr.c.Destination = fmt.Sprintf(toServer, "imap", port(addr)), storeBox(tr.destination)
	}
	addr := startServer(t, &mailtest.IMAP{Store: tr.source, User: "src", Password: "pass"})
	tr.write("[destination.home]\n" + to + "\n" + accountTo("imap", addr, "src", ""))
	tr.c.Hold = oracle.Hold(filepath.Join(tr.dir, "state", "hold"))
	return tr
}

// arrive puts messages into the source.
func (tr *stateTrial) arrive(ms []oracle.Message) {
	for _, m := range ms {
		tr.source.Add("INBOX", mailtest.Message{Body: m.Body, Date: messageDate(m.Serial)})
	}
	tr.c.Messages = append(tr.c.Messages[:len(tr.c.Messages):len(tr.c.Messages)], ms...)
}

func (tr *stateTrial) path(name string) string { return filepath.Join(tr.dir, "state", name) }

// save remembers everything as it is now, and restore brings it back.
func (tr *stateTrial) save() {
	tr.t.Helper()
	tr.saved[0] = tr.source.Save()
	if tr.destination != nil {
		tr.saved[1] = tr.destination.Save()
	}
	tr.folders = readTree(tr.t, tr.dir)
}

func (tr *stateTrial) restore() {
	tr.t.Helper()
	tr.source.Restore(tr.saved[0])
	if tr.destination != nil {
		tr.destination.Restore(tr.saved[1])
	}
	tr.c.Messages = tr.first
	for path := range readTree(tr.t, tr.dir) {
		if err := os.Remove(filepath.Join(tr.dir, path)); err != nil {
			tr.t.Fatal(err)
		}
	}
	for path, data := range tr.folders {
		if err := os.WriteFile(filepath.Join(tr.dir, path), data, 0o600); err != nil {
			tr.t.Fatal(err)
		}
	}
}

// readTree returns the files below dir by their paths within it.
func readTree(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	copies, err := oracle.Folder(dir).Copies()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, c := range copies {
		path, err := filepath.Rel(dir, c.Where)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = c.Body
	}
	return files
}

// spoilt spoils the state, lets more mail arrive, and sees all made whole,
// by itself or by doing as it is told. It reports whether the state was refused.
func (tr *stateTrial) spoilt(what string, spoil func()) (refused bool) {
	tr.t.Helper()
	tr.restore()
	spoil()
	tr.arrive(tr.after)
	code := tr.run("--once", "--json")
	said := tr.stdout.String() + tr.stderr.String()
	tr.judge(what, said, tr.c.Instant())
	if refused = code != 0; refused {
		if code != 74 && code != 75 && code != 78 {
			tr.t.Errorf("%s: exit status %d\n%s", what, code, said)
		}
		if !strings.Contains(said, "ledger.backup") || !strings.Contains(said, "remove ledger.db") {
			tr.t.Errorf("%s: it does not say what helps:\n%s", what, said)
		}
		tr.remove()
		code = tr.run("--once", "--json")
		said = tr.stdout.String() + tr.stderr.String()
	}
	if code != 0 {
		tr.t.Errorf("%s: exit status %d in the end\n%s", what, code, said)
	}
	tr.judge(what, said, tr.c.End())
	return refused
}

func (tr *stateTrial) judge(what, said string, fs oracle.Findings) {
	tr.t.Helper()
	if len(fs) > 0 {
		tr.t.Errorf("%s:\n%v\n%s", what, fs, said)
	}
}

// remove removes the state, as the advice says.
func (tr *stateTrial) remove() {
	for _, name := range []string{"ledger.db", "ledger.db-wal", "ledger.db-shm"} {
		os.Remove(tr.path(name))
	}
}

func (tr *stateTrial) put(name string, data []byte) {
	tr.t.Helper()
	if err := os.WriteFile(tr.path(name), data, 0o600); err != nil {
		tr.t.Fatal(err)
	}
}

func TestStateLostOldOrCorrupt(t *testing.T) {
	soak, seed := crashSettings(t)
	for _, destination := range []string{"maildir", "imap"} {
		t.Run(destination, func(t *testing.T) {
			tr := newStateTrial(t, destination)
			tr.arrive(tr.first[:2])
			tr.once(0)
			old := readTree(t, tr.dir)["state/ledger.db"]
			tr.arrive(tr.first[2:])
			tr.once(0)
			tr.save()
			state := tr.folders["state/ledger.db"]
			backup := tr.folders["state/ledger.backup"]
			if len(old) == 0 || len(state) < 4096 || bytes.Equal(old, state) || len(backup) == 0 {
				t.Fatalf("states of %d, %d and %d octets", len(old), len(state), len(backup))
			}

			made := map[string]func(){
				"nothing":             func() {},
				"the file deleted":    tr.remove,
				"the folder emptied":  func() { os.RemoveAll(tr.path("")); os.Mkdir(tr.path(""), 0o700) },
				"an old copy":         func() { tr.put("ledger.db", old) },
				"the backup put back": func() { tr.put("ledger.db", backup) },
				"an empty file":       func() { tr.put("ledger.db", nil) },
			}
			for _, what := range slices.Sorted(maps.Keys(made)) {
				if tr.spoilt(what, made[what]) {
					t.Errorf("%s: refused", what)
				}
			}
			for n := 4096; n < len(state); n += 4096 {
				if !tr.spoilt(fmt.Sprint("cut to ", n), func() { tr.put("ledger.db", state[:n]) }) {
					t.Errorf("cut to %d octets of %d, and taken", n, len(state))
				}
			}
			r, refused, n := rand.New(rand.NewPCG(seed, 8)), 0, max(soak, flips)
			for range n {
				at, bit := r.IntN(len(state)), r.IntN(8)
				for soak == 0 && state[at] == 0 { // most of a young state is empty room
					at = r.IntN(len(state))
				}
				if tr.spoilt(fmt.Sprintf("octet %d with bit %d flipped", at, bit), func() {
					spoilt := bytes.Clone(state)
					spoilt[at] ^= 1 << bit
					tr.put("ledger.db", spoilt)
				}) {
					refused++
				}
			}
			t.Logf("%d bits flipped in %d octets: refused %d times, else nothing was amiss", n, len(state), refused)
		})
	}
}

// TestSecondHost: two hosts with states of their own collect from one account to
// one destination, in turn, and one of them has never been there before.
func TestSecondHost(t *testing.T) {
	for _, destination := range []string{"maildir", "imap"} {
		t.Run(destination, func(t *testing.T) {
			tr := newStateTrial(t, destination)
			one := tr.path("")
			other := one + "-elsewhere"
			for i, ms := range [][]oracle.Message{tr.first[:2], tr.first[2:], tr.after[:2], tr.after[2:]} {
				tr.arrive(ms)
				tr.once(0)
				tr.judge(fmt.Sprint("pass ", i), tr.stderr.String(), tr.c.End())
				for _, move := range [][2]string{{one, one + "-aside"}, {other, one}, {one + "-aside", other}} {
					if err := os.Rename(move[0], move[1]); err != nil && !os.IsNotExist(err) {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// TestForgedID: a mail that bears the ID of another in a trace line of its own
// changes nothing for that other, whether this has arrived already or comes
// later, and however often the state is lost and the destination asked. The
// forger's own mail arrives like any other.
func TestForgedID(t *testing.T) {
	for _, destination := range []string{"maildir", "imap"} {
		for _, victimFirst := range []bool{true, false} {
			t.Run(fmt.Sprint(destination, victimFirst), func(t *testing.T) {
				victim := oracle.Make(5, 1, 1, "plain")[0]
				scout := newStateTrial(t, destination)
				scout.arrive([]oracle.Message{victim})
				scout.once(0)
				copies, err := scout.c.Destination.Copies()
				if err != nil || len(copies) != 1 {
					t.Fatal(len(copies), err)
				}
				trace, _, _ := bytes.Cut(copies[0].Body, []byte("\r\n"))
				forged := oracle.Make(5, 2, 1, "plain")[0]
				forged.Body = append(append(bytes.Clone(trace), "\r\n"...), forged.Body...)

				tr := newStateTrial(t, destination)
				order := []oracle.Message{forged, victim}
				if victimFirst {
					order = []oracle.Message{victim, forged}
				}
				check := func() {
					t.Helper()
					tr.judge("a forged ID", tr.stderr.String(), tr.c.Instant())
					if delivered, _, _ := tr.c.Counts(); delivered != len(tr.c.Messages) {
						t.Errorf("%d of %d messages are delivered", delivered, len(tr.c.Messages))
					}
				}
				for _, m := range order {
					tr.arrive([]oracle.Message{m})
					tr.once(0)
					check()
					tr.remove()
				}
				tr.once(0)
				check()
			})
		}
	}
}
