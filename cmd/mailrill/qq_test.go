package main

import (
	"bytes"
	"fmt"
	"net/smtp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailrill/internal/mailtest"
)

// qqShowsAfter is how long QQ may not show what it has stored.
const qqShowsAfter = 40 * time.Second

// A qqHall collects by POP3 into the INBOX of a QQ account, which shows late what
// comes.
type qqHall struct {
	*rig
	box, qq *mailtest.Store
	dst     *mailtest.IMAP
	hidden  atomic.Bool // it is as if nothing were there
	appends atomic.Int64
	answer  atomic.Pointer[mailtest.Verdict] // to APPENDs; nil: QQ's own
}

func toQQ(t *testing.T, messages [][]byte, extra string) *qqHall {
	t.Helper()
	h := &qqHall{rig: newRig(t, ""), box: filled(messages), qq: mailtest.NewStore()}
	h.clock = &clock{}
	src := startServer(t, &mailtest.POP3{Store: h.box, User: "src", Password: "pass"})
	h.dst = &mailtest.IMAP{
		Provider: mailtest.QQ, Store: h.qq, User: "12345@qq.com", Password: "pass",
		ShowsAfter: qqShowsAfter, Now: h.clock.now, OnCommand: h.command,
	}
	h.write(fmt.Sprintf("[destination.home]\ntype = \"imap\"\nprovider = \"qq\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = \"12345@qq.com\"\npassword = \"pass\"\n", port(startServer(t, h.dst))) +
		accountTo("pop3", src, "src", extra))
	return h
}

func (h *qqHall) command(_ int, line string) mailtest.Verdict {
	if h.hidden.Load() && strings.HasPrefix(line, "UID FETCH") {
		return mailtest.Verdict{Reply: "OK Mails not exist!"}
	}
	if !strings.HasPrefix(line, "APPEND") {
		return mailtest.Verdict{}
	}
	h.appends.Add(1)
	if v := h.answer.Load(); v != nil {
		return *v
	}
	return mailtest.Verdict{}
}

func (h *qqHall) wantCopies(want [][]byte) {
	h.t.Helper()
	var got [][]byte
	for _, m := range h.qq.Messages("INBOX") {
		got = append(got, behindTrace(h.t, m.Body))
	}
	if diff := difference(got, want); diff != "" {
		h.t.Error(diff)
	}
}

// The answer to an APPEND is lost, and QQ does not show what it has stored for 40
// seconds: for so long nobody can say that the message is not there.
func TestQQShowsADoubtLate(t *testing.T) {
	h := toQQ(t, numbered(1), "")
	h.answer.Store(&mailtest.Verdict{LoseReply: true})
	h.sum(75)
	h.answer.Store(nil)
	for range 3 {
		h.clock.pass(12 * time.Second)
		h.sum(75)
	}
	if n := h.appends.Load(); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
	h.clock.pass(time.Minute)
	if sum := h.sum(0); sum.AlreadyThere != 1 || sum.Delivered != 0 {
		t.Errorf("once it is shown: %+v", sum)
	}
	h.wantCopies(numbered(1))
}

// QQ shows its copies in the next pass only: until then nothing is removed from
// the source, and that is no fault of anybody.
func TestQQAndRemovalFromTheSource(t *testing.T) {
	h := toQQ(t, numbered(5), "after = \"delete\"")
	if sum := h.sum(0); sum.Delivered != 5 || sum.SourceDone != 0 {
		t.Errorf("first pass: %+v", sum)
	}
	h.box.Add("INBOX", mailtest.Message{Body: numbered(6)[5], Date: messageDate(9)})
	h.clock.pass(time.Minute)
	if sum := h.sum(0); sum.Delivered != 1 || sum.SourceDone != 5 {
		t.Errorf("a minute later: %+v", sum)
	}
	h.clock.pass(time.Minute)
	if sum := h.sum(0); sum.SourceDone != 1 {
		t.Errorf("two minutes later: %+v", sum)
	}
	h.wantCopies(numbered(6))
	if n := len(h.box.Messages("INBOX")); n != 0 {
		t.Errorf("%d messages are left at the source", n)
	}
}

// QQ takes longer than ever: it seems to hide its copies, and nothing is removed
// from the source, until they are seen after all.
func TestQQShowsVeryLate(t *testing.T) {
	h := toQQ(t, numbered(5), "after = \"delete\"")
	h.sum(0)
	h.hidden.Store(true)
	h.clock.pass(time.Minute)
	h.sum(78)
	h.hidden.Store(false)
	h.clock.pass(time.Hour)
	if sum := h.sum(0); sum.SourceDone != 5 {
		t.Errorf("once they are seen: %+v", sum)
	}
}

// Keywords are not kept, and plain flags are.
func TestQQLosesKeywords(t *testing.T) {
	h := toQQ(t, nil, "")
	src := mailtest.NewStore()
	src.Add("INBOX", mailtest.Message{Body: numbered(1)[0], Flags: []string{`\Flagged`, "work"}})
	addr := startServer(t, &mailtest.IMAP{Store: src, User: "src", Password: "pass"})
	h.write(fmt.Sprintf("[destination.home]\ntype = \"imap\"\nprovider = \"qq\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = \"12345@qq.com\"\npassword = \"pass\"\n", port(startServer(t, &mailtest.IMAP{
		Provider: mailtest.QQ, Store: h.qq, User: "12345@qq.com", Password: "pass",
	}))) + accountTo("imap", addr, "src", ""))
	h.sum(0)
	if ms := h.qq.Messages("INBOX"); len(ms) != 1 || strings.Join(ms[0].Flags, " ") != `\Flagged` {
		t.Errorf("%v", ms)
	}
}

// sendByQQ sends a message through QQ's SMTP server, which files it, and returns
// it as others get it.
func (h *qqHall) sendByQQ(message []byte) {
	h.t.Helper()
	addr := startServer(h.t, &mailtest.SMTP{Provider: mailtest.QQ, User: "12345@qq.com", Password: "pass", Sent: h.qq})
	err := smtp.SendMail(addr, smtp.PlainAuth("", "12345@qq.com", "pass", "127.0.0.1"), "12345@qq.com", []string{"src@example.org"}, message)
	if err != nil {
		h.t.Fatal(err)
	}
}

// What the QQ account itself has sent comes back from another mailbox: QQ has
// filed it and takes it from nobody else. It has stored nothing for us then, and
// so nothing is done at the source, whatever is to be done to the others.
func TestQQHasSentItItself(t *testing.T) {
	for _, after := range []string{"keep", "delete"} {
		t.Run(after, func(t *testing.T) {
			h := toQQ(t, numbered(3), "after = \""+after+"\"")
			h.qq.QQFolders()
			h.sendByQQ(numbered(3)[1])
			h.wantSaved(1)

			// A restart, and then a lost state, find nothing else.
			h.clock.pass(time.Hour)
			h.sum(0)
			if n := h.appends.Load(); n != 3 {
				t.Errorf("APPEND was sent %d times after a restart", n)
			}
			h.clock.pass(time.Hour)
			h.loseState()
			h.sum(0)
			h.wantCopies([][]byte{numbered(3)[0], numbered(3)[2]})
			in := h.box.Messages("INBOX")
			if want := map[string]int{"keep": 3, "delete": 1}[after]; len(in) != want {
				t.Errorf("%d messages are left at the source, want %d", len(in), want)
			}
			if !holds(in, numbered(3)[1]) {
				t.Error("the one that QQ refused is gone from the source")
			}
		})
	}
}

// wantSaved checks that a pass over three messages skips so many.
func (h *qqHall) wantSaved(n int) {
	h.t.Helper()
	if sum := h.sum(0); sum.New != 3 || sum.Delivered != 3-n || sum.AlreadyThere != n || sum.Held != 0 || sum.Error != nil {
		h.t.Errorf("%+v %+v", sum, sum.Error)
	}
	if n := h.appends.Load(); n != 3 {
		h.t.Errorf("APPEND was sent %d times", n)
	}
}

func holds(ms []mailtest.Message, body []byte) bool {
	for _, m := range ms {
		if bytes.Equal(m.Body, body) {
			return true
		}
	}
	return false
}

// QQ may say so in place of asking for the octets.
func TestQQHasSentItBeforeItIsAsked(t *testing.T) {
	h := toQQ(t, numbered(3), "after = \"delete\"")
	h.answer.Store(&mailtest.Verdict{Reply: "NO Mail has saved by smtp!"})
	h.wantSaved(3)
	h.clock.pass(time.Hour)
	h.sum(0)
	if n := len(h.box.Messages("INBOX")); n != 3 {
		t.Errorf("%d messages are left at the source", n)
	}
}
