package collect

import (
	"errors"
	"testing"

	"mailrill/fetch"
	"mailrill/internal/ledger"
	"mailrill/internal/reply"
)

// Messages that the source refuses cost a row each, and not the session: those
// behind them come in the same one, however many there are.
func TestRefusedMessagesCostNoSession(t *testing.T) {
	for _, stable := range []bool{true, false} {
		b := newBench(t, newMailbox(msgs(40)...))
		b.src.stable = stable
		refused := map[string]bool{}
		for _, l := range b.src.folders["INBOX"][:30] {
			refused[(&boxSession{m: b.src}).key(l)] = true
		}
		b.src.refuse = func(key string) error {
			if refused[key] {
				return &reply.Error{Protocol: "imap", Command: "FETCH", Code: "NO", Text: "Server error"}
			}
			return nil
		}
		if r := b.pass(); r.Delivered != 10 {
			t.Errorf("stable %v: %+v", stable, r)
		}
		if b.src.sessions > 2 { // the second one is for those that failed
			t.Errorf("stable %v: %d sessions", stable, b.src.sessions)
		}
		b.wantArrived(msgs(40)[30:]...)
	}
}

// Equal messages for two folders of the destination are two messages: each folder
// gets its own.
func TestEqualMessagesForTwoFolders(t *testing.T) {
	b := newBench(t, newMailbox("twin"))
	b.src.add("Work", "twin")
	b.a.Into = func(f fetch.Folder) string { return f.Name }
	b.pass()
	b.wantArrived("twin", "twin")
	into := map[string]int{}
	for _, c := range b.dst.copies {
		into[c.folder]++
	}
	if into["INBOX"] != 1 || into["Work"] != 1 {
		t.Errorf("%v", into)
	}
}

// What was done at the source is remembered once it is proved, and not done, nor
// counted, again. A QUIT without an answer proves nothing.
func TestFinishedIsRemembered(t *testing.T) {
	for _, stable := range []bool{true, false} {
		b := newBench(t, newMailbox(msgs(5)...))
		b.src.stable, b.src.loseQuit = stable, !stable
		b.a.After = fetch.AfterAction{Do: fetch.Delete}
		r := b.pass()
		if n := b.states()[ledger.Finished]; stable && (n != 5 || r.Err != nil) || !stable && (n != 0 || !errors.Is(r.Err, errCut)) {
			t.Errorf("stable %v: %d finished, %+v", stable, n, r)
		}
		b.src.loseQuit = false
		b.pass()
		if n := b.states()[ledger.Finished]; n != 5 {
			t.Errorf("stable %v: %d finished after a second pass", stable, n)
		}
		if r := b.pass(); r.SourceDone != 0 || r.Err != nil {
			t.Errorf("stable %v: once more: %+v", stable, r)
		}
	}
}
