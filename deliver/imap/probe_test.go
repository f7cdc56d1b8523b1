package imap

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"mailrill/deliver"
	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
)

// Looking on makes nothing: a folder that is to be made is told by the name that
// it will have.
func TestLookMakesNothing(t *testing.T) {
	for _, c := range []struct {
		folder string
		server mailtest.IMAP
		edit   func(*Options)
		want   deliver.Spot
		class  reply.Class
	}{
		{folder: "", want: deliver.Spot{Name: "INBOX", Free: -1}},
		{folder: "There", want: deliver.Spot{Name: "There", Free: -1}},
		{folder: "A/New", want: deliver.Spot{Name: "A/New", Missing: true, Free: -1}},
		{folder: "A/New", server: mailtest.IMAP{Separator: "."}, want: deliver.Spot{Name: "A.New", Missing: true, Free: -1}},
		{folder: "X", edit: func(o *Options) { o.NoCreate, o.FolderParents = true, []string{"其他文件夹"} }, want: deliver.Spot{Name: "其他文件夹/X", Free: -1}},
		{folder: "New", edit: func(o *Options) { o.NoCreate = true }, class: reply.Config},
		{folder: "New", edit: func(o *Options) { o.Create = false }, class: reply.Config},
		{folder: "a//b", class: reply.Config},
	} {
		var l log
		c.server.OnCommand = l.command
		c.server.Store = mailtest.NewStore()
		c.server.Store.Create("There")
		c.server.Store.Create("其他文件夹/X")
		o := start(t, &c.server)
		if c.edit != nil {
			c.edit(&o)
		}
		d := New(o)
		got, err := d.Look(t.Context(), c.folder)
		if reply.ClassOf(err) != c.class || c.class == reply.OK && got != c.want {
			t.Errorf("%q: %+v, %v; want %+v, class %q", c.folder, got, err, c.want, c.class)
		}
		if c.class != reply.OK && !errors.Is(err, deliver.ErrUnavailable) {
			t.Errorf("%q: not an error of Prepare: %v", c.folder, err)
		}
		d.Close()
		if made := append(l.with("CREATE"), l.with("SELECT")...); len(made) > 0 {
			t.Errorf("%q: it said %q", c.folder, made)
		}
	}
}

func TestProbeTellsLimits(t *testing.T) {
	d := New(start(t, &mailtest.IMAP{AppendLimit: 5000}))
	defer d.Close()
	facts, err := d.Probe(t.Context())
	if err != nil || facts.MaxSize != 5000 || facts.Quota != nil || !slices.Contains(facts.Offers, "UIDPLUS") {
		t.Errorf("%+v, %v", facts, err)
	}
	d = New(start(t, &mailtest.IMAP{Capabilities: []string{"IMAP4rev1", "QUOTA"}, OnCommand: func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "GETQUOTAROOT") {
			return mailtest.Verdict{Reply: "* QUOTAROOT INBOX \"\"\n* QUOTA \"\" (STORAGE 90 100)\nOK done"}
		}
		return mailtest.Verdict{}
	}}))
	defer d.Close()
	if facts, err := d.Probe(t.Context()); err != nil || facts.Quota == nil || *facts.Quota != (deliver.Quota{Used: 92160, Limit: 102400}) {
		t.Errorf("%+v, %v", facts, err)
	}
}

// A copy is read back as it lies there, and removed alone: what others have
// marked as deleted stays.
func TestTrial(t *testing.T) {
	for _, c := range []struct {
		name   string
		server mailtest.IMAP
		edit   func(*Options)
		left   string // where it lies in the end
		fails  bool
		stays  int // messages in INBOX in the end
	}{
		{name: "UIDPLUS", stays: 2},
		{name: "Gmail", server: mailtest.IMAP{Gmail: true}, edit: func(o *Options) { o.TrashOnDelete = true }, left: "Trash", stays: 2},
		{name: "UID EXPUNGE is answered BAD", server: mailtest.IMAP{UIDExpungeBad: true}, left: "Trash", stays: 2},
		{name: "neither UIDPLUS nor MOVE", server: mailtest.IMAP{Without: []string{"UIDPLUS", "MOVE"}}, left: "INBOX", fails: true, stays: 3},
		{name: "no UIDNEXT", server: mailtest.IMAP{NoUIDNext: true}, stays: 2},
	} {
		store := mailtest.NewStore()
		store.Create("Trash", `\Trash`)
		put(store, "INBOX", id("a"))
		store.Add("INBOX", mailtest.Message{Body: []byte("Subject: x\r\n\r\nx\r\n"), Flags: []string{`\Deleted`}})
		c.server.Store = store
		o := start(t, &c.server)
		if c.edit != nil {
			c.edit(&o)
		}
		d := New(o)
		trial, err := d.Try(t.Context(), "")
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		m := message(1)
		m.Received, m.Flags = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), []string{`\Seen`}
		if _, err := trial.Find(t.Context(), m.ID); !errors.Is(err, deliver.ErrNotThere) {
			t.Errorf("%s: before it was delivered: %v", c.name, err)
		}
		if _, err := one(t, d, m); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if _, err := trial.Find(t.Context(), id("a")); !errors.Is(err, deliver.ErrNotThere) {
			t.Errorf("%s: a copy of before: %v", c.name, err)
		}
		found, err := trial.Find(t.Context(), m.ID)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if string(found.Body) != body(t, m) || !found.Received.Equal(m.Received) || !slices.Equal(found.Flags, m.Flags) || !strings.HasPrefix(found.Where, "INBOX ") {
			t.Errorf("%s: %+v", c.name, found)
		}
		left, err := trial.Remove(t.Context())
		if left != c.left || (err != nil) != c.fails {
			t.Errorf("%s: left in %q, %v", c.name, left, err)
		}
		if n := len(store.Messages("INBOX")); n != c.stays {
			t.Errorf("%s: %d messages are in INBOX", c.name, n)
		}
		d.Close()
	}
}
