// Package delivertest is the suite that every destination must pass.
//
// What it checks everywhere, and what all else rests on, is that a destination
// tells the truth: what it calls stored is there, once, octet by octet; what it
// calls not stored is not there. The rest are the ways in which that goes wrong:
// odd octets, refusals in the middle, cuts before and after the last octet.
package delivertest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"mailrill/deliver"
)

// A Harness is what a destination's own test gives to the suite.
type Harness struct {
	// New makes an empty place for mail. It is called once or more for each test
	// and cleans up after itself by t.Cleanup.
	New func(t *testing.T) *Place

	// Refuses names the Shapes that the protocol cannot carry: they must end in
	// ErrRejected, and nothing of them may arrive.
	Refuses []string
	// Changes names the Shapes that the peer itself changes once it has them:
	// they are not sent.
	Changes []string

	Folders  bool // a message's Folder is respected
	Dates    bool // so is the date of arrival
	Flags    bool // so are \Seen, \Answered, \Flagged and \Draft
	Parallel bool // order is not kept
	Apart    bool // each message has a peer of its own: one lost answer stops nothing
	Once     bool // delivering a message again never makes a second copy
}

// A Place is one account or directory that mail is brought to.
type Place struct {
	// Open returns a new Destination on the place, as after a restart.
	Open func() deliver.Destination
	// Copies returns what has arrived, in the order of arrival.
	Copies func(t *testing.T) []Copy

	// Halves says that the peer itself stores what it got of a body before a cut,
	// as go-imap's test server does: such copies are not held against anybody.
	Halves bool

	// The faults. Each holds for the n-th message (from 0) of those that the peer
	// sees from now on, and for that time only; nil where the kind of destination
	// has no such fault.
	RefuseForGood func(n int) // ErrRejected
	RefuseForNow  func(n int) // ErrNotTaken or ErrUnavailable, or nil at another try
	CutBody       func(n int) // the connection ends in the middle of the body
	LoseAnswer    func(n int) // the message is stored, the connection ends before the answer

	// Full makes the place refuse everything until relieve is called.
	Full func() (relieve func())
	// OpenFolder returns a Destination whose default folder is name, which is
	// missing, and which may make it or not.
	OpenFolder func(name string, create bool) deliver.Destination
}

// A Copy is what lies at the destination.
type Copy struct {
	Body     []byte
	Folder   string // as in Message.Folder; "" for the default
	Received time.Time
	Flags    []string
}

// Run checks a destination.
func Run(t *testing.T, h Harness) {
	tests := []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"Shapes", testShapes},
		{"Many", testMany},
		{"Prepare", testPrepare},
		{"DatesAndFlags", testDatesAndFlags},
		{"Folders", testFolders},
		{"MissingFolder", testMissingFolder},
		{"BadSpool", testBadSpool},
		{"RefuseForGood", testRefuseForGood},
		{"RefuseForNow", testRefuseForNow},
		{"Full", testFull},
		{"CutBody", testCutBody},
		{"LoseAnswer", testLoseAnswer},
		{"Again", testAgain},
		{"Context", testContext},
		{"Arrived", testArrived},
		{"ArrivedSince", testArrivedSince},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, h) })
	}
}

// An outcome is what done was told of one message.
type outcome struct {
	m       *deliver.Message
	receipt deliver.Receipt
	err     error
	calls   int
}

// send delivers ms through d and checks that done was called once for each.
func send(ctx context.Context, t *testing.T, d deliver.Destination, ms []*deliver.Message) ([]*outcome, error) {
	t.Helper()
	return sendWatched(ctx, t, d, ms, func(*outcome) {})
}

// sendWatched is send with a look at each outcome as it comes.
func sendWatched(ctx context.Context, t *testing.T, d deliver.Destination, ms []*deliver.Message, watch func(*outcome)) ([]*outcome, error) {
	t.Helper()
	outcomes := make([]*outcome, len(ms))
	byMessage := map[*deliver.Message]*outcome{}
	for i, m := range ms {
		outcomes[i] = &outcome{m: m}
		byMessage[m] = outcomes[i]
	}
	err := d.Deliver(ctx, deliver.Batch(ms...), func(m *deliver.Message, r deliver.Receipt, err error) {
		o := byMessage[m]
		if o == nil {
			t.Errorf("done was called for a message that was not given: %q", m.ID)
			return
		}
		o.receipt, o.err = r, err
		o.calls++
		watch(o)
	})
	for i, o := range outcomes {
		if o.calls != 1 {
			t.Errorf("done was called %d times for message %d", o.calls, i)
		}
		if o.err == nil && o.receipt.Where == "" {
			t.Errorf("message %d is stored, but its receipt does not say where", i)
		}
	}
	return outcomes, err
}

// sendAll is send for messages that must all be stored.
func sendAll(t *testing.T, d deliver.Destination, ms ...*deliver.Message) {
	t.Helper()
	outcomes, err := send(t.Context(), t, d, ms)
	if err != nil {
		t.Errorf("Deliver: %v", err)
	}
	for i, o := range outcomes {
		if o.err != nil {
			t.Errorf("message %d: %v", i, o.err)
		}
	}
}

// checkTruth compares outcomes with what is at the place.
func checkTruth(t *testing.T, p *Place, outcomes []*outcome) {
	t.Helper()
	copies := p.Copies(t)
	for i, o := range outcomes {
		n := count(t, copies, o.m)
		switch {
		case o.err == nil && n != 1:
			t.Errorf("message %d was called stored; there are %d copies", i, n)
		case surelyNot(o.err) && n != 0:
			t.Errorf("message %d was called not stored (%v); there are %d copies", i, o.err, n)
		case n > 1:
			t.Errorf("message %d (%v) is there %d times", i, o.err, n)
		}
	}
	if !p.Halves {
		checkWhole(t, copies, outcomes)
	}
}

// checkWhole finds copies that are no whole message of outcomes.
func checkWhole(t *testing.T, copies []Copy, outcomes []*outcome) {
	t.Helper()
	for _, c := range copies {
		known := slices.ContainsFunc(outcomes, func(o *outcome) bool { return bytes.Equal(octets(t, o.m), c.Body) })
		if !known {
			t.Errorf("a copy of %d octets is none of the messages: %s", len(c.Body), start(c.Body))
		}
	}
}

func count(t *testing.T, copies []Copy, m *deliver.Message) (n int) {
	t.Helper()
	want := octets(t, m)
	for _, c := range copies {
		if bytes.Equal(c.Body, want) {
			n++
		}
	}
	return n
}

// checkStored checks that the place holds ms once each, in their order if it
// must be kept, and nothing else.
func checkStored(t *testing.T, h Harness, p *Place, ms ...*deliver.Message) {
	t.Helper()
	copies := p.Copies(t)
	if len(copies) != len(ms) {
		t.Errorf("%d copies of %d messages", len(copies), len(ms))
	}
	for i, m := range ms {
		if n := count(t, copies, m); n != 1 {
			t.Errorf("message %d is there %d times", i, n)
		}
		if !h.Parallel && i < len(copies) && !bytes.Equal(copies[i].Body, octets(t, m)) {
			t.Errorf("copy %d is not message %d: order or octets differ: %s", i, i, start(copies[i].Body))
		}
	}
}

func start(b []byte) string { return fmt.Sprintf("%.200q", b) }

func open(t *testing.T, p *Place) deliver.Destination {
	t.Helper()
	return closing(t, p.Open())
}

func closing(t *testing.T, d deliver.Destination) deliver.Destination {
	t.Cleanup(func() { d.Close() }) // its context has ended by then
	return d
}
