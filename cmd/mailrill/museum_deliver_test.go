package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailrill/internal/mailtest"
)

// offlineimap-262, offlineimap-676. APPEND is done and its answer lost, again and
// again, on a server with UIDPLUS and on one without: one copy each.
func museumAppendUnanswered(without []string) func(*testing.T) {
	return func(t *testing.T) {
		appends := 0
		h := toIMAP(t, &mailtest.IMAP{Without: append([]string{"MULTIAPPEND"}, without...), OnCommand: func(_ int, line string) mailtest.Verdict {
			switch {
			case strings.HasPrefix(line, "APPEND"):
				appends++
				return mailtest.Verdict{LoseReply: appends <= 3}
			case strings.Contains(line, "SEARCH"):
				return mailtest.Verdict{Reply: "* SEARCH\r\nOK SEARCH completed"}
			}
			return mailtest.Verdict{}
		}}, numbered(6), "")
		for range 5 {
			h.run("--once")
			h.ahead += time.Hour
		}
		if appends < 4 {
			t.Fatalf("only %d APPENDs", appends)
		}
		h.wantCopies(numbered(6))
	}
}

// mailcore2-823. What has arrived is not asked by SEARCH, which finds what it
// likes.
func museumSearchIsBlind(t *testing.T) {
	searches, lost := 0, false
	h := toIMAP(t, &mailtest.IMAP{OnCommand: func(_ int, line string) mailtest.Verdict {
		switch {
		case strings.Contains(line, "SEARCH"):
			searches++
			return mailtest.Verdict{Reply: "* SEARCH 1 2 3\r\nOK SEARCH completed"}
		case strings.HasPrefix(line, "APPEND") && !lost:
			lost = true
			return mailtest.Verdict{Cut: true} // nothing is stored
		}
		return mailtest.Verdict{}
	}}, numbered(4), "after = \"delete\"")
	for range 3 {
		h.run("--once")
		h.ahead += time.Hour
	}
	h.wantCopies(numbered(4))
	if searches != 0 || h.left() != 0 {
		t.Errorf("%d SEARCHes, %d messages left", searches, h.left())
	}
}

// khive-1126. One message that is refused for good is put aside, once; the
// others arrive, those of later passes too.
func museumPoison(t *testing.T) {
	poison, sent := numbered(8)[2], 0
	dst := &mailtest.IMAP{Without: []string{"MULTIAPPEND"}, RefuseAppend: func(body []byte) string {
		if bytes.HasSuffix(body, poison) {
			sent++
			return "NO [CANNOT] message cannot be stored"
		}
		return ""
	}}
	h := toIMAP(t, dst, numbered(5), "")
	for i := range 3 {
		h.run("--once")
		h.box.Add("INBOX", mailtest.Message{Body: numbered(8)[5+i], Date: messageDate(20 + i)})
		h.ahead += time.Hour
	}
	h.run("--once")
	h.wantCopies(append(numbered(2), numbered(8)[3:]...))
	if sent != 1 {
		t.Errorf("it was sent %d times", sent)
	}
	if h.run("hold", "list"); strings.Count(h.stdout.String(), "pop3") == 0 {
		t.Errorf("the hold: %s", h.stdout.String())
	}
}

// agent-os-3011. One message is refused for now, each time, while others are
// taken: its attempts are counted, and come to an end in the hold.
func museumAttemptsEnd(t *testing.T) {
	sent := 0
	h := toSMTP(t, &mailtest.SMTP{RefuseMessage: func(d mailtest.Delivery) string {
		if bytes.Contains(d.Body, []byte("<n0001@")) {
			sent++
			return "451 4.3.0 try again later"
		}
		return ""
	}}, numbered(3), "")
	for i := range 12 {
		h.run("--once")
		h.box.Add("INBOX", mailtest.Message{Body: numbered(20)[3+i], Date: messageDate(20 + i)})
		h.ahead += 2 * time.Hour
	}
	if h.run("hold", "list"); !strings.Contains(h.stdout.String(), "pop3") {
		t.Errorf("after 24 hours it is not in the hold: %s", h.stdout.String())
	}
	if sent > 14 {
		t.Errorf("it was sent %d times in 24 hours", sent)
	}
}

// getmail6-105. The recipient is the config's; a message without To: arrives.
func museumNoRecipientField(t *testing.T) {
	messages := [][]byte{[]byte("From: a@example.org\r\nSubject: no To\r\n\r\nx\r\n"), []byte("Subject: nothing at all\r\n\r\nx\r\n"), []byte("\r\nno header\r\n")}
	dst := &mailtest.SMTP{LMTP: true}
	h := toSMTP(t, dst, messages, "after = \"delete\"")
	h.once(0)
	got := dst.Received()
	if len(got) != 3 {
		t.Fatalf("%d messages arrived", len(got))
	}
	for i, d := range got {
		if len(d.To) != 1 || d.To[0] != "dst@example.org" || !bytes.Equal(behindResent(behindTrace(t, d.Body)), messages[i]) {
			t.Errorf("message %d to %q: %.80q", i, d.To, d.Body)
		}
	}
}

// fetchmail-6.4.34-softbounce. What SMTP refuses for good is neither deleted nor
// bounced: it is in the hold, and at the source.
func museumRefusedBySMTP(t *testing.T) {
	dst := &mailtest.SMTP{RefuseMessage: func(d mailtest.Delivery) string {
		if bytes.Contains(d.Body, []byte("<n0001@")) {
			return "554 5.6.0 message content is not accepted"
		}
		return ""
	}}
	h := toSMTP(t, dst, numbered(3), "after = \"delete\"")
	if code := h.run("--once"); code != 65 {
		t.Errorf("exit status %d: %s", code, h.stderr.String())
	}
	if in := h.box.Messages("INBOX"); len(in) != 1 || !bytes.Equal(in[0].Body, numbered(2)[1]) {
		t.Errorf("%d messages are left at the source", len(in))
	}
	if got := dst.Received(); len(got) != 2 {
		t.Errorf("%d messages were sent, want the two others", len(got))
	}
}

// fetchmail-exit-10. The server hangs up after three messages; what it has taken
// is remembered.
func museumSMTPEndsEarly(t *testing.T) {
	var dst *mailtest.SMTP
	var back atomic.Bool
	dst = &mailtest.SMTP{OnCommand: func(_ int, line string) mailtest.Verdict {
		return mailtest.Verdict{Cut: !back.Load() && strings.HasPrefix(line, "MAIL") && len(dst.Received()) >= 3}
	}}
	h := toSMTP(t, dst, numbered(10), "")
	h.run("--once")
	if n := len(dst.Received()); n != 3 {
		t.Fatalf("%d messages arrived", n)
	}
	back.Store(true)
	h.ahead += time.Hour
	h.once(0)
	var got [][]byte
	for _, d := range dst.Received() {
		got = append(got, behindResent(behindTrace(t, d.Body)))
	}
	if diff := difference(got, numbered(10)); diff != "" {
		t.Error(diff)
	}
}

// cyrus-2416. What is larger than the destination takes is not sent at all, and
// not tried for ever.
func museumTooLargeOnce(t *testing.T) {
	large := fmt.Appendf(nil, "Subject: large\r\n\r\n%s\r\n", strings.Repeat("x", 50_000))
	uploads := 0
	dst := &mailtest.IMAP{AppendLimit: 20_000, OnCommand: func(_ int, line string) mailtest.Verdict {
		size := 0
		if i := strings.LastIndexByte(line, '{'); strings.HasPrefix(line, "APPEND") && i > 0 {
			fmt.Sscanf(line[i:], "{%d", &size)
		}
		if size > 20_000 {
			uploads++
		}
		return mailtest.Verdict{}
	}}
	h := toIMAP(t, dst, append(numbered(3), large), "after = \"delete\"")
	for range 4 {
		h.run("--once")
		h.ahead += time.Hour
	}
	h.wantCopies(numbered(3))
	if uploads != 0 || h.left() != 1 {
		t.Errorf("it was sent %d times; %d messages are left", uploads, h.left())
	}
}

// nextcloud-5440. The destination goes away in the middle of a pass, for good as
// far as this pass goes; the next one goes on with the rest.
func museumFailedMidway(t *testing.T) {
	var appends atomic.Int64
	var back atomic.Bool
	h := toIMAP(t, &mailtest.IMAP{Without: []string{"MULTIAPPEND"}, OnCommand: func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "APPEND") {
			appends.Add(1)
		}
		return mailtest.Verdict{Cut: !back.Load() && appends.Load() > 7}
	}}, numbered(15), "after = \"delete\"")
	if code := h.run("--once"); code == 0 {
		t.Error("exit status 0, and the destination is away")
	}
	back.Store(true)
	h.ahead += time.Hour
	h.once(0)
	h.wantCopies(numbered(15))
	if h.left() != 0 {
		t.Errorf("%d messages are left", h.left())
	}
}

// import-mailbox-56. A destination that merges by Message-ID says OK and keeps
// none of what it was given: nothing is removed from the source on its word.
func museumSwallowed(t *testing.T) {
	dst := &mailtest.IMAP{}
	var h *hall
	dst.OnCommand = func(_ int, line string) mailtest.Verdict {
		if !strings.HasPrefix(line, "APPEND") {
			for _, m := range h.copies.Messages("INBOX") {
				h.copies.Remove("INBOX", m.UID)
			}
		}
		return mailtest.Verdict{}
	}
	h = toIMAP(t, dst, numbered(4), "after = \"delete\"")
	code := h.run("--once")
	if h.left() != 4 {
		t.Errorf("%d of 4 messages are left at the source", h.left())
	}
	if code != 78 || !strings.Contains(h.stderr.String(), "trace line") {
		t.Errorf("exit status %d: %s", code, h.stderr.String())
	}
}

// imap-upload-22. What its owner has thrown away at the destination is not sent
// again, not even when the state is lost: the trash is looked at too.
func museumInTheTrash(t *testing.T) {
	appends := 0
	h := toIMAP(t, &mailtest.IMAP{Gmail: true, OnCommand: func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "APPEND") {
			appends++
		}
		return mailtest.Verdict{}
	}}, numbered(4), "")
	h.once(0)
	const trash = "[Gmail]/Trash"
	h.copies.Create(trash, `\Trash`)
	for _, m := range h.copies.Messages("INBOX") {
		h.copies.Add(trash, mailtest.Message{Body: m.Body, Date: m.Date})
		h.copies.Remove("INBOX", m.UID)
	}
	h.loseState()
	sent := appends
	if sum := total(h.once(0)); sum.Delivered != 0 || sum.AlreadyThere != 4 || sent == 0 || appends != sent {
		t.Errorf("%+v, %d APPENDs and then %d", sum, sent, appends-sent)
	}
}
