package collect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/fetch"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

func TestPassTwiceDeliversOnce(t *testing.T) {
	for _, stable := range []bool{true, false} {
		b := newBench(t, newMailbox(msgs(40)...))
		b.src.stable = stable
		if r := b.pass(); r.Delivered != 40 || r.New != 40 || r.Err != nil {
			t.Fatalf("first pass: %+v", r)
		}
		b.wantArrived(msgs(40)...)
		prepared := b.dst.prepared
		b.restart()
		if r := b.pass(); r.Delivered != 0 || r.New != 0 || r.Err != nil {
			t.Fatalf("second pass: %+v", r)
		}
		if b.dst.prepared != prepared {
			t.Error("the destination was connected although nothing was new")
		}
		if b.src.served != 40 {
			t.Errorf("%d bodies retrieved, want 40", b.src.served)
		}
	}
}

func TestCopyIsTraceLineAndBody(t *testing.T) {
	b := newBench(t, newMailbox("no header at all", "\r\nempty header", ""))
	b.src.folders["INBOX"][0].flags = []string{`\Flagged`}
	b.pass()
	for i, c := range b.dst.copies {
		line, body, _ := strings.Cut(c.body, "\r\n")
		if line != "X-Mailrill-ID: "+c.id+" acct" || !deliver.IsID(c.id) || body != b.src.folders["INBOX"][i].body {
			t.Errorf("copy %q", c.body)
		}
	}
	if c := b.dst.copies[0]; len(c.flags) != 1 || !c.date.Equal(day(1)) {
		t.Errorf("flags %q date %v", c.flags, c.date)
	}
}

func TestDestinationDownRetrievesNothing(t *testing.T) {
	b := newBench(t, newMailbox(msgs(3)...))
	b.dst.down = fmt.Errorf("%w: %w", deliver.ErrUnavailable, &reply.Error{Protocol: "imap", Command: "LOGIN", Text: "login denied"})
	if r := b.pass(); reply.ClassOf(r.Err) != reply.Credentials || b.src.served != 0 {
		t.Fatalf("%+v, %d bodies served", r, b.src.served)
	}
	b.dst.down = nil
	b.pass()
	b.wantArrived(msgs(3)...)
}

func TestLostAnswersAreAskedAbout(t *testing.T) {
	for _, tc := range []struct {
		name  string
		store bool
		late  int
	}{{"stored", true, 0}, {"not stored", false, 0}, {"stored, seen late", true, 3}} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t, newMailbox(msgs(3)...))
			b.dst.fate = func(*deliver.Message) (bool, error) { return tc.store, errors.New("line cut") }
			b.dst.late = tc.late
			sleep := b.c.Sleep
			b.c.Sleep = func(ctx context.Context, d time.Duration) error {
				b.dst.late, b.dst.fate = 0, nil
				return sleep(ctx, d)
			}
			if r := b.pass(); r.Err != nil {
				t.Fatalf("%+v\n%s", r, b.logs.String())
			}
			b.wantArrived(msgs(3)...)
			if n := b.states(); n[ledger.Delivered] != 3 {
				t.Errorf("states %v", n)
			}
		})
	}
}

// A crash between the delivery and its confirmation leaves INTENT. The next
// process finds the copies, and sends what is not there.
func TestCrashAfterIntent(t *testing.T) {
	b := newBench(t, newMailbox(msgs(4)...))
	n := 0
	b.dst.fate = func(*deliver.Message) (bool, error) { n++; return n%2 == 0, errors.New("killed") }
	ctx, cancel := context.WithCancel(context.Background())
	b.dst.onSent = cancel
	b.c.Pass(ctx, b.a, Options{})
	b.dst.fate, b.dst.onSent = nil, nil
	if b.states()[ledger.Intent] == 0 {
		t.Fatal("no doubt to begin with")
	}
	b.now = b.now.Add(time.Minute)
	b.restart()
	if r := b.pass(); r.Err != nil {
		t.Fatalf("%+v\n%s", r, b.logs.String())
	}
	b.wantArrived(msgs(4)...)
}

func TestLostLedgerDoublesNothing(t *testing.T) {
	b := newBench(t, newMailbox(msgs(20)...))
	b.pass()
	b.dir = t.TempDir()
	b.restart()
	if r := b.pass(); r.Delivered != 0 || r.AlreadyThere != 20 {
		t.Fatalf("%+v", r)
	}
	b.wantArrived(msgs(20)...)
}

func TestChangedValidityDoublesNothing(t *testing.T) {
	b := newBench(t, newMailbox(msgs(20)...))
	b.pass()
	b.src.validity++
	if r := b.pass(); r.Delivered != 0 || r.AlreadyThere != 20 {
		t.Fatalf("%+v", r)
	}
	b.src.add("INBOX", "new")
	b.pass()
	b.wantArrived(append(msgs(20), "new")...)
}

func TestRefusedMessageIsHeldAndTheOthersArrive(t *testing.T) {
	b := newBench(t, newMailbox(msgs(10)...))
	refusal := &reply.Error{Protocol: "imap", Command: "APPEND", Text: "invalid header"}
	b.dst.fate = func(m *deliver.Message) (bool, error) {
		if m.Received.Equal(day(3)) {
			return false, fmt.Errorf("%w: %w", deliver.ErrRejected, refusal)
		}
		return true, nil
	}
	r := b.pass()
	if r.Held != 1 || r.Delivered != 9 || reply.ClassOf(r.Err) != reply.Refused {
		t.Fatalf("%+v", r)
	}
	entries, err := b.c.Hold.List("acct")
	if err != nil || len(entries) != 1 || !strings.Contains(entries[0].Reason, "invalid header") {
		t.Fatalf("%v %v", entries, err)
	}
	if r := b.pass(); r.Err != nil || r.New != 0 {
		t.Fatalf("second pass: %+v", r)
	}
	b.dst.fate = nil
	if n, err := b.c.RetryHeld(context.Background(), b.a, []string{entries[0].ID}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	b.wantArrived(msgs(10)...)
	if entries, _ := b.c.Hold.List(""); len(entries) != 0 {
		t.Error("the hold still lists it")
	}
}

func TestBreakerTakesBack(t *testing.T) {
	b := newBench(t, newMailbox(msgs(60)...))
	b.dst.fate = func(m *deliver.Message) (bool, error) {
		return false, fmt.Errorf("%w: policy", deliver.ErrRejected)
	}
	r := b.pass()
	if !errors.Is(r.Err, errBreaker) || r.Held != 0 {
		t.Fatalf("%+v", r)
	}
	if entries, _ := b.c.Hold.List(""); len(entries) != 0 {
		t.Errorf("%d messages in the hold", len(entries))
	}
	b.dst.fate = nil
	b.pass()
	b.wantArrived(msgs(60)...)
}

func TestMessageThatBreaksTheLineCostsOneRow(t *testing.T) {
	for _, window := range []int{0, 7} {
		b := newBench(t, newMailbox(msgs(30)...))
		b.src.stable, b.src.window = false, window
		b.src.cutAt = func(key string) bool { return key == "u:5" }
		r := b.pass()
		if r.Delivered != 29 || reply.ClassOf(r.Err) == reply.OK {
			t.Fatalf("window %d: %+v\n%s", window, r, b.logs.String())
		}
		b.src.cutAt = nil
		b.now = b.now.Add(time.Hour)
		if r := b.pass(); r.Delivered != 1 || r.Err != nil {
			t.Fatalf("window %d, later: %+v", window, r)
		}
		b.wantArrived(msgs(30)...)
	}
}

// The server hangs up without a word when it is asked for one of the messages:
// nobody can tell which until they are asked for one at a time.
func TestMessageThatMakesTheServerHangUp(t *testing.T) {
	for _, bad := range []string{"u:1", "u:7", "u:30"} {
		b := newBench(t, newMailbox(msgs(30)...))
		b.src.stable = false
		b.src.hangUp = func(key string) bool { return key == bad }
		if r := b.pass(); r.Delivered != 29 || r.Err == nil {
			t.Fatalf("%s: %+v\n%s", bad, r, b.logs.String())
		}
		b.src.hangUp = nil
		b.now = b.now.Add(time.Hour)
		b.pass()
		b.wantArrived(msgs(30)...)
	}
}

// A settled message that cannot be read any more keeps no window closed, and is
// not delivered again.
func TestSettledMessageThatBreaksInAWindow(t *testing.T) {
	b := newBench(t, newMailbox(msgs(10)...))
	b.src.stable, b.src.window = false, 4
	b.pass()
	for _, m := range b.src.folders["INBOX"] {
		m.popped = false
	}
	b.src.cutAt = func(key string) bool { return key == "u:2" }
	b.src.hangUp = func(key string) bool { return key == "u:3" }
	b.src.add("INBOX", "new")
	b.pass()
	b.pass()
	b.wantArrived(append(msgs(10), "new")...)
}

func TestWindowsAreDrained(t *testing.T) {
	b := newBench(t, newMailbox(msgs(30)...))
	b.src.stable, b.src.window = false, 7
	if r := b.pass(); r.Delivered != 30 || r.Err != nil {
		t.Fatalf("%+v", r)
	}
	b.wantArrived(msgs(30)...)
	// The owner lets Gmail list everything again: nothing comes twice, and the
	// window moves on over what is known.
	for _, m := range b.src.folders["INBOX"] {
		m.popped = false
	}
	b.src.add("INBOX", "new")
	if r := b.pass(); r.Delivered != 1 || r.Err != nil {
		t.Fatalf("%+v", r)
	}
	b.wantArrived(append(msgs(30), "new")...)
}

func TestDeleteFollowsDelivery(t *testing.T) {
	for _, stable := range []bool{true, false} {
		b := newBench(t, newMailbox(msgs(6)...))
		b.src.stable = stable
		b.a.After = fetch.AfterAction{Do: fetch.Delete}
		b.src.loseQuit = true
		b.pass()
		b.src.loseQuit = false
		b.src.add("INBOX", "not yet collected")
		b.dst.down = deliver.ErrUnavailable
		b.pass()
		if n := len(b.src.folders["INBOX"]); n == 0 {
			t.Fatal("mail was removed that was not delivered")
		}
		b.dst.down = nil
		if r := b.pass(); r.Err != nil {
			t.Fatalf("%+v", r)
		}
		if n := len(b.src.folders["INBOX"]); n != 0 {
			t.Errorf("%d messages left at the source", n)
		}
		b.wantArrived(append(msgs(6), "not yet collected")...)
	}
}

func TestDeleteAfterADelay(t *testing.T) {
	b := newBench(t, newMailbox(msgs(3)...))
	b.a.After, b.a.Delay = fetch.AfterAction{Do: fetch.Delete}, 14*24*time.Hour
	b.pass()
	b.now = b.now.Add(13 * 24 * time.Hour)
	if r := b.pass(); r.SourceDone != 0 {
		t.Fatalf("too early: %+v", r)
	}
	b.now = b.now.Add(25 * time.Hour)
	if r := b.pass(); r.SourceDone != 3 || len(b.src.folders["INBOX"]) != 0 {
		t.Fatalf("%+v", r)
	}
}

func TestMaxDelete(t *testing.T) {
	b := newBench(t, newMailbox(msgs(6)...))
	b.a.After, b.a.MaxDelete = fetch.AfterAction{Do: fetch.Delete}, 5
	if r := b.pass(); reply.ClassOf(r.Err) != reply.Config || !strings.Contains(r.Err.Error(), "6 messages") || len(b.src.folders["INBOX"]) != 6 {
		t.Fatalf("%+v", r)
	}
	if r := sum(b.c.Pass(context.Background(), b.a, Options{Unlimited: true})); r.SourceDone != 6 {
		t.Fatalf("%+v", r)
	}
}

func TestBacklog(t *testing.T) {
	for _, tc := range []struct {
		name string
		b    Backlog
		want []string
	}{
		{"all", Backlog{Kind: BacklogAll}, msgs(10)},
		{"unset", Backlog{}, msgs(10)},
		{"new", Backlog{Kind: BacklogNew}, nil},
		{"last", Backlog{Kind: BacklogLast, Last: 3}, msgs(10)[7:]},
	} {
		b := newBench(t, newMailbox(msgs(10)...))
		b.a.Backlog = tc.b
		r := b.pass()
		if r.SkippedBacklog != 10-len(tc.want) || r.New != 10 {
			t.Errorf("%s: %+v", tc.name, r)
		}
		b.src.add("INBOX", "later")
		b.pass()
		b.wantArrived(append(tc.want, "later")...)
	}
}

func TestBacklogGuard(t *testing.T) {
	b := newBench(t, newMailbox(msgs(guardCount+1)...))
	r := b.pass()
	if reply.ClassOf(r.Err) != reply.Config || !strings.Contains(r.Err.Error(), "1001 messages") || b.src.served != 0 {
		t.Fatalf("%+v", r)
	}
	b.a.Backlog = Backlog{Kind: BacklogAll}
	if r := b.pass(); r.Delivered != guardCount+1 {
		t.Fatalf("%+v", r)
	}
}

func TestIdenticalMessagesAndLabelsArriveOnce(t *testing.T) {
	b := newBench(t, newMailbox("twin", "twin", "single"))
	b.src.add("Label", "twin", "labelled")
	b.src.folders["INBOX"][2].same, b.src.folders["Label"][1].same = 99, 99
	b.src.folders["Label"][1].body = "single"
	r := b.pass()
	b.wantArrived("twin", "single")
	if r.Delivered != 2 || r.AlreadyThere != 3 {
		t.Errorf("%+v", r)
	}
	if b.src.served != 4 {
		t.Errorf("%d bodies retrieved: the label's copy need not be", b.src.served)
	}
}

func TestLoopIsSkippedForgeryIsNot(t *testing.T) {
	b := newBench(t, newMailbox("original"))
	b.pass()
	b.src.add("INBOX", b.dst.copies[0].body, "X-Mailrill-ID: "+strings.Repeat("a", 26)+" acct\r\n\r\nforged\r\n", "Subject: x\r\nX-Mailrill-ID: "+b.dst.copies[0].id+" other\r\n\r\nforeign\r\n",
		"X-Mailrill-ID: "+b.dst.copies[0].id+" acct\r\nMessage-ID: <forger@x>\r\n\r\na known ID\r\n")
	if r := b.pass(); r.Delivered != 3 {
		t.Fatalf("%+v", r)
	}
	if !strings.Contains(b.logs.String(), "loop") {
		t.Error("the loop was not reported")
	}
}

func TestTooLarge(t *testing.T) {
	b := newBench(t, newMailbox("small", strings.Repeat("x", 2000)))
	b.a.MaxSize = 1000
	if r := b.pass(); r.Delivered != 1 || r.SkippedSize != 1 {
		t.Fatalf("%+v", r)
	}
	if r := b.pass(); r.New != 0 {
		t.Fatalf("%+v", r)
	}
	b.a.MaxSize, b.now = 0, b.now.Add(25*time.Hour)
	if r := b.pass(); r.Delivered != 1 {
		t.Fatalf("%+v", r)
	}
}

func TestUnverifiableDestinationKeepsTheSource(t *testing.T) {
	b := newBench(t, newMailbox(msgs(2)...))
	b.dst.hides = true
	b.a.After = fetch.AfterAction{Do: fetch.Delete}
	b.a.Delay = time.Hour
	b.pass()
	b.now = b.now.Add(2 * time.Hour)
	if r := b.pass(); reply.ClassOf(r.Err) != reply.Config || len(b.src.folders["INBOX"]) != 2 {
		t.Fatalf("%+v", r)
	}
}

func TestMessageGoneWhileInDoubtIsMourned(t *testing.T) {
	b := newBench(t, newMailbox(msgs(2)...))
	b.dst.fate = func(*deliver.Message) (bool, error) { return false, errors.New("cut") }
	b.c.Sleep = func(ctx context.Context, d time.Duration) error {
		b.now, b.src.folders["INBOX"] = b.now.Add(d), nil
		return nil
	}
	if r := b.pass(); r.Err == nil || b.states()[ledger.Lost] != 2 {
		t.Fatalf("%+v %v", r, b.states())
	}
}

func TestDestinationThatCannotBeAsked(t *testing.T) {
	b := newBench(t, newMailbox(msgs(2)...))
	b.a.Destination = deaf{b.dst}
	first := true
	b.dst.fate = func(*deliver.Message) (bool, error) {
		if first {
			first = false
			return true, errors.New("no answer")
		}
		return true, nil
	}
	if r := b.pass(); reply.ClassOf(r.Err) != reply.Temporary {
		t.Fatalf("%+v", r)
	}
	b.now = b.now.Add(time.Minute)
	if r := b.pass(); r.Err != nil {
		t.Fatalf("%+v", r)
	}
	if n := len(b.dst.copies); n != 3 {
		t.Errorf("%d copies: one ambiguous answer may cost one more copy, not more", n)
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	b := newBench(t, newMailbox(msgs(5)...))
	r := sum(b.c.Pass(context.Background(), b.a, Options{DryRun: true}))
	if r.New != 5 || r.Delivered != 0 || b.dst.prepared != 0 || b.src.served != 0 {
		t.Fatalf("%+v", r)
	}
	if len(b.states()) != 0 {
		t.Errorf("rows were written: %v", b.states())
	}
}
