package notice

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

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
