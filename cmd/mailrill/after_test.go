package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
)

// subjects returns the numbers of the messages that lie in a folder, as
// numbered gave them, in order.
func (s *site) subjects(user, folder string) string {
	s.t.Helper()
	var out []string
	for _, m := range s.read(user, folder) {
		_, rest, _ := strings.Cut(string(m.body), "Subject: ")
		subject, _, _ := strings.Cut(rest, "\r\n")
		out = append(out, subject)
	}
	return strings.Join(out, " ")
}

// After-actions on a real server, over both protocols. A message that was never
// collected (it is larger than max_size) is left alone each time.
func TestRealAfterDelete(t *testing.T) {
	s := newSite(t)
	foreign := []byte("Subject: foreign\r\n\r\n" + strings.Repeat("x", 3000) + "\r\n")
	for _, protocol := range []string{"pop3", "imap"} {
		user := "delete-" + protocol
		s.fill(user, append(numbered(5), foreign))
		r := newRig(t, maildirHome+s.account(protocol, user, "after = \"delete\"\nmax_size = \"2kB\""))
		if sum := total(r.once(0)); sum.Delivered != 5 || sum.SourceDone != 5 || sum.SkippedSize != 1 {
			t.Errorf("%s: %+v", protocol, sum)
		}
		if left := s.subjects(user, "INBOX"); left != "foreign" {
			t.Errorf("%s: left at the source: %q", protocol, left)
		}
		if diff := difference(r.maildir(), numbered(5)); diff != "" {
			t.Errorf("%s: %s", protocol, diff)
		}
	}
}

// Deleting removes our messages only: one that another program has flagged
// \Deleted stays.
func TestRealDeleteLeavesOthersFlagged(t *testing.T) {
	s := newSite(t)
	foreign := []byte("Subject: foreign\r\n\r\n" + strings.Repeat("x", 3000) + "\r\n")
	s.fill("flagged", append([][]byte{foreign}, numbered(3)...))
	c := s.imap("flagged")
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Unselect().Wait(); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, maildirHome+s.account("imap", "flagged", "after = \"delete\"\nmax_size = \"2kB\""))
	r.once(0)
	if left := s.subjects("flagged", "INBOX"); left != "foreign" {
		t.Errorf("left at the source: %q", left)
	}
}

func TestRealDeleteAfter(t *testing.T) {
	s := newSite(t)
	for _, protocol := range []string{"pop3", "imap"} {
		user := "later-" + protocol
		s.fill(user, numbered(4))
		r := newRig(t, maildirHome+s.account(protocol, user, "after = \"delete\"\ndelete_after = \"14d\""))
		r.now = time.Now()
		r.once(0)
		r.now = r.now.Add(13 * 24 * time.Hour)
		if sum := total(r.once(0)); sum.SourceDone != 0 || s.subjects(user, "INBOX") != "0 1 2 3" {
			t.Errorf("%s: too early: %+v", protocol, sum)
		}
		r.now = r.now.Add(25 * time.Hour)
		if sum := total(r.once(0)); sum.SourceDone != 4 || s.subjects(user, "INBOX") != "" {
			t.Errorf("%s: %+v", protocol, sum)
		}
	}
}

func TestRealAfterSeenAndMove(t *testing.T) {
	s := newSite(t)
	s.fill("seen", numbered(4))
	r := newRig(t, maildirHome+s.account("imap", "seen", "after = \"seen\""))
	r.once(0)
	for i, m := range s.read("seen", "INBOX") {
		if !strings.Contains(m.flags, `\Seen`) {
			t.Errorf("message %d has flags %q", i, m.flags)
		}
	}
	s.fill("move", numbered(4))
	r = newRig(t, maildirHome+s.account("imap", "move", "after = \"move\"\nmove_to = \"Gesammelt/Ümlaut\""))
	r.once(0)
	if in, moved := s.subjects("move", "INBOX"), s.subjects("move", "Gesammelt/Ümlaut"); in != "" || moved != "0 1 2 3" {
		t.Errorf("INBOX %q, moved %q", in, moved)
	}
	// Without an after-action nothing changes: no message is marked as read.
	s.fill("keep", numbered(4))
	before := fmt.Sprint(s.read("keep", "INBOX"))
	newRig(t, maildirHome+s.account("imap", "keep", "")).once(0)
	if after := fmt.Sprint(s.read("keep", "INBOX")); after != before {
		t.Errorf("the source changed:\n%s\n%s", before, after)
	}
}

// More deletions than max_delete are none; `finish` shows the number and goes on.
func TestRealMaxDeleteAndFinish(t *testing.T) {
	s := newSite(t)
	s.fill("many", numbered(12))
	r := newRig(t, maildirHome+s.account("imap", "many", "after = \"delete\"\nmax_delete = 10"))
	sum := total(r.once(78))
	if sum.Delivered != 12 || sum.SourceDone != 0 || !strings.Contains(sum.Error.Text, "12 messages") {
		t.Errorf("%+v", sum)
	}
	if code := r.run("finish", "src"); code != 0 || !strings.Contains(r.stdout.String(), "12 messages") || len(s.read("many", "INBOX")) != 12 {
		t.Errorf("finish without --yes: exit %d, %s", code, r.stdout.String())
	}
	if code := r.run("finish", "src", "--yes"); code != 0 || len(s.read("many", "INBOX")) != 0 {
		t.Errorf("finish --yes: exit %d, %s%s", code, r.stdout.String(), r.stderr.String())
	}
}

// A changed `after` holds for later mail; `finish` applies it to older.
func TestRealFinishAppliesToOlderMail(t *testing.T) {
	s := newSite(t)
	for _, protocol := range []string{"pop3", "imap"} {
		user := "finish-" + protocol
		s.fill(user, numbered(3))
		r := newRig(t, maildirHome+s.account(protocol, user, ""))
		r.once(0)
		r.write(maildirHome + s.account(protocol, user, "after = \"delete\""))
		s.fill(user, [][]byte{[]byte("Subject: later\r\n\r\nlater\r\n")})
		r.once(0)
		if left := s.subjects(user, "INBOX"); left != "0 1 2" {
			t.Errorf("%s: left %q", protocol, left)
		}
		if code := r.run("finish", "src", "--yes"); code != 0 {
			t.Errorf("%s: exit %d: %s", protocol, code, r.stderr.String())
		}
		if left := s.subjects(user, "INBOX"); left != "" {
			t.Errorf("%s: left after finish: %q", protocol, left)
		}
	}
}
