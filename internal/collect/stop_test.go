package collect

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"mailrill/fetch"
)

// A stop is no failure, also where a message failed before, or a limit is used up: the
// pass has not come to them.
func TestStopLeavesWhatWaits(t *testing.T) {
	b := newBench(t, newMailbox(msgs(1)...))
	b.src.refuse = func(string) error { return errors.New("not now") }
	if r := b.pass(); r.Err == nil {
		t.Fatal("nothing has failed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if rep := b.c.Pass(ctx, b.a, Options{}); !rep.Stopped || rep.Err() != nil {
		t.Errorf("stopped %v, %v", rep.Stopped, rep.Err())
	}
	if r := b.pass(); r.Err == nil {
		t.Error("the next pass says nothing of it")
	}
}

// A silent source is one that does not answer.
type silent struct {
	*mailbox
	entered func()
}

func (s silent) Connect(ctx context.Context) (fetch.Session, error) {
	s.entered()
	<-ctx.Done()
	return nil, fmt.Errorf("source.example: %w", context.Cause(ctx))
}

// A stop does not wait for a server that does not answer, nor is that a failure.
func TestStopWhileConnecting(t *testing.T) {
	b := newBench(t, newMailbox())
	ctx, cancel := context.WithCancel(t.Context())
	b.a.Source = silent{b.src, cancel}
	if rep := b.c.Pass(ctx, b.a, Options{}); !rep.Stopped || rep.Err() != nil || b.now.Sub(start) != 5*time.Second {
		t.Errorf("stopped %v after %v, %v", rep.Stopped, b.now.Sub(start), rep.Err())
	}
}

// A door is a source that hands out sessions that tell what becomes of them.
type door struct {
	*mailbox
	connected func()
	err       error
	life      context.Context
	closed    bool
}

type doorSession struct {
	fetch.Session
	of *door
}

func (d *door) Connect(ctx context.Context) (fetch.Session, error) {
	s, err := d.mailbox.Connect(ctx)
	d.life = ctx
	d.connected()
	return doorSession{s, d}, errors.Join(err, d.err)
}

func (s doorSession) Close(commit bool) error {
	s.of.closed = true
	return s.Session.Close(commit)
}

// A login that ends as the stop comes: its session is closed, its refusal counts.
func TestStopAsALoginEnds(t *testing.T) {
	for _, refusal := range []error{nil, errors.New("refused")} {
		b := newBench(t, newMailbox(msgs(1)...))
		b.c.Sleep = func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() }
		ctx, cancel := context.WithCancel(t.Context())
		d := &door{mailbox: b.src, connected: cancel, err: refusal}
		b.a.Source = d
		if rep := b.c.Pass(ctx, b.a, Options{}); !errors.Is(rep.Err(), refusal) || d.closed != (refusal == nil) || d.life.Err() == nil {
			t.Errorf("%v; closed %v, its life %v", rep.Err(), d.closed, d.life.Err())
		}
		b.wantArrived()
	}
}

// A session lives on after the stop, for what it has begun.
func TestStopAfterALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMailbox(msgs(1)...))
		ctx, cancel := context.WithCancel(t.Context())
		d := &door{mailbox: b.src, connected: func() {}}
		b.a.Source = d
		b.dst.onSent = func() {
			cancel()
			synctest.Wait()
			if d.life.Err() != nil {
				t.Error("the session was cut")
			}
		}
		if rep := b.c.Pass(ctx, b.a, Options{}); !rep.Stopped || rep.Err() != nil {
			t.Errorf("stopped %v, %v", rep.Stopped, rep.Err())
		}
		b.wantArrived(msgs(1)...)
	})
}
