package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// renumber makes Dovecot give all messages of a user's INBOX new UIDs under a new
// UIDVALIDITY, as a restored or migrated server does.
func (s *site) renumber(user string) {
	s.t.Helper()
	before := s.validity(user)
	matches, err := filepath.Glob(filepath.Join(s.Maildir(user), "dovecot*"))
	if err != nil || len(matches) == 0 {
		s.t.Fatalf("no index of %s: %v", user, err)
	}
	if err := s.Stop(); err != nil {
		s.t.Fatal(err)
	}
	for _, m := range matches {
		if err := os.RemoveAll(m); err != nil {
			s.t.Fatal(err)
		}
	}
	// Dovecot makes a UIDVALIDITY of the time; it must not be the same second's.
	if err := os.WriteFile(filepath.Join(s.Maildir(user), "dovecot-uidvalidity"), []byte("6fffffff"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Maildir(user), "dovecot-uidvalidity.6fffffff"), nil, 0o444); err != nil {
		s.t.Fatal(err)
	}
	s.ownAll(s.Maildir(user))
	if err := s.Start(); err != nil {
		s.t.Fatal(err)
	}
	if after := s.validity(user); after == before {
		s.t.Fatalf("UIDVALIDITY is still %d", after)
	}
}

func (s *site) validity(user string) uint32 {
	s.t.Helper()
	c := s.imap(user)
	defer c.Logout()
	sel, err := c.Select("INBOX", nil).Wait()
	if err != nil {
		s.t.Fatal(err)
	}
	return sel.UIDValidity
}

// restart starts Dovecot with other lines in its config.
func (s *site) restart(extra string) {
	s.t.Helper()
	if err := s.Stop(); err != nil {
		s.t.Fatal(err)
	}
	s.Extra = extra
	if err := s.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// homes are the destinations that promise one copy, and how to read them.
func (s *site) homes() map[string]struct {
	table  string
	copies func(*rig) [][]byte
} {
	return map[string]struct {
		table  string
		copies func(*rig) [][]byte
	}{
		"imap":    {s.home("copies"), func(r *rig) [][]byte { return s.imapCopies(r, "copies") }},
		"maildir": {maildirHome, (*rig).maildir},
	}
}

// The source numbers its messages anew: nothing is delivered twice, new mail
// comes, and what was due to be deleted still ends up deleted, once it is known
// again.
func TestRealUIDValidityChanged(t *testing.T) {
	for _, to := range []string{"imap", "maildir"} {
		t.Run(to, func(t *testing.T) {
			s := newSite(t)
			home := s.homes()[to]
			s.fill("source", numbered(8))
			r := newRig(t, home.table+s.account("imap", "source", "after = \"delete\"\ndelete_after = \"1d\""))
			r.hurry = true
			r.once(0)
			s.renumber("source")
			s.fill("source", numbered(10)[8:])
			if sum := total(r.once(0)); sum.Delivered != 2 || sum.AlreadyThere != 8 || sum.SourceDone != 0 {
				t.Errorf("%+v", sum)
			}
			if sum := total(r.once(0)); sum.New != 0 || sum.Delivered != 0 {
				t.Errorf("again: %+v", sum)
			}
			if diff := difference(home.copies(r), numbered(10)); diff != "" {
				t.Error(diff)
			}
			r.ahead += 25 * 3600e9
			if sum := total(r.once(0)); sum.SourceDone != 10 || s.subjects("source", "INBOX") != "" {
				t.Errorf("a day later: %+v, left %q", sum, s.subjects("source", "INBOX"))
			}
		})
	}
}

// The destination numbers its messages anew and the state is lost: its copies
// are found all the same.
func TestRealDestinationRenumbered(t *testing.T) {
	s := newSite(t)
	s.fill("source", numbered(8))
	r := newRig(t, s.home("copies")+s.account("imap", "source", ""))
	r.once(0)
	s.renumber("copies")
	s.fill("source", numbered(10)[8:])
	if sum := total(r.once(0)); sum.Delivered != 2 {
		t.Errorf("%+v", sum)
	}
	r.loseState()
	if sum := total(r.once(0)); sum.Delivered != 0 || sum.AlreadyThere != 10 {
		t.Errorf("without state: %+v", sum)
	}
	if diff := difference(s.imapCopies(r, "copies"), numbered(10)); diff != "" {
		t.Error(diff)
	}
}

// The administrator changes pop3_uidl_format: all UIDLs are new, the mail is not.
func TestRealUIDLFormatChanged(t *testing.T) {
	for _, to := range []string{"imap", "maildir"} {
		t.Run(to, func(t *testing.T) {
			s := newSite(t, "pop3_uidl_format = %08Xu%08Xv")
			home := s.homes()[to]
			s.fill("source", numbered(8))
			r := newRig(t, home.table+s.account("pop3", "source", ""))
			r.once(0)
			s.restart("pop3_uidl_format = %f")
			s.fill("source", numbered(10)[8:])
			if sum := total(r.once(0)); sum.Delivered != 2 || sum.AlreadyThere != 8 {
				t.Errorf("%+v", sum)
			}
			if diff := difference(home.copies(r), numbered(10)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// One UIDL for all messages. Two that are equal octet by octet are one then.
func TestRealDuplicateUIDLs(t *testing.T) {
	s := newSite(t, "pop3_uidl_format = %v")
	messages := numbered(6)
	s.fill("source", append(messages, messages[2]))
	r := newRig(t, maildirHome+s.account("pop3", "source", ""))
	if sum := total(r.once(0)); sum.Delivered != 6 || sum.New != 6 {
		t.Errorf("%+v", sum)
	}
	s.fill("source", numbered(8)[6:])
	if sum := total(r.once(0)); sum.Delivered != 2 {
		t.Errorf("more: %+v", sum)
	}
	if sum := total(r.once(0)); sum.New != 0 || sum.Delivered != 0 {
		t.Errorf("again: %+v", sum)
	}
	if diff := difference(r.maildir(), numbered(8)); diff != "" {
		t.Error(diff)
	}
	r.write(maildirHome + s.account("pop3", "source", "after = \"delete\""))
	s.fill("source", numbered(9)[8:])
	r.once(0)
	if code := r.run("finish", "src", "--yes"); code != 0 {
		t.Errorf("finish: exit %d: %s", code, r.stderr.String())
	}
	if left := s.subjects("source", "INBOX"); left != "" {
		t.Errorf("left: %q", left)
	}
}

// The state is lost; an old copy of it comes back; a second machine has a state
// of its own. Nothing comes twice, and new mail comes.
func TestRealStateLostOldOrSecond(t *testing.T) {
	for _, to := range []string{"imap", "maildir"} {
		for _, protocol := range []string{"pop3", "imap"} {
			t.Run(protocol+"-"+to, func(t *testing.T) {
				s := newSite(t)
				home := s.homes()[to]
				r := newRig(t, home.table+s.account(protocol, "source", ""))
				n := 0
				collect := func(what string, r *rig, fresh int) {
					t.Helper()
					s.fill("source", numbered(n + fresh)[n:])
					n += fresh
					if sum := total(r.once(0)); sum.Delivered != fresh {
						t.Errorf("%s: %+v", what, sum)
					}
				}
				collect("first", r, 5)
				old := t.TempDir()
				if err := os.CopyFS(old, os.DirFS(filepath.Join(r.dir, "state"))); err != nil {
					t.Fatal(err)
				}
				collect("more", r, 5)
				r.loseState()
				if err := os.CopyFS(filepath.Join(r.dir, "state"), os.DirFS(old)); err != nil {
					t.Fatal(err)
				}
				collect("old state", r, 1)
				r.loseState()
				collect("no state", r, 1)
				second := newRig(t, strings.ReplaceAll(home.table, "$DIR", r.dir)+s.account(protocol, "source", ""))
				collect("second host", second, 1)
				collect("first host again", r, 1)
				collect("second host again", second, 1)
				if diff := difference(home.copies(r), numbered(n)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// Another program reads the Maildir meanwhile: it moves mail from new to cur,
// sets flags, and files some of it in a folder. Also while deliveries are in
// doubt, nothing comes twice.
func TestRealMaildirIsBeingRead(t *testing.T) {
	s := newSite(t)
	k := newKiller(t)
	source := s.account("pop3", "source", "")
	source = strings.Replace(source, fmt.Sprint("port = ", s.POP3S), fmt.Sprint("port = ", k.proxy(s.POP3)), 1)
	source = strings.Replace(source, "ca_file", "tls = \"none\"\nca_file", 1)
	r := newRig(t, maildirHome+source)
	maildir := filepath.Join(r.dir, "Maildir")
	filed := filepath.Join(maildir, ".Filed", "cur")
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(maildir, ".Filed", sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for i := range 12 {
		s.fill("source", numbered(n + 6)[n:])
		n += 6
		k.run(r, 8+i)
		readMaildir(t, maildir, filed)
	}
	k.run(r, -1)
	if diff := difference(append(r.maildir(), readAll(t, filed)...), numbered(n)); diff != "" {
		t.Error(diff)
	}
	readMaildir(t, maildir, filed)
	r.loseState()
	if sum := total(r.once(0)); sum.Delivered != 0 || sum.AlreadyThere != n {
		t.Errorf("without state: %+v", sum)
	}
	if k.killed < 6 {
		t.Errorf("only %d runs were killed", k.killed)
	}
}

// readMaildir is a mail program: it moves what is new to cur, and every third of
// that into a folder.
func readMaildir(t *testing.T, maildir, filed string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(maildir, "new"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for i, e := range entries {
		to := filepath.Join(maildir, "cur", e.Name()+":2,S")
		if i%3 == 2 {
			to = filepath.Join(filed, e.Name()+":2,FS")
		}
		if err := os.Rename(filepath.Join(maildir, "new", e.Name()), to); err != nil {
			t.Fatal(err)
		}
	}
}

// Messages of 30 MiB, by all ways, and small ones between them.
func TestRealLargeMessages(t *testing.T) {
	s := newSite(t)
	messages := numbered(5)
	for _, i := range []int{1, 3} {
		messages[i] = append(messages[i], bytes.Repeat(fmt.Appendf(nil, "%d All work and no play makes Jack a dull boy\r\n", i), 30<<20/46)...)
	}
	s.fill("source", messages)
	for _, protocol := range []string{"pop3", "imap"} {
		for to, home := range s.homes() {
			if to == "imap" {
				user := "large-" + protocol
				home.table = s.home(user)
				home.copies = func(r *rig) [][]byte { return s.imapCopies(r, user) }
			}
			r := newRig(t, home.table+s.account(protocol, "source", ""))
			if sum := total(r.once(0)); sum.Delivered != 5 {
				t.Errorf("%s-%s: %+v", protocol, to, sum)
			}
			if diff := difference(home.copies(r), messages); diff != "" {
				t.Errorf("%s-%s: %s", protocol, to, diff)
			}
		}
	}
}
