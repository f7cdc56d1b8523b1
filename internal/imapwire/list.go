package imapwire

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"mailrill/internal/reply"
)

const maxMailboxes = 50_000

var errMailboxes = fmt.Errorf("the server lists more than %d mailboxes", maxMailboxes)

// List returns all mailboxes, with the attributes of RFC 6154 (\Junk, \Sent …)
// where the server knows them. A line that makes no sense is left out.
func (c *Client) List(ctx context.Context) ([]Mailbox, error) {
	return c.listBy(ctx, c.listCommand())
}

// ListStatus is List, with the Status (UIDVALIDITY, UIDNEXT, number of messages) of
// each mailbox where the server tells it along (RFC 5819).
func (c *Client) ListStatus(ctx context.Context) ([]Mailbox, error) {
	if !c.Has("LIST-STATUS") || !c.Has("LIST-EXTENDED") {
		return c.List(ctx)
	}
	items := "STATUS (MESSAGES UIDNEXT UIDVALIDITY)"
	if c.Has("SPECIAL-USE") {
		items = "SPECIAL-USE " + items
	}
	return c.listBy(ctx, plainList+" RETURN ("+items+")")
}

// listBy falls back to the plain command where the server refuses a better one.
func (c *Client) listBy(ctx context.Context, command string) ([]Mailbox, error) {
	list, err := c.list(ctx, command)
	if _, refused := errors.AsType[*reply.Error](err); refused && command != plainList {
		return c.list(ctx, plainList)
	}
	return list, err
}

const plainList = `LIST "" "*"`

// listCommand returns the command that tells most. XLIST is what Gmail and QQ
// had before RFC 6154.
func (c *Client) listCommand() string {
	switch {
	case c.Has("SPECIAL-USE") && c.Has("LIST-EXTENDED"):
		return plainList + " RETURN (SPECIAL-USE)"
	case !c.Has("SPECIAL-USE") && c.Has("XLIST"):
		return `XLIST "" "*"`
	}
	return plainList
}

func (c *Client) list(ctx context.Context, command string) (list []Mailbox, err error) {
	name, _, _ := strings.Cut(command, " ")
	told := map[string]*Selected{} // by name on the wire
	each := func(h head) error {
		if h.typ == "STATUS" {
			return c.wire.scan.tolerate(c.wire.scan.mailboxStatus(told))
		}
		m, err := c.wire.scan.mailbox()
		if err == nil && len(list) == maxMailboxes {
			return errMailboxes
		}
		if err == nil {
			list = append(list, m)
		}
		return c.wire.scan.tolerate(err)
	}
	err = c.wire.run(ctx, name, command, each, "LIST", "XLIST", "STATUS")
	for i := range list {
		list[i].Status = told[list[i].Wire]
	}
	return list, err
}

// mailboxStatus reads what stands behind STATUS: name (item number …).
func (s *scanner) mailboxStatus(told map[string]*Selected) error {
	v, _, err := s.str()
	if err != nil {
		return err
	}
	name, st, item := string(v), &Selected{}, ""
	err = s.list(func(v []byte) {
		if item == "" {
			item = strings.ToUpper(string(v))
			return
		}
		n, _ := strconv.ParseUint(string(v), 10, 32)
		switch item {
		case "MESSAGES":
			st.Count = int(n)
		case "UIDNEXT":
			st.Next = uint32(n)
		case "UIDVALIDITY":
			st.Validity = uint32(n)
		}
		item = ""
	})
	if err == nil && len(told) < maxMailboxes {
		told[name] = st
	}
	return err
}

// xlistAttrs are the names of RFC 6154 for those of XLIST.
var xlistAttrs = map[string]string{`\ALLMAIL`: `\All`, `\SPAM`: `\Junk`, `\STARRED`: `\Flagged`}

// mailbox reads what stands behind LIST: (attributes) separator name.
func (s *scanner) mailbox() (m Mailbox, err error) {
	err = s.list(func(v []byte) {
		if standard, ok := xlistAttrs[strings.ToUpper(string(v))]; ok {
			m.Attrs = append(m.Attrs, standard)
		} else if len(v) > 0 {
			m.Attrs = append(m.Attrs, string(v))
		}
	})
	if err != nil {
		return m, err
	}
	separator, null, err := s.str()
	if err != nil {
		return m, err
	}
	if !null {
		m.Separator = string(separator)
	}
	name, _, err := s.str()
	if err != nil {
		return m, err
	}
	m.Wire = string(name)
	if m.Name, err = DecodeName(m.Wire); err != nil {
		m.Name = m.Wire
	}
	if m.Wire == "" || strings.ContainsAny(m.Wire, "\r\n\x00") {
		return m, odd("a mailbox without a name")
	}
	return m, nil
}

// Select opens the mailbox name (UTF-8, decoded), by EXAMINE when readOnly.
func (c *Client) Select(ctx context.Context, name string, readOnly bool) (*Selected, error) {
	if _, err := mailbox(name); err != nil {
		return nil, err
	}
	command := "SELECT"
	if readOnly {
		command = "EXAMINE"
	}
	stop := context.AfterFunc(ctx, func() { c.wire.fail(context.Cause(ctx)) })
	defer stop()
	data, err := c.imap.Select(name, &imap.SelectOptions{ReadOnly: readOnly}).Wait()
	if err != nil {
		return nil, c.Refused(command, err)
	}
	s := &Selected{
		Validity: data.UIDValidity,
		Next:     uint32(data.UIDNext),
		Count:    int(data.NumMessages),
		ReadOnly: readOnly || c.wire.lastCode() == "READ-ONLY",
	}
	for _, f := range data.PermanentFlags {
		s.PermanentFlags = append(s.PermanentFlags, string(f))
	}
	return s, nil
}

func (w *wire) lastCode() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.facts.code
}
