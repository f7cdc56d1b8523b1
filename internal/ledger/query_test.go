package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"
)

// keysOf lists rows by their keys, in their order.
func keysOf(rows []Row) []string {
	keys := []string{}
	for _, r := range rows {
		keys = append(keys, r.Key)
	}
	return keys
}

// mailbox is a ledger with two accounts; the first has two folders.
type mailbox struct {
	*Ledger
	account, other      Account
	inbox, sent, theirs Folder
}

func newMailbox(t *testing.T) (m mailbox) {
	t.Helper()
	m.Ledger, m.account, m.inbox = newFolder(t)
	m.sent = must(m.Folder(t.Context(), m.account.ID, "Sent"))(t)
	m.other = must(m.Account(t.Context(), "other"))(t)
	m.theirs = must(m.Folder(t.Context(), m.other.ID, "INBOX"))(t)
	return m
}

func TestLookup(t *testing.T) {
	m := newMailbox(t)
	var changes []Change
	var keys []string
	want := map[string]Brief{}
	for n := range 1201 { // more than two portions
		key := fmt.Sprintf("%d' OR 1=1 --", n)
		keys = append(keys, key)
		if n%3 == 0 {
			continue
		}
		want[key] = Brief{Failed, noon.Add(time.Duration(n) * time.Minute), n, int64(n)}
		changes = append(changes, Row{Folder: m.inbox.ID, Key: key, State: Failed, Size: int64(n), Attempts: n,
			NextTry: noon.Add(time.Duration(n) * time.Minute)})
	}
	commit(t, m.Ledger, append(changes, Row{Folder: m.sent.ID, Key: keys[0], State: Seen})...)
	equal(t, "found", must(m.Lookup(t.Context(), m.inbox.ID, keys))(t), want)
	equal(t, "of no keys", must(m.Lookup(t.Context(), m.inbox.ID, nil))(t), map[string]Brief{})
}

func TestByID(t *testing.T) {
	m := newMailbox(t)
	commit(t, m.Ledger,
		Row{Folder: m.inbox.ID, Key: "a", State: Intent, ID: id(1)},
		Row{Folder: m.sent.ID, Key: "b", State: Finished, ID: id(1)},
		Row{Folder: m.sent.ID, Key: "c", State: Finished, ID: id(2)},
		Row{Folder: m.sent.ID, Key: "d", State: Seen},
	)
	equal(t, "rows", keysOf(must(m.ByID(t.Context(), id(1)))(t)), []string{"a", "b"})
	equal(t, "rows without an ID", keysOf(must(m.ByID(t.Context(), ""))(t)), []string{})
}

// TestSettled gives one ID every set of rows and asks for it: what counts must not
// depend on which was stored first.
func TestSettled(t *testing.T) {
	delivered, finished, held := Found{State: Delivered, Receipt: "6"}, Found{State: Finished, Receipt: "7"}, Found{State: Held, Receipt: "8"}
	adopted := Found{State: Delivered, Receipt: "adopted", Adopted: true}
	tests := []struct {
		states  []State
		adopted bool
		want    *Found
	}{
		{nil, false, nil},
		{[]State{Seen, Old, Failed, TooLarge, Intent, Lost}, false, nil},
		{[]State{Intent}, true, &adopted},
		{[]State{Delivered}, false, &delivered},
		{[]State{Delivered}, true, &delivered},
		{[]State{Held, Finished}, true, &finished},
		{[]State{Finished, Held}, true, &finished},
		{[]State{Held, Intent}, false, &held},
		{[]State{Held, Intent}, true, &adopted},
	}
	m := newMailbox(t)
	for n, test := range tests {
		for i, s := range test.states {
			commit(t, m.Ledger, Row{Folder: m.inbox.ID, Key: fmt.Sprintf("%d/%d", n, i), State: s, ID: id(n), Receipt: fmt.Sprint(s)})
		}
		if test.adopted {
			commit(t, m.Ledger, Adopted{id(n), "replaced", "x"}, Adopted{id(n), "adopted", "qq"})
		}
		want := map[string]Found{}
		if test.want != nil {
			want[id(n)] = *test.want
		}
		equal(t, fmt.Sprint(test.states, test.adopted), must(m.Settled(t.Context(), []string{id(n), id(99)}))(t), want)
	}
}

func TestSameAs(t *testing.T) {
	m := newMailbox(t)
	const label, huge = 5, 1<<64 - 1
	commit(t, m.Ledger,
		Row{Folder: m.inbox.ID, Key: "held", State: Held, Same: label},
		Row{Folder: m.sent.ID, Key: "sent", State: Finished, Same: label},
		Row{Folder: m.sent.ID, Key: "held later", State: Held, Same: label},
		Row{Folder: m.inbox.ID, Key: "huge", State: Delivered, Same: huge},
		Row{Folder: m.inbox.ID, Key: "begun", State: Intent, Same: 6},
		Row{Folder: m.theirs.ID, Key: "theirs", State: Delivered, Same: 7},
		Row{Folder: m.inbox.ID, Key: "none", State: Delivered},
	)
	got := map[uint64]string{}
	for same, r := range must(m.SameAs(t.Context(), m.account.ID, []uint64{label, huge, 6, 7, 0}))(t) {
		got[same] = r.Key
	}
	equal(t, "rows", got, map[uint64]string{label: "sent", huge: "huge"})
}

func TestDoubts(t *testing.T) {
	m := newMailbox(t)
	commit(t, m.Ledger,
		Row{Folder: m.inbox.ID, Key: "younger", State: Intent, At: noon.Add(time.Second)},
		Row{Folder: m.sent.ID, Key: "older", State: Intent, At: noon},
		Row{Folder: m.inbox.ID, Key: "delivered", State: Delivered, At: noon},
		Row{Folder: m.theirs.ID, Key: "theirs", State: Intent, At: noon},
	)
	equal(t, "doubts", keysOf(must(m.Doubts(t.Context(), m.account.ID))(t)), []string{"older", "younger"})
}

func TestDue(t *testing.T) {
	m := newMailbox(t)
	due := func(key string, s State, after string, at time.Time) Row {
		return Row{Folder: m.inbox.ID, Key: key, State: s, After: after, Due: at}
	}
	commit(t, m.Ledger,
		due("now", Delivered, "seen", noon),
		due("earlier", Delivered, "delete", noon.Add(-time.Hour)),
		due("at once", Delivered, "delete", time.Time{}),
		due("later", Delivered, "delete", noon.Add(time.Millisecond)),
		due("kept", Delivered, "", noon),
		due("held", Held, "delete", noon),
		due("done", Finished, "delete", noon),
		Row{Folder: m.sent.ID, Key: "elsewhere", State: Delivered, After: "delete", Due: noon},
	)
	equal(t, "due", keysOf(must(m.Due(t.Context(), m.inbox.ID, noon, 10))(t)), []string{"at once", "earlier", "now"})
	equal(t, "two of them", keysOf(must(m.Due(t.Context(), m.inbox.ID, noon, 2))(t)), []string{"at once", "earlier"})
	equal(t, "count", must(m.DueCount(t.Context(), m.inbox.ID, noon))(t), map[string]int{"delete": 2, "seen": 1})
}

func TestRows(t *testing.T) {
	m := newMailbox(t)
	var changes []Change
	var want []string
	for n := range 1001 { // more than two pages
		key := fmt.Sprintf("%04d", n)
		want = append(want, key)
		changes = append(changes, Row{Folder: m.inbox.ID, Key: key, State: Seen})
	}
	commit(t, m.Ledger, append(changes, Row{Folder: m.sent.ID, Key: "x", State: Seen})...)
	var got []string
	err := m.Rows(t.Context(), m.inbox.ID, func(r Row) error {
		got = append(got, r.Key)
		return m.Commit(t.Context(), Remove{m.inbox.ID, r.Key}) // fn may change what it reads
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "keys", got, want)
	stop := errors.New("enough")
	if err := m.Rows(t.Context(), m.sent.ID, func(Row) error { return stop }); err != stop {
		t.Errorf("error %v", err)
	}
}

func TestTrace(t *testing.T) {
	m := newMailbox(t)
	hash := MessageHash("<a@b>")
	commit(t, m.Ledger,
		Row{Folder: m.inbox.ID, Key: "by message", State: Delivered, Message: hash},
		Row{Folder: m.theirs.ID, Key: "by id", State: Seen, ID: id(1)},
		Row{Folder: m.sent.ID, Key: "neither", State: Seen},
	)
	names := func(message int64, id string) (out []string) {
		for _, r := range must(m.Trace(t.Context(), message, id))(t) {
			out = append(out, r.Account+" "+r.Folder+" "+r.Key)
		}
		return out
	}
	equal(t, "both", names(hash, id(1)), []string{"gmail INBOX by message", "other INBOX by id"})
	equal(t, "message", names(hash, ""), []string{"gmail INBOX by message"})
	equal(t, "id", names(0, id(1)), []string{"other INBOX by id"})
	equal(t, "nothing", names(0, ""), []string(nil))
}

func TestForgetRows(t *testing.T) {
	for _, since := range []time.Time{{}, noon} {
		m := newMailbox(t)
		m.inbox.Looked, m.inbox.Validity, m.inbox.Floor, m.inbox.Full = true, 3, 9, noon
		commit(t, m.Ledger, m.inbox,
			Row{Folder: m.inbox.ID, Key: "old", State: Finished, ID: id(1), At: noon.Add(-time.Millisecond)},
			Row{Folder: m.inbox.ID, Key: "new", State: Delivered, ID: id(2), At: noon},
			Row{Folder: m.inbox.ID, Key: "unread", State: Seen, At: noon.Add(time.Hour)},
			Row{Folder: m.sent.ID, Key: "elsewhere", State: Delivered, ID: id(3), At: noon},
			Adopted{id(1), "", "qq"}, Adopted{id(2), "", "qq"}, Adopted{id(3), "", "qq"}, Adopted{id(4), "", "qq"},
		)
		wantN, wantIDs := int64(3), []string{id(3), id(4)}
		if !since.IsZero() {
			wantN, wantIDs = 2, []string{id(1), id(3), id(4)}
		}
		n := must(m.ForgetRows(t.Context(), m.inbox.ID, since))(t)
		equal(t, "removed", n, wantN)
		known := must(m.Settled(t.Context(), []string{id(1), id(2), id(3), id(4)}))(t)
		got := []string{}
		for n := range 5 {
			if _, ok := known[id(n)]; ok {
				got = append(got, id(n))
			}
		}
		equal(t, "known IDs", got, wantIDs)
		m.inbox.Floor, m.inbox.Full = 0, time.Time{}
		equal(t, "folder", must(m.Folder(t.Context(), m.account.ID, "INBOX"))(t), m.inbox)
	}
	m := newMailbox(t)
	if _, err := m.ForgetRows(t.Context(), 99, noon); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such folder: %v", err)
	}
}

// TestPlans holds the queries of every pass to their indexes: with a million rows
// a scan in any of them would be felt.
func TestPlans(t *testing.T) {
	m := newMailbox(t)
	plans := []struct{ query, want string }{
		{rowByKey, "USING PRIMARY KEY (folder=? AND key=?)"},
		{fmt.Sprintf(rowsByKey, "?"), "USING PRIMARY KEY (folder=? AND key=?)"},
		{nextRows, "USING PRIMARY KEY (folder=? AND key>?)"},
		{rowsByID, "USING INDEX message_id (id=?)"},
		{fmt.Sprintf(settledByID, "?"), "USING INDEX message_id (id=?)"},
		{fmt.Sprintf(settledSame, "?"), "USING INDEX message_same (same=?)"},
		{doubts, "SCAN message USING INDEX message_doubt"},
		{failedRows, "USING INDEX message_failed (folder=?)"},
		{dueRows, "USING INDEX message_due (folder=? AND due<?)"},
		{fmt.Sprintf(adoptedByID, "?"), "USING PRIMARY KEY (id=?)"},
		{countDoubts, "SCAN message USING COVERING INDEX message_doubt; "},
		{countFailed, "SCAN message USING COVERING INDEX message_failed; "},
	}
	for _, p := range plans {
		args := make([]any, strings.Count(p.query, "?"))
		steps := must(list(t.Context(), &m.read, func(s scanner) (detail string, err error) {
			var a, b, c int
			return detail, s.Scan(&a, &b, &c, &detail)
		}, "EXPLAIN QUERY PLAN "+p.query, args...))(t)
		if plan := strings.Join(steps, "; "); !strings.Contains(plan, p.want) {
			t.Errorf("%s\nis not %q but %q", p.query, p.want, plan)
		}
	}
}

// All accounts are counted at once as each is by itself.
func TestAllCounts(t *testing.T) {
	l, a, f := newFolder(t)
	b := must(l.Account(t.Context(), "b"))(t)
	c := must(l.Account(t.Context(), "c"))(t)
	folders := []int64{f.ID, must(l.Folder(t.Context(), a.ID, "other"))(t).ID, must(l.Folder(t.Context(), b.ID, "INBOX"))(t).ID}
	for i, s := range []State{Seen, Seen, Intent, Delivered, Delivered, Delivered} {
		commit(t, l, Row{Folder: folders[i%3], Key: fmt.Sprint(i), State: s, ID: id(i)})
	}
	all := must(l.AllCounts(t.Context()))(t)
	for _, acct := range []Account{a, b} {
		equal(t, acct.Name, all[acct.ID], must(l.Counts(t.Context(), acct.ID))(t))
	}
	if len(all) != 2 || all[c.ID][Seen] != 0 {
		t.Errorf("%v", all)
	}
}
