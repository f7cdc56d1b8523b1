package wire

import (
	"context"
	"slices"
	"strings"

	"mailrill/internal/config"
	"mailrill/internal/imapwire"
	"mailrill/internal/sasl"
)

// Folders logs in with a password and returns the folders of an IMAP account that
// mail can be put into, in the server's order. Those that the server keeps for mail of its own making
// (drafts, sent, junk, trash and views) are left out.
func (e Env) Folders(ctx context.Context, s config.Server) ([]string, error) {
	conn, err := e.dialer(toWrite, config.IMAP, s, "").Dial(ctx)
	if err != nil {
		return nil, err
	}
	c, err := imapwire.Connect(ctx, conn, imapwire.Options{Auth: sasl.Password(s.User, s.Secret.Read), ID: e.imapID(), NeedsID: s.Provider.Quirks.NeedsID})
	if err != nil {
		conn.Close()
		return nil, err
	}
	boxes, err := c.List(ctx)
	if err != nil {
		c.Close()
		return nil, err
	}
	c.Logout()
	return forMail(boxes), nil
}

// notForMail are attributes of RFC 3501 and RFC 6154.
var notForMail = []string{`\noselect`, `\nonexistent`, `\all`, `\drafts`, `\flagged`, `\important`, `\junk`, `\sent`, `\trash`}

func forMail(boxes []imapwire.Mailbox) (names []string) {
	for _, b := range boxes {
		kept := slices.ContainsFunc(b.Attrs, func(a string) bool { return slices.Contains(notForMail, strings.ToLower(a)) })
		if !kept {
			names = append(names, b.Name)
		}
	}
	return names
}
