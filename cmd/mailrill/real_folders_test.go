package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailrill/internal/reply"
)

// fillFolder appends messages to a folder, which is made when missing.
func (s *site) fillFolder(user, folder string, messages [][]byte) {
	s.t.Helper()
	c := s.imap(user)
	defer c.Logout()
	_ = c.Create(folder, nil).Wait() // it may be there
	for i, m := range messages {
		cmd := c.Append(folder, int64(len(m)), &imap.AppendOptions{Time: messageDate(i)})
		cmd.Write(m)
		cmd.Close()
		if _, err := cmd.Wait(); err != nil {
			s.t.Fatalf("fill %s: %v", folder, err)
		}
	}
}

// oneEach puts one message into each folder, whose subject is the folder's name
// with "/" as the separator.
func (s *site) oneEach(user, separator string, folders ...string) {
	s.t.Helper()
	for _, f := range folders {
		s.fillFolder(user, strings.ReplaceAll(f, "/", separator), [][]byte{fmt.Appendf(nil, "Subject: %s\r\n\r\n%s\r\n", f, f)})
	}
}

// folders returns what an account holds: each folder that is not empty with the
// subjects of its messages.
func (s *site) folders(user string) string {
	s.t.Helper()
	c := s.imap(user)
	list, err := c.List("", "*", nil).Collect()
	if err != nil {
		s.t.Fatal(err)
	}
	c.Logout()
	var out []string
	for _, l := range list {
		if slices.ContainsFunc(l.Attrs, func(a imap.MailboxAttr) bool {
			return a == imap.MailboxAttrNoSelect || a == imap.MailboxAttrNonExistent
		}) {
			continue
		}
		if subjects := s.subjects(user, l.Mailbox); subjects != "" {
			out = append(out, l.Mailbox+": "+subjects)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

var manyFolders = []string{"INBOX", "Sent", "Trash", "Junk", "Work", "Work/2025", "Work/2026/Q1", "其他文件夹/旧邮件", "Entwürfe & Mehr", "me@example_com"}

// Patterns leave junk, trash and drafts out unless they are named; roles name a
// folder whatever it is called; "!" takes away.
func TestRealFolderPatterns(t *testing.T) {
	s := newSite(t)
	s.oneEach("folders", "/", manyFolders...)
	for _, c := range []struct{ folders, want string }{
		{`["*"]`, "INBOX Sent Work Work/2025 Work/2026/Q1 其他文件夹/旧邮件 Entwürfe & Mehr me@example_com"},
		{`["*", "!Work/*"]`, "INBOX Sent Work 其他文件夹/旧邮件 Entwürfe & Mehr me@example_com"},
		{`["Work/*"]`, "Work/2025 Work/2026/Q1"},
		{`["INBOX", "role:junk"]`, "INBOX Junk"},
		{`["*", "role:trash", "!role:sent"]`, "INBOX Trash Work Work/2025 Work/2026/Q1 其他文件夹/旧邮件 Entwürfe & Mehr me@example_com"},
		{`["其他文件夹/旧邮件", "inbox"]`, "其他文件夹/旧邮件 INBOX"},
	} {
		r := newRig(t, maildirHome+s.account("imap", "folders", "folders = "+c.folders))
		r.once(0)
		var got []string
		for _, m := range r.maildir() {
			subject, _, _ := strings.Cut(strings.TrimPrefix(string(m), "Subject: "), "\r\n")
			got = append(got, subject)
		}
		slices.Sort(got)
		want := c.want
		for _, w := range got {
			want = strings.Replace(want, w, "", 1)
		}
		if strings.TrimSpace(want) != "" || len(strings.Join(got, " ")) != len(c.want) {
			t.Errorf("folders = %s: got %q, want %q", c.folders, got, c.want)
		}
	}
}

// A folder that is named and not there is the config's error, with a hint at
// what is meant; those that are there are not collected on a guess.
func TestRealSourceFolderMissing(t *testing.T) {
	s := newSite(t)
	s.oneEach("missing", "/", "INBOX", "Work")
	r := newRig(t, maildirHome+s.account("imap", "missing", `folders = ["INBOX", "Wrok"]`))
	wantError(t, r.once(78), reply.Config, `"Work"`)
}

// `into` keeps the hierarchy, in the separator of the destination. Names that
// hold it are changed, never split or mixed.
func TestRealIntoFolders(t *testing.T) {
	s := newSite(t)
	s.oneEach("folders", "/", manyFolders...)
	account := s.account("imap", "folders", "folders = [\"*\"]\ninto = \"Archive/{folder}\"")
	r := newRig(t, s.home("into")+account)
	r.once(0)
	want := "Archive/Entwürfe & Mehr: Entwürfe & Mehr; Archive/INBOX: INBOX; Archive/Sent: Sent; Archive/Work/2025: Work/2025; Archive/Work/2026/Q1: Work/2026/Q1; Archive/Work: Work; Archive/me@example_com: me@example_com; Archive/其他文件夹/旧邮件: 其他文件夹/旧邮件"
	if got := s.folders("into"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if sum := total(r.once(0)); sum.New != 0 || sum.Delivered != 0 {
		t.Errorf("again: %+v", sum)
	}
	// The state is lost: the destination knows every copy, in whatever folder.
	r.loseState()
	if sum := total(r.once(0)); sum.Delivered != 0 || sum.AlreadyThere != 8 {
		t.Errorf("without state: %+v", sum)
	}
	if got := s.folders("into"); got != want {
		t.Errorf("doubled: %s", got)
	}
	// Dovecot reads what we have made as a Maildir as we meant it.
	r = newRig(t, strings.Replace(maildirHome, "$DIR/Maildir", s.Maildir("made"), 1)+account)
	if err := os.MkdirAll(filepath.Dir(s.Maildir("made")), 0o755); err != nil {
		t.Fatal(err)
	}
	r.once(0)
	s.ownAll(s.Maildir("made"))
	if got := s.folders("made"); got != want {
		t.Errorf("as a Maildir: %s", got)
	}
}

func (s *site) ownAll(dir string) {
	s.t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return s.Own(path)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (r *rig) loseState() {
	r.t.Helper()
	if err := os.RemoveAll(filepath.Join(r.dir, "state")); err != nil {
		r.t.Fatal(err)
	}
}

// inboxPrefix is the namespace of Courier, and of a Dovecot that took its place.
// The site's own namespace is renamed by it.
const inboxPrefix = `
namespace inbox {
  prefix = INBOX.
  separator = .
}
`

// All folders but INBOX lie below "INBOX.", and the separator is a dot.
func TestRealInboxPrefix(t *testing.T) {
	s := newSite(t, inboxPrefix)
	s.oneEach("folders", ".", "INBOX", "INBOX/Work", "INBOX/Work/2026", "INBOX/其他文件夹/旧邮件")
	r := newRig(t, maildirHome+s.account("imap", "folders", `folders = ["*"]`))
	if sum := total(r.once(0)); sum.Delivered != 4 {
		t.Errorf("%+v", sum)
	}
	// As a destination: a folder that is there is found without its prefix, one
	// that is missing is made below it.
	s.fill("source", [][]byte{[]byte("Subject: one\r\n\r\none\r\n")})
	for _, c := range []struct{ folder, want string }{
		{"Work", "INBOX.Work: INBOX/Work one"},
		{"INBOX/Work", "INBOX.Work: INBOX/Work one"},
		{"INBOX.Work", "INBOX.Work: INBOX/Work one"},
		{"New/Sub", "INBOX.New.Sub: one; INBOX.Work: INBOX/Work"},
		{"me@example.com/x", "INBOX.Work: INBOX/Work; INBOX.me@example_com.x: one"},
	} {
		user := "prefix-" + strings.NewReplacer("/", "-", ".", "_", "@", "-").Replace(c.folder)
		s.oneEach(user, ".", "INBOX/Work")
		r := newRig(t, s.home(user)+fmt.Sprintf("folder = %q\n", c.folder)+s.account("imap", "source", ""))
		r.once(0)
		if got := s.folders(user); got != c.want {
			t.Errorf("folder = %q: %s, want %s", c.folder, got, c.want)
		}
	}
}

// Dovecot's Maildirs take no dot within a level, though "/" separates them: it
// becomes "_" then, as a separator does.
func TestRealDotInFolder(t *testing.T) {
	s := newSite(t)
	s.fill("source@example.test", numbered(2))
	r := newRig(t, s.home("dot")+s.account("imap", "source@example.test", "into = \"Post/{user}\"\n"))
	for range 2 {
		r.once(0)
		if got := s.folders("dot"); got != "Post/source@example_test: 0 1" {
			t.Errorf("%s", got)
		}
		r.loseState()
	}
}

// A missing folder is made, also in a hierarchy; with create = false, or where
// the server refuses it, nothing is retrieved, and INBOX stays empty.
func TestRealDestinationFolderMissing(t *testing.T) {
	s := newSite(t)
	s.fill("source", numbered(2))
	r := newRig(t, s.home("made")+"folder = \"Neu/其他\"\n"+s.account("pop3", "source", ""))
	r.once(0)
	if got := s.folders("made"); got != "Neu/其他: 0 1" {
		t.Errorf("made: %s", got)
	}
	for user, extra := range map[string]string{
		"notmade":   "folder = \"Neu\"\ncreate = false\n",
		"toodeep":   fmt.Sprintf("folder = %q\n", strings.Repeat("deep/", 60)+"end"),
		"emptypart": "folder = \"a//b\"\n",
	} {
		r := newRig(t, s.home(user)+extra+s.account("pop3", "source", ""))
		code := r.run("--once", "--json")
		if lines := r.lines(); code != 78 || len(lines) > 0 && total(lines).Delivered != 0 {
			t.Errorf("%s: exit %d, %+v, %s", user, code, lines, r.stderr.String())
		}
		if got := s.folders(user); got != "" {
			t.Errorf("%s: delivered to %s", user, got)
		}
	}
}
