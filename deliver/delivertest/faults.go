package delivertest

import (
	"errors"
	"testing"

	"mailrill/deliver"
)

// testRefuseForGood has one message of several refused: it costs itself only.
func testRefuseForGood(t *testing.T, h Harness) {
	p, ms := h.New(t), numbered(7)
	if p.RefuseForGood == nil {
		t.Skip("it refuses nothing for good")
	}
	const k = 3
	p.RefuseForGood(k)
	outcomes, err := send(t.Context(), t, open(t, p), ms)
	if err != nil {
		t.Errorf("Deliver: %v, though only one message was refused", err)
	}
	for i, o := range outcomes {
		if i == k && !errors.Is(o.err, deliver.ErrRejected) {
			t.Errorf("the refused message: %v, want ErrRejected", o.err)
		}
		if i != k && o.err != nil {
			t.Errorf("message %d: %v", i, o.err)
		}
	}
	checkTruth(t, p, outcomes)
	checkStored(t, h, p, append(ms[:k:k], ms[k+1:]...)...)
}

func testRefuseForNow(t *testing.T, h Harness) {
	p, ms := h.New(t), numbered(7)
	if p.RefuseForNow == nil {
		t.Skip("it refuses nothing for a time")
	}
	const k = 3
	p.RefuseForNow(k)
	d := open(t, p)
	outcomes, _ := send(t.Context(), t, d, ms)
	// A destination may have tried it again already.
	if err := outcomes[k].err; err != nil && !errors.Is(err, deliver.ErrNotTaken) && !errors.Is(err, deliver.ErrUnavailable) {
		t.Errorf("the refused message: %v, want ErrNotTaken or ErrUnavailable", err)
	}
	checkTruth(t, p, outcomes)
	finish(t, h, p, d, outcomes)
}

func testFull(t *testing.T, h Harness) {
	p, ms := h.New(t), numbered(7)
	if p.Full == nil {
		t.Skip("it is never full")
	}
	relieve := p.Full()
	d := open(t, p)
	outcomes, _ := send(t.Context(), t, d, ms)
	if !errors.Is(outcomes[0].err, deliver.ErrUnavailable) {
		t.Errorf("the first message: %v, want ErrUnavailable", outcomes[0].err)
	}
	for i, o := range outcomes {
		if !surelyNot(o.err) || errors.Is(o.err, deliver.ErrRejected) {
			t.Errorf("message %d: %v, want ErrUnavailable or ErrNotTaken", i, o.err)
		}
	}
	checkStored(t, h, p)
	relieve()
	finish(t, h, p, d, outcomes)
}

// testCutBody ends the connection in the middle of a body: that message cannot
// have been stored, and its outcome must not be nil.
func testCutBody(t *testing.T, h Harness) {
	for _, k := range []int{0, 3, 6} {
		p, ms := h.New(t), numbered(7)
		if p.CutBody == nil {
			t.Skip("it has no connection")
		}
		p.CutBody(k)
		d := open(t, p)
		outcomes, err := send(t.Context(), t, d, ms)
		if err == nil {
			t.Errorf("cut in body %d: Deliver returned nil", k)
		}
		if err := outcomes[k].err; err == nil || errors.Is(err, deliver.ErrRejected) {
			t.Errorf("cut in body %d: %v, want ErrNotTaken or an unknown fate", k, err)
		}
		if n := count(t, p.Copies(t), ms[k]); n != 0 {
			t.Errorf("cut in body %d: there are %d copies", k, n)
		}
		checkTruth(t, p, outcomes)
		finish(t, h, p, d, outcomes)
	}
}

// testLoseAnswer ends the connection behind the last octet. What then cannot be
// known is asked for, where that is possible, and each arrives once.
func testLoseAnswer(t *testing.T, h Harness) {
	for _, k := range []int{0, 3, 6} {
		p, ms := h.New(t), numbered(7)
		if p.LoseAnswer == nil {
			t.Skip("it has no connection")
		}
		p.LoseAnswer(k)
		d := open(t, p)
		outcomes, err := send(t.Context(), t, d, ms)
		if err == nil && !h.Apart {
			t.Errorf("answer %d lost: Deliver returned nil", k)
		}
		if err := outcomes[k].err; err == nil || surelyNot(err) {
			t.Errorf("answer %d lost: %v, want an error that leaves its fate open", k, err)
		}
		checkTruth(t, p, outcomes)
		if finder, ok := d.(deliver.Finder); ok {
			checkAsked(t, p, finder, outcomes)
			finish(t, h, p, d, outcomes)
		}
	}
}

// checkAsked compares what the Finder says with what is there.
func checkAsked(t *testing.T, p *Place, f deliver.Finder, outcomes []*outcome) {
	t.Helper()
	there := arrived(t, f, "")
	copies := p.Copies(t)
	for i, o := range outcomes {
		_, said := there[o.m.ID]
		if is := count(t, copies, o.m) > 0; said != is {
			t.Errorf("message %d (%v): Arrived says %v, the place %v", i, o.err, said, is)
		}
	}
}
