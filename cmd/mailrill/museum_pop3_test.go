package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"mailrill/internal/mailtest"
)

// getmail6-68. Stopped in the middle of a session, the next run goes on where
// this one was.
func museumStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	retrieved, appends, underWay := 0, 0, make(chan struct{})
	src := &mailtest.POP3{Store: filled(numbered(20)), User: "src", Password: "pass", OnCommand: func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "RETR ") {
			if retrieved++; retrieved == 12 {
				<-underWay // a delivery that has begun is finished
				cancel()
			}
		}
		return mailtest.Verdict{}
	}}
	dst := &mailtest.IMAP{Without: []string{"MULTIAPPEND"}, OnCommand: func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "APPEND") {
			if appends++; appends == 1 {
				close(underWay)
			}
		}
		return mailtest.Verdict{}
	}}
	h := toIMAPFrom(t, src, dst, "")
	h.stopped(ctx)
	before, arrived := retrieved, len(h.copies.Messages("INBOX"))
	if arrived == 0 || arrived == 20 {
		t.Fatalf("%d messages arrived in the run that was stopped", arrived)
	}
	h.once(0)
	h.wantCopies(numbered(20))
	if again := retrieved - before; again != 20-arrived {
		t.Errorf("%d had arrived, of 20, and %d were retrieved after that", arrived, again)
	}
}

// mpop-uidl-file. Killed while QUIT is under way: each delivery is on the disk by
// then, and none is retrieved again.
func museumKilled(t *testing.T) {
	k, retrieved, quit := newKiller(t), 0, false
	src := &mailtest.POP3{Store: filled(numbered(20)), User: "src", Password: "pass", OnCommand: func(_ int, line string) mailtest.Verdict {
		switch {
		case strings.HasPrefix(line, "RETR "):
			retrieved++
		case line == "QUIT" && !quit:
			quit = true
			k.relay.next() // it is killed before the answer
		}
		return mailtest.Verdict{}
	}}
	var to int
	fmt.Sscan(port(startServer(t, src)), &to)
	h := newHall(t, src.Store, maildirHome+accountTo("pop3", fmt.Sprint("127.0.0.1:", k.proxy(to)), "src", ""))
	k.run(h.rig, 1_000_000)
	if k.killed != 1 {
		t.Fatal("it was not killed")
	}
	k.run(h.rig, -1)
	h.wantCopies(numbered(20))
	if retrieved != 20 {
		t.Errorf("%d messages were retrieved, of 20", retrieved)
	}
}

// getmail6-80. One message breaks the session each time. What is said to be
// deleted is, and the status says that not all is well.
func museumTellsTheTruth(t *testing.T) {
	h := fromPOP3(t, &mailtest.POP3{CutBody: func(m mailtest.Message) int {
		if bytes.Contains(m.Body, []byte("<n0003@")) {
			return 40
		}
		return 0
	}}, numbered(5), "after = \"delete\"")
	code := h.run("--once", "--json")
	sum := total(h.lines())
	if code == 0 || sum.Error == nil {
		t.Errorf("exit status %d, error %v", code, sum.Error)
	}
	if removed := 5 - h.left(); sum.SourceDone != removed || removed != 4 {
		t.Errorf("%d are said to be removed, %d are", sum.SourceDone, removed)
	}
	h.wantCopies(append(numbered(3), numbered(5)[4]))
}

// getmail6-112. The server hangs up after five messages, in each session: each
// run goes on, and nothing is fetched twice but what was under way.
func museumHangsUpEachTime(t *testing.T) {
	inSession, retrieved := map[int]int{}, 0
	h := fromPOP3(t, &mailtest.POP3{OnCommand: func(session int, line string) mailtest.Verdict {
		if !strings.HasPrefix(line, "RETR ") {
			return mailtest.Verdict{}
		}
		retrieved++
		inSession[session]++
		return mailtest.Verdict{Cut: inSession[session] > 5}
	}}, numbered(40), "")
	for range 5 {
		h.run("--once")
	}
	h.wantCopies(numbered(40))
	if retrieved > 60 {
		t.Errorf("%d messages were asked for, of 40", retrieved)
	}
}

// getmail6-212. Each run knows what the one before knew.
func museumRemembers(t *testing.T) {
	h := fromPOP3(t, &mailtest.POP3{}, numbered(7), "")
	for i, want := range []int{7, 0, 0, 0} {
		if sum := total(h.once(0)); sum.Delivered != want || sum.New != want {
			t.Errorf("run %d: %+v", i+1, sum)
		}
	}
	h.wantCopies(numbered(7))
}

// fetchmail-6.3.9-keep-flush. Mail that comes while the session runs was not
// collected, and stays, whatever is deleted or marked beside it.
func museumNotCollectedNotTouched(t *testing.T) {
	late := []byte("Subject: late\r\n\r\nlate\r\n")
	var h *hall
	came := false
	arrives := func(line, at string) mailtest.Verdict {
		if strings.HasPrefix(line, at) && !came {
			came = true
			h.box.Add("INBOX", mailtest.Message{Body: late, Date: messageDate(99)})
		}
		return mailtest.Verdict{}
	}
	for _, source := range []string{"pop3", "imap"} {
		came = false
		if source == "pop3" {
			h = fromPOP3(t, &mailtest.POP3{OnCommand: func(_ int, line string) mailtest.Verdict { return arrives(line, "DELE") }}, numbered(4), "after = \"delete\"")
		} else {
			h = fromIMAP(t, &mailtest.IMAP{OnCommand: func(_ int, line string) mailtest.Verdict { return arrives(line, "UID STORE") }}, numbered(4), "after = \"delete\"")
		}
		h.once(0)
		if in := h.box.Messages("INBOX"); !came || len(in) != 1 || !bytes.Equal(in[0].Body, late) || len(in[0].Flags) != 0 {
			t.Errorf("%s: %d messages are left, want the one that came late (%v)", source, len(in), came)
		}
		h.once(0)
		h.wantCopies(append(numbered(4), late))
	}
}

// fetchmail-6.3.2-top. Bodies come by RETR; TOP is for headers only.
func museumTOP(t *testing.T) {
	long := fmt.Appendf(nil, "Message-ID: <long@example.org>\r\nSubject: long\r\n\r\n%s", strings.Repeat("0123456789abcdef\r\n", 20_000))
	h := fromPOP3(t, &mailtest.POP3{OnCommand: func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "TOP ") && !strings.HasSuffix(line, " 0") {
			return mailtest.Verdict{Reply: "+OK\r\nMessage-ID: <long@example.org>\r\nSubject: long\r\n\r\n0123456789abcdef\r\n.\r\n"}
		}
		return mailtest.Verdict{}
	}}, [][]byte{long}, "after = \"delete\"")
	h.once(0)
	h.wantCopies([][]byte{long})
	if h.left() != 0 {
		t.Error("it is there still")
	}
}

// fetchmail-6.3.26-last-line. The last line arrives, whatever it looks like.
func museumLastLine(t *testing.T) {
	var messages [][]byte
	for i, end := range []string{"end", "end\r\n", ".\r\n", "..", ".", "=", "=\r\n", "--b--", "--b--\r\n", "\r\n", " ", "é", "From x\r\n"} {
		messages = append(messages, fmt.Appendf(nil, "Subject: %d\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n--b\r\n\r\nline\r\n%s", i, end))
	}
	byIMAP := fromIMAP(t, &mailtest.IMAP{}, messages, "")
	byIMAP.once(0)
	byIMAP.wantCopies(messages)
	byPOP3 := fromPOP3(t, &mailtest.POP3{}, messages, "")
	byPOP3.once(0)
	byPOP3.wantCopies(servedByPOP3(messages))
}

// fetchmail-6.3.21-nul. A NUL is an octet like any other.
func museumNUL(t *testing.T) {
	messages := [][]byte{[]byte("Subject: 1\r\n\r\nlast line\x00"), []byte("Subject: 2\r\n\r\nlast\x00line\r\n"), []byte("\x00"), []byte("Subject: 4\r\n\r\n\x00tail of the last line")}
	byIMAP := fromIMAP(t, &mailtest.IMAP{AllowNUL: true}, messages, "")
	byIMAP.once(0)
	byIMAP.wantCopies(messages)
	byPOP3 := fromPOP3(t, &mailtest.POP3{}, messages, "")
	byPOP3.once(0)
	byPOP3.wantCopies(servedByPOP3(messages))
}

// fetchmail-6.3.9-leak. Connections that fail in TLS leave nothing open.
func museumTLSLeak(t *testing.T) {
	ca, err := mailtest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	src := &mailtest.POP3{Store: filled(numbered(1)), User: "src", Password: "pass", TLS: ca.Server()}
	account := strings.Replace(accountTo("pop3", startServer(t, src), "src", ""), "tls = \"none\"\n", "", 1)
	h := newHall(t, src.Store, maildirHome+account)
	h.run("--once")
	before := descriptors(t)
	for range 20 {
		if code := h.run("--once"); code != 76 {
			t.Fatalf("exit status %d: %s", code, h.stderr.String())
		}
	}
	if after := descriptors(t); after > before+3 {
		t.Errorf("%d descriptors were open, now %d", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// ta-dmarc-36. Message numbers mean something within a session only: the oldest
// ones go, and the numbers of the others shift.
func museumNumbersShift(t *testing.T) {
	retrieved := 0
	h := fromPOP3(t, &mailtest.POP3{OnCommand: func(_ int, line string) mailtest.Verdict {
		if strings.HasPrefix(line, "RETR ") {
			retrieved++
		}
		return mailtest.Verdict{}
	}}, numbered(10), "after = \"delete\"\ndelete_after = \"1d\"")
	h.once(0)
	for _, m := range h.box.Messages("INBOX")[:4] {
		h.box.Remove("INBOX", m.UID)
	}
	more := numbered(12)[10:]
	for i, body := range more {
		h.box.Add("INBOX", mailtest.Message{Body: body, Date: messageDate(50 + i)})
	}
	h.once(0)
	h.wantCopies(numbered(12))
	if retrieved != 12 {
		t.Errorf("%d messages were retrieved, of 12", retrieved)
	}
	h.ahead += 25 * time.Hour
	kept := []byte("Subject: kept\r\n\r\nnot collected yet\r\n")
	h.box.Add("INBOX", mailtest.Message{Body: kept, Date: messageDate(60)})
	if sum := total(h.once(0)); sum.SourceDone != 12 && sum.SourceDone != 8+4 {
		t.Errorf("%+v", sum)
	}
	if in := h.box.Messages("INBOX"); len(in) != 1 || !bytes.Equal(in[0].Body, kept) {
		t.Errorf("%d messages are left", len(in))
	}
}

// cyrus-374. A UIDL comes back for another message: that one is not what was
// delivered, and is not deleted for it.
func museumUIDLReused(t *testing.T) {
	h := fromPOP3(t, &mailtest.POP3{UIDL: func(m mailtest.Message) string { return "1" }}, numbered(1), "after = \"delete\"\ndelete_after = \"1d\"")
	h.once(0)
	h.box.Remove("INBOX", h.box.Messages("INBOX")[0].UID)
	other := []byte("Message-ID: <other@example.org>\r\nSubject: other\r\n\r\nanother message\r\n")
	h.box.Add("INBOX", mailtest.Message{Body: other, Date: messageDate(9)})
	h.ahead += 25 * time.Hour
	h.run("--once")
	if in := h.box.Messages("INBOX"); len(in) != 1 {
		t.Fatal("a message was deleted that was not delivered")
	}
}

// zimbra-1472. All UIDLs change: what was delivered is recognised by its octets.
func museumNewUIDLs(t *testing.T) {
	form := "old-%d"
	h := fromPOP3(t, &mailtest.POP3{UIDL: func(m mailtest.Message) string { return fmt.Sprintf(form, m.UID) }}, numbered(30), "")
	h.once(0)
	form = "%08x.new"
	h.box.Add("INBOX", mailtest.Message{Body: numbered(31)[30], Date: messageDate(40)})
	if sum := total(h.once(0)); sum.Delivered != 1 || sum.AlreadyThere != 30 {
		t.Errorf("%+v", sum)
	}
	h.wantCopies(numbered(31))
}

// dovecot-duplicate-uidls. Messages with one UIDL all arrive, once, also one that
// comes when the others are known.
func museumEqualUIDLs(t *testing.T) {
	h := fromPOP3(t, &mailtest.POP3{UIDL: func(m mailtest.Message) string { return fmt.Sprint(m.UID / 3) }}, numbered(7), "")
	h.once(0)
	h.wantCopies(numbered(7))
	h.box.Add("INBOX", mailtest.Message{Body: numbered(8)[7], Date: messageDate(20)})
	if sum := total(h.once(0)); sum.Delivered != 1 {
		t.Errorf("second pass: %+v", sum)
	}
	h.wantCopies(numbered(8))
}
