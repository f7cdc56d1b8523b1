package notice

import (
	"testing"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

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
