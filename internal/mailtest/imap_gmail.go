package mailtest

import "strings"

// gmailNames are Gmail's folders by the language of its web pages; the order is
// that of gmailRoles. The first is the parent of the others.
var (
	gmailRoles = []string{`\Noselect`, `\All`, `\Drafts`, `\Important`, `\Sent`, `\Junk`, `\Flagged`, `\Trash`}
	gmailNames = map[string][]string{
		"en": {"[Gmail]", "All Mail", "Drafts", "Important", "Sent Mail", "Spam", "Starred", "Trash"},
		"zh": {"[Gmail]", "所有邮件", "草稿", "重要", "已发邮件", "垃圾邮件", "已加星标", "已删除邮件"},
	}
)

// GmailFolders makes the folders that Gmail has besides INBOX, in a language:
// "en" (also for any that is not known) or "zh". With them the store keeps
// Gmail's rules.
func (s *Store) GmailFolders(language string) {
	names := gmailNames[language]
	if names == nil {
		names = gmailNames["en"]
	}
	for i, role := range gmailRoles {
		name := names[0]
		if i > 0 {
			name += "/" + names[i]
		}
		s.Create(name, role)
	}
}

// ByRole returns the name of the folder with an attribute such as `\All`, or "".
func (s *Store) ByRole(attr string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.byAttr(attr); f != nil {
		return f.name
	}
	return ""
}

// systemLabels are the labels that Gmail shows for folders with a role.
var systemLabels = map[string]string{
	`\Sent`: `\Sent`, `\Drafts`: `\Draft`, `\Important`: `\Important`, `\Flagged`: `\Starred`,
}

// labels returns X-GM-LABELS of o as it is told in the folder in: quoted, without
// that folder itself, \All, spam and trash.
func (s *Store) labels(o *object, in *mailbox) (out []string) {
	for _, f := range s.folders {
		if f == in || f.outside() || f.has(`\All`) || o.places[f] == nil {
			continue
		}
		out = append(out, quote(labelOf(f)))
	}
	return out
}

func labelOf(f *mailbox) string {
	if f.name == "INBOX" {
		return `\Inbox`
	}
	for role, label := range systemLabels {
		if f.has(role) {
			return label
		}
	}
	return encodeName(f.name)
}

// storeLabels puts labels on messages and takes them off. Labels without a
// folder come into being.
func (c *imapSession) storeLabels(set numSet, byUID bool, sign string, labels []string) {
	s := c.Store
	s.mu.Lock()
	defer s.mu.Unlock()
	var boxes []*mailbox
	for _, label := range labels {
		boxes = append(boxes, s.byLabel(label))
	}
	var objects []*object
	c.open.in(set, byUID, func(_ int, e *entry) { objects = append(objects, e.object) })
	for _, o := range objects {
		for _, f := range boxes {
			if sign == "-" {
				s.drop(f, o)
			} else {
				s.place(f, o, false)
			}
		}
	}
}

func (s *Store) byLabel(label string) *mailbox {
	for _, f := range s.folders {
		if strings.EqualFold(labelOf(f), label) {
			return f
		}
	}
	return s.create(decodeName(label))
}
