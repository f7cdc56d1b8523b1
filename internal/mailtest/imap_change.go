package mailtest

import (
	"fmt"
	"slices"
	"strings"
)

func (c *imapSession) store(byUID bool) string {
	text, err := c.argument()
	if err != nil {
		return bad(err)
	}
	set, err := parseSet(text)
	if err != nil {
		return bad(err)
	}
	what, err := c.argument()
	if err != nil {
		return bad(err)
	}
	values, err := c.flagArgument()
	if err != nil {
		return bad(err)
	}
	if c.open.readOnly {
		return "NO [READ-ONLY] Mailbox is read-only"
	}
	what, silent := strings.CutSuffix(strings.ToUpper(what), ".SILENT")
	sign, name := "", what
	if strings.HasPrefix(what, "+") || strings.HasPrefix(what, "-") {
		sign, name = what[:1], what[1:]
	}
	switch {
	case name == "FLAGS":
		c.storeFlags(set, byUID, sign, values, silent)
	case name == "X-GM-LABELS" && c.has("X-GM-EXT-1"):
		c.storeLabels(set, byUID, sign, values)
	default:
		return bad(errSyntax)
	}
	return c.ok("Store")
}

// flagArgument reads flags, with or without parentheses.
func (c *command) flagArgument() (flags []string, err error) {
	if err := c.space(); err != nil {
		return nil, err
	}
	if strings.HasPrefix(c.rest, "(") {
		return c.list()
	}
	for {
		flag, err := c.astring()
		if err != nil {
			return nil, err
		}
		flags = append(flags, flag)
		if !c.take(" ") {
			return flags, c.end()
		}
	}
}

func (c *imapSession) storeFlags(set numSet, byUID bool, sign string, values []string, silent bool) {
	s := c.Store
	s.mu.Lock()
	answer := c.open.news(s, false)
	c.open.in(set, byUID, func(seq int, e *entry) {
		s.setFlags(e, c.stored(combine(e.allFlags(), sign, values)))
		if !silent {
			answer = fmt.Appendf(answer, "* %d FETCH (UID %d FLAGS (%s))\r\n", seq, e.uid, strings.Join(e.allFlags(), " "))
		}
	})
	c.open.flagsSeen = s.change
	if c.AutoExpunge {
		s.expunge(c.open.box, func(e *entry) bool { return e.deleted })
	}
	s.mu.Unlock()
	c.k.Write(answer)
}

// combine replaces a set by values, adds them to it or takes them out of it.
func combine(old []string, sign string, values []string) []string {
	switch sign {
	case "+":
		return append(old, values...)
	case "-":
		return slices.DeleteFunc(old, func(flag string) bool {
			return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, flag) })
		})
	}
	return values
}

func (c *imapSession) expunge() string {
	if c.open.readOnly {
		return "NO [READ-ONLY] Mailbox is read-only"
	}
	c.Store.mu.Lock()
	defer c.Store.mu.Unlock()
	c.Store.expunge(c.open.box, func(e *entry) bool { return e.deleted })
	return c.ok("Expunge")
}

func (c *imapSession) uidExpunge() string {
	if c.UIDExpungeBad {
		return "BAD Parse command error"
	}
	text, err := c.argument()
	if err != nil {
		return bad(err)
	}
	set, err := parseSet(text)
	if err != nil {
		return bad(err)
	}
	if c.open.readOnly {
		return "NO [READ-ONLY] Mailbox is read-only"
	}
	c.Store.mu.Lock()
	defer c.Store.mu.Unlock()
	last := c.open.last(true)
	c.Store.expunge(c.open.box, func(e *entry) bool { return e.deleted && set.contains(e.uid, last) })
	return c.ok("Expunge")
}

// copy does COPY and MOVE (RFC 6851), whose COPYUID comes untagged, ahead of the
// EXPUNGEs.
func (c *imapSession) copy(byUID, move bool) string {
	text, err := c.argument()
	if err != nil {
		return bad(err)
	}
	set, err := parseSet(text)
	if err != nil {
		return bad(err)
	}
	name, err := c.folderArgument()
	if err != nil {
		return bad(err)
	}
	if move && c.open.readOnly {
		return "NO [READ-ONLY] Mailbox is read-only"
	}
	code, found := c.transfer(set, byUID, name, move)
	switch {
	case !found:
		return c.missing(name, "TRYCREATE")
	case move:
		if code != "" {
			c.untagged("OK %sMoved UIDs.", code)
		}
		return c.ok("Move")
	}
	return "OK " + code + "Copy completed."
}

// transfer returns the COPYUID code, with a blank behind it.
func (c *imapSession) transfer(set numSet, byUID bool, name string, move bool) (code string, found bool) {
	s := c.Store
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.selectable(name)
	if to == nil {
		return "", false
	}
	var entries []*entry
	c.open.in(set, byUID, func(_ int, e *entry) { entries = append(entries, e) })
	var from, new []string
	for _, e := range entries {
		from = append(from, itoa(e.uid))
		new = append(new, itoa(s.transfer(e, c.open.box, to, move).uid))
	}
	if len(from) == 0 || !c.has("UIDPLUS") {
		return "", true
	}
	return fmt.Sprintf("[COPYUID %d %s %s] ", to.validity, strings.Join(from, ","), strings.Join(new, ",")), true
}

// transfer copies or moves e. A label of Gmail's is put on and taken off; All
// Mail keeps what is moved out of it, except to spam and trash.
func (s *Store) transfer(e *entry, from, to *mailbox, move bool) *entry {
	var copied *entry
	if s.byAttr(`\All`) != nil {
		copied = s.place(to, e.object, e.deleted)
	} else {
		copied = s.add(to, Message{Body: e.body, Date: e.date, Flags: e.allFlags()})
	}
	if move && from != to && !from.has(`\All`) {
		s.drop(from, e.object)
	}
	return copied
}
