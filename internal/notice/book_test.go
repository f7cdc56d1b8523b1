package notice

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

var start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// A desk is a book on a clock of its own, over a ledger that is a map.
type desk struct {
	*testing.T
	*Book
	now   time.Time
	ways  []string
	notes map[string]string
	all   []Account
}

// newDesk serves accounts a0, a1 … that deliver to one place.
func newDesk(t *testing.T, accounts int) *desk {
	d := &desk{T: t, Book: newBook(), now: start, ways: []string{ByMail}, notes: map[string]string{}}
	for i := range accounts {
		d.all = append(d.all, Account{Name: fmt.Sprintf("a%d", i), Destination: "home", Place: "home 1"})
	}
	d.Serve(d.all, d.now)
	return d
}

// after lets time go by, in steps, as a process does that looks at its book.
func (d *desk) after(gone time.Duration) {
	d.look()
	step := time.Minute
	if gone > time.Hour {
		step = maxGap / 2
	}
	for end := d.now.Add(gone); d.now.Before(end); {
		d.now = d.now.Add(min(step, end.Sub(d.now)))
		d.look()
	}
}

func (d *desk) look() {
	d.Helper()
	d.Due(d.ways, d.now)
	if err := d.Save(d.commit); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) commit(cs ...ledger.Change) error {
	for _, c := range cs {
		n := c.(ledger.Note)
		if d.notes[n.Name] = n.Text; n.Text == "" {
			delete(d.notes, n.Name)
		}
	}
	return nil
}

// restart begins a new process after a while; off is how long none ran.
func (d *desk) restart(off time.Duration) {
	d.Helper()
	d.look()
	var notes []ledger.Note
	for _, name := range sorted(d.notes) {
		notes = append(notes, ledger.Note{Name: name, Text: d.notes[name]})
	}
	b, err := NewBook(notes)
	if err != nil {
		d.Fatal(err)
	}
	d.Book, d.now = b, d.now.Add(off)
	d.Serve(d.all, d.now)
}

// passes ends a pass of account i, with a class at its source.
func (d *desk) passes(i int, class reply.Class) {
	d.Passed(Event{Account: fmt.Sprintf("a%d", i), Class: class, Reached: class == reply.OK, Words: "no " + string(class)}, d.now)
}

// refused ends a pass of account i with a class at its destination.
func (d *desk) refused(i int, class reply.Class) {
	d.Passed(Event{Account: fmt.Sprintf("a%d", i), Class: class, AtDestination: true, Words: "no " + string(class)}, d.now)
}

// fails has account i fail each quarter of an hour for so long.
func (d *desk) fails(i int, class reply.Class, long time.Duration) {
	for end := d.now.Add(long); ; d.after(15 * time.Minute) {
		d.passes(i, class)
		if !d.now.Before(end) {
			return
		}
	}
}

// told takes the letters that are there, as "kind about class" each, items joined by
// ", ", letters by "; ".
func (d *desk) told() string {
	d.look()
	var out []string
	for _, l := range d.Letters() {
		var items []string
		for _, it := range l.Items {
			about := strings.Join(it.Accounts, "+")
			if it.AtDestination {
				about = fmt.Sprintf("home(%d)", len(it.Accounts))
			}
			if it.Count > 0 {
				about = fmt.Sprint(it.Count)
			}
			items = append(items, strings.TrimSpace(fmt.Sprintf("%s %s %s", it.Kind, about, it.Class)))
		}
		out = append(out, strings.Join(items, ", "))
		for _, w := range l.Ways {
			d.Sent(l.ID, w)
		}
	}
	d.look()
	return strings.Join(out, "; ")
}

func (d *desk) want(what, want string) {
	d.Helper()
	if got := d.told(); got != want {
		d.Errorf("%s: told %q, want %q", what, got, want)
	}
}

func TestNeedsYouAtOnce(t *testing.T) {
	for _, class := range []reply.Class{reply.Credentials, reply.Config, reply.IO} {
		d := newDesk(t, 1)
		d.passes(0, class)
		d.want("at the same instant", "")
		d.after(gather)
		d.want("after the gathering", "needs_you a0 "+string(class))
		d.fails(0, class, 10*day)
		d.want("ten days later", "")
		d.passes(0, reply.OK)
		d.after(time.Minute)
		d.want("at its end", "back a0 "+string(class))
		d.after(3 * day)
		d.want("later", "")
	}
}

// Each class has its delay, and none is told before it.
func TestDelays(t *testing.T) {
	for class, delay := range delays {
		if delay == 0 {
			continue
		}
		kind := map[bool]string{true: "needs_you a0 ", false: "failing a0 "}[delay < day]
		d := newDesk(t, 1)
		d.fails(0, class, delay-15*time.Minute)
		d.want(string(class)+" before", "")
		d.after(15 * time.Minute)
		d.passes(0, class)
		d.after(time.Minute)
		d.want(string(class)+" then", kind+string(class))
		d.fails(0, class, 5*day)
		d.want(string(class)+" later", "")
	}
}

// Every class that a pass can fail with has a delay of its own.
func TestDelaysAreComplete(t *testing.T) {
	for _, class := range []reply.Class{reply.Bug, reply.IO, reply.Temporary, reply.Network, reply.Limit, reply.Full, reply.TLS, reply.Credentials, reply.Config} {
		if _, known := delays[class]; !known {
			t.Errorf("no delay for %s", class)
		}
	}
}

// What mends itself within a day is never told of, however often it comes.
func TestFlappingIsQuiet(t *testing.T) {
	d := newDesk(t, 1)
	for range 20 {
		d.fails(0, reply.Network, 5*time.Hour)
		d.passes(0, reply.OK)
		d.after(15 * time.Minute)
	}
	d.want("after days", "")
}

// One cause is told once a day, and so is its end, however often it comes and goes.
func TestOnceADayForEachCause(t *testing.T) {
	d := newDesk(t, 1)
	var told []string
	for range 3 * 24 {
		d.passes(0, reply.Credentials)
		d.after(30 * time.Minute)
		d.passes(0, reply.OK)
		d.after(30 * time.Minute)
		if s := d.told(); s != "" {
			told = append(told, s)
		}
	}
	if n := strings.Count(strings.Join(told, ";"), "needs_you"); n < 2 || n > 3 {
		t.Errorf("%d told in three days: %q", n, told)
	}
	if n := strings.Count(strings.Join(told, ";"), "back"); n < 1 || n > 3 {
		t.Errorf("%d ends told in three days: %q", n, told)
	}
}

// A further cause of what was told is told, too, if only its owner can mend it.
func TestAnotherCause(t *testing.T) {
	d := newDesk(t, 1)
	d.fails(0, reply.Network, day)
	d.after(time.Minute)
	d.want("after a day", "failing a0 network")
	d.passes(0, reply.Temporary)
	d.after(time.Hour)
	d.want("another that mends itself", "")
	d.passes(0, reply.Credentials)
	d.after(time.Minute)
	d.want("one that does not", "needs_you a0 credentials")
	d.passes(0, reply.OK)
	d.after(time.Minute)
	d.want("the end of both", "back a0 credentials")
}

// Forty accounts on a dead destination are one notice. Left at the destination it
// waits until that is back.
func TestDeadDestination(t *testing.T) {
	for _, class := range []reply.Class{reply.Network, reply.Credentials, reply.Full} {
		d := newDesk(t, 40)
		for range 30 {
			for i := range 40 {
				d.refused(i, class)
				d.after(time.Minute)
			}
			d.after(20 * time.Minute)
		}
		d.want(string(class)+" while it is down", "")
		for i := range 40 {
			d.passes(i, reply.OK)
			d.after(time.Minute)
		}
		d.want(string(class)+" when it is back", "away home(40) "+string(class))
		d.after(2 * day)
		d.want(string(class)+" later", "")
	}
}

// By another way it is told while it lasts, and of its end in every way.
func TestDeadDestinationByAnotherWay(t *testing.T) {
	d := newDesk(t, 40)
	d.ways = []string{ByMail, ByNtfy}
	for i := range 40 {
		d.refused(i, reply.Credentials)
		d.after(time.Second)
	}
	d.after(time.Minute)
	if ls := d.Letters(); len(ls) != 1 || !slices.Equal(ls[0].Ways, []string{ByNtfy}) {
		t.Errorf("letters %+v", ls)
	}
	d.want("while it is down", "needs_you home(40) credentials")
	d.passes(7, reply.OK)
	d.after(time.Minute)
	if ls := d.Letters(); len(ls) != 1 || len(ls[0].Ways) != 2 {
		t.Errorf("letters %+v", ls)
	}
	d.want("when it is back", "back home(40) credentials")
}

// A destination that is away for less than is told is no news.
func TestDestinationShortlyAway(t *testing.T) {
	d := newDesk(t, 2)
	for range 20 {
		d.refused(0, reply.Network)
		d.after(time.Hour)
	}
	d.passes(0, reply.OK)
	d.after(time.Hour)
	d.want("back", "")
}

// What works again needs nothing done. What was said stays: it tells what it was.
func TestRecoveryNamesNoRemedy(t *testing.T) {
	for _, atDestination := range []bool{false, true} {
		d := newDesk(t, 1)
		d.Passed(Event{
			Account: "a0", AtDestination: atDestination, Class: reply.Credentials, Words: "no",
			Hint: lang.Text{EN: "make a new app password", ZH: "请生成新的应用专用密码"}, URL: "https://example.com/apppasswords",
		}, d.now)
		d.after(time.Hour)
		if !atDestination {
			d.want("when it fails", "needs_you a0 credentials")
		}
		d.passes(0, reply.OK)
		d.after(time.Minute)
		ls := d.Letters()
		if len(ls) != 1 {
			t.Fatalf("letters %+v", ls)
		}
		if it := ls[0].Items[0]; it.Hint != (lang.Text{}) || it.URL != "" || it.Words != "no" || it.Kind != Back && it.Kind != Away {
			t.Errorf("told %+v", it)
		}
	}
}

// What else there is to tell waits for the destination, too, and what mended itself
// meanwhile is no news.
func TestNewsWaitForTheDestination(t *testing.T) {
	d := newDesk(t, 3)
	d.refused(0, reply.Network)
	d.passes(1, reply.Credentials)
	d.passes(2, reply.Config)
	d.after(time.Hour)
	d.want("while it is down", "")
	d.Passed(Event{Account: "a2"}, d.now) // it had nothing to deliver
	d.passes(0, reply.OK)
	d.after(time.Minute)
	d.want("when it is back", "needs_you a1 credentials")
}

// A pass that had nothing to deliver says nothing of the destination.
func TestNothingDelivered(t *testing.T) {
	d := newDesk(t, 2)
	d.refused(0, reply.Credentials)
	d.Passed(Event{Account: "a1"}, d.now)
	d.after(time.Hour)
	d.want("nothing delivered", "")
	d.Passed(Event{Account: "a1", Reached: true}, d.now)
	d.after(time.Minute)
	d.want("something delivered", "away home(2) credentials")
}

// A pass that did not try all of the mail says nothing of the rest.
func TestPartOfTheMail(t *testing.T) {
	d := newDesk(t, 2)
	d.ways = []string{ByNtfy}
	for range 27 {
		d.refused(0, reply.Network)
		d.after(30 * time.Minute)
		d.Passed(Event{Account: "a0", Short: true}, d.now)
		d.after(30 * time.Minute)
	}
	d.want("a limit", "failing home(2) network")
	d.Passed(Event{Account: "a0", Short: true, Reached: true}, d.now)
	d.after(time.Minute)
	d.want("the destination takes mail", "back home(2) network")
	d.after(day)
	d.passes(0, reply.Config)
	d.refused(1, reply.Config)
	d.after(time.Minute)
	d.want("folders", "needs_you a0 config, needs_you home(2) config")
	for i := range 2 {
		d.Passed(Event{Account: fmt.Sprintf("a%d", i), OneFolder: true, Reached: true}, d.now)
	}
	d.after(time.Hour)
	d.want("another folder", "")
	d.passes(0, reply.OK)
	d.passes(1, reply.OK)
	d.after(time.Hour)
	d.want("all folders", "back a0 config, back home(2) config")
}

// A folder of the destination that one account needs is not the destination.
func TestOneFolder(t *testing.T) {
	d := newDesk(t, 3)
	d.refused(0, reply.Config)
	d.after(time.Minute)
	d.want("one folder", "needs_you home(3) config")
	d.passes(1, reply.OK)
	d.after(time.Hour)
	d.want("another account's success", "")
	d.refused(2, reply.Config)
	d.passes(0, reply.OK)
	d.after(time.Hour)
	d.want("one of two", "")
	d.passes(2, reply.OK)
	d.after(time.Hour)
	d.want("both", "back home(3) config")
}

// That the destination fails shows that the source does not.
func TestSourceWorksWhereTheDestinationFails(t *testing.T) {
	d := newDesk(t, 1)
	d.ways = []string{ByNtfy}
	d.passes(0, reply.Credentials)
	d.after(time.Minute)
	d.want("source", "needs_you a0 credentials")
	d.refused(0, reply.Credentials)
	d.after(2 * time.Minute)
	d.want("destination", "needs_you home(1) credentials, back a0 credentials")
}

// What comes together is told together, and what follows at once waits a little.
func TestGathering(t *testing.T) {
	d := newDesk(t, 5)
	for i := range 3 {
		d.passes(i, reply.Credentials)
		d.after(time.Second)
	}
	d.after(3 * time.Second)
	d.want("the first", "needs_you a0 credentials, needs_you a1 credentials, needs_you a2 credentials")
	d.passes(3, reply.Config)
	d.after(30 * time.Second)
	d.passes(4, reply.Config)
	d.after(20 * time.Second)
	d.want("the next, too early", "")
	d.after(pause)
	d.want("the next", "needs_you a3 config, needs_you a4 config")
}

// Accounts of two places are told of apart.
func TestTwoPlaces(t *testing.T) {
	d := newDesk(t, 2)
	d.all[1].Place = "home 2"
	d.Serve(d.all, d.now)
	d.passes(0, reply.Credentials)
	d.passes(1, reply.Credentials)
	d.after(time.Minute)
	d.want("two places", "needs_you a0 credentials; needs_you a1 credentials")
}

// Nothing that was told is told again after a restart, and nothing is lost, in
// whichever state the book was.
func TestRestarts(t *testing.T) {
	for name, c := range map[string]struct {
		before, after func(*desk)
		want          string
	}{
		"nothing":         {func(d *desk) {}, func(d *desk) {}, ""},
		"gathering":       {func(d *desk) { d.passes(0, reply.Config); d.after(time.Second) }, func(d *desk) {}, "needs_you a0 config"},
		"told, not sent":  {func(d *desk) { d.passes(0, reply.Config); d.after(time.Minute) }, func(d *desk) {}, "needs_you a0 config"},
		"told":            {func(d *desk) { d.passes(0, reply.Config); d.after(time.Minute); d.told() }, func(d *desk) { d.fails(0, reply.Config, 2*day) }, ""},
		"told, then over": {func(d *desk) { d.passes(0, reply.Config); d.after(time.Minute); d.told() }, func(d *desk) { d.passes(0, reply.OK) }, "back a0 config"},
		"over, not told":  {func(d *desk) { d.passes(0, reply.Config); d.after(time.Minute); d.told(); d.passes(0, reply.OK) }, func(d *desk) {}, "back a0 config"},
		"over": {func(d *desk) {
			d.passes(0, reply.Config)
			d.after(time.Minute)
			d.told()
			d.passes(0, reply.OK)
			d.after(time.Hour)
			d.told()
		}, func(d *desk) { d.passes(0, reply.OK) }, ""},
		"over, failing": {func(d *desk) {
			d.passes(0, reply.Config)
			d.after(time.Minute)
			d.told()
			d.passes(0, reply.OK)
			d.after(time.Hour)
			d.told()
		}, func(d *desk) { d.fails(0, reply.Config, 20*time.Hour) }, ""},
		"failing":          {func(d *desk) { d.fails(0, reply.Network, 23*time.Hour) }, func(d *desk) { d.fails(0, reply.Network, time.Hour) }, "failing a0 network"},
		"failing, back":    {func(d *desk) { d.fails(0, reply.Network, 23*time.Hour) }, func(d *desk) { d.passes(0, reply.OK); d.after(time.Hour) }, ""},
		"destination down": {func(d *desk) { d.refused(0, reply.Credentials); d.after(time.Hour) }, func(d *desk) { d.passes(0, reply.OK) }, "away home(2) credentials"},
		"destination back": {func(d *desk) { d.refused(0, reply.Credentials); d.after(time.Hour); d.passes(0, reply.OK) }, func(d *desk) {}, "away home(2) credentials"},
		"held":             {func(d *desk) { d.Hold("a0", []time.Time{d.now}); d.after(time.Minute); d.told() }, func(d *desk) { d.Hold("a0", []time.Time{start}); d.after(2 * day) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, 2)
			c.before(d)
			d.restart(time.Minute)
			c.after(d)
			d.after(time.Minute)
			d.want("after the restart", c.want)
			d.restart(time.Minute)
			d.after(time.Minute)
			d.want("after another", "")
		})
	}
}

// The time in which the machine slept, or no process ran, is no time in which
// something failed: it is looked at first.
func TestTimeInWhichNobodyLooked(t *testing.T) {
	for name, gone := range map[string]func(*desk){
		"sleep":   func(d *desk) { d.now = d.now.Add(3 * day) },
		"restart": func(d *desk) { d.restart(3 * day) },
	} {
		d := newDesk(t, 1)
		d.fails(0, reply.Network, time.Hour)
		gone(d)
		d.fails(0, reply.Network, 22*time.Hour)
		d.want(name+", just before", "")
		d.fails(0, reply.Network, 2*time.Hour)
		d.want(name+", then", "failing a0 network")
	}
}

// A clock that was wrong for a while neither repeats nor silences.
func TestClockSetBack(t *testing.T) {
	d := newDesk(t, 2)
	d.now = start.AddDate(5, 0, 0)
	d.passes(0, reply.Config)
	d.fails(1, reply.Network, 20*time.Hour)
	d.want("ahead", "needs_you a0 config")
	d.now = start
	d.passes(0, reply.Config)
	d.after(time.Hour)
	d.want("set back", "")
	d.fails(1, reply.Network, 3*time.Hour)
	d.after(time.Minute)
	d.want("the rest of the day", "failing a1 network")
	d.passes(0, reply.OK)
	d.after(time.Minute)
	d.want("the end", "back a0 config")
	d.after(2 * day)
	d.passes(0, reply.Config)
	d.after(time.Minute)
	d.want("two days later", "needs_you a0 config")
	for _, text := range d.notes {
		if strings.Contains(text, "2031") {
			t.Errorf("it is remembered for the year 2031: %s", text)
		}
	}
}

// So does one that was set right while no process ran.
func TestClockSetBackAtARestart(t *testing.T) {
	d := newDesk(t, 1)
	d.now = start.AddDate(5, 0, 0)
	d.passes(0, reply.Config)
	d.after(time.Minute)
	d.passes(0, reply.OK)
	d.after(time.Hour)
	d.want("ahead", "needs_you a0 config; back a0 config")
	d.restart(start.Sub(d.now))
	d.passes(0, reply.Config)
	d.after(day + time.Minute)
	d.want("set back", "needs_you a0 config")
}

// Accounts that are no longer there are forgotten, renamed ones are new.
func TestReload(t *testing.T) {
	d := newDesk(t, 3)
	for i := range 3 {
		d.passes(i, reply.Credentials)
	}
	d.after(time.Minute)
	d.told()
	d.all = []Account{d.all[0], {"new", "home", "home 1"}, {"a2", "home", "home 2"}}
	d.Serve(d.all, d.now)
	d.Passed(Event{Account: "a1", Class: reply.Config}, d.now) // its pass came late
	d.Passed(Event{Account: "new", Class: reply.Credentials}, d.now)
	d.passes(0, reply.OK)
	d.passes(2, reply.OK)
	d.after(time.Hour)
	d.want("after a reload", "needs_you new credentials, back a0 credentials")
	d.Serve(nil, d.now)
	d.after(time.Hour)
	d.want("without accounts", "")
	for name := range d.notes {
		if !strings.HasPrefix(name, noteTold) {
			t.Errorf("%q is remembered", name)
		}
	}
}

// A destination's trouble that only a removed account met goes with it, and letters
// to a place that nobody delivers to go nowhere.
func TestReloadOfADestination(t *testing.T) {
	d := newDesk(t, 2)
	d.refused(0, reply.Network)
	d.Serve(d.all[1:], d.now)
	d.passes(1, reply.Config)
	d.after(time.Minute)
	if len(d.Letters()) != 1 {
		t.Error("nothing is told: the destination still counts as down")
	}
	d.Serve([]Account{{"a1", "home", "elsewhere"}}, d.now)
	if len(d.Letters()) != 0 {
		t.Error("a letter waits for a place that is no more")
	}
}

// Held messages are counted once a day, those that are new.
func TestHeld(t *testing.T) {
	d := newDesk(t, 2)
	d.Hold("a0", []time.Time{d.now, d.now.Add(time.Second)})
	d.Hold("a1", []time.Time{d.now})
	d.after(time.Minute)
	d.want("the first", "held 3")
	came := []time.Time{start, start.Add(time.Second), d.now.Add(time.Hour), d.now.Add(2 * time.Hour)}
	d.after(2 * time.Hour)
	d.Hold("a0", came)
	d.after(2 * time.Hour)
	d.want("on the same day", "")
	d.after(21 * time.Hour)
	d.want("on the next day", "held 2")
	d.Hold("a0", nil)
	d.after(30 * day)
	d.want("later", "")
	d.Hold("a0", came)
	d.after(time.Hour)
	d.want("what was told a month ago", "")
}

// What a long pass put into the hold is known at its end, when others of the place
// were told of long ago.
func TestHeldByALongPass(t *testing.T) {
	d := newDesk(t, 2)
	d.Hold("a0", []time.Time{start})
	d.after(time.Minute)
	d.want("the short one", "held 1")
	d.Hold("a1", []time.Time{start.Add(-time.Hour)})
	d.after(day + time.Hour)
	d.want("the long one", "held 1")
}

// Messages that lie ahead of the clock are told once, and hide no others.
func TestHeldAhead(t *testing.T) {
	for _, restart := range []bool{false, true} {
		d := newDesk(t, 1)
		future := start.AddDate(5, 0, 0)
		d.now = future
		d.Hold("a0", []time.Time{d.now})
		d.after(time.Minute)
		d.want("ahead", "held 1")
		if restart {
			d.restart(start.Sub(d.now))
		}
		d.now = start
		d.Hold("a0", []time.Time{future})
		d.after(3 * day)
		d.want("set back", "")
		d.Hold("a0", []time.Time{d.now, future})
		d.after(3 * day)
		d.want("another", "held 1")
		d.Hold("a0", []time.Time{future, future.Add(time.Hour)})
		d.after(3 * day)
		d.want("that was not told ahead", "held 1")
	}
}

// The sign-in of an account that is gone needs nobody.
func TestSignInOfARemovedAccount(t *testing.T) {
	d := newDesk(t, 2)
	d.SignIns("a0", map[string]lang.Text{"a0": {EN: "ends on Friday"}, "home": {EN: "is gone"}})
	d.Serve(d.all[1:], d.now)
	d.after(time.Minute)
	d.want("what is left", "sign_in home")
}

// A sign-in that ends is told once a week, unless its account says so already.
func TestSignIns(t *testing.T) {
	d := newDesk(t, 1)
	ends := map[string]lang.Text{"a0": {EN: "ends on Friday"}}
	d.SignIns("a0", ends)
	d.after(time.Minute)
	d.want("at first", "sign_in a0")
	d.after(6 * day)
	d.want("within a week", "")
	d.after(2 * day)
	d.want("after a week", "sign_in a0")
	d.SignIns("a0", nil)
	d.after(8 * day)
	d.want("signed in", "")
	d.SignIns("a0", ends)
	d.passes(0, reply.Credentials)
	d.after(time.Minute)
	d.want("with the refusal", "needs_you a0 credentials")
}

func TestOff(t *testing.T) {
	d := newDesk(t, 1)
	d.ways = nil
	d.passes(0, reply.Config)
	d.after(time.Hour)
	d.want("switched off", "")
	d.ways = []string{ByNtfy}
	d.after(time.Minute)
	d.want("switched on", "needs_you a0 config")
}

// What could not be written is written the next time, and letters do not grow without
// bound.
func TestSaveAgain(t *testing.T) {
	d := newDesk(t, 1)
	d.passes(0, reply.Config)
	d.Due(d.ways, d.now)
	broken := errors.New("disk")
	if err := d.Save(func(...ledger.Change) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	d.look()
	if d.notes[noteTrouble+"account a0"] == "" {
		t.Errorf("notes %q", d.notes)
	}
	n := 0
	_ = d.Save(func(cs ...ledger.Change) error { n = len(cs); return nil })
	if n != 0 {
		t.Errorf("%d notes are written for nothing", n)
	}
	for i := range 3 * maxLetters {
		d.post(Notice{Time: d.now.Add(time.Duration(i)), Place: "home 1"}, d.ways)
	}
	if len(d.Letters()) != maxLetters {
		t.Errorf("%d letters wait", len(d.Letters()))
	}
	d.after(staleAfter + time.Hour)
	if len(d.Letters()) != 0 {
		t.Errorf("%d letters are a week old", len(d.Letters()))
	}
}

// A note that cannot be read costs what it says, and nothing else.
func TestBadNotes(t *testing.T) {
	b, err := NewBook([]ledger.Note{{Name: noteTrouble + "account x", Text: "{"}, {Name: noteTold + "y", Text: "yesterday"}, {Name: "of others", Text: "z"}, {Name: noteLetter + "l", Text: `{"ID":"l"}`}})
	if err == nil || len(b.troubles)+len(b.told) != 0 || len(b.letters) != 1 || len(b.saved) != 3 {
		t.Errorf("%+v, %v", b, err)
	}
}
