package collect

import (
	"errors"
	"fmt"

	"mailrill/fetch"
	"mailrill/internal/reply"
)

// meet makes folders known that were not there before. Those of the account's
// first look are made together, before the first of them is looked at: then one
// that is found later can be told from one that a crash kept from being looked at.
// A folder that is found later holds new mail only.
func (v *visit) meet(fs []fetch.Folder) error {
	known, err := v.c.Ledger.Folders(v.hard, v.account.ID)
	if err != nil {
		return err
	}
	rows, looked := map[string]bool{}, false
	for _, f := range known {
		rows[f.Name], looked = true, looked || f.Looked
	}
	var news []string
	for _, f := range fs {
		if !rows[f.Name] {
			news = append(news, f.Name)
		}
	}
	if len(news) > 0 {
		if err := v.c.Ledger.AddFolders(v.hard, v.account.ID, news, looked); err != nil {
			return err
		}
	}
	if looked || len(fs) < 2 || v.a.Backlog.Kind != BacklogUnset {
		return nil
	}
	return v.guardAll(fs)
}

// guardAll lists all folders before anything is delivered from the first one. A
// single folder is guarded when it is looked at.
func (v *visit) guardAll(fs []fetch.Folder) error {
	var all []fetch.Item
	for _, f := range fs {
		_, err := v.session.Open(v.hard, f.Name)
		if refusal := (*reply.Error)(nil); errors.As(err, &refusal) {
			continue // it is reported when its turn comes
		}
		if err != nil {
			return fmt.Errorf("open %s: %w", f.Name, err)
		}
		items, err := v.session.List(v.hard, fetch.Cursor{})
		if err != nil {
			return fmt.Errorf("list %s: %w", f.Name, err)
		}
		all = append(all, items...)
	}
	return v.a.Backlog.guard(v.a.Name, fmt.Sprintf("%d folders hold", len(fs)), all)
}
