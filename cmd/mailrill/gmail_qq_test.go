package main

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailrill/internal/mailtest"
	"mailrill/internal/mailtest/oracle"
	"mailrill/internal/reply"
)

// A bridge is a Gmail account that is collected, by POP3 or by IMAP, into a QQ
// account, by servers that behave like theirs.
type bridge struct {
	*rig
	gmail, qq *mailtest.Store
	retrieved atomic.Int64 // messages that Gmail was asked for
	enough    atomic.Int64 // Gmail serves so many messages and no more; 0: all
	sessions  func() int   // of Gmail's POP3

	popAddr, imapAddr, qqAddr string
}

// qqFolder is where the copies come: one that its owner made on QQ's website.
const qqFolder = "其他文件夹/Gmail"

func newBridge(t *testing.T, messages []oracle.Message) *bridge {
	b := &bridge{rig: newRig(t, ""), gmail: mailtest.NewStore(), qq: mailtest.NewStore()}
	b.clock = &clock{}
	b.receive(messages)
	pop := &mailtest.POP3{Provider: mailtest.Gmail, Store: b.gmail, User: "me@gmail.com", Password: "pass", OnCommand: b.popCommand}
	b.popAddr, b.sessions = startServer(t, pop), pop.Sessions
	b.imapAddr = startServer(t, &mailtest.IMAP{Provider: mailtest.Gmail, Store: b.gmail, User: "me@gmail.com", Password: "pass", Throttle: b.throttle})
	b.qqAddr = startServer(t, &mailtest.IMAP{
		Provider: mailtest.QQ, Store: b.qq, User: "12345@qq.com", Password: "pass",
		ShowsAfter: 30 * time.Second, Now: b.clock.now,
	})
	b.by("pop3")
	return b
}

// receive puts messages into Gmail's inbox.
func (b *bridge) receive(messages []oracle.Message) {
	for _, m := range messages {
		b.gmail.Add("INBOX", mailtest.Message{Body: m.Body, Date: messageDate(m.Serial)})
	}
}

// by has the account collect by a protocol from now on.
func (b *bridge) by(protocol string) {
	b.t.Helper()
	addr := map[string]string{"pop3": b.popAddr, "imap": b.imapAddr}[protocol]
	account := strings.Replace(accountTo(protocol, addr, "me@gmail.com", "provider = \"gmail\""), "name = \""+protocol+"\"", "name = \"gmail\"", 1)
	b.write(fmt.Sprintf("[destination.home]\ntype = \"imap\"\nprovider = \"qq\"\nhost = \"127.0.0.1\"\nport = %s\ntls = \"none\"\nuser = \"12345@qq.com\"\npassword = \"pass\"\nfolder = \"Gmail\"\n", port(b.qqAddr)) + account)
}

func (b *bridge) popCommand(_ int, line string) mailtest.Verdict {
	if strings.HasPrefix(line, "RETR ") && b.spent() {
		return mailtest.Verdict{Reply: "-ERR [AUTH] Account exceeded pop command or bandwidth limits (Failure)"}
	}
	return mailtest.Verdict{}
}

func (b *bridge) throttle(mailtest.Message) string {
	if b.spent() {
		return "* BYE [OVERQUOTA] Account exceeded command or bandwidth limits."
	}
	return ""
}

// spent counts a message that Gmail is asked for, and reports whether it was
// asked for too many.
func (b *bridge) spent() bool {
	n, most := b.retrieved.Add(1), b.enough.Load()
	return most > 0 && n > most
}

// arrived is what lies at QQ, which is all in one folder.
func (b *bridge) arrived() (out []oracle.Copy, err error) {
	for folder, ms := range b.qq.Snapshot() {
		for _, m := range ms {
			if folder != qqFolder {
				return nil, fmt.Errorf("a message in %s", folder)
			}
			out = append(out, oracle.Copy{Where: fmt.Sprint(folder, " ", m.UID), Body: m.Body})
		}
	}
	return out, nil
}

// judge has the oracle look: at the end of everything all messages have arrived,
// each once and unchanged; at any time, those that Gmail's POP3 hides.
func (b *bridge) judge(messages []oracle.Message, look func(*oracle.Case) oracle.Findings) {
	b.t.Helper()
	c := &oracle.Case{
		Messages: messages, Removed: true, TraceField: "X-Mailrill-ID",
		Source: storeBox(b.gmail), Destination: oracle.BoxFunc(b.arrived),
	}
	if found := look(c); len(found) > 0 {
		b.t.Errorf("%v", found)
	}
}

// 700 messages go from Gmail to QQ Mail: by POP3, which shows them in windows,
// and which Gmail throttles on the way, and then by IMAP, which Gmail throttles
// too. QQ cannot make the folder. Nothing is lost and nothing comes twice, also
// when the state is lost.
func TestGmailToQQ(t *testing.T) {
	all := oracle.Make(5, 1, 720, "plain", "dots", "no-header", "header-only", "8bit", "forged", "long-line", "server-words")
	first := all[:700]
	b := newBridge(t, first)

	// The folder cannot be made: nothing is retrieved, and the hint says what to do.
	sum := b.sum(78)
	if sum.Error == nil || sum.Error.Class != reply.Config || !strings.Contains(sum.Error.Hint, "website") || sum.Listed != 250 {
		t.Errorf("without the folder: %+v %+v", sum, sum.Error)
	}
	if b.retrieved.Load() != 0 {
		t.Errorf("%d messages were retrieved for a folder that is not there", b.retrieved.Load())
	}
	if copies, err := b.arrived(); len(copies) > 0 || err != nil {
		t.Errorf("%d copies, %v", len(copies), err)
	}

	// Its owner makes it. Gmail has enough in the middle of the second window.
	b.qq.QQFolders("Gmail")
	b.enough.Store(400)
	b.clock.pass(time.Hour)
	sessions := b.sessions()
	sum = b.sum(75)
	if sum.Error == nil || sum.Error.Class != reply.Limit || sum.Delivered != 400 {
		t.Errorf("throttled: %+v %+v", sum, sum.Error)
	}
	if n, more := b.retrieved.Load(), b.sessions()-sessions; n != 401 || more != 2 {
		t.Errorf("throttled: %d messages were asked for, in %d sessions", n, more)
	}
	b.judge(first, (*oracle.Case).Instant)

	// A day later it goes on.
	b.enough.Store(0)
	b.clock.pass(24 * time.Hour)
	if sum = b.sum(0); sum.Delivered != 300 {
		t.Errorf("the rest: %+v", sum)
	}
	b.judge(first, (*oracle.Case).End)

	// By IMAP the same messages are the same: nothing but 20 new ones is delivered.
	// Gmail says goodbye in the middle of a FETCH.
	b.by("imap")
	b.receive(all[700:])
	b.retrieved.Store(0)
	b.enough.Store(710)
	b.clock.pass(24 * time.Hour)
	sum = b.sum(75)
	if sum.Error == nil || sum.Error.Class != reply.Limit || sum.AlreadyThere != 700 || sum.Delivered != 10 {
		t.Errorf("by IMAP, throttled: %+v %+v", sum, sum.Error)
	}
	if n := b.retrieved.Load(); n != 711 {
		t.Errorf("by IMAP, throttled: %d messages were asked for", n)
	}
	b.enough.Store(0)
	b.clock.pass(24 * time.Hour)
	if sum = b.sum(0); sum.Delivered != 10 {
		t.Errorf("by IMAP, the rest: %+v", sum)
	}
	b.judge(all, (*oracle.Case).Instant)

	// The state is lost, and everything is listed again, by POP3 too.
	b.clock.pass(24 * time.Hour)
	b.loseState()
	if sum = b.sum(0); sum.Delivered != 0 || sum.AlreadyThere != 720 {
		t.Errorf("the state is lost: %+v", sum)
	}
	b.by("pop3")
	b.gmail.ResetPopped()
	b.clock.pass(24 * time.Hour)
	if sum = b.sum(0); sum.Delivered != 0 || sum.AlreadyThere != 720 {
		t.Errorf("everything is listed again: %+v", sum)
	}
	b.judge(all, (*oracle.Case).End)
}
