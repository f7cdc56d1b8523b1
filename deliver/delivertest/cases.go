package delivertest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/internal/reply"
)

// testShapes delivers all odd messages in one batch.
func testShapes(t *testing.T, h Harness) {
	p := h.New(t)
	var ms, fit []*deliver.Message
	var names []string
	for _, s := range Shapes() {
		if slices.Contains(h.Changes, s.Name) {
			continue
		}
		m := NewMessage(s.Body)
		ms, names = append(ms, m), append(names, s.Name)
		if !slices.Contains(h.Refuses, s.Name) {
			fit = append(fit, m)
		}
	}
	outcomes, _ := send(t.Context(), t, open(t, p), ms)
	for i, o := range outcomes {
		refused := slices.Contains(h.Refuses, names[i])
		if refused && !errors.Is(o.err, deliver.ErrRejected) {
			t.Errorf("%s: %v, want ErrRejected", names[i], o.err)
		}
		if !refused && o.err != nil {
			t.Errorf("%s: %v", names[i], o.err)
		}
	}
	checkStored(t, h, p, fit...)
}

// testMany delivers more than any batch or window holds, in two calls.
func testMany(t *testing.T, h Harness) {
	p := h.New(t)
	d, ms := open(t, p), numbered(150)
	sendAll(t, d)
	sendAll(t, d, ms[:100]...)
	sendAll(t, d, ms[100:]...)
	if err := d.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	checkStored(t, h, p, ms...)
}

func testPrepare(t *testing.T, h Harness) {
	p := h.New(t)
	d, ms := open(t, p), numbered(3)
	for range 2 {
		if err := d.Prepare(t.Context(), ""); err != nil {
			t.Fatalf("Prepare: %v", err)
		}
	}
	sendAll(t, d, ms[0])
	if err := d.Prepare(t.Context(), ""); err != nil {
		t.Fatalf("Prepare after a delivery: %v", err)
	}
	sendAll(t, d, ms[1])
	sendAll(t, open(t, p), ms[2]) // without Prepare
	checkStored(t, h, p, ms...)
}

func testDatesAndFlags(t *testing.T, h Harness) {
	if !h.Dates && !h.Flags {
		t.Skip("neither is kept")
	}
	p := h.New(t)
	sets := [][]string{nil, {`\Seen`}, {`\Answered`, `\Flagged`}, {`\Draft`, `\Seen`}}
	var ms []*deliver.Message
	for i, m := range numbered(len(sets)) {
		m.Flags = sets[i]
		m.Received = base.AddDate(-i, 0, 0).In(time.FixedZone("", 8*3600))
		ms = append(ms, m)
	}
	sendAll(t, open(t, p), ms...)
	copies := p.Copies(t)
	for i, m := range ms {
		c := copyOf(t, copies, m)
		if h.Dates && !c.Received.Equal(m.Received) {
			t.Errorf("message %d arrived %v, want %v", i, c.Received, m.Received)
		}
		if got := systemFlags(c.Flags); h.Flags && !slices.Equal(got, systemFlags(m.Flags)) {
			t.Errorf("message %d has flags %q, want %q", i, got, m.Flags)
		}
	}
}

// systemFlags returns the flags of IMAP among flags, sorted, in lower case.
func systemFlags(flags []string) (out []string) {
	for _, f := range flags {
		if f = strings.ToLower(f); strings.HasPrefix(f, `\`) && f != `\recent` {
			out = append(out, f)
		}
	}
	slices.Sort(out)
	return out
}

func copyOf(t *testing.T, copies []Copy, m *deliver.Message) Copy {
	t.Helper()
	want := string(octets(t, m))
	for _, c := range copies {
		if string(c.Body) == want {
			return c
		}
	}
	t.Errorf("message %s has not arrived", m.ID)
	return Copy{}
}

// folderNames are hostile or hard. A place may change what it cannot name, but
// must not fail on it, nor mix two of these.
var folderNames = []string{"Archive", "Archive/2026", "其他文件夹/旧邮件", "R&D", "me@example.com", "a b"}

func testFolders(t *testing.T, h Harness) {
	if !h.Folders {
		t.Skip("it has no folders")
	}
	p := h.New(t)
	ms := numbered(3 * len(folderNames))
	for i, m := range ms {
		m.Folder = folderNames[i%len(folderNames)]
	}
	d := open(t, p)
	for _, name := range folderNames {
		if err := d.Prepare(t.Context(), name); err != nil {
			t.Fatalf("Prepare %q: %v", name, err)
		}
	}
	sendAll(t, d, ms...)
	copies := p.Copies(t)
	place := map[string]string{}
	for _, m := range ms {
		c := copyOf(t, copies, m)
		if c.Folder == "" {
			t.Errorf("a message for %q lies in the default folder", m.Folder)
		}
		if was, known := place[c.Folder]; known && was != m.Folder {
			t.Errorf("folder %q holds messages for %q and %q", c.Folder, was, m.Folder)
		}
		place[c.Folder] = m.Folder
	}
	if len(copies) != len(ms) {
		t.Errorf("%d copies of %d messages", len(copies), len(ms))
	}
}

func testMissingFolder(t *testing.T, h Harness) {
	if h.New(t).OpenFolder == nil {
		t.Skip("it has no folders")
	}
	t.Run("made", func(t *testing.T) {
		p, ms := h.New(t), numbered(2)
		d := closing(t, p.OpenFolder("Collected/Here", true))
		if err := d.Prepare(t.Context(), ""); err != nil {
			t.Fatalf("Prepare: %v", err)
		}
		sendAll(t, d, ms...)
		for _, c := range p.Copies(t) {
			if c.Folder == "" {
				t.Error("a message lies in the default folder")
			}
		}
		checkStored(t, h, p, ms...)
	})
	t.Run("not made", func(t *testing.T) {
		p := h.New(t)
		d := closing(t, p.OpenFolder("Collected/Here", false))
		checkNoFolder(t, "Prepare", d.Prepare(t.Context(), ""))
		outcomes, _ := send(t.Context(), t, d, numbered(2))
		for _, o := range outcomes {
			checkNoFolder(t, "Deliver", o.err)
		}
		checkStored(t, h, p)
	})
}

func checkNoFolder(t *testing.T, call string, err error) {
	t.Helper()
	if !errors.Is(err, deliver.ErrUnavailable) || reply.ClassOf(err) != reply.Config {
		t.Errorf("%s without its folder: %v (class %q), want ErrUnavailable of class config", call, err, reply.ClassOf(err))
	}
}

// testBadSpool gives messages that cannot be read to their end. What is wrong
// here is nothing that the destination says.
func testBadSpool(t *testing.T, h Harness) {
	spools := []struct {
		name  string
		spoil func(*testing.T, *deliver.Message) *deliver.Message
	}{
		{"open", breakOpen}, {"read", breakRead}, {"short", shorten}, {"long", lengthen},
	}
	for _, spool := range spools {
		t.Run(spool.name, func(t *testing.T) {
			p, ms := h.New(t), numbered(5)
			given := slices.Clone(ms)
			given[2] = spool.spoil(t, ms[2])
			d := open(t, p)
			outcomes, _ := send(t.Context(), t, d, given)
			outcomes[2].m = ms[2] // the same, whole
			if err := outcomes[2].err; err == nil || errors.Is(err, deliver.ErrRejected) || errors.Is(err, deliver.ErrUnavailable) {
				t.Errorf("the broken message: %v, want ErrNotTaken or an unknown fate", err)
			}
			checkTruth(t, p, outcomes)
			finishSure(t, p, d, outcomes)
		})
	}
}

// finish delivers again what is not there, and checks that everything is there
// in the end. It is for peers that have ended the connection themselves: what
// they have not stored by then they never will.
func finish(t *testing.T, h Harness, p *Place, d deliver.Destination, outcomes []*outcome) {
	t.Helper()
	copies := p.Copies(t)
	var again, all []*deliver.Message
	for _, o := range outcomes {
		all = append(all, o.m)
		if o.err != nil && count(t, copies, o.m) == 0 {
			again = append(again, o.m)
		}
	}
	sendAll(t, d, again...)
	h.Parallel = true // those that were sent again came later
	checkStored(t, h, p, all...)
}

// finishSure delivers again what was called not stored. It is for connections
// that were cut on our side: the peer may still be storing what it had received.
func finishSure(t *testing.T, p *Place, d deliver.Destination, outcomes []*outcome) {
	t.Helper()
	var again []*deliver.Message
	for _, o := range outcomes {
		if o.err != nil && surelyNot(o.err) {
			again = append(again, o.m)
			o.err = nil // from now on it is stored
		}
	}
	sendAll(t, d, again...)
	checkTruth(t, p, outcomes)
}

// surelyNot reports whether err says that nothing was stored.
func surelyNot(err error) bool {
	for _, sure := range []error{deliver.ErrRejected, deliver.ErrSkipped, deliver.ErrNotTaken, deliver.ErrUnavailable} {
		if errors.Is(err, sure) {
			return true
		}
	}
	return false
}

func testContext(t *testing.T, h Harness) {
	t.Run("before", func(t *testing.T) {
		p, ms := h.New(t), numbered(5)
		d := open(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		outcomes, err := send(ctx, t, d, ms)
		if err == nil {
			t.Error("Deliver returned nil although its context had ended")
		}
		for i, o := range outcomes {
			if o.err == nil || errors.Is(o.err, deliver.ErrRejected) {
				t.Errorf("message %d: %v", i, o.err)
			}
		}
		checkTruth(t, p, outcomes)
		finishSure(t, p, d, outcomes)
	})
	t.Run("between", func(t *testing.T) {
		p, ms := h.New(t), numbered(150)
		d := open(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		outcomes, _ := sendWatched(ctx, t, d, ms, func(*outcome) { cancel() })
		checkTruth(t, p, outcomes)
		finishSure(t, p, d, outcomes)
	})
}
