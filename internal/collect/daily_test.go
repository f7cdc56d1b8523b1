package collect

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/internal/reply"
)

// equalMsgs returns n different messages of 100 octets each.
func equalMsgs(n int) (out []string) {
	for i := range n {
		head := fmt.Sprintf("Message-ID: <%03d@x>\r\n\r\n", i)
		out = append(out, head+strings.Repeat("x", 98-len(head))+"\r\n")
	}
	return out
}

// wantLimit expects a pass that ended at a day's limit, with so many messages
// waiting until a time.
func wantLimit(t *testing.T, r Result, delivered, left int, until time.Time) {
	t.Helper()
	limit, ok := errors.AsType[*LimitError](r.Err)
	if !ok || reply.ClassOf(r.Err) != reply.Limit || r.Delivered != delivered || limit.Left != left || limit.Octets != int64(left)*100 || !limit.Until.Equal(until) {
		t.Fatalf("%+v\nwant %d delivered, %d left until %v", r, delivered, left, until)
	}
}

// A login moves what it may move in 24 hours, over restarts too, and goes on when
// the oldest hour is over.
func TestDailyLimitOfTheSource(t *testing.T) {
	for window, left := range map[int]int{0: 6, 3: 3} { // a window hides what is behind it
		b := newBench(t, newMailbox(equalMsgs(10)...))
		b.src.stable, b.src.window = window == 0, window
		b.a.Down = Daily{Login: "down me", Limit: 450}
		wantLimit(t, b.pass(), 4, left, start.Add(25*time.Hour))
		if b.src.served != 4 {
			t.Errorf("%d bodies were read, want 4", b.src.served)
		}
		b.restart()
		b.now = start.Add(24 * time.Hour)
		if r := b.pass(); r.Delivered != 0 || reply.ClassOf(r.Err) != reply.Limit {
			t.Fatalf("a restart began a new day: %+v", r)
		}
		b.now = start.Add(25 * time.Hour)
		if r := b.pass(); r.Delivered != 4 {
			t.Fatalf("the next day: %+v", r)
		}
		b.now = b.now.Add(25 * time.Hour)
		if r := b.pass(); r.Delivered != 2 || r.Err != nil {
			t.Fatalf("the last day: %+v", r)
		}
		b.wantArrived(equalMsgs(10)...)
	}
}

// What is written to a destination counts with its trace line, and nothing is
// retrieved that could not be delivered.
func TestDailyLimitOfTheDestination(t *testing.T) {
	b := newBench(t, newMailbox(equalMsgs(10)...))
	b.a.Up = Daily{Login: "up me", Limit: 500}
	r := b.pass()
	wantLimit(t, r, 3, 7, start.Add(25*time.Hour))
	if !FromDestination(r.Err) {
		t.Error("it is not the destination's error")
	}
	if b.src.served != 3 {
		t.Errorf("%d bodies were read", b.src.served)
	}
	moved, err := b.c.Ledger.Traffic(t.Context(), "up me")
	if err != nil || len(moved) != 1 || moved[0].Octets != 3*(100+48) {
		t.Errorf("the trace lines do not count: %v, %v", moved, err)
	}
}

// A message beyond the limit goes alone, on a day of its own.
func TestDailyLimitBelowOneMessage(t *testing.T) {
	b := newBench(t, newMailbox(equalMsgs(3)...))
	b.a.Down = Daily{Login: "down me", Limit: 50}
	for i := range 3 {
		if r := b.pass(); r.Delivered != 1 {
			t.Fatalf("day %d: %+v", i, r)
		}
		b.now = b.now.Add(25 * time.Hour)
	}
	b.wantArrived(equalMsgs(3)...)
}

// A message beyond the limit goes in the end, also where another account of the
// login always moves a little.
func TestDailyLimitStarvesNobody(t *testing.T) {
	b := newBench(t, newMailbox(equalMsgs(1)...))
	b.a.Down = Daily{Login: "down me", Limit: 50}
	busy := newMailbox()
	other := *b.a
	other.Name, other.Source = "other", busy
	delivered := 0
	for i := range 9 {
		busy.add("INBOX", fmt.Sprintf("a: %d\r\n\r\n", i))
		b.c.Pass(t.Context(), &other, Options{})
		delivered += b.pass().Delivered
		b.now = b.now.Add(20 * time.Hour)
	}
	if delivered != 1 {
		t.Errorf("%d delivered in a week", delivered)
	}
}

// Where only what others have reserved leaves no room, nobody waits a day: most of
// it may be given back.
func TestMeterFullOfReserved(t *testing.T) {
	m := &meter{Daily{Login: "me", Limit: 10}, newTraffic()}
	first, second := m.claim(), m.claim()
	if !first.add(start, 10) || second.add(start, 1) {
		t.Fatal("the limit is not kept")
	}
	if until := second.short(start, 1).Until; until.Sub(start) != reservedPause {
		t.Errorf("it waits until %v for what was not moved", until)
	}
	first.spend(start, 10, 10)
	if until := second.short(start, 1).Until; !until.Equal(start.Add(25 * time.Hour)) {
		t.Errorf("it waits until %v for what was moved", until)
	}
}

// Accounts that log in as one user share its day.
func TestDailyLimitIsTheLogins(t *testing.T) {
	b := newBench(t, newMailbox(equalMsgs(6)...))
	b.a.Down = Daily{Login: "down me", Limit: 600}
	b.dst.fate = func(*deliver.Message) (bool, error) { return false, deliver.ErrUnavailable }
	if r := b.pass(); r.Err == nil {
		t.Fatal("the destination took mail")
	}
	read := b.src.served
	b.dst.fate = nil
	other := *b.a
	other.Name, other.Source = "other", newMailbox(equalMsgs(6)...)
	rep := b.c.Pass(t.Context(), &other, Options{})
	if r := sum(rep); r.Delivered != 6-read {
		t.Errorf("%d bodies were read before, %d delivered now: %+v", read, r.Delivered, r)
	}
}

// Of one login's traffic each account moves only as much as its own limit allows,
// whichever of them was first.
func TestDailyLimitIsTheAccounts(t *testing.T) {
	for _, limits := range [][2]int64{{1000, 300}, {300, 1000}} {
		b := newBench(t, newMailbox(equalMsgs(6)...))
		other := *b.a
		other.Name, other.Source = "other", newMailbox(equalMsgs(6)...)
		b.a.Down, other.Down = Daily{Login: "down me", Limit: limits[0]}, Daily{Login: "down me", Limit: limits[1]}
		first, second := b.pass(), sum(b.c.Pass(t.Context(), &other, Options{}))
		want := [2]int{min(6, int(limits[0]/100)), 0}
		want[1] = min(6, max(0, int(limits[1]/100)-want[0]))
		if got := [2]int{first.Delivered, second.Delivered}; got != want {
			t.Errorf("limits of %v: %v delivered, want %v", limits, got, want)
		}
	}
}

// A refused message that waits in the hold counts when it is tried again, and
// waits on while there is no room.
func TestDailyLimitOfTheHold(t *testing.T) {
	b := newBench(t, newMailbox(equalMsgs(1)...))
	b.a.Up = Daily{Login: "up me", Limit: 200}
	b.dst.fate = func(*deliver.Message) (bool, error) { return false, fmt.Errorf("%w: no", deliver.ErrRejected) }
	b.pass()
	entries, err := b.c.Hold.List("acct")
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	b.dst.fate = nil
	for i, want := range []int{0, 1} {
		n, err := b.c.RetryHeld(t.Context(), b.a, []string{entries[0].ID})
		if n != want || (err != nil) != (want == 0) {
			t.Errorf("try %d: %d delivered, %v", i, n, err)
		}
		b.now = b.now.Add(25 * time.Hour)
	}
}

// Hours that a wrong clock wrote do not count.
func TestMeterAheadOfTime(t *testing.T) {
	m := &meter{Daily{Login: "me", Limit: 9}, newTraffic()}
	for hours, octets := range map[int]int64{48: 7, 0: 5, -24: 3, -25: 2} {
		m.octets.add(start.Add(time.Duration(hours)*time.Hour), octets)
	}
	if used := m.octets.used(start); used != 8 {
		t.Errorf("%d octets, want 8", used)
	}
	if until := m.claim().short(start, 2).Until; !until.Equal(start.Add(time.Hour)) {
		t.Errorf("until %v", until)
	}
}

// Room that was reserved for what was not moved is given back.
func TestDailyLimitGivesBack(t *testing.T) {
	b := newBench(t, newMailbox(equalMsgs(6)...))
	b.a.Down, b.a.Up = Daily{Login: "down me", Limit: 1000}, Daily{Login: "up me", Limit: 1000}
	b.src.hangUp = func(string) bool { return true }
	if r := b.pass(); r.Err == nil {
		t.Fatal("the line held")
	}
	for login, m := range b.c.traffic {
		if m.reserved != (amount{}) || m.octets.used(b.now) != 0 {
			t.Errorf("%s: %+v stays reserved, %d octets used", login, m.reserved, m.octets.used(b.now))
		}
	}
}

// What a commit could not write is written by the next one.
func TestMeterIsWrittenLater(t *testing.T) {
	m := &meter{Daily{Login: "me", Limit: 9}, newTraffic()}
	m.claim().spend(start, 0, 7)
	first := m.unwritten()
	if len(first) != 1 || len(m.unwritten()) != 0 {
		t.Fatalf("%v, then more", first)
	}
	m.restore(first)
	if again := m.unwritten(); len(again) != 1 || again[0] != first[0] {
		t.Errorf("%v, want %v", again, first)
	}
}
