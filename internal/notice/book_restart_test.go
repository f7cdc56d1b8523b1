package notice

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

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
