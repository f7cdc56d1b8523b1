package ledger

import "testing"

func TestUnsettled(t *testing.T) {
	m := newMailbox(t)
	equal(t, "of nothing", must(m.Unsettled(t.Context()))(t), map[string]Unsettled{})
	commit(t, m.Ledger,
		Row{Folder: m.inbox.ID, Key: "a", State: Intent, ID: id(1)},
		Row{Folder: m.sent.ID, Key: "a", State: Intent, ID: id(2)},
		Row{Folder: m.sent.ID, Key: "b", State: Failed, NextTry: noon},
		Row{Folder: m.sent.ID, Key: "c", State: Delivered, ID: id(3)},
		Row{Folder: m.theirs.ID, Key: "a", State: Failed, NextTry: noon},
	)
	equal(t, "all", must(m.Unsettled(t.Context()))(t), map[string]Unsettled{
		m.account.Name: {Doubts: 2, Failed: 1}, m.other.Name: {Failed: 1},
	})
}
