package ledger

import "context"

// Unsettled is how many messages of an account await something.
type Unsettled struct {
	Doubts int64 // in Intent
	Failed int64
}

// The counts run over indexes that hold nothing else, however large the state is.
const (
	ofAccounts  = ` JOIN folder ON folder.id = message.folder JOIN account ON account.id = folder.account `
	countDoubts = `SELECT account.name, count(*) FROM message INDEXED BY message_doubt` + ofAccounts + `WHERE message.state = 5 GROUP BY account.name`
	countFailed = `SELECT account.name, count(*) FROM message INDEXED BY message_failed` + ofAccounts + `WHERE message.state = 3 GROUP BY account.name`
)

// Unsettled returns what awaits something, by the names of the accounts; those of
// which nothing does are absent.
func (l *Ledger) Unsettled(ctx context.Context) (map[string]Unsettled, error) {
	all := make(map[string]Unsettled)
	type count struct {
		account string
		n       int64
	}
	scan := func(s scanner) (c count, err error) { return c, s.Scan(&c.account, &c.n) }
	err := each(ctx, &l.read, scan, func(c count) {
		all[c.account] = Unsettled{Doubts: c.n}
	}, countDoubts)
	if err != nil {
		return nil, err
	}
	err = each(ctx, &l.read, scan, func(c count) {
		all[c.account] = Unsettled{all[c.account].Doubts, c.n}
	}, countFailed)
	return all, err
}
