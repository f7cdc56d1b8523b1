package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"mailrill/internal/mailtest"
	"mailrill/internal/mailtest/real"
)

// missingServer skips a test whose server is not installed, loudly; where tests
// of real servers are required it fails.
func missingServer(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("MAILRILL_TEST_SERVERS") == "require" || !errors.Is(err, real.ErrMissing) && !errors.Is(err, real.ErrNotRoot) {
		t.Fatal(err)
	}
	t.Skipf("SKIPPED, NOT TESTED: %v (MAILRILL_TEST_SERVERS=require makes this a failure)", err)
}

// A site is a Dovecot, whose CA is ca, and where it was asked for a Postfix.
type site struct {
	t  *testing.T
	ca string
	*real.Dovecot
	postfix *real.Postfix
}

// newSite starts a Dovecot, with further lines in its config.
func newSite(t *testing.T, extra ...string) *site {
	t.Helper()
	dir, err := real.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	ca, err := mailtest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, key := certificateFiles(t, ca, dir)
	s := &site{t: t, ca: filepath.Join(dir, "ca.pem")}
	if err := os.WriteFile(s.ca, ca.PEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	if s.Dovecot, err = real.NewDovecot(filepath.Join(dir, "dovecot"), cert, key); err != nil {
		missingServer(t, err)
	}
	if err := os.Mkdir(s.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.Extra = strings.Join(extra, "\n")
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() })
	return s
}

// certificateFiles writes a server's certificate as Dovecot wants it.
func certificateFiles(t *testing.T, ca *mailtest.CA, dir string) (cert, key string) {
	t.Helper()
	c, err := ca.Server().GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// startPostfix starts a Postfix, with further lines in its main.cf.
func (s *site) startPostfix(extra ...string) {
	s.t.Helper()
	var err error
	if s.postfix, err = real.NewPostfix(filepath.Join(filepath.Dir(s.Dir), "postfix"), s.Dovecot); err != nil {
		missingServer(s.t, err)
	}
	s.postfix.Extra = strings.Join(extra, "\n")
	if err := s.postfix.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { s.postfix.Stop() })
}

// imap logs in with go-imap's own client: a reader that shares nothing with ours.
func (s *site) imap(user string) *imapclient.Client {
	s.t.Helper()
	c, err := imapclient.DialInsecure(fmt.Sprintf("127.0.0.1:%d", s.IMAP), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	if err := c.Login(user, real.Password).Wait(); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// fill appends messages to a user's INBOX by IMAP.
func (s *site) fill(user string, messages [][]byte) {
	s.t.Helper()
	c := s.imap(user)
	defer c.Logout()
	for i, m := range messages {
		o := &imap.AppendOptions{Time: messageDate(i)}
		if i%3 == 1 {
			o.Flags = []imap.Flag{imap.FlagSeen}
		}
		if i%7 == 2 {
			o.Flags = []imap.Flag{imap.FlagFlagged, imap.FlagAnswered}
		}
		cmd := c.Append("INBOX", int64(len(m)), o)
		cmd.Write(m)
		cmd.Close()
		if _, err := cmd.Wait(); err != nil {
			s.t.Fatalf("fill message %d: %v", i, err)
		}
	}
}

// A stored is a message as a mail program sees it.
type stored struct {
	body  []byte
	date  time.Time
	flags string
}

// read returns what lies in a user's folder.
func (s *site) read(user, folder string) (out []stored) {
	s.t.Helper()
	c := s.imap(user)
	defer c.Logout()
	sel, err := c.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		s.t.Fatal(err)
	}
	if sel.NumMessages == 0 {
		return nil
	}
	var all imap.SeqSet
	all.AddRange(1, 0)
	section := &imap.FetchItemBodySection{Peek: true}
	msgs, err := c.Fetch(all, &imap.FetchOptions{InternalDate: true, Flags: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range msgs {
		var flags []string
		for _, f := range m.Flags {
			if f != `\Recent` {
				flags = append(flags, string(f))
			}
		}
		sort.Strings(flags)
		out = append(out, stored{m.FindBodySection(section), m.InternalDate.UTC(), strings.Join(flags, " ")})
	}
	return out
}

// account is the table of an account at this Dovecot, over verified TLS.
func (s *site) account(protocol, user, extra string) string {
	port := s.IMAPS
	if protocol == "pop3" {
		port = s.POP3S
	}
	return fmt.Sprintf("[[account]]\nname = \"src\"\nprotocol = %q\nhost = \"localhost\"\nport = %d\nca_file = %q\nuser = %q\npassword = %q\nto = \"home\"\nbacklog = \"all\"\n%s\n", protocol, port, s.ca, user, real.Password, extra)
}

// home is the table of an IMAP destination at this Dovecot.
func (s *site) home(user string) string {
	return fmt.Sprintf("[destination.home]\ntype = \"imap\"\nhost = \"localhost\"\nport = %d\nca_file = %q\nuser = %q\npassword = %q\n", s.IMAPS, s.ca, user, real.Password)
}

// lmtpHome is the table of a destination that hands over to this Dovecot by LMTP.
func (s *site) lmtpHome(user string) string {
	return fmt.Sprintf("[destination.home]\ntype = \"lmtp\"\nhost = \"127.0.0.1\"\nport = %d\ntls = \"none\"\nrecipient = %q\nsender = \"me@example.test\"\n", s.LMTP, user)
}

// normal is what Dovecot 2.3 makes of a message when it stores it by APPEND and
// serves it by IMAP, measured: what lineEnds says, and a NUL becomes 0x80.
func normal(b []byte) []byte { return bytes.ReplaceAll(lineEnds(b), []byte{0}, []byte{0x80}) }

// lineEnds is what becomes of them: stored, a line ends in LF, and one CR before
// it is taken for a part of that; so is one at the very end. Served, an LF gets a
// CR before it where there is none.
func lineEnds(b []byte) []byte {
	b = bytes.TrimSuffix(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\r"))
	var out []byte
	for i, c := range b {
		if c == '\n' && (i == 0 || b[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, c)
	}
	return out
}

// loose folds further what differs between the ways into a mailbox: runs of CR
// before LF, and the end of the last line.
func loose(b []byte) []byte {
	b = normal(b)
	for bytes.Contains(b, []byte("\r\r\n")) {
		b = bytes.ReplaceAll(b, []byte("\r\r\n"), []byte("\r\n"))
	}
	return bytes.TrimRight(b, "\r\n")
}

// Every source and every destination on a real Dovecot and a real Postfix, with
// 200 messages of many shapes: what arrives equals what was there, but for what
// these servers are known to change; a second pass delivers none.
func TestRealMatrix(t *testing.T) {
	s := newSite(t)
	messages := bodies(200)
	s.fill("source@example.test", messages)
	var want [][]byte
	for _, m := range s.read("source@example.test", "INBOX") {
		want = append(want, loose(m.body))
	}
	if diff := difference(want, mapBytes(messages, loose)); diff != "" {
		t.Fatalf("Dovecot stores otherwise than known:\n%s", diff)
	}
	stored := want
	for _, protocol := range []string{"pop3", "imap"} {
		if want = stored; protocol == "pop3" {
			want = mapBytes(stored, unstuffed)
		}
		t.Run(protocol+"-imap", func(t *testing.T) { s.realCase(t, protocol, s.home(protocol+"-imap"), want, s.imapCopies) })
		t.Run(protocol+"-maildir", func(t *testing.T) {
			s.realCase(t, protocol, maildirHome, want, func(r *rig, _ string) [][]byte { return r.maildir() })
		})
		t.Run(protocol+"-lmtp", func(t *testing.T) {
			s.realCase(t, protocol, s.lmtpHome(protocol+"-lmtp"), want, s.imapCopies)
		})
		t.Run(protocol+"-lmtp-socket", func(t *testing.T) {
			s.realCase(t, protocol, fmt.Sprintf("[destination.home]\ntype = \"lmtp\"\nsocket = %q\nrecipient = %q\nsender = \"me@example.test\"\n", s.LMTPSocket, protocol+"-lmtp-socket"), want, s.imapCopies)
		})
		t.Run(protocol+"-command", func(t *testing.T) {
			c := commandSink(t)
			s.realCase(t, protocol, "[destination.home]\n"+c.config+"\n", want, func(r *rig, _ string) [][]byte { return c.got(r.t) })
		})
	}
}

// unstuffed is what Dovecot 2.3 serves by POP3 of a message that begins with a
// dot: it doubles the dots at the beginning of all lines but the first
// (measured), so the client takes the only one for a doubled one.
func unstuffed(b []byte) []byte { return bytes.TrimPrefix(b, []byte(".")) }

func mapBytes(in [][]byte, f func([]byte) []byte) [][]byte {
	out := make([][]byte, len(in))
	for i, b := range in {
		out[i] = f(b)
	}
	return out
}

func (s *site) realCase(t *testing.T, protocol, home string, want [][]byte, copies func(r *rig, user string) [][]byte) {
	r := newRig(t, home+s.account(protocol, "source@example.test", ""))
	if sum := total(r.once(0)); sum.Delivered != len(want) {
		t.Errorf("first pass: %+v", sum)
	}
	if sum := total(r.once(0)); sum.Delivered != 0 || sum.New != 0 {
		t.Errorf("second pass: %+v", sum)
	}
	_, user, _ := strings.Cut(t.Name(), "/")
	if diff := difference(mapBytes(copies(r, user), loose), want); diff != "" {
		t.Error(diff)
	}
}

// imapCopies returns what arrived in a user's INBOX, behind the fields that LMTP
// puts above the trace line.
func (s *site) imapCopies(r *rig, user string) (out [][]byte) {
	for _, m := range s.read(user, "INBOX") {
		i := bytes.Index(m.body, []byte("X-Mailrill-ID: "))
		if i < 0 {
			r.t.Fatalf("a copy without a trace line: %.200q", m.body)
		}
		out = append(out, behindTrace(r.t, m.body[i:]))
	}
	return out
}

// Postfix takes the messages by SMTP and hands them to Dovecot. It cannot carry
// everything: what it refuses is held, and what it takes arrives.
func TestRealPostfix(t *testing.T) {
	s := newSite(t)
	s.startPostfix()
	messages := append(numbered(60), bodies(20)[:8]...)
	s.fill("source@example.test", messages)
	r := newRig(t, fmt.Sprintf("[destination.home]\ntype = \"smtp\"\nhost = \"localhost\"\nport = %d\ntls = \"starttls\"\nca_file = %q\nrecipient = \"copies@example.test\"\nsender = \"me@example.test\"\n", s.postfix.SMTP, s.ca)+s.account("pop3", "source@example.test", ""))
	if sum := total(r.once(0)); sum.Delivered != len(messages) {
		t.Fatalf("%+v\n%s", sum, s.postfix.Log())
	}
	if sum := total(r.once(0)); sum.Delivered != 0 {
		t.Errorf("second pass: %+v", sum)
	}
	s.drainPostfix()
	var got [][]byte
	for _, m := range s.read("copies@example.test", "INBOX") {
		i := bytes.Index(m.body, []byte("X-Mailrill-ID: "))
		if i < 0 {
			t.Fatalf("no trace line: %.300q", m.body)
		}
		got = append(got, loose(behindResent(behindTrace(t, m.body[i:]))))
	}
	if diff := difference(got, mapBytes(messages, loose)); diff != "" {
		t.Error(diff)
	}
}

// drainPostfix returns when the queue is empty. A message sent behind ours by
// another client proves nothing, so the queue itself is read.
func (s *site) drainPostfix() {
	s.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		n, err := s.postfix.Queue()
		if err != nil {
			s.t.Fatal(err)
		}
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d messages are stuck in Postfix's queue\n%s", n, s.postfix.Log())
		}
		if err := s.postfix.Hurry(); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Dates and flags on a real server, from IMAP; from POP3 the date is that of the
// top Received field.
func TestRealDatesAndFlags(t *testing.T) {
	s := newSite(t)
	messages := numbered(30)
	s.fill("source@example.test", messages)
	for _, protocol := range []string{"imap", "pop3"} {
		r := newRig(t, s.home("dates-"+protocol)+s.account(protocol, "source@example.test", ""))
		r.once(0)
		originals, copies := s.read("source@example.test", "INBOX"), s.read("dates-"+protocol, "INBOX")
		if len(copies) != len(originals) {
			t.Fatalf("%s: %d copies", protocol, len(copies))
		}
		for i, c := range copies {
			want := originals[i]
			if protocol == "pop3" {
				want.date, want.flags = messageDate(0), ""
			}
			if !c.date.Equal(want.date) || c.flags != want.flags {
				t.Errorf("%s message %d: %v %q, want %v %q", protocol, i, c.date, c.flags, want.date, want.flags)
			}
		}
	}
}
