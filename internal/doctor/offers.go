package doctor

import (
	"slices"
	"strings"

	"mailrill/internal/config"
	"mailrill/internal/lang"
)

// telling are the capabilities that make a difference to mailrill, by protocol.
// One that ends in "=" or a blank is shown with what stands behind it.
var telling = map[string][]string{
	"imap": {"IDLE", "MOVE", "UIDPLUS", "SPECIAL-USE", "XLIST", "LIST-STATUS", "ID", "X-GM-EXT-1", "MULTIAPPEND", "LITERAL+", "LITERAL-", "BINARY", "APPENDLIMIT", "QUOTA"},
	"pop3": {"UIDL", "TOP", "PIPELINING", "EXPIRE", "LOGIN-DELAY", "SASL"},
	"smtp": {"SIZE", "PIPELINING", "CHUNKING", "BINARYMIME", "8BITMIME", "SMTPUTF8", "AUTH"},
	"lmtp": {"SIZE", "PIPELINING", "CHUNKING", "BINARYMIME", "8BITMIME", "SMTPUTF8", "AUTH"},
}

// capabilities shows what the server offers of these.
func (c *chain) capabilities(all []string) {
	var known []string
	for _, o := range all {
		if slices.Contains(telling[c.end.protocol], keyword(o)) {
			known = append(known, o)
		}
	}
	if len(known) == 0 {
		c.ok(Capabilities, lang.Text{EN: "nothing that matters", ZH: "没有特别的功能"})
		return
	}
	c.ok(Capabilities, lang.Text{EN: strings.Join(shown(known, 20), ", ")})
}

// keyword is a capability without its value.
func keyword(offer string) string {
	if i := strings.IndexAny(offer, " ="); i >= 0 {
		return offer[:i]
	}
	return offer
}

func offers(all []string, name string) bool {
	return slices.ContainsFunc(all, func(o string) bool { return keyword(o) == name })
}

// sourceLacks is what a source cannot do for an account when it lacks a
// capability.
var sourceLacks = []struct {
	protocol, name string
	matters        func(*config.Account) bool
	mark           Mark
	text           lang.Text
}{
	{"imap", "UIDPLUS", func(a *config.Account) bool { return a.After == config.Delete && !a.Provider.Quirks.TrashOnDelete }, Warning, lang.Text{
		EN: "without UIDPLUS the server cannot expunge single messages: those that are to be deleted stay there, marked as deleted",
		ZH: "服务器没有 UIDPLUS，不能单独清除邮件：要删除的邮件会留在原处，只是标为已删除",
	}},
	{"imap", "IDLE", func(a *config.Account) bool { return a.Push }, Note, lang.Text{
		EN: "without IDLE the server announces no new mail: it is looked for by the schedule only",
		ZH: "服务器没有 IDLE，不会通知新邮件：只能按计划定时查看",
	}},
	{"pop3", "UIDL", func(*config.Account) bool { return true }, Note, lang.Text{
		EN: "without UIDL messages are told apart by their headers or their whole text, which takes longer",
		ZH: "服务器没有 UIDL，只能用邮件头或全文区分邮件，会慢一些",
	}},
}

// noChunking is said of a server that cannot take every octet.
var noChunking = lang.Text{
	EN: "without CHUNKING a message that holds a NUL, or a CR or LF that stands alone, cannot be sent unchanged: it goes into the hold",
	ZH: "服务器没有 CHUNKING：含有 NUL 或单独的 CR、LF 的邮件无法原样发送，会被放入保留区",
}
