package collect

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/fetch"
	"mailrill/internal/ledger"
)

// The two invariants of a pass, seen from the other side: what the ledger says at
// the instant at which a destination, or a source, is told to do something.

// statesOf returns what the ledger says of a message, by its ID.
func (b *bench) statesOf(id string) (states []ledger.State) {
	b.t.Helper()
	rows, err := b.c.Ledger.ByID(context.Background(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range rows {
		states = append(states, r.State)
	}
	return states
}

// Nothing is delivered that is not begun on disk, and nothing is called delivered
// before.
func TestBegunOnDiskBeforeTheFirstOctet(t *testing.T) {
	b := newBench(t, newMailbox(msgs(3)...))
	asked := 0
	b.dst.fate = func(m *deliver.Message) (bool, error) {
		asked++
		if s := b.statesOf(m.ID); len(s) != 1 || s[0] != ledger.Intent {
			t.Errorf("a message is being delivered, and the ledger says %v", s)
		}
		return true, nil
	}
	b.pass()
	if asked != 3 {
		t.Fatalf("%d messages were delivered", asked)
	}
}

// A watched mailbox looks at each message that is to be removed from it.
type watched struct {
	*mailbox
	look func(body string)
}

type watchedSession struct {
	*boxSession
	look func(body string)
}

func (w watched) Connect(ctx context.Context) (fetch.Session, error) {
	s, err := w.mailbox.Connect(ctx)
	return watchedSession{s.(*boxSession), w.look}, err
}

func (s watchedSession) Finish(ctx context.Context, due []fetch.Due, a fetch.AfterAction) ([]string, error) {
	for _, d := range due {
		if m := s.find(d.Key); m != nil {
			s.look(m.body)
		}
	}
	return s.boxSession.Finish(ctx, due, a)
}

// Nothing is done at the source that is not delivered: what is refused, in doubt
// or failed stays out of what the source is asked to remove.
func TestOnlyWhatWasDeliveredIsRemoved(t *testing.T) {
	for _, stable := range []bool{true, false} {
		b := newBench(t, newMailbox(msgs(8)...))
		b.src.stable = stable
		b.a.After = fetch.AfterAction{Do: fetch.Delete}
		copies := map[string]bool{}
		b.a.Source = watched{b.src, func(body string) {
			if !copies[body] {
				t.Errorf("stable %v: a message is to be removed that has not arrived: %.40q", stable, body)
			}
		}}
		fates := []error{nil, deliver.ErrRejected, deliver.ErrNotTaken, errCut, nil}
		n := 0
		b.dst.fate = func(m *deliver.Message) (bool, error) {
			n++
			err := fates[n%len(fates)]
			if err == nil {
				copies[octets(t, m)] = true
			}
			return err == nil, err
		}
		for range 4 {
			b.pass()
			b.now = b.now.Add(time.Minute)
		}
		if left := len(b.src.folders["INBOX"]); left == 0 || left == 8 {
			t.Errorf("stable %v: %d messages are left", stable, left)
		}
	}
}

// octets returns a message behind its trace line.
func octets(t *testing.T, m *deliver.Message) string {
	t.Helper()
	r, err := m.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(all), "\r\n")
	return body
}

// The line was cut, mailrill ended, and the clock has been put right by an hour
// before it begins again: no time has passed for the server, which stores the
// message a moment later.
func TestClockSetForward(t *testing.T) {
	b := newBench(t, newMailbox("m"))
	ctx, cancel := context.WithCancel(context.Background())
	b.dst.late = 1
	b.dst.fate = func(*deliver.Message) (bool, error) { return true, errCut }
	b.dst.onSent = cancel
	b.c.Pass(ctx, b.a, Options{})
	b.dst.fate, b.dst.onSent = nil, nil
	b.now = b.now.Add(time.Hour)
	b.restart()
	sleep := b.c.Sleep
	b.c.Sleep = func(ctx context.Context, d time.Duration) error {
		if d != grace {
			b.dst.late = 0
		}
		return sleep(ctx, d)
	}
	if r := b.pass(); r.Err != nil {
		t.Fatalf("%+v", r)
	}
	b.wantArrived("m")
}
