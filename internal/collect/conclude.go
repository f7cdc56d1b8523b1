package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// conclude parts with the destination and writes the pass's end into its report.
func (p *pass) conclude(err error) {
	p.part()
	if commitErr := p.commit(); commitErr != nil {
		p.log.Error("write down what was moved", "err", commitErr)
	}
	p.report.Stopped = p.ctx.Err() != nil
	if p.report.Stopped && (errors.Is(err, errStopped) || errors.Is(err, errBroken) || errors.Is(err, context.Canceled)) {
		err = nil // a stop is no failure
	}
	if err == nil && !p.report.Stopped && p.current().Err == nil { // what was refused says more than what waits
		if err = p.overLimit(); err == nil {
			err = p.outstanding()
		}
	}
	if err != nil {
		p.current().Err = err
	}
	p.reportFailures()
	p.tellHeld()
	if p.looped > 0 {
		p.log.Warn("skipped messages that this account has delivered already: source and destination form a loop", "messages", p.looped)
	}
	for _, r := range p.report.Results {
		if r.Err == nil && r.Held > 0 {
			r.Err = reply.WithClass(reply.Refused, p.destinationError(fmt.Errorf("%d messages were refused and are in the hold: %w", r.Held, p.held[len(p.held)-1].reason)))
		}
	}
}

// reportFailures has each folder in which nothing worse happened tell of the messages
// that failed: how many, and the first of them by its key. That is the same one in
// each pass, so that the log can see that it is no news.
func (p *pass) reportFailures() {
	count := map[*Result]int{}
	for _, f := range p.failures {
		count[f.res]++
	}
	for _, k := range slices.SortedFunc(maps.Keys(p.failures), byKey) {
		f := p.failures[k]
		if f.res.Err != nil {
			continue
		}
		f.res.Err = f.err
		if n := count[f.res]; n > 1 {
			f.res.Err = fmt.Errorf("%d messages failed, among them %w", n, f.err)
		}
	}
}

func byKey(x, y rowKey) int {
	return cmp.Or(cmp.Compare(x.folder, y.folder), strings.Compare(x.key, y.key))
}

// current is the Result that an error of the whole pass belongs to: that of the
// last folder that was begun.
func (p *pass) current() *Result {
	if n := len(p.report.Results); n > 0 {
		return p.report.Results[n-1]
	}
	return p.report.result("")
}

// outstanding is the error of a pass that went well but leaves something to the
// next.
func (p *pass) outstanding() error {
	if p.o.DryRun || len(p.failures) > 0 || p.hard.Err() != nil {
		return nil
	}
	doubts, err := p.doubts()
	if err != nil {
		return err
	}
	var failed []ledger.Row
	for _, id := range slices.Sorted(maps.Keys(p.folders)) { // the first is named: let it stay the same
		rows, err := p.c.Ledger.Failed(p.hard, id)
		if err != nil {
			return err
		}
		failed = append(failed, rows...)
	}
	switch {
	case len(doubts) > 0:
		err = fmt.Errorf("%d messages may or may not have arrived; the destination is asked again in the next pass%s", len(doubts), why(doubts))
	case len(failed) > 0:
		err = fmt.Errorf("%d messages failed in earlier passes and are tried again later: %s", len(failed), failed[0].Receipt)
	default:
		return nil
	}
	return reply.WithClass(reply.Temporary, err)
}

// why returns what was said of the first of the rows of which something is known.
func why(rows []ledger.Row) string {
	for _, r := range rows {
		if r.Receipt != "" {
			return ": " + r.Receipt
		}
	}
	return ""
}
