package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailrill/internal/mailtest"
)

// gmailAccount collects from a server that behaves like Gmail's POP3.
func gmailAccount(addr string) string {
	return strings.Replace(accountTo("pop3", addr, "me@gmail.com", ""), "protocol =", "provider = \"gmail\"\nprotocol =", 1)
}

// numbered returns n small messages.
func numbered(n int) (out [][]byte) {
	for i := range n {
		out = append(out, fmt.Appendf(nil, "Received: by mx; Fri, 02 Jan 2026 03:04:05 +0000\r\nMessage-ID: <n%04d@example.org>\r\nSubject: %d\r\n\r\nNumber %d\r\n", i, i, i))
	}
	return out
}

const maildirHome = "[destination.home]\ntype = \"maildir\"\npath = \"$DIR/Maildir\"\n"

func (r *rig) maildir() [][]byte {
	r.t.Helper()
	dir := filepath.Join(r.dir, "Maildir")
	return readAll(r.t, filepath.Join(dir, "new"), filepath.Join(dir, "cur"))
}

// Gmail lists about 250 messages at a time, and hides what was retrieved once
// the session ends regularly. 700 messages are drained in one pass.
func TestGmailWindowsAreDrained(t *testing.T) {
	messages := numbered(700)
	addr := startServer(t, &mailtest.POP3{Store: filled(messages), User: "me@gmail.com", Password: "pass", Gmail: true})
	r := newRig(t, maildirHome+gmailAccount(addr))
	lines := r.once(0)
	if len(lines) != 1 || lines[0].New != 700 || lines[0].Delivered != 700 || *lines[0].Folder != "INBOX" {
		t.Fatalf("%+v", lines)
	}
	if diff := difference(r.maildir(), messages); diff != "" {
		t.Error(diff)
	}
	if sum := total(r.once(0)); sum.New != 0 || sum.Delivered != 0 {
		t.Errorf("second pass: %+v", sum)
	}
}

// The connection is cut in the middle of a body, in the middle of the second
// window: the result is the same.
func TestGmailWindowsAfterACutSession(t *testing.T) {
	messages := numbered(700)
	cut := false
	addr := startServer(t, &mailtest.POP3{
		Store: filled(messages), User: "me@gmail.com", Password: "pass", Gmail: true,
		OnCommand: func(session int, line string) mailtest.Verdict {
			if session == 2 && line == "RETR 100" && !cut {
				cut = true
				return mailtest.Verdict{CutAfter: 60}
			}
			return mailtest.Verdict{}
		},
	})
	r := newRig(t, maildirHome+gmailAccount(addr))
	sum := total(r.once(0))
	if !cut || sum.Delivered != 700 {
		t.Fatalf("cut %v, %+v", cut, sum)
	}
	if diff := difference(r.maildir(), messages); diff != "" {
		t.Error(diff)
	}
}

// The session ends with a cut in place of QUIT's answer, over and over: what was
// retrieved is listed again, and is not delivered again.
func TestGmailWindowsWithLostQuit(t *testing.T) {
	messages := numbered(300)
	quits := 0
	addr := startServer(t, &mailtest.POP3{
		Store: filled(messages), User: "me@gmail.com", Password: "pass", Gmail: true,
		OnCommand: func(_ int, line string) mailtest.Verdict {
			if line == "QUIT" {
				quits++
				return mailtest.Verdict{Cut: quits == 1, LoseReply: quits == 2}
			}
			return mailtest.Verdict{}
		},
	})
	r := newRig(t, maildirHome+gmailAccount(addr))
	for range 3 {
		r.run("--once")
	}
	if diff := difference(r.maildir(), messages); diff != "" {
		t.Error(diff)
	}
	if sum := total(r.once(0)); sum.Listed != 0 {
		t.Errorf("the window did not move on: %+v", sum)
	}
}

// One message breaks the connection at each RETR, another is refused by the
// destination: the 698 others arrive, the refused one is held.
func TestGmailWindowsWithTwoBadMessages(t *testing.T) {
	messages := numbered(700)
	copies := mailtest.NewStore()
	dst := startServer(t, &mailtest.IMAP{Store: copies, User: "dst", Password: "pass", RefuseAppend: func(body []byte) string {
		if bytes.Contains(body, []byte("<n0456@")) {
			return "NO invalid message"
		}
		return ""
	}})
	src := &mailtest.POP3{Store: filled(messages), User: "me@gmail.com", Password: "pass", Gmail: true, CutBody: func(m mailtest.Message) int {
		if bytes.Contains(m.Body, []byte("<n0123@")) {
			return 50
		}
		return 0
	}}
	addr := startServer(t, src)
	r := newRig(t, fmt.Sprintf("[destination.home]\ntype = \"imap\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = \"dst\"\npassword = \"pass\"\n", port(dst))+gmailAccount(addr))
	r.run("--once")
	if n := len(copies.Messages("INBOX")); n != 698 {
		t.Fatalf("%d messages arrived, want 698\n%s", n, r.stderr.String())
	}
	held, err := os.ReadDir(filepath.Join(r.dir, "state", "hold", "pop3"))
	if err != nil || len(held) != 2 {
		t.Errorf("hold: %v %v", held, err)
	}
	src.CutBody = nil
	r.now = time.Now().Add(24 * time.Hour)
	r.run("--once")
	var got [][]byte
	for _, m := range copies.Messages("INBOX") {
		got = append(got, behindTrace(t, m.Body))
	}
	if diff := difference(append(got, messages[456]), messages); diff != "" {
		t.Error(diff)
	}
}

// Gmail ends each IMAP session after a time, an hour with OAuth: the pass goes on
// in another one.
func TestGmailEndsTheSession(t *testing.T) {
	messages, served := numbered(100), 0
	src := &mailtest.IMAP{
		Provider: mailtest.Gmail, Store: filled(messages), User: "me@gmail.com", Password: "pass",
		Throttle: func(mailtest.Message) string {
			if served++; served%40 == 0 {
				return "* BYE the session has ended"
			}
			return ""
		},
	}
	addr := startServer(t, src)
	r := newRig(t, maildirHome+accountTo("imap", addr, "me@gmail.com", "provider = \"gmail\""))
	if sum := r.sum(0); sum.Delivered != 100 || src.Sessions() != 3 {
		t.Errorf("%+v in %d sessions", sum, src.Sessions())
	}
	if diff := difference(r.maildir(), messages); diff != "" {
		t.Error(diff)
	}
}

// own is a message that the account's owner has sent.
var own = []byte("From: Me <Me@Gmail.com>\r\nMessage-ID: <own@example.org>\r\nSubject: own\r\n\r\nsent on the website\r\n")

// What its owner sends on the website is in Gmail's POP3 too. It is not collected,
// unless that is wanted.
func TestGmailOwnMail(t *testing.T) {
	for _, sent := range []bool{false, true} {
		store := filled(append(numbered(3), own))
		addr := startServer(t, &mailtest.POP3{Provider: mailtest.Gmail, Store: store, User: "me@gmail.com", Password: "pass"})
		r := newRig(t, maildirHome+gmailAccount(addr)+fmt.Sprintf("sent = %v\n", sent))
		want := numbered(3)
		if sent {
			want = append(want, own)
		}
		if sum := r.sum(0); sum.New != 4 || sum.Delivered != len(want) {
			t.Errorf("sent = %v: %+v", sent, sum)
		}
		if diff := difference(r.maildir(), want); diff != "" {
			t.Error(diff)
		}
		if sum := r.sum(0); sum.Listed != 0 || sum.Delivered != 0 {
			t.Errorf("sent = %v, second pass: %+v", sent, sum)
		}
	}
}

// Recent mode shows the mail of 30 days, whatever was collected before, and hides
// none of it. What is known is not retrieved again.
func TestGmailRecent(t *testing.T) {
	messages, retrieved := numbered(20), 0
	store := filled(messages)
	src := &mailtest.POP3{
		Provider: mailtest.Gmail, Store: store, User: "me@gmail.com", Password: "pass", Window: 5,
		Now: func() time.Time { return messageDate(10).AddDate(0, 0, 30) },
		OnCommand: func(_ int, line string) mailtest.Verdict {
			if strings.HasPrefix(line, "RETR ") {
				retrieved++
			}
			return mailtest.Verdict{}
		},
	}
	addr := startServer(t, src)
	r := newRig(t, maildirHome+gmailAccount(addr)+"recent = true\n")
	for range 2 {
		if sum := r.sum(0); sum.Listed != 10 {
			t.Errorf("%+v", sum)
		}
	}
	if diff := difference(r.maildir(), messages[10:]); diff != "" || retrieved != 10 {
		t.Errorf("%d RETRs\n%s", retrieved, diff)
	}
	// In the other mode everything is there still, under the same names.
	r.write(maildirHome + gmailAccount(addr))
	if sum := r.sum(0); sum.Delivered != 10 {
		t.Errorf("not recent any more: %+v", sum)
	}
	if diff := difference(r.maildir(), messages); diff != "" {
		t.Error(diff)
	}
	if sum := r.sum(0); sum.Listed != 0 {
		t.Errorf("the windows did not move on: %+v", sum)
	}
}

// What becomes of a message that was retrieved is decided by a setting at Gmail.
// Whatever it is, each message arrives once, also when Gmail is made to list
// everything again.
func TestGmailDisposition(t *testing.T) {
	for setting, folder := range map[string]string{"leaveInInbox": "INBOX", "markRead": "INBOX", "archive": "[Gmail]/All Mail", "trash": "[Gmail]/Trash"} {
		t.Run(setting, func(t *testing.T) {
			messages := numbered(30)
			store := filled(messages)
			store.GmailFolders("en")
			addr := startServer(t, &mailtest.POP3{Provider: mailtest.Gmail, Store: store, User: "me@gmail.com", Password: "pass", Window: 12, Disposition: setting})
			r := newRig(t, maildirHome+gmailAccount(addr))
			r.sum(0)
			if n := len(store.Messages(folder)); n != 30 {
				t.Errorf("%d messages in %s", n, folder)
			}
			store.ResetPopped()
			want := 30
			if setting == "trash" {
				want = 0
			}
			if sum := r.sum(0); sum.Delivered != 0 || sum.Listed != want {
				t.Errorf("everything is listed again: %+v", sum)
			}
			if diff := difference(r.maildir(), messages); diff != "" {
				t.Error(diff)
			}
		})
	}
}
