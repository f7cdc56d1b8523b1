package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"mailrill/internal/mailtest"
)

// asksForBody reports whether a command fetches whole messages.
func asksForBody(line string) bool {
	return strings.HasPrefix(line, "UID FETCH ") && strings.Contains(line, "BODY.PEEK[]")
}

// getmail6-94, otrs-694. An "OK" that brings no body is no message: nothing is
// delivered, nothing is deleted, and the message comes when the server has it.
func museumNoLiteral(answer string) func(*testing.T) {
	return func(t *testing.T) {
		odd := true
		h := fromIMAP(t, &mailtest.IMAP{OnCommand: func(_ int, line string) mailtest.Verdict {
			if odd && asksForBody(line) {
				return mailtest.Verdict{Reply: answer}
			}
			return mailtest.Verdict{}
		}}, numbered(3), "after = \"delete\"")
		if code := h.run("--once"); code == 0 {
			t.Error("exit status 0, and nothing was delivered")
		}
		h.wantNothing()
		if h.left() != 3 {
			t.Fatalf("%d messages are left, of 3", h.left())
		}
		odd = false
		h.ahead += time.Hour
		h.once(0)
		h.wantCopies(numbered(3))
	}
}

// wantNothing checks that the Maildir has no message; it may not be there.
func (h *hall) wantNothing() {
	h.t.Helper()
	if h.run("status") != 0 && len(h.maildir()) != 0 {
		h.t.Error("something was delivered")
	}
}

// mailcore2-1279. The answer to one message of several is missing: the others
// arrive, and it does once the server answers.
func museumOneWithoutAnswer(t *testing.T) {
	odd := true
	h := fromIMAP(t, &mailtest.IMAP{OnCommand: func(_ int, line string) mailtest.Verdict {
		if !odd || !asksForBody(line) {
			return mailtest.Verdict{}
		}
		var b strings.Builder
		for _, n := range []int{1, 3} {
			body := numbered(3)[n-1]
			fmt.Fprintf(&b, "* %d FETCH (UID %d FLAGS () INTERNALDATE \"02-Jan-2026 03:04:05 +0000\" BODY[] {%d}\r\n%s)\r\n", n, n, len(body), body)
		}
		return mailtest.Verdict{Reply: b.String() + "OK Success"}
	}}, numbered(3), "after = \"delete\"")
	if code := h.run("--once"); code == 0 {
		t.Error("exit status 0, and a message is missing")
	}
	h.wantCopies([][]byte{numbered(3)[0], numbered(3)[2]})
	odd = false
	h.ahead += time.Hour
	h.once(0)
	h.wantCopies(numbered(3))
}

// icloud-rfc822. Bodies are asked for as BODY.PEEK[], never as RFC822.
func museumRFC822(t *testing.T) {
	h := fromIMAP(t, &mailtest.IMAP{OnCommand: func(_ int, line string) mailtest.Verdict {
		if strings.Contains(strings.ReplaceAll(line, "RFC822.SIZE", ""), "RFC822") {
			return mailtest.Verdict{Reply: "OK FETCH completed"}
		}
		return mailtest.Verdict{}
	}}, numbered(4), "")
	h.once(0)
	h.wantCopies(numbered(4))
	for _, m := range h.box.Messages("INBOX")[:1] {
		if len(m.Flags) != 0 {
			t.Errorf("it was marked: %v", m.Flags)
		}
	}
}

// bichon-299. A first pass that is cut, and one that is stopped: the highest UID
// that was seen hides nothing below or above it.
func museumInterruptedFirstPass(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	bodies := 0
	h := fromIMAP(t, &mailtest.IMAP{OnCommand: func(_ int, line string) mailtest.Verdict {
		if !asksForBody(line) {
			return mailtest.Verdict{}
		}
		switch bodies++; bodies {
		case 1, 2:
			return mailtest.Verdict{CutAfter: 3000}
		case 3:
			cancel()
			return mailtest.Verdict{CutAfter: 5000}
		}
		return mailtest.Verdict{}
	}}, numbered(120), "")
	h.stopped(ctx)
	if n := len(h.maildir()); n == 0 || n >= 120 {
		t.Fatalf("%d messages arrived in the pass that was stopped", n)
	}
	h.ahead += time.Hour
	h.run("--once")
	h.once(0)
	h.wantCopies(numbered(120))
}

// imap-backup-218. The server cannot serve one message: the others come.
func museumServerErrorOnOne(t *testing.T) {
	h := fromIMAP(t, &mailtest.IMAP{OnCommand: func(_ int, line string) mailtest.Verdict {
		if asksForBody(line) && holdsUID(line, 5) {
			return mailtest.Verdict{Reply: "NO UID FETCH Server error - Please try again later"}
		}
		return mailtest.Verdict{}
	}}, numbered(12), "after = \"delete\"")
	for range 3 {
		h.run("--once")
		h.ahead += time.Minute
	}
	h.wantCopies(append(numbered(4), numbered(12)[5:]...))
	if in := h.box.Messages("INBOX"); len(in) != 1 || in[0].UID != 5 {
		t.Errorf("%d messages are left", len(in))
	}
}

// holdsUID reports whether uid is in the set of a UID FETCH.
func holdsUID(line string, uid int) bool {
	set, _, _ := strings.Cut(strings.TrimPrefix(line, "UID FETCH "), " ")
	for _, part := range strings.Split(set, ",") {
		from, to := 0, 0
		if n, _ := fmt.Sscanf(part, "%d:%d", &from, &to); n == 1 {
			to = from
		}
		if from <= uid && uid <= to {
			return true
		}
	}
	return false
}

// proton-bridge-220. The UID of a delivered message comes to mean another one:
// that is not deleted.
func museumUIDMeansAnother(t *testing.T) {
	src := &mailtest.IMAP{}
	h := fromIMAP(t, src, numbered(3), "after = \"delete\"\ndelete_after = \"1d\"")
	h.once(0)
	others := [][]byte{numbered(3)[0], []byte("Message-ID: <other@example.org>\r\nSubject: other\r\n\r\nanother message\r\n"), numbered(3)[2]}
	h.box = filled(others)
	src.Settle() // a session that ends may look at its store once more
	src.Store = h.box
	h.ahead += 25 * time.Hour
	h.run("--once")
	if in := h.box.Messages("INBOX"); len(in) != 1 || !bytes.Equal(in[0].Body, others[1]) {
		t.Errorf("%d messages are left, want the one that was not delivered", len(in))
	}
}

// chatmail-relay-374. UIDVALIDITY changes, and with it all UIDs; what came in
// between arrives, the rest is not doubled, and all is deleted when it is due.
func museumRenumbered(t *testing.T) {
	h := fromIMAP(t, &mailtest.IMAP{}, numbered(20), "after = \"delete\"\ndelete_after = \"1d\"")
	h.once(0)
	h.box.Add("INBOX", mailtest.Message{Body: numbered(21)[20], Date: messageDate(30)})
	h.box.Renumber("INBOX", 1999999999)
	if sum := total(h.once(0)); sum.Delivered != 1 || sum.AlreadyThere != 20 {
		t.Errorf("%+v", sum)
	}
	h.wantCopies(numbered(21))
	h.ahead += 25 * time.Hour
	h.once(0)
	if h.left() != 0 {
		t.Errorf("%d messages are left", h.left())
	}
}

// chatmail-core-7330. The folder was made anew: UID 1 under another UIDVALIDITY
// is another message, to be collected, and not to be deleted in place of the old.
func museumUIDOfOldValidity(t *testing.T) {
	src := &mailtest.IMAP{}
	h := fromIMAP(t, src, numbered(2), "after = \"delete\"\ndelete_after = \"1d\"")
	h.once(0)
	anew := numbered(4)[2:]
	h.box = filled(anew)
	h.box.SetValidity("INBOX", 2000000001)
	src.Settle() // a session that ends may look at its store once more
	src.Store = h.box
	h.ahead += 25 * time.Hour
	h.once(0)
	h.wantCopies(numbered(4))
	if h.left() != 2 {
		t.Errorf("%d messages are left: they were deleted a day too early", h.left())
	}
}

// paperless-12839. SELECT tells no UIDVALIDITY for once: the folder is left alone,
// and nothing arrives again, then or later.
func museumNoValidity(t *testing.T) {
	bodies := 0
	h := fromIMAP(t, &mailtest.IMAP{OnCommand: func(_ int, line string) mailtest.Verdict {
		if asksForBody(line) {
			bodies++
		}
		return mailtest.Verdict{}
	}}, numbered(6), "after = \"delete\"\ndelete_after = \"1d\"")
	h.box.SetValidity("INBOX", 7)
	h.once(0)
	h.box.SetValidity("INBOX", 0)
	h.ahead += 25 * time.Hour
	fetched := bodies
	for range 2 {
		if code := h.run("--once"); code != 75 || h.left() != 6 {
			t.Errorf("exit status %d, %d messages are left: %s", code, h.left(), h.stderr.String())
		}
	}
	h.wantCopies(numbered(6))
	h.box.SetValidity("INBOX", 7)
	if sum := total(h.once(0)); sum.Delivered != 0 || sum.New != 0 || sum.SourceDone != 6 {
		t.Errorf("%+v", sum)
	}
	h.wantCopies(numbered(6))
	if bodies != fetched {
		t.Errorf("%d commands asked for bodies again", bodies-fetched)
	}
}

// itop-253. Equal From, Subject and Date, no Message-ID: two messages, if one
// octet of theirs differs.
func museumEqualHeaders(t *testing.T) {
	head := "From: a@example.org\r\nSubject: same\r\nDate: Fri, 02 Jan 2026 03:04:05 +0000\r\n\r\n"
	messages := [][]byte{[]byte(head + "one\r\n"), []byte(head + "two\r\n"), []byte(head + "six\r\n")}
	byIMAP := fromIMAP(t, &mailtest.IMAP{}, messages, "")
	byIMAP.once(0)
	byIMAP.wantCopies(messages)
	byPOP3 := fromPOP3(t, &mailtest.POP3{NoUIDL: true}, messages, "")
	byPOP3.once(0)
	byPOP3.wantCopies(messages)
}

// getmail6-188. A message under several labels arrives once.
func museumLabels(t *testing.T) {
	src := &mailtest.IMAP{Gmail: true}
	h := fromIMAP(t, src, numbered(5), "folders = [\"INBOX\", \"Work\", \"Family\"]")
	h.box.Create("Work")
	h.box.Create("Family")
	for _, m := range h.box.Messages("INBOX")[:3] {
		h.box.Add("Work", m)
		h.box.Add("Family", m)
	}
	h.once(0)
	h.wantCopies(numbered(5))
}

// imapengine-181. What another program has flagged as \Deleted stays, with
// UIDPLUS and without.
func museumOthersDeleted(t *testing.T) {
	for _, without := range [][]string{nil, {"UIDPLUS"}, {"UIDPLUS", "MOVE"}} {
		h := fromIMAP(t, &mailtest.IMAP{Without: without}, numbered(4), "after = \"delete\"\nmax_size = \"2kB\"")
		foreign := fmt.Appendf(nil, "Subject: foreign\r\n\r\n%s\r\n", strings.Repeat("x", 3000))
		f := h.box.Add("INBOX", mailtest.Message{Body: foreign, Date: messageDate(9)})
		h.box.SetFlags("INBOX", f.UID, `\Deleted`)
		h.run("--once")
		stays := false
		for _, m := range h.box.Messages("INBOX") {
			stays = stays || bytes.Equal(m.Body, foreign)
		}
		if !stays {
			t.Errorf("without %v: a message is gone that was not collected", without)
		}
		h.wantCopies(numbered(4))
	}
}

// k9-5558. The answer to a move is lost, and SEARCH finds nothing: the message is
// there once, not moved a second time nor appended.
func museumMoveUnanswered(t *testing.T) {
	moves := 0
	h := fromIMAP(t, &mailtest.IMAP{OnCommand: func(_ int, line string) mailtest.Verdict {
		switch {
		case strings.Contains(line, "SEARCH"):
			return mailtest.Verdict{Reply: "* SEARCH\r\nOK SEARCH completed"}
		case strings.HasPrefix(line, "UID MOVE"), strings.HasPrefix(line, "UID COPY"):
			moves++
			return mailtest.Verdict{LoseReply: moves == 1}
		}
		return mailtest.Verdict{}
	}}, numbered(3), "after = \"move\"\nmove_to = \"Collected\"")
	for range 3 {
		h.run("--once")
		h.ahead += time.Hour
	}
	if in, moved := h.left(), len(h.box.Messages("Collected")); in != 0 || moved != 3 {
		t.Errorf("%d in INBOX, %d moved", in, moved)
	}
	h.wantCopies(numbered(3))
}
