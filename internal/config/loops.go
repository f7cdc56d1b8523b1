package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mailrill/internal/provider"
)

// A mailbox is where mail lies, as far as a config can tell: two that are equal
// surely are the same.
type mailbox struct{ server, user string }

// usual ports of mail servers are all doors to the same mailboxes.
var usual = map[int]bool{143: true, 993: true, 110: true, 995: true}

func (s Server) mailbox(protocol string) mailbox {
	box := mailbox{fmt.Sprintf("%s:%d", s.Host, s.Port), strings.ToLower(s.User)}
	if end, known := s.Provider.Endpoint(protocol); known && end.Host == s.Host && usual[s.Port] {
		box.server = s.Provider.IMAP.Host // POP3 and IMAP of a provider are one
	} else if usual[s.Port] {
		box.server = s.Host
	}
	return box
}

// source returns the mailbox of an account and the folders that it reads.
func (a *Account) source() (mailbox, []string) {
	folders := a.Folders
	if a.GmailPOP() {
		folders = []string{"*"} // Gmail's POP3 reads all mail
	}
	return a.mailbox(a.Protocol), folders
}

// target returns the mailbox that an account's mail goes to and the folder
// there, which holds "*" where it depends on the message; ok is false where it
// is no mailbox that could be a source.
func (a *Account) target() (box mailbox, folder string, ok bool) {
	d := a.Destination
	switch {
	case d == nil:
		return box, "", false
	case d.Type == TypeIMAP:
		return d.mailbox(IMAP), placeholder.ReplaceAllString(cmp.Or(a.into, d.Folder), "*"), true
	case d.Type == TypeSMTP || d.Type == TypeLMTP:
		p, known := provider.ByAddress(d.Recipient)
		return mailbox{p.IMAP.Host, strings.ToLower(d.Recipient)}, "INBOX", known
	}
	return box, "", false
}

// sourcesTwice refuses two accounts that read the same mail.
func (l *loader) sourcesTwice() {
	type seen struct {
		a       *Account
		folders []string
	}
	boxes := map[mailbox][]seen{}
	for i, a := range l.config.Accounts {
		if !a.Enabled || a.Host == "" || a.User == "" {
			continue
		}
		box, folders := a.source()
		for _, other := range boxes[box] {
			if other.a.Protocol == a.Protocol && overlap(other.folders, folders) {
				l.accounts[i].fail("user", "account "+other.a.Name+" collects the same mail already", "keep one of them, or give them different folders")
			}
		}
		boxes[box] = append(boxes[box], seen{a, folders})
	}
}

// circles refuses accounts whose mail comes back to where it was read.
func (l *loader) circles() {
	next := l.flow()
	for i, a := range l.config.Accounts {
		way := wayBack(next, i)
		switch {
		case way == nil:
		case len(way) == 1:
			l.accounts[i].fail("to", "account "+a.Name+" would deliver into the mailbox that it collects from", "")
		default:
			names := []string{a.Name}
			for _, j := range way {
				names = append(names, l.config.Accounts[j].Name)
			}
			l.accounts[i].fail("to", "mail would go in a circle: "+strings.Join(names, ", "), "")
		}
	}
}

// flow returns, for each account, the accounts that would collect its mail
// again.
func (l *loader) flow() [][]int {
	readers := map[mailbox][]int{}
	for i, a := range l.config.Accounts {
		if box, _ := a.source(); a.Enabled && a.Host != "" && a.User != "" {
			readers[box] = append(readers[box], i)
		}
	}
	next := make([][]int, len(l.config.Accounts))
	for i, a := range l.config.Accounts {
		box, folder, ok := a.target()
		if !ok || !a.Enabled {
			continue
		}
		for _, j := range readers[box] {
			if _, folders := l.config.Accounts[j].source(); overlap(folders, []string{folder}) {
				next[i] = append(next[i], j)
			}
		}
	}
	return next
}

// wayBack returns the shortest way from start to start, without the first
// start, or nil. Accounts before start are not walked through, so that each
// circle is found from one of its accounts only.
func wayBack(next [][]int, start int) []int {
	from := map[int]int{}
	for queue := []int{start}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, to := range next[at] {
			if _, known := from[to]; known || to < start {
				continue
			}
			from[to] = at
			if to == start {
				return trail(from, start)
			}
			queue = append(queue, to)
		}
	}
	return nil
}

func trail(from map[int]int, start int) []int {
	way := []int{start}
	for at := from[start]; at != start; at = from[at] {
		way = append(way, at)
	}
	slices.Reverse(way)
	return way
}

// overlap reports whether two lists of folders can name the same folder.
func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(f string) bool { return !negated(f) && selects(a, f) && selects(b, f) }) ||
		slices.ContainsFunc(b, func(f string) bool { return !negated(f) && selects(a, f) && selects(b, f) })
}

func negated(f string) bool { return strings.HasPrefix(f, "!") }

// selects reports whether a list of folders can name folder, which may hold "*".
func selects(folders []string, folder string) bool {
	found := false
	for _, f := range folders {
		name, not := strings.CutPrefix(f, "!")
		if not && !strings.Contains(folder, "*") && matches(name, folder) {
			return false
		}
		found = found || (!not && matches(name, folder))
	}
	return found
}

// unwanted roles are left out by patterns.
var unwanted = []string{"role:all", "role:flagged", "role:important", "role:junk", "role:trash", "role:drafts"}

// apart are the folders whose mail is not in that of role:all.
var apart = []string{"role:junk", "role:trash"}

func matches(pattern, folder string) bool {
	pattern, folder = plainName(pattern), plainName(folder)
	switch {
	case pattern == folder:
		return true
	case pattern == "role:all":
		return !slices.Contains(apart, folder)
	case folder == "role:all":
		return !slices.Contains(apart, pattern)
	case slices.Contains(unwanted, folder) || slices.Contains(unwanted, pattern):
		return false
	case strings.Contains(pattern, "*") && strings.Contains(folder, "*"):
		p, _, _ := strings.Cut(pattern, "*")
		f, _, _ := strings.Cut(folder, "*")
		return strings.HasPrefix(p, f) || strings.HasPrefix(f, p)
	case strings.Contains(folder, "*"):
		return false // overlap asks again the other way round
	}
	return glob(pattern, folder)
}

// plainName writes the two names of the inbox as one.
func plainName(f string) string {
	if strings.EqualFold(f, "inbox") || f == "role:inbox" {
		return "INBOX"
	}
	return f
}

// glob matches a name with a pattern in which "*" stands for anything.
func glob(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(name, parts[0])
	if len(parts) == 1 {
		return ok && rest == ""
	}
	for _, p := range parts[1 : len(parts)-1] {
		var found bool
		if _, rest, found = strings.Cut(rest, p); !found {
			return false
		}
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}
