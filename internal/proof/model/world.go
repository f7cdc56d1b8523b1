package model

import "fmt"

func say(m int, what string) string { return fmt.Sprintf("message %d %s", m+1, what) }

// late adds what the destination does with octets that came without an end.
func (g *game) late() {
	for id := range g.s.late {
		if g.s.late[id] {
			g.step(fmt.Sprintf("the server stores ID %d after all", id), func(s *state) { s.late[id] = false; s.copies[id]++ })
			g.step(fmt.Sprintf("the server drops ID %d", id), func(s *state) { s.late[id] = false })
		}
	}
}

// back adds that the owner brings a message back.
func (g *game) back() {
	for m := range g.s.src {
		if g.s.src[m] == away {
			g.step(say(m, "is brought back by its owner"), func(s *state) { s.src[m] = present })
		}
	}
}

// restTime passes time where the engine would otherwise rest.
func (g *game) restTime() {
	if g.s.proc.at == idle {
		g.time(false)
	}
}

// time passes: what the destination was still at work on is decided before.
func (g *game) time(event bool) {
	if g.s.late != [2]bool{} {
		return
	}
	g.add("time passes", event, func(s *state) {
		s.led.all(func(e, m int, r *row) {
			r.ripe = r.ripe || r.is == failed || r.is == intent && s.proc.at != down && !g.underWay(e, m)
		})
		for i := range s.hold {
			e := &s.hold[i]
			e.due = e.due || e.retry
			e.ripe = e.ripe || e.doubt && s.proc.at != down && s.proc.at != handing
		}
	})
}

// underWay reports whether octets of a row may be on the line, whose end starts
// the grace.
func (g *game) underWay(e, m int) bool { return uint8(e) == g.s.epoch && g.s.proc.stage[m] >= begun }

// world adds the moves that are not the engine's.
func (g *game) world() {
	if g.s.proc.at != idle {
		g.time(true)
	}
	g.kill()
	g.state()
	g.owner()
	if g.once(Renumber) && g.Source == IMAP && g.s.proc.at <= idle {
		g.event("all UIDs change", func(s *state) { s.epoch++; s.spent |= Renumber })
	}
}

func (g *game) once(e Event) bool { return g.may(e) && g.s.spent&e == 0 }

// kill ends the process, or the pass, with whatever is under way. What the
// destination does with octets on the line is another move, before this one.
func (g *game) kill() {
	if g.s.proc.at == down {
		return
	}
	dead := g.s
	for m, st := range g.s.proc.stage {
		if st == begun || st == answered {
			if !g.ambiguous(&dead, g.id(m)) {
				return
			}
			g.count(&dead, g.id(m))
		}
	}
	if at := g.s.proc.at; at == handing || at == releasing {
		id := int(g.s.proc.entry)
		if !g.ambiguous(&dead, id) {
			return
		}
		g.count(&dead, id)
	}
	if g.may(Crash) {
		g.event("the process is killed", func(s *state) { *s = dead; s.proc = process{} })
	}
	if g.may(Abort) && g.s.proc.at > idle {
		g.event("the pass is cut off", func(s *state) { *s = dead; g.abort(s) })
	}
}

// abort ends a pass; what was under way has no word about its end on the disk.
func (g *game) abort(s *state) {
	for m, st := range s.proc.stage {
		if r := s.row(m); st >= begun && r.is == intent {
			r.ripe = r.ripe || g.lacks(AbortNoGrace)
		}
	}
	g.endPass(s)
}

// state loses the ledger, or brings an old copy of it back.
func (g *game) state() {
	if g.s.proc.at != down || g.s.late != [2]bool{} && !g.may(Hasty) {
		if g.once(OldLedger) && !g.s.kept && g.s.proc.at > idle {
			g.event("the ledger is copied", func(s *state) { s.old, s.kept = s.led, true })
		}
		return
	}
	if g.once(LoseLedger) {
		g.event("the ledger is lost", func(s *state) { s.led = ledger{epoch: s.epoch}; s.spent |= LoseLedger })
	}
	if g.once(OldLedger) && g.s.kept {
		g.event("an old copy of the ledger comes back", func(s *state) {
			s.led, s.old, s.kept = s.old, ledger{}, false
			s.spent |= OldLedger
		})
	}
}

// owner adds what the owner of the mailboxes may do.
func (g *game) owner() {
	for m := range g.s.src {
		if g.once(Away) && g.Source != IMAP && g.s.src[m] == present && !g.s.proc.done[m] {
			g.event(say(m, "is taken away by its owner"), func(s *state) { s.src[m] = away; s.spent |= Away })
		}
	}
	for id := range g.s.copies {
		if g.may(OwnerDrops) && !g.s.dropped[id] && g.s.copies[id] > 0 {
			g.event(fmt.Sprintf("the owner deletes the copy of ID %d", id), func(s *state) {
				s.copies[id]--
				s.dropped[id] = true
				s.led.mark[id] = min(s.led.mark[id], s.copies[id])
				s.old.mark[id] = min(s.old.mark[id], s.copies[id])
			})
		}
		if g.may(OwnerRetry) && g.s.hold[id].there && g.s.proc.at == idle {
			g.event(fmt.Sprintf("the owner has held ID %d tried again", id), func(s *state) {
				s.proc.at, s.proc.entry = trying, uint8(id)
			})
		}
	}
}
