package daemon

import (
	"fmt"
	"time"
)

const (
	// dozeLimit is how long a loop that waits may not have looked at the clock.
	dozeLimit = 10 * tick
	// workLimit is how long nothing at all may have moved while passes run, where no
	// timeout is longer. Every connection fails sooner that makes no progress; a
	// destination's index that is read, or a program that mail is given to, may take
	// its time.
	workLimit = 30 * time.Minute
)

// Alive returns nil for as long as the daemon makes progress: every loop that waits
// looks at the clock, and of the passes that run one at least moves something. A
// pass that waits for another's connection is none that hangs.
func (d *Daemon) Alive() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.uptime()
	busy, latest, limit := "", time.Duration(0), workLimit
	for _, l := range d.loops {
		beat := time.Duration(l.beat.Load())
		if l.shown().State == Collecting {
			busy, latest = l.a.Name, max(latest, beat)
			limit = max(limit, l.a.Timeout+dozeLimit, l.a.Destination.Timeout+dozeLimit)
			continue
		}
		if now-beat > dozeLimit {
			return fmt.Errorf("the loop of account %s has stood still for %v", l.a.Name, now-beat)
		}
	}
	if busy != "" && now-latest > limit {
		return fmt.Errorf("nothing has moved for %v in any pass, as in that of account %s", now-latest, busy)
	}
	return nil
}

// uptime is how long the daemon has run. It does not count while the machine sleeps.
func (d *Daemon) uptime() time.Duration { return d.Now().Sub(d.born) }

// moved notes that something moves in the loop, or on a connection of its pass.
func (l *loop) moved() { l.beat.Store(int64(l.d.uptime())) }
