package daemon

import "mailrill/internal/config"

// Changes says what a new config has changed, by the names of accounts.
type Changes struct{ Added, Changed, Removed, Same []string }

// Reload has the daemon serve accounts from now on. One that is as it was goes on
// undisturbed; of one that has changed, or is no longer there, the pass that runs
// comes to its end as at a stop, while the others go on. same reports whether two
// of one name are as they were.
func (d *Daemon) Reload(accounts []*config.Account, same func(old, now *config.Account) bool) (c Changes) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx == nil { // Run begins with them
		d.Accounts = accounts
		return c
	}
	if d.ctx.Err() != nil {
		return c
	}
	before := map[string]*loop{}
	for _, l := range d.loops {
		before[l.a.Name] = l
	}
	var loops []*loop
	for _, a := range accounts {
		old := before[a.Name]
		delete(before, a.Name)
		switch {
		case old == nil:
			c.Added = append(c.Added, a.Name)
			loops = append(loops, d.begin(a, d.removed[a.Name]))
			delete(d.removed, a.Name)
		case same(old.a, a):
			c.Same = append(c.Same, a.Name)
			loops = append(loops, old)
			old.wake() // its secret may have changed
		default:
			c.Changed = append(c.Changed, a.Name)
			old.stop()
			loops = append(loops, d.begin(a, old))
		}
	}
	for _, l := range d.loops {
		if before[l.a.Name] != nil {
			c.Removed = append(c.Removed, l.a.Name)
			l.stop()
			d.removed[l.a.Name] = l // it may come back before this one has ended
		}
	}
	d.loops = loops
	return c
}
