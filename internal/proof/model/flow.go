package model

// flow adds the moves of a session in which bodies are retrieved: one goroutine
// reads them in order, one delivers, one writes down what became of them.
func (g *game) flow() {
	reading := false
	for m := range g.s.proc.stage {
		switch g.s.proc.stage[m] {
		case wanted, drain:
			if !reading {
				g.retrieve(m)
			}
			reading = true
		case queued:
			g.intent(m)
		case begun:
			g.deliver(m)
		case answered, unknown, refused, putOff, setAside, setForLater:
			g.settleFate(m)
		}
	}
	if g.s.proc.stage == [2]stage{} {
		g.step("all is settled", g.flowed)
	}
}

// flowed goes on behind the flow.
func (g *game) flowed(s *state) {
	switch {
	case s.proc.tripped:
		s.proc.at = takingBack
	case s.proc.broken:
		s.proc.at = closing
	case g.Source == IMAP && s.proc.phase == fresh:
		s.proc.at = flooring
	default:
		s.proc.at = finishing
	}
}

// retrieve adds what comes of asking for message m.
func (g *game) retrieve(m int) {
	if g.s.proc.broken || g.s.proc.tripped {
		g.step(say(m, "is not asked for any more"), func(s *state) { s.proc.stage[m] = resting })
		return
	}
	if g.s.proc.stage[m] == drain {
		g.step(say(m, "is retrieved and thrown away"), func(s *state) {
			s.proc.stage[m], s.proc.fetched[m], s.proc.drained[m], s.proc.worked = resting, true, true, true
		})
	} else {
		g.step(say(m, "is retrieved"), func(s *state) { g.route(s, m) })
		if g.may(FailRetr) {
			g.event(say(m, "is refused by the source"), func(s *state) { g.failedRetr(s, m) })
		}
	}
	if g.may(CutSource) {
		g.event("the line to the source breaks", func(s *state) { s.proc.broken = true })
	}
}

func (g *game) failedRetr(s *state, m int) {
	r := s.row(m)
	*r = row{is: failed, tried: true, ripe: r.is != failed} // the first failure costs nothing
	s.proc.stage[m], s.proc.worked = resting, true
	s.proc.again = s.proc.again || r.ripe
}

// route decides what becomes of a message whose octets are known.
func (g *game) route(s *state, m int) {
	p, id := &s.proc, g.id(m)
	p.fetched[m], p.stage[m] = true, resting
	if twin := 1 - m; g.Twins && p.stage[twin].flies() {
		p.stage[m], p.owed[m] = following, true
		return
	}
	switch is := g.settledAs(s, id); {
	case is != none:
		*s.row(m) = row{is: is}
		p.worked = true
	case g.otherDoubt(s, m):
		if s.row(m).is != intent {
			*s.row(m) = row{is: intent}
		}
		p.owed[m] = true
	case s.hold[id].there:
		*s.row(m) = row{is: held}
		p.worked = true
	default:
		p.stage[m], p.owed[m] = queued, true
	}
}

// otherDoubt reports whether the message may be at the destination already: a
// doubt of it, under any key, that was not asked about in time.
func (g *game) otherDoubt(s *state, m int) (yes bool) {
	g.eachRow(s, g.id(m), func(e, n int, r *row) {
		own := uint8(e) == s.epoch && n == m
		yes = yes || r.is == intent && !own && !g.isAbsent(s, e, n) && !g.lacks(TwinUnasked)
	})
	return yes
}

// intent begins a delivery on disk.
func (g *game) intent(m int) {
	if g.s.proc.tripped {
		g.step(say(m, "is not delivered any more"), func(s *state) { s.proc.stage[m] = resting; g.forget(s, m) })
		return
	}
	g.step(say(m, "INTENT is committed"), func(s *state) {
		s.proc.stage[m] = begun
		s.proc.absent[s.epoch][m] = false
		switch {
		case g.lacks(NoIntent):
		case g.lacks(ConfirmFirst):
			*s.row(m) = row{is: delivered}
		default:
			*s.row(m) = row{is: intent, ripe: g.lacks(NoGrace)}
		}
	})
}

// forget leaves the follower of m without a row: it is wanted again.
func (g *game) forget(s *state, m int) {
	if s.proc.stage[1-m] == following {
		s.proc.stage[1-m] = resting
	}
}

// deliver adds what the destination may do with the octets.
func (g *game) deliver(m int) {
	id := g.id(m)
	if g.isRefused(id) {
		g.step(say(m, "is refused for good"), func(s *state) { s.proc.stage[m] = refused })
	} else {
		g.step(say(m, "is stored, and the answer comes"), func(s *state) { s.copies[id]++; s.proc.stage[m] = answered })
	}
	if g.may(NotTaken) {
		g.event(say(m, "is refused for now"), func(s *state) { s.proc.stage[m] = putOff })
	}
	g.cut(id, func(s *state) { s.proc.stage[m] = unknown })
}

// cut adds the ways in which the answer to a delivery is lost.
func (g *game) cut(id int, then func(*state)) {
	if !g.may(LoseAnswer) || !g.ambiguous(&g.s, id) {
		return
	}
	name := func(what string) string { return what + " (ID " + string(rune('0'+id)) + ")" }
	ambiguous := func(what string, f func(*state)) {
		g.event(name(what), func(s *state) {
			f(s)
			g.count(s, id)
			then(s)
		})
	}
	if !g.isRefused(id) {
		ambiguous("stored, and the answer is lost", func(s *state) { s.copies[id]++ })
		if g.storesLate() && !g.s.late[id] {
			ambiguous("the line is cut, and the server works on", func(s *state) { s.late[id] = true })
		}
	}
	ambiguous("the line is cut before it is stored", func(*state) {})
}

// ambiguous reports whether there may be one more ambiguous answer.
func (g *game) ambiguous(s *state, id int) bool {
	return g.canBeAsked() || s.doubled[id] < g.Ambiguous
}

func (g *game) count(s *state, id int) {
	if !g.canBeAsked() {
		s.doubled[id]++
	}
}

// settleFate writes down what became of message m, and of its twin that follows.
func (g *game) settleFate(m int) {
	switch g.s.proc.stage[m] {
	case answered:
		g.step(say(m, "DELIVERED is committed"), func(s *state) { g.commit(s, m, row{is: delivered}) })
	case unknown:
		g.step(say(m, "its doubt is committed"), func(s *state) { g.commit(s, m, g.doubt(s, m)) })
	case refused:
		g.step(say(m, "is written to the hold"), func(s *state) { g.setAside(s, m, entry{there: true}, setAside) })
	case putOff:
		g.step(say(m, "FAILED is committed"), func(s *state) { g.commit(s, m, row{is: failed, tried: true}) })
		g.event(say(m, "is refused once too often, and written to the hold"), func(s *state) {
			g.setAside(s, m, entry{there: true, retry: true}, setForLater)
		})
	case setAside, setForLater:
		g.step(say(m, "HELD is committed"), func(s *state) { g.commitHeld(s, m) })
		if g.may(Breaker) {
			g.event("the breaker trips", func(s *state) {
				g.commitHeld(s, m)
				s.proc.tripped = true
			})
		}
	}
}

// doubt is the row of a message whose fate is unknown.
func (g *game) doubt(s *state, m int) row {
	if g.lacks(NoIntent | ConfirmFirst) {
		return *s.row(m)
	}
	return row{is: intent, ripe: !g.keepsGrace() && g.canBeAsked()}
}

func (g *game) setAside(s *state, m int, e entry, next stage) {
	s.proc.stage[m] = next
	if g.lacks(HoldUnwritten) {
		g.commit(s, m, row{is: held})
		s.proc.stage[m] = next
		return
	}
	s.hold[g.id(m)] = e
}

func (g *game) commitHeld(s *state, m int) {
	if g.lacks(HoldUnwritten) {
		s.hold[g.id(m)] = entry{there: true}
	}
	s.proc.mine[g.id(m)] = true
	g.commit(s, m, row{is: held})
}

// commit writes the row of m, and of the twin that follows it.
func (g *game) commit(s *state, m int, r row) {
	g.write(s, m, r)
	if s.proc.stage[1-m] == following {
		g.write(s, 1-m, r)
	}
}

func (g *game) write(s *state, m int, r row) {
	*s.row(m) = r
	s.proc.stage[m] = resting
	if r.terminal() {
		s.proc.owed[m] = false
	}
	s.proc.worked = s.proc.worked || r.is != intent
}
