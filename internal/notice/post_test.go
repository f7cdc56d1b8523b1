package notice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// An office is a post on a clock of its own, over a real ledger, with ways that are
// played.
type office struct {
	*testing.T
	*Post
	dir  string
	l    *ledger.Ledger
	now  time.Time
	log  bytes.Buffer
	sent []string // way and ID of each letter that was taken
	fail map[string]error
}

func newOffice(t *testing.T, ways ...string) *office {
	o := &office{T: t, dir: t.TempDir(), now: start, fail: map[string]error{}}
	o.begin(ways...)
	return o
}

// begin begins a process.
func (o *office) begin(ways ...string) {
	o.Helper()
	if o.l != nil {
		o.l.Close()
	}
	var err error
	if o.l, err = ledger.Open(o.dir); err != nil {
		o.Fatal(err)
	}
	o.Cleanup(func() { o.l.Close() })
	o.Post, err = Open(o.Context(), Options{
		Ledger: o.l, Log: slog.New(slog.NewTextHandler(&o.log, nil)), Now: func() time.Time { return o.now },
		Sleep: func(context.Context, time.Duration) error { return errors.New("nobody sleeps here") },
	})
	if err != nil {
		o.Fatal(err)
	}
	o.serve(ways...)
}

func (o *office) serve(ways ...string) {
	all := map[string]Way{}
	for _, name := range ways {
		all[name] = func(_ context.Context, l Letter) error {
			if o.fail[name] == nil {
				o.sent = append(o.sent, name+" "+l.ID)
			}
			return o.fail[name]
		}
	}
	o.Serve([]Account{{"a", "home", "home 1"}, {"b", "home", "home 1"}}, all)
}

// turns takes turns for a while, ten seconds apart.
func (o *office) turns(long time.Duration) {
	for end := o.now.Add(long); ; o.now = o.now.Add(10 * time.Second) {
		o.Turn(o.Context())
		if !o.now.Before(end) {
			return
		}
	}
}

func (o *office) refuse(account string) {
	o.Passed(Event{Account: account, Class: reply.Credentials, Words: "no"})
}

func TestPostSendsOnce(t *testing.T) {
	o := newOffice(t, ByNtfy, ByMail)
	o.refuse("a")
	o.turns(10 * time.Minute)
	if len(o.sent) != 2 || !strings.HasPrefix(o.sent[0], ByMail) || !strings.HasPrefix(o.sent[1], ByNtfy) {
		t.Errorf("sent %q", o.sent)
	}
	o.begin(ByNtfy, ByMail)
	o.refuse("a")
	o.turns(10 * time.Minute)
	if len(o.sent) != 2 {
		t.Errorf("sent %q", o.sent)
	}
	if notes, err := o.l.Notes(t.Context()); err != nil || slices.ContainsFunc(notes, func(n ledger.Note) bool { return strings.HasPrefix(n.Name, noteLetter) }) {
		t.Errorf("notes %q, %v", notes, err)
	}
}

// That a notice was sent is on disk before anything else is done.
func TestPostRecordsAtOnce(t *testing.T) {
	o := newOffice(t, ByNtfy)
	o.refuse("a")
	o.Turn(t.Context())
	o.now = o.now.Add(gather)
	o.Turn(t.Context())
	o.begin(ByNtfy)
	o.turns(time.Minute)
	if len(o.sent) != 1 {
		t.Errorf("sent %q", o.sent)
	}
}

// While notices are sent nobody reads the book's clock: however slow the ways are, what
// passes in a turn and the pause behind it counts as time in which something failed.
func TestSlowWaysDoNotStopTheClock(t *testing.T) {
	o := newOffice(t)
	slow := func(context.Context, Letter) error {
		o.now = o.now.Add(mailTime)
		return errors.New("no answer")
	}
	accounts := []Account{{"a", "home", "home 1"}, {"b", "away", "away 1"}, {"c", "far", "far 1"}}
	o.Serve(accounts, map[string]Way{ByMail: slow, ByCommand: slow, ByNtfy: slow})
	for _, a := range accounts {
		o.refuse(a.Name)
	}
	tried := 0
	for end := o.now.Add(2 * time.Hour); o.now.Before(end); o.now = o.now.Add(lookAgain) {
		o.Turn(t.Context())
		if gap := o.now.Add(lookAgain).Sub(o.book.clock); gap > maxGap {
			t.Fatalf("nobody looked for %v", gap)
		}
		tried = max(tried, len(o.rests))
	}
	if tried != 5 {
		t.Errorf("%d ways were tried, of five", tried)
	}
}

// A way that fails rests longer and longer, is logged once, and holds up no other.
func TestPostTriesAgain(t *testing.T) {
	o := newOffice(t, ByNtfy, ByMail)
	o.fail[ByNtfy] = errors.New("dial: no\x1b[31m route")
	tries := 0
	send := o.Post
	o.Tell(func(*Book) {
		inner := send.ways[ByNtfy]
		send.ways[ByNtfy] = func(ctx context.Context, l Letter) error { tries++; return inner(ctx, l) }
	})
	o.refuse("a")
	o.turns(20 * time.Minute)
	if tries != 3 || len(o.sent) != 1 {
		t.Errorf("%d tries, sent %q", tries, o.sent)
	}
	if got := o.log.String(); strings.Count(got, "could not be sent") != 1 || strings.Contains(got, "\x1b") {
		t.Error(got)
	}
	delete(o.fail, ByNtfy)
	o.turns(15 * time.Minute)
	if len(o.sent) != 2 {
		t.Errorf("sent %q", o.sent)
	}
	if o.sent[0][len(ByMail):] != o.sent[1][len(ByNtfy):] {
		t.Errorf("one notice has two IDs: %q", o.sent)
	}
}

// A login that a notice found refused is not tried for hours: the passes do that.
func TestPostSparesLogins(t *testing.T) {
	o := newOffice(t, ByMail)
	o.fail[ByMail] = reply.WithClass(reply.Credentials, errors.New("refused"))
	tries := 0
	post := o.Post
	o.Tell(func(*Book) {
		post.ways[ByMail] = func(context.Context, Letter) error { tries++; return o.fail[ByMail] }
	})
	o.refuse("a")
	o.turns(5 * time.Hour)
	if tries != 1 {
		t.Errorf("%d logins", tries)
	}
}

// While the destination takes nothing no notice knocks there, and a reload tries anew.
func TestPostWaitsForTheDestination(t *testing.T) {
	o := newOffice(t, ByMail)
	o.refuse("a")
	o.fail[ByMail] = errors.New("down")
	o.turns(20 * time.Second)
	o.fail[ByMail] = nil
	o.Passed(Event{Account: "b", Class: reply.Network, AtDestination: true})
	o.turns(time.Hour)
	if len(o.sent) != 0 {
		t.Errorf("sent %q", o.sent)
	}
	o.Passed(Event{Account: "b", Reached: true})
	o.turns(10 * time.Second)
	if len(o.sent) != 1 {
		t.Errorf("sent %q", o.sent)
	}

	o = newOffice(t, ByMail)
	o.refuse("a")
	o.fail[ByMail] = errors.New("down")
	o.turns(3 * time.Hour)
	o.fail[ByMail] = nil
	o.serve(ByMail)
	o.turns(0)
	if len(o.sent) != 1 {
		t.Errorf("after a reload: sent %q", o.sent)
	}
}

// What can never be sent is given up, and so is a way that the owner took away.
func TestPostGivesUp(t *testing.T) {
	o := newOffice(t, ByMail)
	o.fail[ByMail] = fmt.Errorf("%w: too large", errNever)
	o.refuse("a")
	o.turns(time.Hour)
	if len(o.book.Letters()) != 0 || !strings.Contains(o.log.String(), "will not be") {
		t.Errorf("letters %v, log %s", o.book.Letters(), o.log.String())
	}
	o = newOffice(t, ByNtfy)
	o.fail[ByNtfy] = errors.New("down")
	o.refuse("a")
	o.turns(time.Minute)
	o.serve()
	o.turns(0)
	if len(o.book.Letters()) != 0 {
		t.Errorf("letters %v", o.book.Letters())
	}
}

// A kill at any step loses no notice; only between the sending and its record does it
// repeat one.
func TestPostKilled(t *testing.T) {
	for _, killed := range []string{"before sending", "while sending", "after sending"} {
		o := newOffice(t, ByNtfy)
		o.refuse("a")
		o.turns(0)
		ctx, kill := context.WithCancel(t.Context())
		post := o.Post
		o.Tell(func(*Book) {
			send := post.ways[ByNtfy]
			post.ways[ByNtfy] = func(ctx context.Context, l Letter) error {
				defer kill()
				if killed == "while sending" {
					return errors.New("killed")
				}
				err := send(ctx, l)
				o.l.Close() // so that nothing can be recorded
				return err
			}
		})
		if killed == "before sending" {
			kill()
		}
		o.now = o.now.Add(gather)
		o.Turn(ctx)
		o.begin(ByNtfy)
		o.turns(time.Hour)
		want := map[string]int{"before sending": 1, "while sending": 1, "after sending": 2}[killed]
		if len(o.sent) != want || want == 2 && o.sent[0] != o.sent[1] {
			t.Errorf("killed %s: sent %q", killed, o.sent)
		}
	}
}

// A disk that takes nothing may be what the owner is to mend: it is told, once, and
// what is wrong with the ledger is logged once.
func TestPostWithoutALedger(t *testing.T) {
	o := newOffice(t, ByNtfy)
	o.refuse("a")
	o.turns(0)
	o.l.Close()
	o.turns(time.Hour)
	if len(o.sent) != 1 || strings.Count(o.log.String(), "could not be written") != 1 {
		t.Errorf("sent %q\n%s", o.sent, o.log.String())
	}
}

// Run hears, sends, and at its end keeps what it has heard.
func TestPostRuns(t *testing.T) {
	o := newOffice(t, ByNtfy)
	ctx, cancel := context.WithCancel(t.Context())
	slept := 0
	o.Sleep = func(ctx context.Context, d time.Duration) error {
		o.now = o.now.Add(d)
		switch slept++; slept {
		case 1:
			o.refuse("a")
		case 20:
			o.Passed(Event{Account: "b", Class: reply.Config})
			cancel()
		}
		return ctx.Err()
	}
	o.Post.Run(ctx)
	if len(o.sent) != 1 {
		t.Errorf("sent %q", o.sent)
	}
	o.begin(ByNtfy)
	o.turns(time.Hour)
	if len(o.sent) != 2 {
		t.Errorf("the next process sent %q", o.sent)
	}
}

// A stop while a notice is sent is no failure of the way.
func TestStopIsNoFailure(t *testing.T) {
	o := newOffice(t, ByNtfy)
	ctx, cancel := context.WithCancel(t.Context())
	o.Serve([]Account{{"a", "home", "home 1"}}, map[string]Way{ByNtfy: func(ctx context.Context, _ Letter) error {
		cancel()
		return ctx.Err()
	}})
	o.refuse("a")
	o.Turn(ctx)
	o.now = o.now.Add(time.Minute)
	o.Turn(ctx)
	if ctx.Err() == nil || o.log.Len() > 0 || len(o.rests) > 0 || len(o.book.Letters()) != 1 {
		t.Errorf("%d letters, rests %v, log %s", len(o.book.Letters()), o.rests, o.log.String())
	}
}
