package imap

import (
	"strings"

	"mailrill/fetch"
	"mailrill/internal/imapwire"
)

// inbox is the one name that is the same in any case (RFC 3501, 5.1).
const inbox = "INBOX"

// attrRoles are the roles that attributes of LIST (SPECIAL-USE, RFC 6154) and of
// XLIST (Gmail's, before; QQ's still) give to a folder.
var attrRoles = map[string]string{
	`\inbox`: "inbox", `\all`: "all", `\allmail`: "all", `\sent`: "sent", `\junk`: "junk", `\spam`: "junk",
	`\trash`: "trash", `\drafts`: "drafts", `\archive`: "archive", `\flagged`: "flagged", `\starred`: "flagged",
	`\important`: "important",
}

// nameRoles are names that mean a role on servers which give no such
// attribute: English ones, and those of QQ and NetEase.
var nameRoles = map[string]string{
	"sent": "sent", "sent messages": "sent", "sent items": "sent", "sent mail": "sent",
	"已发送": "sent", "已发送邮件": "sent", "已发邮件": "sent",
	"drafts": "drafts", "draft": "drafts", "草稿": "drafts", "草稿箱": "drafts", "草稿夹": "drafts",
	"trash": "trash", "deleted": "trash", "deleted messages": "trash", "deleted items": "trash",
	"已删除": "trash", "已删除邮件": "trash",
	"junk": "junk", "spam": "junk", "junk mail": "junk", "junk email": "junk", "junk e-mail": "junk",
	"bulk mail": "junk", "垃圾邮件": "junk", "病毒文件夹": "junk",
	"archive": "archive", "archives": "archive", "归档": "archive",
}

// hidden are roles that a pattern leaves out: copies of what other folders
// hold, and what nobody wants carried along.
var hidden = map[string]bool{
	"all": true, "flagged": true, "important": true, "junk": true, "trash": true, "drafts": true,
}

// A box is a folder as LIST tells of it.
type box struct {
	fetch.Folder
	selectable bool // it can hold messages
}

// boxesOf reads a listing. INBOX is always there, even when it was left out.
func boxesOf(list []imapwire.Mailbox) []box {
	var boxes []box
	seen := map[string]bool{}
	told := false
	for _, m := range list {
		b := boxOf(m)
		told = told || b.Role != "" && b.Role != "inbox"
		if !seen[b.Name] {
			seen[b.Name] = true
			boxes = append(boxes, b)
		}
	}
	if !seen[inbox] {
		boxes = append(boxes, box{fetch.Folder{Name: inbox, Separator: separatorOf(boxes), Role: "inbox"}, true})
	}
	if !told {
		guessRoles(boxes)
	}
	return boxes
}

// boxOf reads one line. XLIST may call INBOX by a name in the user's language;
// SELECT knows it by its own only.
func boxOf(m imapwire.Mailbox) box {
	b := box{fetch.Folder{Name: m.Name, Separator: m.Separator}, true}
	for _, a := range m.Attrs {
		a = strings.ToLower(a)
		if a == `\noselect` || a == `\nonexistent` {
			b.selectable = false
		}
		if role := attrRoles[a]; role != "" && b.Role == "" {
			b.Role = role
		}
	}
	if b.Role == "inbox" || strings.EqualFold(b.Name, inbox) {
		b.Name, b.Role = inbox, "inbox"
	}
	return b
}

func separatorOf(boxes []box) string {
	for _, b := range boxes {
		if b.Separator != "" {
			return b.Separator
		}
	}
	return ""
}

// guessRoles goes by the names of folders at the top or right below INBOX.
func guessRoles(boxes []box) {
	for i := range boxes {
		b := &boxes[i]
		name := strings.ToLower(b.Name)
		if b.Separator != "" {
			name = strings.TrimPrefix(name, "inbox"+b.Separator)
		}
		if b.Role == "" {
			b.Role = nameRoles[name]
		}
	}
}
