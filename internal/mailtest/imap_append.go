package mailtest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxMessage bounds what APPEND takes into memory.
const maxMessage = 256 << 20

func (s *IMAP) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// shown returns what clients see of a folder. The store is locked.
func (s *IMAP) shown(f *mailbox) []*entry {
	for i, e := range f.entries {
		if at, ok := s.arrived[e.serial]; ok && s.now().Sub(at) < s.ShowsAfter {
			return f.entries[:i]
		}
	}
	return f.entries
}

// stored returns those of flags that are kept.
func (s *IMAP) stored(flags []string) []string {
	if !s.NoKeywords {
		return flags
	}
	return slices.DeleteFunc(slices.Clone(flags), func(f string) bool { return !strings.HasPrefix(f, `\`) })
}

// append stores one message, or with MULTIAPPEND (RFC 3502) several, all or
// none. What can be refused is refused before the literal.
func (c *imapSession) append() string {
	name, err := c.folderArgument()
	if err != nil {
		return bad(err)
	}
	if !c.selectable(name) {
		return c.missing(name, "TRYCREATE")
	}
	c.limit = maxMessage
	var ms []Message
	for c.rest != "" {
		if len(ms) > 0 && !c.has("MULTIAPPEND") {
			return bad(errSyntax)
		}
		m, refusal := c.upload()
		if refusal != "" {
			return refusal
		}
		ms = append(ms, m)
	}
	if len(ms) == 0 {
		return bad(errSyntax)
	}
	return c.deposit(name, ms)
}

// upload reads a message with its flags and date.
func (c *imapSession) upload() (m Message, refusal string) {
	if err := c.space(); err != nil {
		return m, bad(err)
	}
	if err := c.appendOptions(&m); err != nil {
		return m, bad(err)
	}
	l, err := c.literal()
	if err != nil {
		return m, bad(err)
	}
	if limit := c.appendLimit(); limit > 0 && l.size > limit {
		return m, "NO [TOOBIG] Message too large."
	}
	if m.Body, err = c.read(l); err != nil {
		return m, bad(err)
	}
	return m, c.refuse(m.Body, l)
}

func (c *imapSession) appendOptions(m *Message) (err error) {
	if strings.HasPrefix(c.rest, "(") {
		if m.Flags, err = c.command.list(); err != nil {
			return err
		}
		if err = c.space(); err != nil {
			return err
		}
	}
	if strings.HasPrefix(c.rest, `"`) {
		var date string
		if date, err = c.quoted(); err != nil {
			return err
		}
		if m.Date, err = time.Parse("_2-Jan-2006 15:04:05 -0700", date); err != nil {
			return errSyntax
		}
		return c.space()
	}
	return nil
}

// refuse returns the answer to a message that is not taken, or "".
func (c *imapSession) refuse(body []byte, l literal) string {
	if !l.binary && !c.AllowNUL && bytes.IndexByte(body, 0) >= 0 {
		return "NO [CANNOT] NUL needs a binary literal."
	}
	switch {
	case c.Provider == QQ && c.Store.wasSent(body):
		return "NO Mail has saved by smtp!"
	case c.RefuseAppend == nil:
		return ""
	}
	text := c.RefuseAppend(body)
	if text == "" || strings.HasPrefix(text, "NO") || strings.HasPrefix(text, "BAD") {
		return text
	}
	return "NO " + text
}

func (c *imapSession) deposit(name string, ms []Message) string {
	s := c.Store
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.selectable(name)
	if f == nil {
		return c.missing(name, "TRYCREATE")
	}
	var uids []string
	for _, m := range ms {
		m.Flags = c.stored(m.Flags)
		e := s.add(f, m)
		c.arrived[e.serial] = c.now()
		uids = append(uids, itoa(e.uid))
	}
	done := c.ok("Append")
	if !c.has("UIDPLUS") {
		return done
	}
	return fmt.Sprintf("OK [APPENDUID %d %s]%s", f.validity, strings.Join(uids, ","), strings.TrimPrefix(done, "OK"))
}
