package model

// A move leads from one board to the next.
type move struct {
	name  string
	event bool // the world's doing: a game in peace is without it
	to    state
}

// A game generates the moves of one board.
type game struct {
	*Config
	s     state
	moves []move
}

// moves returns all boards that follow s. The first that is no event is what
// happens when the world leaves the engine in peace.
func (c *Config) moves(s state) []move {
	g := &game{Config: c, s: s}
	g.late()
	g.back()
	g.restTime()
	g.engine()
	g.world()
	return g.moves
}

// step adds a move of the engine, event one of the world's.
func (g *game) step(name string, f func(*state))  { g.add(name, false, f) }
func (g *game) event(name string, f func(*state)) { g.add(name, true, f) }

func (g *game) add(name string, event bool, f func(*state)) {
	to := g.s
	f(&to)
	if to != g.s {
		g.moves = append(g.moves, move{name, event, to})
	}
}

// engine adds the steps of the engine, by where it is.
func (g *game) engine() {
	switch g.s.proc.at {
	case down:
		g.step("start", g.start)
	case idle:
		g.step("begin a pass", g.begin)
	case trying, handing, releasing, emptying:
		g.held()
	case asking:
		g.step("ask about doubts", func(s *state) {
			g.askDoubts(s)
			s.proc.at = listing
		})
	case listing:
		g.step("list", g.list)
	case preparing:
		g.step("prepare the destination", func(s *state) {
			if !s.proc.asked {
				g.ask(s)
			}
			s.proc.at = flowing
		})
	case flowing:
		g.flow()
	case takingBack, takingOut:
		g.takeBack()
	case flooring:
		g.step("raise the floor", g.raiseFloor)
	case finishing, recording, closing, noting:
		g.finish()
	default:
		g.settle()
	}
}

// start begins a process. Lines of an earlier one were cut by now at the latest.
func (g *game) start(s *state) {
	s.proc = process{at: idle}
	s.led.all(func(_, _ int, r *row) {
		if r.is == intent {
			r.ripe = !g.keepsGrace()
		}
	})
	for i := range s.hold {
		s.hold[i].ripe = s.hold[i].doubt && (!g.keepsGrace() || g.lacks(HeldNoGrace))
	}
}

func (g *game) begin(s *state) {
	s.proc = process{at: asking, asked: s.proc.asked}
	if !g.canBeAsked() { // what an earlier pass has left may be sent again
		s.led.all(func(_, _ int, r *row) { r.ripe = r.ripe || r.is == intent })
	}
	for i, e := range s.hold {
		if e.there && e.retry && e.due && (!e.doubt || e.ripe) {
			s.proc.at, s.proc.entry = trying, uint8(i)
		}
	}
}

// askDoubts ends the doubts that can be ended by asking.
func (g *game) askDoubts(s *state) {
	if s.led.any(func(r row) bool { return r.is == intent }) {
		g.ask(s)
		g.endSettled(s)
	}
}

// ask reads what has arrived, adopts what the ledger does not know, and ends the
// doubts that it finds.
func (g *game) ask(s *state) {
	if !g.canBeAsked() {
		return
	}
	g.adopt(s)
	s.proc.asked = true
	s.led.all(func(e, m int, r *row) {
		if r.is == intent && r.ripe {
			s.proc.absent[e][m] = true
		}
	})
	if g.lacks(NeverAsk) {
		return
	}
	s.led.mark = s.copies
}

func (g *game) adopt(s *state) {
	if g.lacks(NeverAsk) {
		return
	}
	for id, n := range s.copies {
		if n > s.led.mark[id] && g.settledAs(s, id) != delivered {
			g.eachRow(s, id, func(_, _ int, r *row) {
				if r.is == intent || r.is == lost || r.is == failed {
					*r = row{is: delivered}
				}
			})
			s.led.adopted[id] = !g.lacks(AdoptNothing)
		}
	}
}

// endSettled ends the doubts of messages that another source copy has settled,
// or that are in the hold.
func (g *game) endSettled(s *state) {
	if g.lacks(DoubtForever) {
		return
	}
	s.led.all(func(_, m int, r *row) {
		is := g.settledAs(s, g.id(m))
		if is == none && s.hold[g.id(m)].there {
			is = held
		}
		if r.is == intent && is != none {
			*r = row{is: is}
		}
	})
}

// list opens the folder and chooses what this session retrieves.
func (g *game) list(s *state) {
	p := &s.proc
	g.moved(s)
	*p = process{
		at: finishing, phase: p.phase, asked: p.asked, absent: p.absent, resend: p.resend, gone: p.gone,
		drained: p.drained, mine: p.mine, again: p.again,
	}
	if !g.lacks(TakeBackHidden) {
		p.mine = [2]bool{}
	}
	p.gone = g.unlisted(s)
	for m := range s.src {
		if g.listed(s, m) {
			g.choose(s, m)
		}
	}
	switch {
	case p.stage[0] == wanted || p.stage[1] == wanted:
		p.at = preparing
	case p.stage[0] == drain || p.stage[1] == drain:
		p.at = flowing
	case g.Source == IMAP && p.phase == fresh:
		p.at = flooring
	}
}

// moved notices that all UIDs have changed: the old keys mean nothing any more.
func (g *game) moved(s *state) {
	if s.led.epoch == s.epoch {
		return
	}
	for m := range s.led.rows[s.led.epoch] {
		if r := &s.led.rows[s.led.epoch][m]; r.is == delivered {
			r.is = finished
		}
	}
	s.led.epoch, s.led.floor = s.epoch, 0
}

// listed reports whether the source lists message m in this session.
func (g *game) listed(s *state, m int) bool {
	switch g.Source {
	case IMAP:
		return s.src[m] == present && uint8(m) >= s.led.floor
	case Gmail: // a window of one
		return s.src[m] == present && (m == 0 || s.src[0] != present)
	}
	return s.src[m] == present
}

// unlisted returns the doubts to be sent again that are gone from the source. A
// listing that shows a part only proves nothing.
func (g *game) unlisted(s *state) (gone [2][2]bool) {
	if s.proc.phase != doubts || g.Source == Gmail {
		return s.proc.gone
	}
	s.led.all(func(e, m int, _ *row) {
		gone[e][m] = s.proc.resend[e][m] && (uint8(e) != s.epoch || !g.listed(s, m))
	})
	return gone
}

func (g *game) choose(s *state, m int) {
	p, r := &s.proc, *s.row(m)
	switch {
	case g.isWanted(s, m, r):
		p.stage[m] = wanted
	case r.is == failed && r.tried && r.ripe && p.phase == fresh:
		p.again = true
	case g.Source == Gmail && p.phase == fresh && !p.drained[m] && (r.terminal() || r.is == lost):
		p.stage[m] = drain
	}
}

func (g *game) isWanted(s *state, m int, r row) bool {
	switch r.is {
	case none:
		return s.proc.phase == fresh
	case lost:
		return s.proc.phase == fresh && !g.lacks(LostForGood)
	case intent:
		sure := g.isAbsent(s, int(s.epoch), m) || g.lacks(ResendUnasked)
		return s.proc.phase == doubts && s.proc.resend[s.epoch][m] && sure
	case failed:
		return r.ripe && (s.proc.phase == failures) == r.tried && s.proc.phase != doubts
	}
	return false
}

// isAbsent reports whether a doubt is surely not at the destination: that was
// asked when the grace was over. One that cannot be asked gets the benefit of the
// doubt.
func (g *game) isAbsent(s *state, e, m int) bool {
	if !g.canBeAsked() {
		return s.led.rows[e][m].ripe
	}
	return s.proc.absent[e][m]
}

// raiseFloor lets the next listing begin behind what is settled.
func (g *game) raiseFloor(s *state) {
	s.proc.at = finishing
	for m := int(s.led.floor); m < len(s.src); m++ {
		if g.listed(s, m) && !s.row(m).terminal() {
			return
		}
		if g.listed(s, m) {
			s.led.floor = uint8(m + 1)
		}
	}
}
