package mailtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func itoa[N int | int64 | uint32 | uint64](n N) string { return fmt.Sprint(n) }

func (s *IMAP) separator() string {
	if s.Separator == "" {
		return "/"
	}
	return s.Separator
}

func (c *imapSession) namespace() string {
	c.untagged("NAMESPACE ((%s %s)) NIL NIL", quote(""), quote(c.separator()))
	return c.ok("Namespace")
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// list answers LIST with its extensions for SPECIAL-USE (RFC 6154), and LSUB
// and XLIST as far as clients use them: all folders count as subscribed.
func (c *imapSession) list(verb string) string {
	q, err := c.listQuery()
	if err != nil {
		return bad(err)
	}
	if len(q.patterns) == 1 && q.patterns[0] == "" {
		c.untagged(`%s (\Noselect) %s %s`, verb, quote(c.separator()), quote(""))
		return c.ok(verb)
	}
	for _, f := range c.listed(q) {
		c.untagged("%s (%s) %s %s%s", verb, strings.Join(c.attributes(f, verb), " "), quote(c.separator()), quote(encodeName(f.name)), c.blanks())
		if text, found := c.statusOf(f.name, q.status); found && len(q.status) > 0 {
			c.untagged("STATUS %s (%s)", quote(encodeName(f.name)), text)
		}
	}
	return c.ok(verb)
}

type listQuery struct {
	reference string
	patterns  []string
	special   bool     // only folders with a role
	status    []string // items to tell of each (RFC 5819)
}

func (c *imapSession) listQuery() (q listQuery, err error) {
	if err = c.space(); err != nil {
		return q, err
	}
	if strings.HasPrefix(c.rest, "(") {
		q.special = strings.Contains(strings.ToUpper(c.group()), "SPECIAL-USE")
		if err = c.space(); err != nil {
			return q, err
		}
	}
	if q.reference, err = c.astring(); err != nil {
		return q, err
	}
	if err = c.space(); err != nil {
		return q, err
	}
	if strings.HasPrefix(c.rest, "(") {
		q.patterns, err = c.command.list()
	} else {
		var pattern string
		pattern, err = c.astring()
		q.patterns = []string{pattern}
	}
	if rest := strings.ToUpper(c.rest); strings.HasPrefix(rest, " RETURN ") { // attributes are told in any case
		if _, items, ok := strings.Cut(rest, "STATUS ("); ok {
			items, _, _ = strings.Cut(items, ")")
			q.status = strings.Fields(items)
		}
		c.rest = ""
	}
	if err == nil {
		err = c.end()
	}
	return q, err
}

// group reads a parenthesised group as it stands.
func (c *command) group() string {
	depth := 0
	for i, r := range c.rest {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			group := c.rest[:i+1]
			c.rest = c.rest[i+1:]
			return group
		}
	}
	return ""
}

// listed returns copies of the folders that a query asks for.
func (c *imapSession) listed(q listQuery) (out []mailbox) {
	c.Store.mu.Lock()
	defer c.Store.mu.Unlock()
	for _, f := range c.Store.folders {
		wanted := slices.ContainsFunc(q.patterns, func(p string) bool {
			return matches(decodeName(q.reference+p), f.name, c.separator()) ||
				f.name == "INBOX" && matches(strings.ToUpper(q.reference+p), "INBOX", c.separator())
		})
		if wanted && (!q.special || len(roles(f)) > 0) {
			out = append(out, mailbox{name: f.name, attrs: c.withChildren(f)})
		}
	}
	return out
}

func (c *imapSession) withChildren(f *mailbox) []string {
	for _, other := range c.Store.folders {
		if strings.HasPrefix(other.name, f.name+c.separator()) {
			return append([]string{`\HasChildren`}, f.attrs...)
		}
	}
	return append([]string{`\HasNoChildren`}, f.attrs...)
}

func roles(f *mailbox) (out []string) {
	for _, a := range f.attrs {
		if !slices.Contains([]string{`\Noselect`, `\HasChildren`, `\HasNoChildren`}, a) {
			out = append(out, a)
		}
	}
	return out
}

// xlistNames are the names that XLIST has for some roles of SPECIAL-USE.
var xlistNames = map[string]string{`\All`: `\AllMail`, `\Junk`: `\Spam`, `\Flagged`: `\Starred`}

// attributes leaves roles out where neither the command nor a capability tells them.
func (c *imapSession) attributes(f mailbox, verb string) []string {
	var out []string
	for _, a := range f.attrs {
		role := slices.Contains(roles(&mailbox{attrs: []string{a}}), a)
		switch {
		case role && verb == "XLIST" && xlistNames[a] != "":
			a = xlistNames[a]
		case role && verb != "XLIST" && !c.has("SPECIAL-USE"):
			continue
		}
		out = append(out, a)
	}
	if verb == "XLIST" && f.name == "INBOX" {
		out = append(out, `\Inbox`)
	}
	return out
}

// folderArgument reads a folder's name.
func (c *imapSession) folderArgument() (string, error) {
	name, err := c.argument()
	return canonical(decodeName(name)), err
}

func (c *imapSession) create() string {
	name, err := c.folderArgument()
	if err != nil {
		return bad(err)
	}
	name = strings.TrimSuffix(name, c.separator())
	c.Store.mu.Lock()
	defer c.Store.mu.Unlock()
	switch {
	case c.NoCreate:
		return "NO CREATE is refused." // QQ's own text is not published
	case c.Store.folder(name) != nil:
		return "NO [ALREADYEXISTS] Mailbox already exists"
	}
	for i := range name {
		if strings.HasPrefix(name[i:], c.separator()) && i > 0 {
			c.Store.create(name[:i]) // superior names come into being too
		}
	}
	c.Store.create(name)
	return c.ok("Create")
}

func (c *imapSession) remove() string {
	name, err := c.folderArgument()
	if err != nil {
		return bad(err)
	}
	if !c.Store.Delete(name) {
		return c.missing(name, "NONEXISTENT")
	}
	return c.ok("Delete")
}

func (c *imapSession) subscribe() string {
	name, err := c.folderArgument()
	if err != nil {
		return bad(err)
	}
	if !c.selectable(name) {
		return c.missing(name, "NONEXISTENT")
	}
	return c.ok("Subscribe")
}

func (c *imapSession) selectable(name string) bool {
	c.Store.mu.Lock()
	defer c.Store.mu.Unlock()
	return c.Store.selectable(name) != nil
}

func (s *Store) selectable(name string) *mailbox {
	if f := s.folder(name); f != nil && !f.has(`\Noselect`) {
		return f
	}
	return nil
}

// missing is the answer where a folder does not exist.
func (c *imapSession) missing(name, code string) string {
	return fill(c.words().missing, code, encodeName(name))
}

func (c *imapSession) status() string {
	name, err := c.folderArgument()
	if err == nil {
		err = c.space()
	}
	if err != nil {
		return bad(err)
	}
	items, err := c.command.list()
	if err != nil {
		return bad(err)
	}
	text, found := c.statusOf(name, items)
	if !found {
		return c.missing(name, "NONEXISTENT")
	}
	c.untagged("STATUS %s (%s)", quote(encodeName(name)), text)
	return c.ok("Status")
}

func (c *imapSession) statusOf(name string, items []string) (text string, found bool) {
	c.Store.mu.Lock()
	defer c.Store.mu.Unlock()
	f := c.Store.selectable(name)
	if f == nil {
		return "", false
	}
	var out []string
	for _, item := range items {
		item = strings.ToUpper(item)
		if n, known := c.statusItem(f, item); known {
			out = append(out, item+" "+strconv.FormatInt(n, 10))
		}
	}
	return strings.Join(out, " "), true
}

func (c *imapSession) statusItem(f *mailbox, item string) (n int64, known bool) {
	switch item {
	case "MESSAGES":
		return int64(len(c.shown(f))), true
	case "RECENT":
		return 0, true
	case "UIDNEXT":
		return int64(f.next), !c.NoUIDNext
	case "UIDVALIDITY":
		return int64(f.validity), true
	case "UNSEEN":
		for _, e := range f.entries {
			if !slices.Contains(e.flags, `\Seen`) {
				n++
			}
		}
		return n, true
	}
	return 0, false
}
