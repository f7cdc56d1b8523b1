package mailtest

import (
	"bytes"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/google/go-cmp/cmp"
)

// waiter is a command of go-imap's client.
type waiter interface{ Wait() error }

func do(t *testing.T, what string, w waiter) {
	t.Helper()
	if err := w.Wait(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func client(t *testing.T, s *IMAP, o *imapclient.Options) *imapclient.Client {
	t.Helper()
	c := imapclient.New(dialIMAP(t, s).conn, o)
	t.Cleanup(func() { c.Close() })
	do(t, "LOGIN", c.Login("me", "secret"))
	return c
}

// The library's client understands the server: everything that it can do works.
func TestIMAPWithGoIMAP(t *testing.T) {
	for name, s := range map[string]*IMAP{"dovecot": {}, "gmail": {Gmail: true}, "plain": {Capabilities: []string{"IMAP4rev1"}}} {
		t.Run(name, func(t *testing.T) {
			c := client(t, s, nil)
			do(t, "CREATE", c.Create("Entwürfe & more", nil))
			do(t, "SUBSCRIBE", c.Subscribe("Entwürfe & more"))
			list, err := c.List("", "Entw*", nil).Collect()
			if err != nil || len(list) != 1 || list[0].Mailbox != "Entwürfe & more" {
				t.Errorf("LIST: %+v, %v", list, err)
			}
			date := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", -3*3600))
			upload(t, c, "INBOX", Corpus(1, 3), date)
			status, err := c.Status("INBOX", &imap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true, NumUnseen: true}).Wait()
			if err != nil || *status.NumMessages != 3 || status.UIDNext != 4 || status.UIDValidity != firstValidity || *status.NumUnseen != 3 {
				t.Errorf("STATUS: %+v, %v", status, err)
			}
			exercise(t, c, date)
			do(t, "LOGOUT", c.Logout())
		})
	}
}

func upload(t *testing.T, c *imapclient.Client, folder string, bodies [][]byte, date time.Time) {
	t.Helper()
	for _, body := range bodies {
		cmd := c.Append(folder, int64(len(body)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagFlagged}, Time: date})
		if _, err := cmd.Write(body); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := cmd.Wait(); err != nil {
			t.Fatalf("APPEND: %v", err)
		}
	}
}

// exercise works on an INBOX that holds Corpus(1, 3).
func exercise(t *testing.T, c *imapclient.Client, date time.Time) {
	t.Helper()
	selected, err := c.Select("INBOX", nil).Wait()
	if err != nil || selected.NumMessages != 3 || selected.UIDNext != 4 || selected.UIDValidity != firstValidity {
		t.Fatalf("SELECT: %+v, %v", selected, err)
	}
	found, err := c.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: "corpus.1.1@"}}}, nil).Wait()
	if err != nil || !cmp.Equal(found.AllUIDs(), []imap.UID{2}) {
		t.Errorf("SEARCH: %v, %v", found, err)
	}
	section := &imap.FetchItemBodySection{Peek: true}
	fetched, err := c.Fetch(imap.UIDSetNum(2, 3), &imap.FetchOptions{
		UID: true, Flags: true, InternalDate: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{section},
	}).Collect()
	if err != nil || len(fetched) != 2 {
		t.Fatalf("FETCH: %v, %v", fetched, err)
	}
	for i, m := range fetched {
		want := Corpus(1, 3)[i+1]
		if got := m.FindBodySection(section); !bytes.Equal(got, want) || m.RFC822Size != int64(len(want)) {
			t.Errorf("FETCH %d: %.80q, size %d", m.UID, got, m.RFC822Size)
		}
		if !m.InternalDate.Equal(date) || !cmp.Equal(m.Flags, []imap.Flag{imap.FlagFlagged}) {
			t.Errorf("FETCH %d: %v %v", m.UID, m.InternalDate, m.Flags)
		}
	}
	if _, err := c.Copy(imap.UIDSetNum(1), "Entwürfe & more").Wait(); err != nil {
		t.Errorf("COPY: %v", err)
	}
	if _, err := c.Move(imap.UIDSetNum(3), "Entwürfe & more").Wait(); err != nil {
		t.Errorf("MOVE: %v", err)
	}
	do(t, "STORE", closer{c.Store(imap.UIDSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil)})
	if seqs, err := c.Expunge().Collect(); err != nil || !cmp.Equal(seqs, []uint32{1}) {
		t.Errorf("EXPUNGE: %v, %v", seqs, err)
	}
	if c.Mailbox().NumMessages != 1 {
		t.Errorf("the client counts %d messages", c.Mailbox().NumMessages)
	}
}

// closer makes a waiter of a command whose answers are not of interest.
type closer struct{ *imapclient.FetchCommand }

func (c closer) Wait() error { return c.Close() }

func TestIMAPIdleWithGoIMAP(t *testing.T) {
	s := &IMAP{}
	exists := make(chan uint32, 1)
	c := client(t, s, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				exists <- *data.NumMessages
			}
		},
	}})
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	s.Store.Add("INBOX", Message{Body: []byte("x")})
	if n := <-exists; n != 1 {
		t.Errorf("%d EXISTS", n)
	}
	if err := idle.Close(); err != nil {
		t.Error(err)
	}
	do(t, "IDLE", idle)
}

func TestIMAPIDWithGoIMAP(t *testing.T) {
	s := &IMAP{RequireID: true}
	c := client(t, s, nil)
	if _, err := c.Select("INBOX", nil).Wait(); err == nil {
		t.Error("SELECT without ID")
	}
	if data, err := c.ID(&imap.IDData{Name: "test"}).Wait(); err != nil || data.Name != "Dovecot" {
		t.Errorf("ID: %v, %v", data, err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Errorf("SELECT after ID: %v", err)
	}
}
