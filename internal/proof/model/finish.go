package model

// finish adds the moves from the after-actions to the end of a session. What is
// due comes from the ledger.
func (g *game) finish() {
	switch g.s.proc.at {
	case finishing:
		if m := g.due(&g.s); m >= 0 {
			g.step(say(m, "is removed at the source"), func(s *state) { g.remove(s, m) })
			if g.may(CutSource) {
				g.event("the line to the source breaks", func(s *state) { s.proc.broken, s.proc.at = true, closing })
			}
			return
		}
		g.step("the after-actions are done", func(s *state) {
			s.proc.at = closing
			if g.Source == IMAP && s.proc.done != [2]bool{} {
				s.proc.at = recording
			}
		})
	case recording:
		g.step("FINISHED is committed", func(s *state) { g.recordDone(s); s.proc.at = closing })
	case closing:
		g.close()
	case noting:
		g.step("FINISHED is committed", func(s *state) { g.recordDone(s); g.ended(s) })
	}
}

// due returns a message whose after-action is due, -1 if there is none.
func (g *game) due(s *state) int {
	for m := range s.src {
		r := s.row(m)
		ready := r.is == delivered || g.lacks(DeleteFirst) && r.is == intent
		if g.Source != Gmail && ready && !s.proc.done[m] {
			return m
		}
	}
	return -1
}

// remove does the after-action, at once in IMAP, with QUIT in POP3.
func (g *game) remove(s *state, m int) {
	s.proc.done[m] = true
	if g.Source == IMAP && s.src[m] == present {
		s.src[m] = removed
	}
}

func (g *game) recordDone(s *state) {
	for m, done := range s.proc.done {
		if r := s.row(m); done && r.is == delivered {
			r.is = finished
		}
	}
	s.proc.done = [2]bool{}
}

// close ends the session: by QUIT only when every message that was retrieved is
// delivered or held.
func (g *game) close() {
	p := &g.s.proc
	clean := !p.broken && !p.tripped && (p.owed == [2]bool{} || g.lacks(QuitAlways))
	if !clean || g.Source == IMAP {
		g.step("the session is dropped", g.ended)
		if p.broken || p.tripped {
			g.event("the pass is given up", g.endPass)
		}
		return
	}
	g.step("QUIT is answered", func(s *state) { g.quit(s); s.proc.at = noting })
	if g.may(LoseQuit) {
		g.event("QUIT takes effect, its answer is lost", func(s *state) { g.quit(s); g.endPass(s) })
		g.event("QUIT is lost", g.endPass)
	}
}

// quit is what the source does at QUIT.
func (g *game) quit(s *state) {
	for m := range s.src {
		switch {
		case g.Source == POP3 && s.proc.done[m] && s.src[m] == present:
			s.src[m] = removed
		case g.Source == Gmail && s.proc.fetched[m] && s.src[m] == present:
			s.src[m] = hidden
		}
	}
}

// ended goes on behind a session: with the next one of the same phase when the
// window has moved or the line broke, else with the next phase.
func (g *game) ended(s *state) {
	p := &s.proc
	more := p.broken || g.Source == Gmail && p.worked
	switch {
	case p.tripped:
		g.endPass(s)
	case more:
		p.at = listing
	case p.phase == fresh:
		p.at = settling
	case p.phase == doubts:
		p.at = mourning
	default:
		g.endPass(s)
	}
}

func (g *game) endPass(s *state) { s.proc = process{at: idle, asked: s.proc.asked} }

// settle adds the moves that end doubts behind the fresh mail.
func (g *game) settle() {
	switch g.s.proc.at {
	case settling:
		g.step("ask about doubts once more", func(s *state) {
			g.askDoubts(s)
			s.proc.at = choosing
		})
	case choosing:
		g.step("choose the doubts that are surely absent", g.chooseDoubts)
	case mourning:
		g.step("mourn", g.mourn)
	case retrying:
		g.step("try again what failed", func(s *state) {
			if !s.proc.again {
				g.endPass(s)
				return
			}
			s.proc.phase, s.proc.at, s.proc.again = failures, listing, false
		})
	}
}

func (g *game) chooseDoubts(s *state) {
	s.proc.resend, s.proc.at = [2][2]bool{}, retrying
	s.led.all(func(e, m int, r *row) {
		if r.is == intent && g.isAbsent(s, e, m) {
			s.proc.resend[e][m], s.proc.phase, s.proc.at = true, doubts, listing
		}
	})
}

// mourn gives up doubts that are at neither side, nor at the source under another
// key.
func (g *game) mourn(s *state) {
	g.endSettled(s)
	before := s.led
	s.led.all(func(e, m int, r *row) {
		if s.proc.gone[e][m] && r.is == intent && !g.wantedElsewhere(s, &before, e, m) {
			*r = row{is: lost}
		}
	})
	s.proc.at = retrying
}

func (g *game) wantedElsewhere(s *state, l *ledger, e, m int) (yes bool) {
	l.all(func(f, n int, r *row) {
		other := (f != e || n != m) && g.id(n) == g.id(m)
		yes = yes || other && !s.proc.gone[f][n] && (r.is == intent || r.is == failed)
	})
	return yes
}

// takeBack undoes what the breaker has shown to be no fault of the messages.
func (g *game) takeBack() {
	if g.s.proc.at == takingBack {
		g.step("what was held is wanted again", func(s *state) {
			s.led.all(func(_, m int, r *row) {
				if s.proc.mine[g.id(m)] && r.is == held {
					*r = row{is: failed, ripe: true}
				}
			})
			s.proc.at = takingOut
		})
		return
	}
	g.step("the hold is emptied of it", func(s *state) {
		for id, mine := range s.proc.mine {
			if mine {
				s.hold[id] = entry{}
			}
		}
		s.proc.at = closing
	})
}

// held adds the moves by which a held message is tried again.
func (g *game) held() {
	id := int(g.s.proc.entry)
	switch g.s.proc.at {
	case trying:
		g.step("ask about the held message", func(s *state) { g.try(s, id) })
	case handing:
		if g.isRefused(id) {
			g.step("the held message is refused again", func(s *state) { s.hold[id] = entry{there: true}; s.proc.at = asking })
		} else {
			g.step("the held message is stored, and the answer comes", func(s *state) { s.copies[id]++; s.proc.at = releasing })
		}
		g.cut(id, func(s *state) {
			s.hold[id] = entry{there: true, retry: true, doubt: true, ripe: g.Destination == Sure || g.lacks(HeldNoGrace)}
			s.proc.at = asking
		})
	case releasing:
		g.step("the held message's DELIVERED is committed", func(s *state) {
			g.eachRow(s, id, func(_, _ int, r *row) {
				if r.is != none {
					*r = row{is: delivered}
				}
			})
			s.led.adopted[id], s.proc.at = true, emptying
		})
	case emptying:
		g.step("it leaves the hold", func(s *state) { s.hold[id] = entry{}; s.proc.at = asking })
	}
}

// try looks for a held message at the destination, and begins its delivery.
func (g *game) try(s *state, id int) {
	g.ask(s)
	switch e := &s.hold[id]; {
	case g.settledAs(s, id) == delivered && (g.canBeAsked() || !g.lacks(HeldTwice)):
		s.proc.at = releasing
	case g.canBeAsked() && e.doubt && !e.ripe && !g.lacks(HeldNoGrace):
		s.proc.at = asking // later
	default:
		e.doubt, e.ripe, e.due = true, g.lacks(HeldNoGrace), false
		s.proc.at = handing
	}
}
