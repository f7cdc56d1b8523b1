package collect

import (
	"fmt"
	"time"

	"mailrill/internal/ledger"
)

// settle commits fates, as many at a time as have gathered.
func (f *flow) settle() {
	for first := range f.fates {
		fates := f.more(first)
		f.guard(func() { f.settleAll(fates) })
	}
}

// more returns first and the fates that come within a pause, while any is awaited.
func (f *flow) more(first fate) []fate {
	fates, over := []fate{first}, time.After(commitPause)
	for len(fates) < batchCount && f.awaited() {
		select {
		case ft, ok := <-f.fates:
			if !ok {
				return fates
			}
			fates = append(fates, ft)
		case <-over:
			return fates
		}
	}
	return fates
}

// awaited reports whether fates are there, or the destination owes some.
func (f *flow) awaited() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.begun) > 0 || len(f.fates) > 0
}

func (f *flow) settleAll(fates []fate) {
	defer f.tell(len(fates))
	defer func() {
		for _, ft := range fates {
			ft.p.body.Release()
		}
	}()
	var ps []*parcel
	for _, ft := range fates {
		row, err := f.judge(ft)
		if err != nil {
			f.stop(err)
			continue
		}
		ft.p.row = row
		ps = append(ps, ft.p)
	}
	if err := f.remember(ps); err != nil {
		f.stop(fmt.Errorf("write the ledger: %w", err))
		return
	}
	for _, p := range ps {
		f.v.tally(func() { f.v.settled(f.box.res, p) })
	}
}

// remember commits what became of ps and of the further source copies that
// follow them, until no follower has come meanwhile.
func (f *flow) remember(ps []*parcel) error {
	for {
		rows := f.unwritten(ps)
		if len(rows) == 0 {
			return nil
		}
		if err := f.v.commitAnswers(changes(rows)...); err != nil {
			return err
		}
		f.count(rows)
	}
}

// unwritten returns the rows of ps that have not been committed. When there are
// none ps can be followed no more: who comes now finds their row in the ledger.
func (f *flow) unwritten(ps []*parcel) (rows []ledger.Row) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range ps {
		all := []ledger.Row{p.row}
		for _, also := range p.also {
			r := p.row
			r.Key, r.Size, r.Same = also.Key, also.Size, also.Same
			all = append(all, r)
		}
		rows = append(rows, all[p.written:]...)
		p.written = len(all)
	}
	if len(rows) == 0 {
		for _, p := range ps {
			delete(f.flying, p.msg.ID)
		}
	}
	return rows
}

// tell reports how far the folder is.
func (f *flow) tell(more int) {
	if f.v.c.Progress == nil {
		return
	}
	f.v.tally(func() {
		f.told.Done += more
		f.told.Bytes = f.box.res.Bytes
	})
	f.v.c.Progress(f.told)
}

// settled counts what became of a message, once that is on the disk. It is called
// under the pass's lock.
func (p *pass) settled(res *Result, pc *parcel) {
	switch pc.row.State {
	case ledger.Delivered:
		res.Delivered++
		res.Bytes += pc.msg.Size
		res.AlreadyThere += len(pc.also)
		p.tellOf(pc)
		if p.shownAfter == 0 && len(p.sample) < sampleSize {
			p.sample[pc.msg.ID] = pc.msg.Size
		}
	case ledger.Held:
		res.AlreadyThere += len(pc.also)
	case ledger.Seen:
		res.AlreadyThere += 1 + len(pc.also)
	default:
		return
	}
	p.noFailure(pc.row)
}

func (f *flow) count(rows []ledger.Row) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range rows {
		switch {
		case r.State.Settled() || r.State == ledger.Seen:
			f.unsettled--
			f.progress++
			f.brought++
		case r.State == ledger.Failed && !r.NextTry.IsZero():
			f.progress++
		}
	}
}
