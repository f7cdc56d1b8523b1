package collect

import (
	"errors"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/internal/ledger"
)

// Two doubts are sent again, and of one the answer is lost once more. The window
// asks for another session at once; that one must not send it a third time before
// the destination was asked again.
func TestDoubtThatIsLostAgainIsAskedAboutAgain(t *testing.T) {
	b := newBench(t, newMailbox(msgs(2)...))
	b.src.stable, b.src.window = false, 5
	n := 0
	b.dst.fate = func(*deliver.Message) (store bool, err error) {
		switch n++; n {
		case 1, 2:
			return false, errors.New("cut")
		case 4:
			b.dst.late = 1
			return true, errors.New("cut again")
		}
		return true, nil
	}
	b.pass()
	b.dst.late = 0
	b.now = b.now.Add(time.Hour)
	if r := b.pass(); r.Err != nil || b.states()[ledger.Delivered] != 2 {
		t.Errorf("%+v %v", r, b.states())
	}
	b.wantArrived(msgs(2)...)
}
