package oracle

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// A Case is what the oracle knows of a trial: what was put in, where to look, and
// what is allowed.
type Case struct {
	Messages    []Message
	Source      Box
	Destination Box
	Hold        Box // nil: there is none

	// Removed says that the source copy of what was delivered is to go; without it
	// every source copy has to stay.
	Removed bool
	// TraceField is the name of the field that begins each copy at the destination
	// and holds its ID; "": copies bear none.
	TraceField string
	// Strip cuts off what may stand between the trace line and the message.
	Strip func(body []byte) []byte
	// Normal undoes, in a body that was put in and in one that was read, what is
	// known that a real server changes.
	Normal func(body []byte) []byte
	// Ambiguous is how many answers of a destination that cannot be asked were
	// lost: so many further copies are allowed in all. It is 0 for the others.
	Ambiguous int
}

// A sighting is a copy whose message is known.
type sighting struct {
	where string
	id    string
}

// A view is where the messages are, by their serials.
type view struct {
	source, destination, hold map[int][]sighting
}

// Instant looks at a moment within the work, also one at which mailrill was
// killed: it checks INV2, INV3's upper bound, and that copies are unchanged.
func (c *Case) Instant() (fs Findings) {
	v := c.look(&fs)
	c.checkPlaces(&fs, v, "INV2", "gone at the source, and neither at the destination nor in the hold")
	c.checkCopies(&fs, v)
	return fs
}

// End looks when mailrill has said that it is done: it checks INV1, INV2, INV3
// and INV7, and that nothing is left to do at the source.
func (c *Case) End() (fs Findings) {
	v := c.look(&fs)
	c.checkPlaces(&fs, v, "INV1", "lost: neither at the source nor at the destination nor in the hold")
	c.checkCopies(&fs, v)
	var twice, late, astray, left, removed []int
	for _, m := range c.Messages {
		there, held, stays := len(v.destination[m.Serial]) > 0, len(v.hold[m.Serial]) > 0, len(v.source[m.Serial]) > 0
		switch {
		case there && held:
			twice = append(twice, m.Serial)
		case !m.Poison && !there:
			late = append(late, m.Serial)
		case m.Poison && !held && !stays:
			astray = append(astray, m.Serial)
		}
		if !stays && (!c.Removed || m.Poison && !held) {
			removed = append(removed, m.Serial)
		}
		if stays && c.Removed && there {
			left = append(left, m.Serial)
		}
	}
	fs.add("INV3", "at the destination and in the hold", twice)
	fs.add("INV7", "healthy, and not at the destination", late)
	fs.add("INV7", "poison, and neither in the hold nor at the source", astray)
	fs.add("INV2", "removed from the source, where it was to stay", removed)
	fs.add("INV4", "delivered, and still at the source", left)
	return fs
}

// look reads all places. What cannot be read, is changed or unknown is a finding.
func (c *Case) look(fs *Findings) *view {
	return &view{
		source:      c.read(fs, "source", c.Source, c.identity),
		destination: c.read(fs, "destination", c.Destination, c.unwrap),
		hold:        c.read(fs, "hold", c.Hold, c.identity),
	}
}

func (c *Case) read(fs *Findings, name string, b Box, open func([]byte) (string, []byte, error)) map[int][]sighting {
	seen := map[int][]sighting{}
	if b == nil {
		return seen
	}
	copies, err := b.Copies()
	if err != nil {
		fs.say("INV1", "the %s cannot be read: %v", name, err)
		return seen
	}
	known := c.digests()
	for _, cp := range copies {
		id, body, err := open(cp.Body)
		if err != nil {
			fs.say("INV1", "%s %s: %v", name, cp.Where, err)
		}
		serial, ok := known[sha256.Sum256(c.normal(body))]
		if !ok {
			fs.say("INV1", "%s %s: %s", name, cp.Where, c.difference(body))
			continue
		}
		seen[serial] = append(seen[serial], sighting{cp.Where, id})
	}
	return seen
}

func (c *Case) digests() map[[32]byte]int {
	known := make(map[[32]byte]int, len(c.Messages))
	for _, m := range c.Messages {
		known[sha256.Sum256(c.normal(m.Body))] = m.Serial
	}
	return known
}

func (c *Case) normal(body []byte) []byte {
	if c.Normal == nil {
		return body
	}
	return c.Normal(body)
}

func (c *Case) identity(body []byte) (string, []byte, error) { return "", body, nil }

// unwrap takes the trace line off a copy at the destination and returns the ID
// that it holds.
func (c *Case) unwrap(body []byte) (id string, rest []byte, err error) {
	rest = body
	if c.TraceField != "" {
		line, behind, ok := bytes.Cut(body, []byte("\r\n"))
		words := strings.Fields(string(line))
		if !ok || len(words) != 3 || words[0] != c.TraceField+":" {
			return "", body, fmt.Errorf("it begins with %.60q and not with a trace line", body)
		}
		id, rest = words[1], behind
	}
	if c.Strip != nil {
		rest = c.Strip(rest)
	}
	return id, rest, nil
}

// difference says what is wrong with a body that equals none of the messages.
func (c *Case) difference(body []byte) string {
	serial := serialIn(body)
	i := slices.IndexFunc(c.Messages, func(m Message) bool { return m.Serial == serial })
	if i < 0 {
		return fmt.Sprintf("nobody put this in: %.60q", body)
	}
	want, got := c.normal(c.Messages[i].Body), c.normal(body)
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	return fmt.Sprintf("serial %d is changed: %d octets instead of %d, from octet %d on %.40q instead of %.40q", serial, len(got), len(want), at, got[at:], want[at:])
}

// checkPlaces reports messages that are nowhere.
func (c *Case) checkPlaces(fs *Findings, v *view, invariant, text string) {
	var lost []int
	for _, m := range c.Messages {
		if len(v.source[m.Serial])+len(v.destination[m.Serial])+len(v.hold[m.Serial]) == 0 {
			lost = append(lost, m.Serial)
		}
	}
	fs.add(invariant, text, lost)
}

// checkCopies reports what is at the destination too often, or under a wrong ID.
func (c *Case) checkCopies(fs *Findings, v *view) {
	var doubled, torn, shared []int
	extra, byID := 0, map[string]int{}
	for _, m := range c.Messages {
		copies := v.destination[m.Serial]
		if len(copies) > 1 {
			doubled = append(doubled, m.Serial)
			extra += len(copies) - 1
		}
		for _, s := range copies {
			if s.id != copies[0].id {
				torn = append(torn, m.Serial)
			}
			if other, known := byID[s.id]; known && other != m.Serial && c.TraceField != "" {
				shared = append(shared, m.Serial, other)
			}
			byID[s.id] = m.Serial
		}
	}
	if extra > c.Ambiguous {
		fs.add("INV3", fmt.Sprintf("%d further copies at the destination, with %d lost answers", extra, c.Ambiguous), doubled)
	}
	fs.add("INV3", "copies of one message under different IDs", torn)
	fs.add("INV3", "different messages under one ID", shared)
}

// Again has a further run made and checks INV4: run returns how many bodies the
// source served to it. Of a windowed POP3 source drained tells how many settled
// messages it had to serve once more to be rid of them.
func (c *Case) Again(drained int, run func() (bodies int)) (fs Findings) {
	before := c.look(&fs)
	if bodies := run(); bodies > drained {
		fs.say("INV4", "a further run retrieved %d bodies, %d of them to move a window on", bodies, drained)
	}
	after := c.look(&fs)
	var more []int
	for _, m := range c.Messages {
		if len(after.destination[m.Serial]) != len(before.destination[m.Serial]) {
			more = append(more, m.Serial)
		}
	}
	fs.add("INV4", "delivered by a further run", more)
	return fs
}

// Counts returns how many different messages are at the destination and in the
// hold, and how many copies there are at the destination beyond one each.
func (c *Case) Counts() (delivered, held, extra int) {
	v := c.look(&Findings{})
	for _, copies := range v.destination {
		extra += len(copies) - 1
	}
	return len(v.destination), len(v.hold), extra
}
