package collect

import (
	"context"
	"testing"
	"time"

	"mailrill/fetch"
	"mailrill/internal/reply"
)

// Too much mail in all folders together, and nothing is delivered from any.
func TestBacklogGuardOverAllFolders(t *testing.T) {
	b := newBench(t, newMailbox(msgs(guardCount)...))
	b.src.add("Z", "one more")
	if r := b.pass(); reply.ClassOf(r.Err) != reply.Config || b.src.served != 0 {
		t.Fatalf("%+v, %d served", r, b.src.served)
	}
	b.src.folders["INBOX"] = b.src.folders["INBOX"][:5]
	if r := b.pass(); r.Delivered != 6 || r.Err != nil {
		t.Fatalf("%+v", r)
	}
}

// The first look ends between two folders: the rest of it is decided as the
// beginning was. A folder that is made afterwards holds new mail, also while the
// account has never had a pass without an error.
func TestFirstLookInterrupted(t *testing.T) {
	b := newBench(t, newMailbox("old a"))
	b.src.add("M", "old m")
	b.src.add("Z", "old z")
	b.a.Backlog = Backlog{Kind: BacklogNew}
	broken := true
	b.a.Source = &refusing{b.src, func(folder string) error {
		if broken && folder == "M" {
			return errCut
		}
		return nil
	}}
	if r := b.pass(); r.SkippedBacklog != 1 || r.Err == nil {
		t.Fatalf("%+v", r)
	}
	broken = false
	b.restart()
	b.src.add("Found later", "new f")
	b.src.add("Z", "new z, but there at the first look at Z")
	if r := b.pass(); r.SkippedBacklog != 3 || r.Err != nil {
		t.Fatalf("%+v", r)
	}
	b.wantArrived("new f")
}

// A folder whose listing is refused at the first look is decided later.
func TestFolderThatIsRefusedAtFirst(t *testing.T) {
	b := newBench(t, newMailbox("a"))
	b.src.add("M", "m")
	broken := true
	b.a.Source = &refusing{b.src, func(folder string) error {
		if broken && folder == "M" {
			return &reply.Error{Protocol: "imap", Command: "SELECT", Text: "no"}
		}
		return nil
	}}
	if r := b.pass(); r.Delivered != 1 || r.Err == nil {
		t.Fatalf("%+v", r)
	}
	broken = false
	if r := b.pass(); r.Delivered != 1 || r.Err != nil {
		t.Fatalf("%+v", r)
	}
}

func TestBacklogSinceAndSeen(t *testing.T) {
	b := newBench(t, newMailbox(msgs(10)...))
	b.a.Backlog, b.a.BacklogSeen = Backlog{Kind: BacklogSince, Since: day(8)}, true
	b.a.Source = dated{b.src}
	b.src.folders["INBOX"][4].date = time.Time{} // nobody knows when it came: it is wanted
	r := b.pass()
	if r.SkippedBacklog != 6 || r.Delivered != 4 || r.New != 10 {
		t.Fatalf("%+v", r)
	}
	b.src.add("INBOX", "later")
	b.pass()
	b.wantArrived(append(append([]string{"later"}, msgs(10)[7:]...), msgs(10)[4])...)
	for _, c := range b.dst.copies {
		if seen := len(c.flags) == 1; seen == c.date.Equal(day(11)) {
			t.Errorf("flags %q of the message of %v", c.flags, c.date)
		}
	}
}

// refusing is a mailbox whose folders may refuse to be opened.
type refusing struct {
	*mailbox
	refuses func(folder string) error
}

func (r *refusing) Connect(ctx context.Context) (fetch.Session, error) {
	s, err := r.mailbox.Connect(ctx)
	return &refusingSession{s.(*boxSession), r}, err
}

type refusingSession struct {
	*boxSession
	r *refusing
}

func (s *refusingSession) Open(ctx context.Context, folder string) (fetch.Listing, error) {
	if err := s.r.refuses(folder); err != nil {
		return fetch.Listing{}, err
	}
	return s.boxSession.Open(ctx, folder)
}

// dated is a mailbox that can tell dates.
type dated struct{ *mailbox }

func (d dated) Connect(ctx context.Context) (fetch.Session, error) {
	s, err := d.mailbox.Connect(ctx)
	return datedSession{s.(*boxSession)}, err
}

type datedSession struct{ *boxSession }

func (s datedSession) Dates(_ context.Context, items []fetch.Item, fn func(fetch.Item, fetch.Meta)) error {
	for _, it := range items {
		fn(it, fetch.Meta{Received: s.find(it.Key).date})
	}
	return nil
}
