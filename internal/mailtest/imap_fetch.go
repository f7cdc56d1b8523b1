package mailtest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A fetchItem is one thing that FETCH asks of a message. For parts of the
// message, section says which and label how the answer calls it.
type fetchItem struct {
	name    string // "FLAGS", …; "" for a part
	label   string // `BODY[HEADER]<0>`
	section string // "", "HEADER", "TEXT", "HEADER.FIELDS", "HEADER.FIELDS.NOT"
	fields  []string
	from    int64
	length  int64 // -1: all
	peek    bool
}

// messageItems are the items that are no part of the message.
var messageItems = map[string]func(c *imapSession, m fetched) string{
	"UID":          func(_ *imapSession, m fetched) string { return itoa(m.UID) },
	"FLAGS":        func(_ *imapSession, m fetched) string { return "(" + strings.Join(m.Flags, " ") + ")" },
	"INTERNALDATE": func(_ *imapSession, m fetched) string { return quote(m.Date.Format(internalDate)) },
	"RFC822.SIZE":  func(c *imapSession, m fetched) string { return itoa(c.size(m.Message)) },
	"X-GM-MSGID":   func(_ *imapSession, m fetched) string { return itoa(m.GmailID) },
	"X-GM-THRID":   func(_ *imapSession, m fetched) string { return itoa(m.GmailID) },
	"X-GM-LABELS":  func(_ *imapSession, m fetched) string { return "(" + strings.Join(m.labels, " ") + ")" },
}

// rfc822Items are the older names of parts (RFC 3501 section 6.4.5).
var rfc822Items = map[string]fetchItem{
	"RFC822":        {label: "RFC822", length: -1},
	"RFC822.HEADER": {label: "RFC822.HEADER", section: "HEADER", length: -1, peek: true},
	"RFC822.TEXT":   {label: "RFC822.TEXT", section: "TEXT", length: -1},
}

var fetchMacros = map[string][]string{"FAST": {"FLAGS", "INTERNALDATE", "RFC822.SIZE"}}

// internalDate is the form of a date-time (RFC 3501 section 9).
const internalDate = "02-Jan-2006 15:04:05 -0700"

// fetched is a message as it was when FETCH looked at it.
type fetched struct {
	Message
	seq    int
	labels []string
}

func (s *IMAP) size(m Message) int64 {
	if s.Size != nil {
		return s.Size(m)
	}
	return int64(len(m.Body))
}

func (c *imapSession) fetch(byUID bool) string {
	set, items, err := c.fetchArguments()
	if err != nil {
		return bad(err)
	}
	if byUID && !slices.ContainsFunc(items, func(it fetchItem) bool { return it.name == "UID" }) {
		items = append([]fetchItem{{name: "UID"}}, items...)
	}
	body := slices.ContainsFunc(items, fetchItem.whole)
	for _, m := range c.look(set, byUID, items) {
		if body && c.throttled(m.Message) {
			return ""
		}
		c.answer(m, items)
	}
	return c.ok("Fetch")
}

func (c *imapSession) fetchArguments() (set numSet, items []fetchItem, err error) {
	text, err := c.argument()
	if err != nil {
		return nil, nil, err
	}
	if set, err = parseSet(text); err != nil {
		return nil, nil, err
	}
	if err = c.space(); err != nil {
		return nil, nil, err
	}
	var names []string
	if strings.HasPrefix(c.rest, "(") {
		names, err = c.command.list()
	} else {
		names, err = c.single()
	}
	for _, name := range names {
		item, ok := c.item(name)
		if !ok {
			return nil, nil, errSyntax
		}
		items = append(items, item)
	}
	if err == nil {
		err = c.end()
	}
	return set, items, err
}

func (c *imapSession) single() ([]string, error) {
	name, err := c.atom()
	if macro, ok := fetchMacros[strings.ToUpper(name)]; ok {
		return macro, err
	}
	return []string{name}, err
}

func (c *imapSession) item(name string) (fetchItem, bool) {
	upper := strings.ToUpper(name)
	if item, ok := rfc822Items[upper]; ok {
		return item, true
	}
	if _, ok := messageItems[upper]; ok && (!strings.HasPrefix(upper, "X-GM-") || c.has("X-GM-EXT-1")) {
		return fetchItem{name: upper}, true
	}
	return parseSection(name)
}

// parseSection reads BODY[section]<from.length> and BODY.PEEK of the same form.
func parseSection(s string) (it fetchItem, ok bool) {
	head, rest, opened := strings.Cut(s, "[")
	section, partial, closed := strings.Cut(rest, "]")
	head = strings.ToUpper(head)
	if !opened || !closed || head != "BODY" && head != "BODY.PEEK" {
		return it, false
	}
	name, fields, hasFields := strings.Cut(section, " ")
	it = fetchItem{label: "BODY[" + section + "]", section: strings.ToUpper(name), length: -1, peek: head == "BODY.PEEK"}
	if hasFields {
		it.fields = strings.Fields(strings.Trim(fields, "()"))
	}
	if partial != "" {
		if _, err := fmt.Sscanf(partial, "<%d.%d>", &it.from, &it.length); err != nil {
			return it, false
		}
		it.label += "<" + strconv.FormatInt(it.from, 10) + ">"
	}
	switch it.section {
	case "", "HEADER", "TEXT":
		return it, !hasFields
	case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
		return it, len(it.fields) > 0
	}
	return it, false // parts of MIME: nobody here asks for them
}

// look reads the messages of a set, and marks them as seen where their body is
// asked for without PEEK.
func (c *imapSession) look(set numSet, byUID bool, items []fetchItem) (out []fetched) {
	seen := !c.open.readOnly && slices.ContainsFunc(items, func(it fetchItem) bool { return it.name == "" && !it.peek })
	s := c.Store
	s.mu.Lock()
	defer s.mu.Unlock()
	c.open.in(set, byUID, func(seq int, e *entry) {
		if seen && !slices.Contains(e.flags, `\Seen`) {
			s.setFlags(e, append(e.allFlags(), `\Seen`))
		}
		out = append(out, fetched{Message: e.message(), seq: seq, labels: s.labels(e.object, c.open.box)})
	})
	return out
}

// whole reports whether it is all of a message.
func (it fetchItem) whole() bool { return it.name == "" && it.section == "" }

// throttled says goodbye in place of a message, where the server does.
func (c *imapSession) throttled(m Message) bool {
	var v Verdict
	if c.Throttle != nil {
		v.Reply = c.Throttle(m)
	}
	if v = c.away.verdict(v, "BODY"); v.Reply == "" {
		return false
	}
	c.k.Write([]byte(crlf(v.Reply)))
	c.k.drop()
	return true
}

func (c *imapSession) answer(m fetched, items []fetchItem) {
	c.k.printf("* %d FETCH (", m.seq)
	for i, it := range items {
		if i > 0 {
			c.k.printf(" ")
		}
		if it.name != "" {
			c.k.printf("%s %s", it.name, messageItems[it.name](c, m))
			continue
		}
		part := it.part(m.Body)
		c.k.printf("%s {%d}\r\n", it.label, len(part))
		c.k.Write(part)
	}
	c.k.printf(")\r\n")
}

func (it fetchItem) part(body []byte) []byte {
	header := topOf(body, 0)
	switch it.section {
	case "HEADER":
		body = header
	case "TEXT":
		body = body[len(header):]
	case "HEADER.FIELDS":
		body = fieldsOf(header, it.fields, true)
	case "HEADER.FIELDS.NOT":
		body = fieldsOf(header, it.fields, false)
	}
	body = body[min(it.from, int64(len(body))):]
	if it.length >= 0 {
		body = body[:min(it.length, int64(len(body)))]
	}
	return body
}

// fieldsOf returns the fields of a header that are named, or those that are not,
// and an empty line.
func fieldsOf(header []byte, names []string, named bool) []byte {
	var out []byte
	keep := false
	for line := range bytes.Lines(header) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := bytes.Cut(line, []byte(":"))
			keep = named == slices.ContainsFunc(names, func(n string) bool {
				return strings.EqualFold(strings.Trim(n, `"`), string(bytes.TrimSpace(name)))
			})
		}
		if keep {
			out = append(out, line...)
		}
	}
	return append(out, "\r\n"...)
}
