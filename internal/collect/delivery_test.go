package collect

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/internal/ledger"
)

// Each message that reached its destination is told of once, with its arrival;
// what was refused, or was there already, is not.
func TestDeliveredIsToldOnce(t *testing.T) {
	b := newBench(t, newMailbox(msgs(4)...))
	b.src.add("Z", msgs(1)[0]) // a second copy of the first
	b.dst.fate = func(m *deliver.Message) (bool, error) {
		if m.Received.Equal(day(3)) {
			return false, fmt.Errorf("%w: policy", deliver.ErrRejected)
		}
		return true, nil
	}
	row, err := b.c.Ledger.Account(t.Context(), b.a.Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.c.Ledger.Commit(t.Context(), ledger.PassOf{Account: row.ID, Pass: ledger.Pass{At: day(1), OK: day(1)}}); err != nil {
		t.Fatal(err)
	}
	var arrived []time.Time
	b.c.Delivered = func(d Delivery) {
		arrived = append(arrived, d.Received)
		if d.Account != "acct" || d.To != b.a.To || d.At.IsZero() || !d.CaughtUp.Equal(day(1)) {
			t.Errorf("%+v", d)
		}
	}
	b.pass()
	b.pass()
	slices.SortFunc(arrived, time.Time.Compare)
	if want := []time.Time{day(1), day(2), day(4)}; !slices.EqualFunc(arrived, want, time.Time.Equal) {
		t.Errorf("told of %v, want %v", arrived, want)
	}
}
