package collect

import (
	"errors"
	"os"
	"time"

	"mailrill/deliver"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// judge turns a fate into the row that remembers it.
func (f *flow) judge(ft fate) (ledger.Row, error) {
	row := ft.p.row
	row.At = f.v.now()
	switch {
	case ft.err == nil:
		row.State, row.Receipt = ledger.Delivered, ft.receipt.Where
		return f.v.withAfter(row), nil
	case errors.Is(ft.err, deliver.ErrSkipped):
		row.State, row.Receipt = ledger.Seen, reply.Clean(ft.err.Error())
		return row, nil
	case errors.Is(ft.err, deliver.ErrRejected):
		return f.refused(ft, time.Time{}, ledger.Failed)
	case errors.Is(ft.err, deliver.ErrUnavailable):
		row.State, row.Attempts, row.Receipt = ledger.Failed, 0, reply.Clean(ft.err.Error())
		return row, nil
	case errors.Is(ft.err, deliver.ErrNotTaken):
		return f.notTaken(ft, row)
	}
	f.v.log.Debug("it is unknown whether a message arrived; the destination will be asked", "key", row.Key, "id", row.ID, "err", ft.err)
	if row.Attempts >= holdAfter {
		return f.refused(ft, row.At.Add(pause(row.Attempts)), ledger.Intent)
	}
	row.Receipt, row.NextTry = reply.Clean(ft.err.Error()), row.At.Add(f.v.graceAfter(ft.err))
	return row, nil
}

// holdAfter is how many attempts a destination has to take a message, before the
// message goes into the hold and is tried from there.
var holdAfter = len(pauses)

// notTaken is the fate of a message that was refused for now.
func (f *flow) notTaken(ft fate, row ledger.Row) (ledger.Row, error) {
	row.State, row.Receipt = ledger.Failed, reply.Clean(ft.err.Error())
	if reply.ClassOf(ft.err) == reply.Network {
		row.Attempts-- // the line's fault, not the message's
		f.v.tally(func() {
			f.v.more = true
			f.v.failure(f.box.res, row, f.v.destinationError(ft.err))
		})
		return row, nil
	}
	if row.Attempts >= holdAfter {
		return f.refused(ft, row.At.Add(pause(row.Attempts)), ledger.Failed)
	}
	row.NextTry = row.At.Add(pause(row.Attempts))
	f.v.tally(func() { f.v.failure(f.box.res, row, f.v.destinationError(ft.err)) })
	f.v.log.Debug("message was not taken", "key", row.Key, "attempt", row.Attempts, "err", ft.err)
	return row, nil
}

// refused puts a message into the hold, unless so many are refused that it must
// be the destination; back as in a holding.
func (f *flow) refused(ft fate, retry time.Time, back ledger.State) (ledger.Row, error) {
	row, err := f.v.putIntoHold(f.box, ft.p, ft.err, retry, back)
	if err != nil {
		return row, err
	}
	f.v.log.Debug("message was refused", "key", row.Key, "id", row.ID, "err", ft.err)
	return row, f.v.breaker()
}

// graceAfter is how long to wait before a message whose fate is unknown may be
// sent again: a server can commit after the line was cut.
func (p *pass) graceAfter(err error) time.Duration {
	if p.finder == nil {
		return 0
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return timeoutGrace
	}
	return p.finder.Settles()
}

// timeoutGrace is the grace after a timeout of ours: the server may still be at
// work on the message.
const timeoutGrace = 60 * time.Second
