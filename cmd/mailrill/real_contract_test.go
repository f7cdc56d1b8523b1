package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-imap/v2"

	"mailrill/deliver"
	"mailrill/deliver/delivertest"
	imapdst "mailrill/deliver/imap"
	smtpdst "mailrill/deliver/smtp"
	"mailrill/fetch"
	"mailrill/fetch/fetchtest"
	imapsrc "mailrill/fetch/imap"
	popsrc "mailrill/fetch/pop3"
	"mailrill/internal/mailconn"
	"mailrill/internal/mailtest/real"
	"mailrill/internal/sasl"
)

// A cutter is put around connections, and ends them within the octets that the
// server sends.
type cutter struct {
	mu     sync.Mutex
	behind []byte // what goes before the cut, nil: nothing is cut
	octets int    // how many octets, from the first of behind on, still come through
}

func (c *cutter) arm(behind []byte, octets int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind, c.octets = behind, octets
}

func (c *cutter) wrap(conn net.Conn) net.Conn {
	return &cutConn{Conn: conn, in: bufio.NewReader(conn), c: c}
}

type cutConn struct {
	net.Conn
	in     *bufio.Reader
	c      *cutter
	passed []byte // the end of what was read and may be the beginning of behind
	left   int    // octets that still come through, once armed
	hit    bool
}

// Read gives one octet at a time where a cut may be near: it is for tests. Whether
// one is near is seen when octets are there: a session reads before it asks.
func (c *cutConn) Read(p []byte) (int, error) {
	if c.hit && c.left == 0 {
		c.Conn.Close()
		return 0, io.ErrUnexpectedEOF
	}
	if _, err := c.in.Peek(1); err != nil {
		return 0, err
	}
	c.c.mu.Lock()
	behind, octets := c.c.behind, c.c.octets
	c.c.mu.Unlock()
	if behind == nil {
		return c.in.Read(p)
	}
	n, err := c.in.Read(p[:min(1, len(p))])
	if c.hit {
		c.left -= n
		return n, err
	}
	c.passed = append(c.passed, p[:n]...)
	if len(c.passed) > len(behind) {
		c.passed = c.passed[1:]
	}
	if bytes.Equal(c.passed, behind) {
		c.hit, c.left = true, octets
	}
	return n, err
}

// dial returns what connects to a port of the site, as the program does, but in
// the clear.
func (s *site) dial(protocol string, port int, c *cutter) func(context.Context) (net.Conn, error) {
	d := &mailconn.Dialer{Protocol: protocol, Host: "127.0.0.1", Port: port, TLS: mailconn.None}
	if c != nil {
		d.Wrap = c.wrap
	}
	return d.Dial
}

func login(user string) sasl.Auth {
	return sasl.Password(user, func(context.Context) (string, error) { return real.Password, nil })
}

// Both sources hold their contract on a real Dovecot.
func TestRealSourcesContract(t *testing.T) {
	// Else RETR marks a message as read, as is Dovecot's own business.
	s := newSite(t, "pop3_no_flag_updates = yes")
	t.Run("imap", func(t *testing.T) {
		fetchtest.Run(t, fetchtest.Harness{
			New: s.mailboxes("i", func(user string, c *cutter) fetch.Source {
				return imapsrc.New(imapsrc.Options{Dial: s.dial("imap", s.IMAP, c), Auth: login(user), ID: map[string]string{"name": "mailrill"}})
			}, true),
			Served: normal, Dates: true, Flags: true, Do: []fetch.Action{fetch.Delete, fetch.Seen, fetch.Move},
		})
	})
	t.Run("pop3", func(t *testing.T) {
		fetchtest.Run(t, fetchtest.Harness{
			New: s.mailboxes("p", func(user string, c *cutter) fetch.Source {
				return popsrc.New(popsrc.Options{Dial: s.dial("pop3", s.POP3, c), Auth: login(user)})
			}, false),
			Served: func(b []byte) []byte {
				if b = lineEnds(b); !bytes.HasSuffix(b, []byte("\n")) {
					b = append(b, "\r\n"...)
				}
				return b
			},
			Do: []fetch.Action{fetch.Delete},
		})
	})
}

// mailboxes makes a mailbox of its own for each call of a Harness's New.
func (s *site) mailboxes(prefix string, source func(string, *cutter) fetch.Source, folders bool) func(*testing.T, []fetchtest.Message) fetchtest.Mailbox {
	n := 0
	return func(t *testing.T, ms []fetchtest.Message) fetchtest.Mailbox {
		n++
		user := fmt.Sprint(prefix, n)
		s.put(t, user, ms)
		c := &cutter{}
		m := fetchtest.Mailbox{
			Source: source(user, c), Folder: "INBOX",
			Messages: func() []fetchtest.Message { return s.messages(user, "INBOX") },
			Remove:   func(i int) { s.remove(t, user, imap.UID(i+1)) },
			Cut: func(i, octets int) {
				// A letter of the suite is told from the others by its second line. Before
				// that the cut comes in what stands in front of the body: three octets end
				// the message before it.
				head, _, _ := bytes.Cut(ms[i].Body, []byte(";\r\n"))
				if octets < len(head) {
					c.arm(ms[i-1].Body, 3+min(octets, 4))
					return
				}
				c.arm(head, octets-len(head))
			},
			Mend: func() { c.arm(nil, 0) },
		}
		if folders {
			m.MoveTo = "完成/2026"
			m.Moved = func() []fetchtest.Message { return s.messages(user, m.MoveTo) }
		}
		return m
	}
}

func (s *site) put(t *testing.T, user string, ms []fetchtest.Message) {
	t.Helper()
	c := s.imap(user)
	defer c.Logout()
	for _, m := range ms {
		o := &imap.AppendOptions{Time: m.Date}
		for _, f := range m.Flags {
			o.Flags = append(o.Flags, imap.Flag(f))
		}
		cmd := c.Append("INBOX", int64(len(m.Body)), o)
		cmd.Write(m.Body)
		cmd.Close()
		if _, err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *site) messages(user, folder string) (out []fetchtest.Message) {
	s.t.Helper()
	for _, m := range s.read(user, folder) {
		out = append(out, fetchtest.Message{Body: m.body, Date: m.date, Flags: strings.Fields(m.flags)})
	}
	for i := range out {
		if len(out[i].Flags) == 0 {
			out[i].Flags = nil
		}
	}
	return out
}

func (s *site) remove(t *testing.T, user string, uid imap.UID) {
	t.Helper()
	c := s.imap(user)
	defer c.Logout()
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Store(imap.UIDSetNum(uid), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.UIDExpunge(imap.UIDSetNum(uid)).Close(); err != nil {
		t.Fatal(err)
	}
}

// IMAP and LMTP, by TCP and by socket, hold their contract on a real Dovecot.
func TestRealDestinationsContract(t *testing.T) {
	s := newSite(t)
	changed := []string{"NUL", "bare LF", "CR CR LF", "final CR"}
	places := func(prefix string, open func(user, folder string, create bool) deliver.Destination, folders bool) func(*testing.T) *delivertest.Place {
		n := 0
		return func(*testing.T) *delivertest.Place {
			n++
			user := fmt.Sprint(prefix, n)
			p := &delivertest.Place{
				Open:   func() deliver.Destination { return open(user, "", true) },
				Copies: func(*testing.T) []delivertest.Copy { return s.copies(user) },
			}
			if folders {
				p.OpenFolder = func(name string, create bool) deliver.Destination { return open(user, name, create) }
			}
			return p
		}
	}
	t.Run("imap", func(t *testing.T) {
		delivertest.Run(t, delivertest.Harness{
			New: places("d", func(user, folder string, create bool) deliver.Destination {
				return imapdst.New(imapdst.Options{Dial: s.dial("imap", s.IMAP, nil), Auth: login(user), Folder: folder, Create: create})
			}, true),
			Changes: changed, Folders: true, Dates: true, Flags: true,
		})
	})
	lmtp := append([]string{"no final line end", "final dot", "empty"}, changed...)
	for name, d := range map[string]*mailconn.Dialer{
		"lmtp":        {Protocol: "lmtp", Host: "127.0.0.1", Port: s.LMTP, TLS: mailconn.None},
		"lmtp socket": {Protocol: "lmtp", Socket: s.LMTPSocket, TLS: mailconn.None},
	} {
		t.Run(name, func(t *testing.T) {
			delivertest.Run(t, delivertest.Harness{
				New: places(strings.ReplaceAll(name, " ", ""), func(user, _ string, _ bool) deliver.Destination {
					return smtpdst.New(smtpdst.Options{Dial: d.Dial, LMTP: true, Hello: "localhost", Sender: "me@example.test", Recipient: user})
				}, false),
				Changes: lmtp,
			})
		})
	}
}

// copies returns all that an account holds, behind the fields of LMTP.
func (s *site) copies(user string) (out []delivertest.Copy) {
	s.t.Helper()
	c := s.imap(user)
	list, err := c.List("", "*", nil).Collect()
	if err != nil {
		s.t.Fatal(err)
	}
	c.Logout()
	for _, l := range list {
		if slices.Contains(l.Attrs, imap.MailboxAttrNoSelect) {
			continue
		}
		for _, m := range s.read(user, l.Mailbox) {
			body := m.body[max(0, bytes.Index(m.body, []byte(deliver.TraceField+": "))):]
			out = append(out, delivertest.Copy{Body: body, Folder: strings.TrimPrefix(l.Mailbox, "INBOX"), Received: m.date, Flags: strings.Fields(m.flags)})
		}
	}
	return out
}
