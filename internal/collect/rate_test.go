package collect

import (
	"context"
	"errors"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/fetch"
	"mailrill/internal/reply"
)

// wantRate expects a pass that ended at a rate, with so many messages waiting until
// a time.
func wantRate(t *testing.T, r Result, delivered, left int, until time.Time) {
	t.Helper()
	limit, ok := errors.AsType[*LimitError](r.Err)
	if !ok || !limit.ByRate || r.Delivered != delivered || limit.Left != left || !limit.Until.Equal(until) {
		t.Fatalf("%+v\nwant %d delivered, %d left until %v", r, delivered, left, until)
	}
}

// A login moves so many messages in a while, and the rest waits for the time that
// the error names; but for the minute's a restart changes nothing.
func TestRateLimit(t *testing.T) {
	for _, c := range []struct {
		per, wait time.Duration
		kept      bool
	}{{time.Minute, time.Minute + time.Second, false}, {time.Hour, time.Hour + time.Minute, true}, {24 * time.Hour, 25 * time.Hour, true}} {
		for _, up := range []bool{false, true} {
			b := newBench(t, newMailbox(equalMsgs(10)...))
			end := &b.a.Down
			if up {
				end = &b.a.Up
			}
			*end = Daily{Login: "me", Rate: Rate{4, c.per}}
			wantRate(t, b.pass(), 4, 6, start.Add(c.wait))
			if b.src.served != 4 {
				t.Errorf("%v: %d bodies were read, want 4", c.per, b.src.served)
			}
			if c.kept {
				b.restart()
				b.now = start.Add(c.per - time.Minute)
				if r := b.pass(); r.Delivered != 0 || r.Err == nil {
					t.Fatalf("%v: a restart brought %+v", c.per, r)
				}
			}
			for _, want := range []int{4, 2} {
				b.now = b.now.Add(2 * c.wait)
				if r := b.pass(); r.Delivered != want {
					t.Fatalf("%v: later: %+v, want %d", c.per, r, want)
				}
			}
			b.wantArrived(equalMsgs(10)...)
		}
	}
}

// Both limits of a login hold, and the error names the one that is met.
func TestRateLimitBesideTheDaysLimit(t *testing.T) {
	for limit, byRate := range map[int64]bool{250: false, 1000: true} {
		b := newBench(t, newMailbox(equalMsgs(6)...))
		b.a.Down = Daily{Login: "me", Limit: limit, Rate: Rate{4, time.Hour}}
		r := b.pass()
		e, ok := errors.AsType[*LimitError](r.Err)
		if !ok || e.ByRate != byRate || r.Delivered != map[bool]int{false: 2, true: 4}[byRate] {
			t.Errorf("limit of %d: %+v", limit, r)
		}
	}
}

// What another account of the login moves counts, and what a session reserved and
// did not need is given back.
func TestRateLimitIsTheLogins(t *testing.T) {
	b := newBench(t, newMailbox(equalMsgs(6)...))
	b.a.Down = Daily{Login: "me", Rate: Rate{8, time.Hour}}
	b.dst.fate = func(*deliver.Message) (bool, error) { return false, deliver.ErrUnavailable }
	if r := b.pass(); r.Err == nil {
		t.Fatal("the destination took mail")
	}
	read := b.src.served
	b.dst.fate = nil
	other := *b.a
	other.Name, other.Source = "other", newMailbox(equalMsgs(9)...)
	if r := sum(b.c.Pass(t.Context(), &other, Options{})); r.Delivered != 8-read {
		t.Errorf("%d bodies were read before, %d delivered now: %+v", read, r.Delivered, r)
	}
}

// However a second frees itself, a login that may move a few messages a minute is
// not asked for each of them.
func TestRateLimitRests(t *testing.T) {
	m := &meter{Daily{Login: "me", Rate: Rate{2, time.Minute}}, newTraffic()}
	c := m.claim()
	c.spend(start.Add(-50*time.Second), 0, 1)
	c.spend(start, 0, 1)
	if e := c.short(start, 1); !e.ByRate || !e.Until.Equal(start.Add(time.Minute)) {
		t.Errorf("%+v", e)
	}
	if e := c.short(start, 1); e.Error() != "rate_limit of 2/m for me is used up: 0 messages (0 B) wait until "+e.Until.Local().Format(time.DateTime) {
		t.Error(e)
	}
}

func TestTally(t *testing.T) {
	y := newTally(time.Hour, time.Minute)
	for m, n := range map[int]int64{-62: 1, -61: 2, -60: 4, -30: 8, 0: 16, 5: 32} {
		y.add(start.Add(time.Duration(m)*time.Minute), n)
	}
	if got := y.used(start); got != 4+8+16 {
		t.Errorf("used %d", got)
	}
	if got := y.frees(start); !got.Equal(start.Add(time.Minute)) {
		t.Errorf("frees %v", got)
	}
	for m := range 1000 {
		y.add(start.Add(time.Duration(m)*time.Minute), 1)
	}
	if len(y.n) > 2*61 {
		t.Errorf("%d slots are kept", len(y.n))
	}
}

func TestLeft(t *testing.T) {
	b := newBench(t, newMailbox(equalMsgs(3)...))
	b.a.Down = Daily{Login: "me", Limit: 1000, Rate: Rate{5, time.Hour}}
	all := func(d Daily) [2]Left {
		t.Helper()
		own, err := b.c.Left(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		read, err := LeftOf(t.Context(), b.c.Ledger, d, b.now)
		if err != nil {
			t.Fatal(err)
		}
		return [2]Left{own, read}
	}
	full := Left{Octets: 1000, Messages: 5}
	if got := all(b.a.Down); got != [2]Left{full, full} {
		t.Errorf("at first: %+v", got)
	}
	b.pass()
	some := Left{700, 2, start.Add(time.Hour + time.Minute)}
	if got := all(b.a.Down); !got[0].Back.Equal(some.Back) || !got[1].Back.Equal(some.Back) || got[0].Octets != 700 || got[1].Messages != 2 {
		t.Errorf("then: %+v, want %+v", got, some)
	}
	b.now = b.now.Add(2 * time.Hour)
	if got := all(b.a.Down); got[0].Octets != 700 || got[0].Messages != 5 || !got[0].Back.Equal(start.Add(25*time.Hour)) || got[1].Messages != 5 {
		t.Errorf("two hours later: %+v", got)
	}
	if got := all(Daily{Login: "me"}); got != [2]Left{{-1, -1, time.Time{}}, {-1, -1, time.Time{}}} {
		t.Errorf("without a limit: %+v", got)
	}
}

// A message that was moved counts once: its reservation ends there.
func TestRateCountsOnce(t *testing.T) {
	m := &meter{Daily{Login: "me", Rate: Rate{2, time.Hour}}, newTraffic()}
	first, second := m.claim(), m.claim()
	if !first.add(start, 1) {
		t.Fatal("there is no room at first")
	}
	first.spend(start, 1, 1)
	if !second.add(start, 1) || second.add(start, 1) {
		t.Error("of two messages one was moved, and not just one more may go")
	}
}

// A limit that is used up does not hide that another folder is refused.
func TestRateLimitBesideARefusedFolder(t *testing.T) {
	b := newBench(t, newMailbox(equalMsgs(3)...))
	b.src.folders["Work"] = nil
	b.a.Source = lacking{b.a.Source, "Work"}
	b.a.Down = Daily{Login: "me", Rate: Rate{1, time.Hour}}
	rep := b.c.Pass(t.Context(), b.a, Options{})
	if reply.ClassOf(rep.Err()) != reply.Config || rep.Results[0].Delivered != 1 {
		t.Errorf("%v: %+v", rep.Err(), rep.Results[0])
	}
}

// The error of a pass is that of the folder that failed, whatever the others left.
func TestReportErr(t *testing.T) {
	held, limit, gone := reply.WithClass(reply.Refused, errors.New("held")), &LimitError{}, errors.New("gone")
	for i, c := range []struct {
		errs []error
		want error
	}{{[]error{nil, nil}, nil}, {[]error{nil, held, limit}, held}, {[]error{held, limit, gone}, gone}, {[]error{gone, held}, gone}} {
		r := &Report{}
		for _, err := range c.errs {
			r.Results = append(r.Results, &Result{Err: err})
		}
		if got := r.Err(); got != c.want {
			t.Errorf("%d: %v, want %v", i, got, c.want)
		}
	}
}

// A lacking source refuses a folder.
type lacking struct {
	fetch.Source
	folder string
}

func (l lacking) Connect(ctx context.Context) (fetch.Session, error) {
	s, err := l.Source.Connect(ctx)
	return lackingSession{s, l.folder}, err
}

type lackingSession struct {
	fetch.Session
	folder string
}

func (s lackingSession) Open(ctx context.Context, folder string) (fetch.Listing, error) {
	if folder == s.folder {
		return fetch.Listing{}, &reply.Error{Protocol: "imap", Command: "SELECT", Code: "NONEXISTENT", Text: "no such mailbox"}
	}
	return s.Session.Open(ctx, folder)
}
