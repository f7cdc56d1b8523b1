package mailtest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// A view is what a session knows of the folder it selected: sequence numbers
// are places in uids, until the client was told of a change.
type view struct {
	box       *mailbox
	shown     func(*mailbox) []*entry // what it shows of box
	readOnly  bool
	uids      []uint32
	boxSeen   uint64 // mailbox.change up to which the client was told of messages
	flagsSeen uint64 // Store.change up to which it was told of flags
}

// each calls fn for the messages of the view that still exist. The store is locked.
func (v *view) each(fn func(seq int, e *entry)) {
	entries := v.box.entries
	for i, uid := range v.uids {
		for len(entries) > 0 && entries[0].uid < uid {
			entries = entries[1:]
		}
		if len(entries) > 0 && entries[0].uid == uid {
			fn(i+1, entries[0])
		}
	}
}

// last is what "*" means in a set.
func (v *view) last(byUID bool) uint32 {
	if !byUID {
		return uint32(len(v.uids))
	}
	if len(v.uids) == 0 {
		return 0
	}
	return v.uids[len(v.uids)-1]
}

// in calls fn for the messages of a set.
func (v *view) in(set numSet, byUID bool, fn func(seq int, e *entry)) {
	v.each(func(seq int, e *entry) {
		n := uint32(seq)
		if byUID {
			n = e.uid
		}
		if set.contains(n, v.last(byUID)) {
			fn(seq, e)
		}
	})
}

// news returns the untagged responses about what changed since the client was
// last told. The store is locked.
func (v *view) news(s *Store, expunge bool) []byte {
	if v.box.change == v.boxSeen {
		return nil
	}
	var b bytes.Buffer
	if expunge {
		v.boxSeen = v.box.change
		v.forget(&b)
	}
	v.each(func(seq int, e *entry) {
		if e.change > v.flagsSeen {
			fmt.Fprintf(&b, "* %d FETCH (UID %d FLAGS (%s))\r\n", seq, e.uid, strings.Join(e.allFlags(), " "))
		}
	})
	v.flagsSeen = s.change
	v.grow(&b)
	return b.Bytes()
}

// forget tells of the messages that are gone, each by its number at that moment.
func (v *view) forget(b *bytes.Buffer) {
	there := make([]uint32, 0, len(v.uids))
	v.each(func(_ int, e *entry) { there = append(there, e.uid) })
	seq, rest := 1, there
	for _, uid := range v.uids {
		if len(rest) > 0 && rest[0] == uid {
			rest = rest[1:]
			seq++
		} else {
			fmt.Fprintf(b, "* %d EXPUNGE\r\n", seq)
		}
	}
	v.uids = there
}

// grow takes the messages in that came behind those of the view.
func (v *view) grow(b *bytes.Buffer) {
	entries := v.shown(v.box)
	i, _ := slices.BinarySearchFunc(entries, v.last(true)+1, func(e *entry, uid uint32) int { return int(e.uid) - int(uid) })
	for _, e := range entries[i:] {
		v.uids = append(v.uids, e.uid)
	}
	if i < len(entries) {
		fmt.Fprintf(b, "* %d EXISTS\r\n* 0 RECENT\r\n", len(v.uids))
	}
}

// update tells the client what changed in the selected folder.
func (c *imapSession) update(expunge bool) {
	if c.open == nil {
		return
	}
	c.Store.mu.Lock()
	news := c.open.news(c.Store, expunge)
	c.Store.mu.Unlock()
	c.k.Write(news)
}

func (c *imapSession) selectFolder(readOnly bool) string {
	name, err := c.folderArgument()
	if err != nil {
		return bad(err)
	}
	c.rest = "" // parameters such as (CONDSTORE)
	c.open = nil
	verb := map[bool]string{false: "SELECT", true: "EXAMINE"}[readOnly]
	if c.RequireID && !c.idSent {
		return fill(unsafe, verb)
	}
	about := c.view(name, readOnly)
	if about == nil {
		return c.missing(name, "NONEXISTENT")
	}
	c.k.Write(about)
	return c.selected(verb, name)
}

func (c *imapSession) selected(verb, name string) string {
	text := c.words().selected
	if verb == "EXAMINE" {
		text = c.words().examined
	}
	return fill(text, encodeName(name))
}

// view opens a folder and returns what is told of it, or nil if there is none.
func (c *imapSession) view(name string, readOnly bool) []byte {
	c.Store.mu.Lock()
	defer c.Store.mu.Unlock()
	f := c.Store.selectable(name)
	if f == nil {
		return nil
	}
	c.open = &view{box: f, shown: c.shown, readOnly: readOnly, boxSeen: f.change, flagsSeen: c.Store.change}
	var b bytes.Buffer
	c.describe(&b, f)
	c.open.grow(new(bytes.Buffer))
	return b.Bytes()
}

func (c *imapSession) describe(b *bytes.Buffer, f *mailbox) {
	flags := flagsOf(f)
	permanent := append(slices.Clone(flags), `\*`)
	if c.PermanentFlags != nil {
		permanent = c.PermanentFlags
	}
	if c.open.readOnly {
		permanent = nil
	}
	fmt.Fprintf(b, "* FLAGS (%s)\r\n", strings.Join(flags, " "))
	fmt.Fprintf(b, "* OK [PERMANENTFLAGS (%s)] Flags permitted.\r\n", strings.Join(permanent, " "))
	fmt.Fprintf(b, "* %d EXISTS\r\n* 0 RECENT\r\n", len(c.shown(f)))
	if f.validity != 0 {
		fmt.Fprintf(b, "* OK [UIDVALIDITY %d] UIDs valid.\r\n", f.validity)
	}
	if !c.NoUIDNext {
		fmt.Fprintf(b, "* OK [UIDNEXT %d] Predicted next UID.\r\n", f.next)
	}
}

// flagsOf returns the flags that are defined in a folder, keywords in use behind
// those of the system.
func flagsOf(f *mailbox) []string {
	flags := []string{`\Answered`, `\Flagged`, `\Deleted`, `\Seen`, `\Draft`}
	for _, e := range f.entries {
		for _, flag := range e.flags {
			if !slices.Contains(flags, flag) {
				flags = append(flags, flag)
			}
		}
	}
	return flags
}

// leave closes the selected folder; CLOSE also expunges, without telling.
func (c *imapSession) leave(expunge bool) string {
	if expunge && !c.open.readOnly {
		c.Store.mu.Lock()
		c.Store.expunge(c.open.box, func(e *entry) bool { return e.deleted })
		c.Store.mu.Unlock()
	}
	c.open = nil
	return c.ok("Close")
}
