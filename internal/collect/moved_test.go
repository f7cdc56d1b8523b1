package collect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailrill/fetch"
	"mailrill/internal/ledger"
)

// Peek shows the headers of the fake's messages.
func (s *boxSession) Peek(_ context.Context, items []fetch.Item, fn func(fetch.Item, [16]byte, bool)) error {
	for _, it := range items {
		h := fetch.NewHeaderHash()
		h.Write([]byte(s.find(it.Key).body))
		fn(it, h.Sum(), h.Telling())
	}
	return nil
}

// Dates shows the arrival dates of the fake's messages.
func (s *boxSession) Dates(_ context.Context, items []fetch.Item, fn func(fetch.Item, fetch.Meta)) error {
	for _, it := range items {
		fn(it, fetch.Meta{Received: s.find(it.Key).date})
	}
	return nil
}

// renumber gives all messages other keys, as a server does that was moved.
func (m *mailbox) renumber() {
	m.validity++
	m.salt++
}

func TestRenumberedMailIsRecognisedByItsHeaders(t *testing.T) {
	for _, stable := range []bool{true, false} {
		b := newBench(t, newMailbox(msgs(20)...))
		b.src.stable = stable
		b.pass()
		b.src.renumber()
		served := b.src.served
		if r := b.pass(); r.Delivered != 0 || r.AlreadyThere != 20 || r.Err != nil {
			t.Fatalf("stable %v: %+v", stable, r)
		}
		if n := b.src.served - served; n != 0 {
			t.Errorf("stable %v: %d bodies were fetched again", stable, n)
		}
		b.src.add("INBOX", "new")
		b.pass()
		b.wantArrived(append(msgs(20), "new")...)
		if r := b.pass(); r.New != 0 {
			t.Errorf("stable %v: the keys did not settle: %+v", stable, r)
		}
	}
}

// Headers that tell nothing, and those that several messages share, are no
// marks: such messages are fetched, and told apart by their octets.
func TestRenumberedMailWithoutTellingHeaders(t *testing.T) {
	var bodies []string
	for i := range 12 {
		bodies = append(bodies, fmt.Sprintf("no header %02d", i))
	}
	bodies = append(bodies, "Message-ID: <twin@x>\r\n\r\nbody 1", "Message-ID: <twin@x>\r\n\r\nbody 2")
	for _, stable := range []bool{true, false} {
		b := newBench(t, newMailbox(bodies...))
		b.src.stable = stable
		b.pass()
		b.src.renumber()
		// In the meantime one of the twins has been replaced by a third.
		b.src.folders["INBOX"][13].body = "Message-ID: <twin@x>\r\n\r\nbody 3"
		if r := b.pass(); r.Delivered != 1 || r.AlreadyThere != 13 {
			t.Fatalf("stable %v: %+v", stable, r)
		}
		b.wantArrived(append(slices.Clone(bodies), "Message-ID: <twin@x>\r\n\r\nbody 3")...)
	}
}

// What was to be deleted stays due under its new key, is not touched in the pass
// that recognised it, and nothing else is.
func TestRenumberedMailKeepsWhatIsDue(t *testing.T) {
	for _, stable := range []bool{true, false} {
		b := newBench(t, newMailbox(msgs(12)...))
		b.src.stable = stable
		b.a.After, b.a.Delay = fetch.AfterAction{Do: fetch.Delete}, 24*time.Hour
		b.pass()
		b.src.renumber()
		b.now = b.now.Add(25 * time.Hour)
		if r := b.pass(); r.SourceDone != 0 || len(b.src.folders["INBOX"]) != 12 {
			t.Fatalf("stable %v: deleted before the folder was settled: %+v", stable, r)
		}
		if r := b.pass(); r.SourceDone != 12 || len(b.src.folders["INBOX"]) != 0 {
			t.Errorf("stable %v: %+v", stable, r)
		}
	}
}

// Old mail that was not wanted does not come because its keys have changed.
func TestRenumberedOldMailStaysUnwanted(t *testing.T) {
	for _, stable := range []bool{true, false} {
		b := newBench(t, newMailbox(msgs(20)...))
		b.src.stable = stable
		b.a.Backlog = Backlog{Kind: BacklogNew}
		b.pass()
		b.src.add("INBOX", "Message-ID: <later@x>\r\n\r\nlater")
		b.src.folders["INBOX"][20].date = b.now.Add(time.Hour)
		b.pass()
		b.src.renumber()
		if r := b.pass(); r.Delivered != 0 || r.SkippedBacklog != 20 {
			t.Errorf("stable %v: %+v\n%s", stable, r, b.logs.String())
		}
		b.wantArrived("Message-ID: <later@x>\r\n\r\nlater")
	}
}

// A window that shows other messages each time is no renumbering.
func TestWindowsAreNotTakenForRenumbering(t *testing.T) {
	b := newBench(t, newMailbox(msgs(60)...))
	b.src.stable, b.src.window = false, 20
	b.pass()
	if strings.Contains(b.logs.String(), "anew") {
		t.Error("a window was taken for a renumbered mailbox")
	}
}

// A message that failed before the keys changed is not taken for delivered.
func TestRenumberedFailureIsStillWanted(t *testing.T) {
	b := newBench(t, newMailbox(msgs(12)...))
	b.src.refuse = func(key string) error {
		if key == "7/5" {
			return fetch.ErrNoBody
		}
		return nil
	}
	b.pass()
	b.src.refuse = nil
	b.src.renumber()
	b.pass()
	b.wantArrived(msgs(12)...)
	if n := b.states()[ledger.Delivered]; n < 12 {
		t.Errorf("states %v", b.states())
	}
}

// While the server numbered its messages anew one of them went and another came,
// with the same header, which tells nothing, and the same size: it is no less a
// message than one whose Message-ID tells it apart.
func TestRenumberedMailWithAnEqualHeader(t *testing.T) {
	const head = "Subject: report\r\n\r\n"
	for _, stable := range []bool{true, false} {
		b := newBench(t, newMailbox(append(msgs(12), head+"Monday")...))
		b.src.stable = stable
		b.pass()
		b.src.renumber()
		b.src.folders["INBOX"][12].body = head + "Friday"
		b.pass()
		b.wantArrived(append(msgs(12), head+"Monday", head+"Friday")...)
	}
}

// A message came that has the header and the size of one that was delivered, and
// is listed before it.
func TestRenumberedMailBehindItsTwin(t *testing.T) {
	const head = "Message-ID: <twin@x>\r\n\r\n"
	for _, stable := range []bool{true, false} {
		b := newBench(t, newMailbox(append(msgs(12), head+"old")...))
		b.src.stable = stable
		b.pass()
		b.src.renumber()
		b.src.folders["INBOX"][12].body = head + "new"
		b.src.add("INBOX", head+"old")
		b.pass()
		b.wantArrived(append(msgs(12), head+"old", head+"new")...)
	}
}
