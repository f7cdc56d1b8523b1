package mailtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func gmailIMAP(t *testing.T, s *IMAP) *script {
	t.Helper()
	s.Gmail = true
	c := dialIMAP(t, s)
	c.expect("* OK Gimap ready for requests from 127.0.0.1 mailtest")
	c.ask("a LOGIN me secret",
		"* CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS COMPRESS=DEFLATE ENABLE MOVE CONDSTORE ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584",
		"a OK me authenticated (Success)")
	return c
}

func TestIMAPGmailWords(t *testing.T) {
	s := &IMAP{Gmail: true, Language: "zh"}
	c := dialIMAP(t, s)
	c.expect("* OK Gimap…")
	c.ask("a CAPABILITY", "* CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR AUTH=XOAUTH2 AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER", "a OK Thats all she wrote! mailtest")
	c.ask("b LOGIN me wrong", "b NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)")
	c.ask("c LOGIN me secret", "* CAPABILITY…", "c OK me authenticated (Success)")
	c.ask(`d LIST "" *`,
		`* LIST (\HasNoChildren) "/" "INBOX"`,
		`* LIST (\HasChildren \Noselect) "/" "[Gmail]"`,
		`* LIST (\HasNoChildren \All) "/" "[Gmail]/&YkBnCZCuTvY-"`,
		`* LIST (\HasNoChildren \Drafts) "/" "[Gmail]/&g0l6Pw-"`,
		`* LIST (\HasNoChildren \Important) "/" "[Gmail]/&kc2JgQ-"`,
		`* LIST (\HasNoChildren \Sent) "/" "[Gmail]/&XfJT0ZCuTvY-"`,
		`* LIST (\HasNoChildren \Junk) "/" "[Gmail]/&V4NXPpCuTvY-"`,
		`* LIST (\HasNoChildren \Flagged) "/" "[Gmail]/&XfJSoGYfaAc-"`,
		`* LIST (\HasNoChildren \Trash) "/" "[Gmail]/&XfJSIJZkkK5O9g-"`,
		"d OK Success")
	c.ask(`e XLIST "" INBOX`, `* XLIST (\HasNoChildren \Inbox) "/" "INBOX"`, "e OK…")
	c.ask(`f XLIST "" "[Gmail]/&YkBnCZCuTvY-"`, `* XLIST (\HasNoChildren \AllMail) "/" "[Gmail]/&YkBnCZCuTvY-"`, "f OK…")
	c.ask("g SELECT Foo", "g NO [NONEXISTENT] Unknown Mailbox: Foo (Failure)")
	c.ask("h NONSENSE", "h BAD [CLIENTBUG] Unknown command mailtest")
	c.ask("i APPEND INBOX {35651585}", "i NO [TOOBIG]…")
	c.send("j APPEND INBOX {4097+}", strings.Repeat("x", 4097))
	c.expect("j BAD…")
	c.ask("k CREATE INBOX", "k NO [ALREADYEXISTS]…")
	c.ask("l LOGOUT", "* BYE…", "l OK…")
}

// where tells in which folders a message lies.
func where(s *Store, gmailID uint64) string {
	var in []string
	for folder, ms := range s.Snapshot() {
		if slices.ContainsFunc(ms, func(m Message) bool { return m.GmailID == gmailID }) {
			in = append(in, folder)
		}
	}
	slices.Sort(in)
	return strings.Join(in, ", ")
}

func TestIMAPGmailLabels(t *testing.T) {
	store := NewStore()
	s := &IMAP{Store: store}
	c := gmailIMAP(t, s)
	store.Create("Work")
	m := store.Add("INBOX", Message{Body: []byte("x")})
	store.Add("Work", m)
	at := func(step, want string) {
		t.Helper()
		if got := where(store, m.GmailID); got != want {
			t.Errorf("%s: in %q, want %q", step, got, want)
		}
	}
	at("two labels", "INBOX, Work, [Gmail]/All Mail")
	c.send("b SELECT Work")
	c.until("b OK")
	c.ask("c UID FETCH 1 (X-GM-MSGID X-GM-THRID X-GM-LABELS)", fmt.Sprintf(`* 1 FETCH (UID 1 X-GM-MSGID %d X-GM-THRID %d X-GM-LABELS ("\\Inbox"))`, m.GmailID, m.GmailID), "c OK…")
	c.ask(`d UID STORE 1 +FLAGS.SILENT (\Deleted \Seen)`, "d OK…")
	c.ask("e EXPUNGE", "* 1 EXPUNGE", "e OK…")
	at("expunged from a label", "INBOX, [Gmail]/All Mail")
	if got := store.Messages("INBOX")[0].Flags; !slices.Equal(got, []string{`\Seen`}) {
		t.Errorf("in INBOX it has %v; \\Seen is shared, \\Deleted is not", got)
	}

	c.send(`f SELECT "[Gmail]/All Mail"`)
	c.until("f OK")
	c.ask(`g UID STORE 1 +FLAGS.SILENT (\Deleted)`, "g OK…")
	c.ask("h EXPUNGE", "h OK…")
	at("expunged from All Mail", "INBOX, [Gmail]/All Mail")
	c.ask("i UID COPY 1 Work", "i OK [COPYUID 1375069820 1 2]…")
	at("copied", "INBOX, Work, [Gmail]/All Mail")
	c.ask(`j UID STORE 1 -X-GM-LABELS (\Inbox)`, "j OK…")
	at("label taken off", "Work, [Gmail]/All Mail")
	c.ask(`k UID STORE 1 +X-GM-LABELS (Neu)`, "k OK…")
	at("label put on", "Neu, Work, [Gmail]/All Mail")
	c.ask(`l UID MOVE 1 "[Gmail]/Trash"`, "* OK [COPYUID…", "* 1 EXPUNGE", "l OK…")
	at("moved to the trash", "[Gmail]/Trash")
	c.send(`m SELECT "[Gmail]/Trash"`)
	c.until("m OK")
	c.ask("n UID MOVE 1 INBOX", "* OK [COPYUID…", "* 1 EXPUNGE", "n OK…")
	at("moved back", "INBOX, [Gmail]/All Mail")
	store.Remove("INBOX", store.Messages("INBOX")[0].UID)
	at("archived", "[Gmail]/All Mail")
}

func TestIMAPGmailMoveBetweenLabels(t *testing.T) {
	store := NewStore()
	c := gmailIMAP(t, &IMAP{Store: store, AutoExpunge: true})
	store.Create("Work")
	m := store.Add("INBOX", Message{Body: []byte("x")})
	c.send("b SELECT INBOX")
	c.until("b OK")
	c.ask("c UID MOVE 1 Work", "* OK [COPYUID…", "* 1 EXPUNGE", "c OK…")
	if got := where(store, m.GmailID); got != "Work, [Gmail]/All Mail" {
		t.Errorf("moved: in %q", got)
	}
	c.send("d SELECT Work")
	c.until("d OK")
	c.ask(`e UID STORE 1 +FLAGS.SILENT (\Deleted)`, "* 1 EXPUNGE", "e OK…")
	if got := where(store, m.GmailID); got != "[Gmail]/All Mail" {
		t.Errorf("expunged at once: in %q", got)
	}
	store.GmailFolders("en") // again: nothing is lost, nothing doubles
	if n := len(store.Messages("[Gmail]/All Mail")); n != 1 {
		t.Errorf("All Mail holds %d", n)
	}
}
