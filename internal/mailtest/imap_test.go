package mailtest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func dialIMAP(t *testing.T, s *IMAP) *script {
	t.Helper()
	if s.Store == nil {
		s.Store = NewStore()
	}
	s.User, s.Password = "me", "secret"
	return connect(t, "tcp", start(t, s), nil)
}

// loginIMAP logs in and selects INBOX.
func loginIMAP(t *testing.T, s *IMAP) *script {
	t.Helper()
	c := dialIMAP(t, s)
	c.send(`a LOGIN me "secret"`, `b ID NIL`, `c SELECT inbox`)
	c.until("c OK [READ-WRITE]")
	return c
}

func inbox(bodies ...string) *Store {
	s := NewStore()
	for _, b := range bodies {
		s.Add("INBOX", Message{Body: []byte(b)})
	}
	return s
}

func TestIMAPLogin(t *testing.T) {
	c := dialIMAP(t, &IMAP{})
	c.expect("* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE AUTH=PLAIN] Dovecot ready.")
	c.ask("a SELECT INBOX", "a BAD Please login first.")
	c.ask("b NONSENSE", "b BAD Error in IMAP command NONSENSE: Unknown command.")
	c.ask("c LOGIN me wrong", "c NO [AUTHENTICATIONFAILED] Authentication failed.")
	c.ask("d AUTHENTICATE XOAUTH2 x", "+ "+bearerRefusal)
	c.ask("", "d NO [AUTHENTICATIONFAILED]…")
	c.ask("e AUTHENTICATE PLAIN", "+ ")
	c.ask("AG1lAHNlY3JldA==", "e OK [CAPABILITY IMAP4rev1…")
	c.ask("f LOGIN me secret", "f BAD Already logged in.")
	c.ask("g CAPABILITY", "* CAPABILITY "+strings.Join(imapWordsOf[""].after, " "), "g OK…")
	c.ask("", "* BAD…")
	c.ask("h LOGOUT", "* BYE Logging out", "h OK…")
	c.ended("")

	c = dialIMAP(t, &IMAP{Token: "tok"})
	c.expect("* OK…")
	c.ask("a AUTHENTICATE XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciB0b2sBAQ==", "a OK…")
	c = dialIMAP(t, &IMAP{Without: []string{"ID"}})
	c.expect("* OK…")
	c.send("a LOGIN {2}")
	c.expect("+ OK")
	c.send("me {6+}", "secret")
	c.expect("a OK…")
	c.ask("b ID NIL", "b BAD…")
}

func TestIMAPFolders(t *testing.T) {
	s := &IMAP{NoUIDNext: true, TrailingBlanks: true}
	c := loginIMAP(t, s)
	s.Store.Create("Spam", `\Junk`)
	s.Store.Create("其他文件夹", `\Noselect`)
	c.ask("a CREATE &UXZO1mWHTvZZOQ-/a&-b/Deep", "a OK…")
	c.ask("b CREATE Spam", "b NO [ALREADYEXISTS]…")
	c.ask(`c LIST "" *`,
		`* LIST (\HasNoChildren) "/" "INBOX"  `,
		`* LIST (\HasNoChildren \Junk) "/" "Spam"  `,
		`* LIST (\HasChildren \Noselect) "/" "&UXZO1mWHTvZZOQ-"  `,
		`* LIST (\HasChildren) "/" "&UXZO1mWHTvZZOQ-/a&-b"  `,
		`* LIST (\HasNoChildren) "/" "&UXZO1mWHTvZZOQ-/a&-b/Deep"  `, "c OK…")
	c.ask(`d LIST "" "" `, "d BAD…")
	c.ask(`d LIST "" ""`, `* LIST (\Noselect) "/" ""`, "d OK…")
	c.ask(`e LIST (SPECIAL-USE) "" ("%" Sp*) RETURN (SPECIAL-USE)`, `* LIST (\HasNoChildren \Junk) "/" "Spam"  `, "e OK…")
	c.ask(`f LIST "&UXZO1mWHTvZZOQ-/" %`, `* LIST (\HasChildren) "/" "&UXZO1mWHTvZZOQ-/a&-b"  `, "f OK…")
	c.ask("g SELECT &UXZO1mWHTvZZOQ-", "g NO [NONEXISTENT] Mailbox doesn't exist: &UXZO1mWHTvZZOQ-")
	c.ask("h STATUS Spam (MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT)", `* STATUS "Spam" (MESSAGES 0 UIDVALIDITY 1375069812 UNSEEN 0 RECENT 0)`, "h OK…")
	c.ask("i SUBSCRIBE Spam", "i OK…")
	c.ask("j NAMESPACE", `* NAMESPACE (("" "/")) NIL NIL`, "j OK…")
	c.ask("k DELETE Spam", "k OK…")
	c.ask("l DELETE Spam", "l NO [NONEXISTENT]…")
	c.ask("m EXAMINE INBOX", "* FLAGS…", "* OK [PERMANENTFLAGS ()]…", "* 0 EXISTS", "* 0 RECENT", "* OK [UIDVALIDITY 1375069811] UIDs valid.", "m OK [READ-ONLY] EXAMINE completed.")
}

func TestIMAPServesExactOctets(t *testing.T) {
	store := NewStore()
	for _, b := range allBodies() {
		store.Add("INBOX", Message{Body: b})
	}
	c := loginIMAP(t, &IMAP{Store: store})
	c.send("f UID FETCH 1:* (RFC822.SIZE BODY.PEEK[])")
	for i, m := range store.Messages("INBOX") {
		c.expect(fmt.Sprintf("* %d FETCH (UID %d RFC822.SIZE %d BODY[] {%d}", i+1, m.UID, len(m.Body), len(m.Body)))
		if got := c.octets(len(m.Body)); got != string(m.Body) {
			t.Errorf("message %d: %.200q\n\twant %.200q", i+1, got, m.Body)
		}
		c.expect(")")
	}
	c.expect("f OK…")
}

func TestIMAPFetch(t *testing.T) {
	store := NewStore()
	date := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 8*3600))
	store.Add("INBOX", Message{UID: 7, Body: []byte("A: 1\r\nB: 2\r\n two\r\nC: 3\r\n\r\nbody\r\n"), Date: date, Flags: []string{`\SEEN`, "work"}})
	store.Add("INBOX", Message{Body: []byte("A: 1\r\n\r\nx")})
	c := loginIMAP(t, &IMAP{Store: store})
	for _, tt := range []struct{ ask, answer string }{
		{"FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE)", `* 1 FETCH (UID 7 FLAGS (\Seen work) INTERNALDATE "04-Mar-2026 05:06:07 +0800" RFC822.SIZE 32)`},
		{"FETCH 2 FAST", `* 2 FETCH (FLAGS () INTERNALDATE "02-Jan-2026 03:04:05 +0000" RFC822.SIZE 9)`},
		{"UID FETCH 7 BODY.PEEK[HEADER]", "* 1 FETCH (UID 7 BODY[HEADER] {26}\nA: 1\nB: 2\n two\nC: 3\n\n)"},
		{"UID FETCH 7 BODY.PEEK[TEXT]", "* 1 FETCH (UID 7 BODY[TEXT] {6}\nbody\n)"},
		{"UID FETCH 7 BODY.PEEK[HEADER.FIELDS (b \"C\")]", "* 1 FETCH (UID 7 BODY[HEADER.FIELDS (b \"C\")] {20}\nB: 2\n two\nC: 3\n\n)"},
		{"UID FETCH 7 BODY.PEEK[HEADER.FIELDS.NOT (B)]", "* 1 FETCH (UID 7 BODY[HEADER.FIELDS.NOT (B)] {14}\nA: 1\nC: 3\n\n)"},
		{"UID FETCH 7 BODY.PEEK[]<3.4>", "* 1 FETCH (UID 7 BODY[]<3> {4}\n1\nB)"},
		{"UID FETCH 8 BODY.PEEK[]<100.4>", "* 2 FETCH (UID 8 BODY[]<100> {0}\n)"},
		{"FETCH * RFC822.HEADER", "* 2 FETCH (RFC822.HEADER {8}\nA: 1\n\n)"},
		{"UID FETCH 9:* UID", "* 2 FETCH (UID 8)"}, // RFC 3501 section 6.4.8: * is in every such set
		{"UID FETCH 1:6 FLAGS", ""},
		{"UID FETCH 8 BODY[]", "* 2 FETCH (UID 8 BODY[] {9}\nA: 1\n\nx)\n* 2 FETCH (UID 8 FLAGS (\\Seen))"},
	} {
		want := tt.answer + "\nx OK Fetch completed."
		c.ask("x "+tt.ask, strings.Split(strings.TrimPrefix(want, "\n"), "\n")...)
	}
	for _, wrong := range []string{"FETCH 0 UID", "FETCH 1 X-GM-MSGID", "FETCH 1 BODY[1]", "FETCH 1 (UID", "FETCH", "UID FETCH a UID", "FETCH 1 BODY[]<1>"} {
		c.ask("y "+wrong, "y BAD…")
	}
}

func TestIMAPAppend(t *testing.T) {
	s := &IMAP{RefuseAppend: func(b []byte) string {
		if bytes.Contains(b, []byte("Refuse")) {
			return "Mail has saved by smtp!"
		}
		return ""
	}}
	c := loginIMAP(t, s)
	c.ask("a APPEND Missing {3}", "a NO [TRYCREATE] Mailbox doesn't exist: Missing")
	c.send("b APPEND Missing {3+}", "abc")
	c.expect("b NO [TRYCREATE]…")
	c.ask(`c APPEND INBOX (\Flagged work) " 4-Mar-2026 05:06:07 +0800" {3}`, "+ OK")
	c.send("a\r\n")
	c.expect("* 1 EXISTS", "* 0 RECENT", "c OK [APPENDUID 1375069811 1] Append completed.")
	c.send("d APPEND INBOX {2+}", "bb (\\Seen) {3+}", "c\n\n ~{3+}", "d\x00d")
	c.expect("* 4 EXISTS", "* 0 RECENT", "d OK [APPENDUID 1375069811 2,3,4] Append completed.")
	c.send("e APPEND INBOX {3+}", "d\x00d")
	c.expect("e NO [CANNOT]…")
	c.send("f APPEND INBOX {3+}", "fff {6+}", "Refuse")
	c.expect("f NO Mail has saved by smtp!")
	c.send("g APPEND INBOX {6+}", "Refuse {3+}", "ggg")
	c.expect("g NO Mail has saved by smtp!")
	c.ask("h APPEND INBOX", "h BAD…")
	c.ask("i NOOP", "i OK…")
	ms := s.Store.Messages("INBOX")
	var got []string
	for _, m := range ms {
		got = append(got, fmt.Sprintf("%q %v", m.Body, m.Flags))
	}
	if want := `["a\r\n" [\Flagged work] "bb" [] "c\n\n" [\Seen] "d\x00d" []]`; fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if want := time.Date(2026, 3, 3, 21, 6, 7, 0, time.UTC); !ms[0].Date.Equal(want) {
		t.Errorf("date %v, want %v", ms[0].Date, want)
	}
}

func TestIMAPAppendWithoutExtensions(t *testing.T) {
	s := &IMAP{Without: []string{"MULTIAPPEND", "BINARY", "UIDPLUS", "LITERAL+"}, AllowNUL: true, AppendLimit: 5000}
	c := loginIMAP(t, s)
	c.ask("a APPEND INBOX ~{3}", "a NO [UNKNOWN-CTE]…")
	c.send("b APPEND INBOX {3+}", "abc")
	c.expect("b BAD…")
	c.ask("c APPEND INBOX {5001}", "c NO [TOOBIG]…")
	c.ask("d APPEND INBOX {3}", "+ OK")
	c.send("a\x00b {3}")
	c.expect("d BAD…")
	c.ask("e APPEND INBOX {3}", "+ OK")
	c.send("a\x00b")
	c.expect("* 1 EXISTS", "* 0 RECENT", "e OK Append completed.")
	if ms := s.Store.Messages("INBOX"); len(ms) != 1 || string(ms[0].Body) != "a\x00b" {
		t.Errorf("stored %v", ms)
	}
	c.ask("f UID EXPUNGE 1", "f BAD…")
	c.ask("g CAPABILITY", "* CAPABILITY IMAP4rev1 SASL-IR ID ENABLE IDLE NAMESPACE CHILDREN UNSELECT ESEARCH MOVE LIST-EXTENDED LIST-STATUS SPECIAL-USE APPENDLIMIT=5000", "g OK…")
}

func TestIMAPLiteralMinus(t *testing.T) {
	s := &IMAP{Capabilities: []string{"IMAP4rev1", "LITERAL-"}}
	c := dialIMAP(t, s)
	c.ask("a LOGIN me secret", "* OK…", "a OK…")
	body := strings.Repeat("x", 4096)
	c.send("b APPEND INBOX {4096+}", body)
	c.expect("b OK…")
	c.send("c APPEND INBOX {4097+}", body+"x")
	c.expect("c BAD…")
	if n := len(s.Store.Messages("INBOX")); n != 1 {
		t.Errorf("%d messages stored, want 1", n)
	}
}

func TestIMAPStoreExpungeCopyMove(t *testing.T) {
	store := inbox("1", "2", "3", "4", "5")
	store.Create("Trash", `\Trash`)
	c := loginIMAP(t, &IMAP{Store: store})
	c.ask(`a STORE 1:2 +FLAGS (\Deleted)`, `* 1 FETCH (UID 1 FLAGS (\Deleted))`, `* 2 FETCH (UID 2 FLAGS (\Deleted))`, "a OK…")
	c.ask(`b UID STORE 5 +FLAGS.SILENT \Seen`, "b OK…")
	c.ask(`c UID STORE 5 FLAGS (\Flagged x)`, `* 5 FETCH (UID 5 FLAGS (\Flagged x))`, "c OK…")
	c.ask(`d UID STORE 5 -FLAGS (\flagged)`, `* 5 FETCH (UID 5 FLAGS (x))`, "d OK…")
	c.ask("e UID EXPUNGE 2:5", "* 2 EXPUNGE", "e OK…")
	c.ask("f EXPUNGE", "* 1 EXPUNGE", "f OK…")
	c.ask("g COPY 1 Trash", "g OK [COPYUID 1375069812 3 1] Copy completed.")
	c.ask("h UID MOVE 3,5 Trash", "* OK [COPYUID 1375069812 3,5 2,3] Moved UIDs.", "* 1 EXPUNGE", "* 2 EXPUNGE", "h OK…")
	c.ask("i UID COPY 4 Nowhere", "i NO [TRYCREATE]…")
	c.ask("j UID COPY 99 Trash", "j OK Copy completed.")
	c.ask(`k UID STORE 4 +FLAGS.SILENT (\Deleted)`, "k OK…")
	c.ask("l CLOSE", "l OK…")
	c.ask("m EXPUNGE", "m BAD No mailbox selected.")
	if n := len(store.Messages("INBOX")); n != 0 {
		t.Errorf("%d left in INBOX", n)
	}
	if trash := store.Messages("Trash"); len(trash) != 3 || string(trash[2].Body) != "5" || !slices.Equal(trash[2].Flags, []string{"x"}) {
		t.Errorf("trash %v", trash)
	}
}

func TestIMAPReadOnly(t *testing.T) {
	store := inbox("1")
	store.Create("Trash")
	c := loginIMAP(t, &IMAP{Store: store})
	c.send("a EXAMINE INBOX")
	c.until("a OK [READ-ONLY]")
	c.ask(`b STORE 1 +FLAGS (\Deleted)`, "b NO [READ-ONLY]…")
	c.ask("c EXPUNGE", "c NO [READ-ONLY]…")
	c.ask("d UID EXPUNGE 1", "d NO [READ-ONLY]…")
	c.ask("e MOVE 1 Trash", "e NO [READ-ONLY]…")
	c.ask("f FETCH 1 BODY[]", "* 1 FETCH (BODY[] {1}", "1)", "f OK…")
	c.ask("g CLOSE", "g OK…")
	if ms := store.Messages("INBOX"); len(ms) != 1 || len(ms[0].Flags) > 0 {
		t.Errorf("changed: %v", ms)
	}
}

func TestIMAPIdle(t *testing.T) {
	store := inbox("1", "2")
	c := loginIMAP(t, &IMAP{Store: store})
	c.ask("a IDLE", "+ idling")
	store.Add("INBOX", Message{Body: []byte("3")})
	c.expect("* 3 EXISTS", "* 0 RECENT")
	store.SetFlags("INBOX", 2, `\Seen`)
	c.expect(`* 2 FETCH (UID 2 FLAGS (\Seen))`)
	store.Remove("INBOX", 1)
	c.expect("* 1 EXPUNGE")
	c.ask("DONE", "a OK…")
	c.ask("b IDLE", "+ idling")
	c.ask("nonsense", "b BAD Expected DONE.")

	silent := loginIMAP(t, &IMAP{Store: store, NoPush: true})
	silent.ask("a IDLE", "+ idling")
	store.Add("INBOX", Message{Body: []byte("4")})
	silent.ask("DONE", "* 3 EXISTS", "* 0 RECENT", "a OK…")
}

// A session keeps its numbers until it was told; FETCH, STORE and SEARCH by
// number tell of no EXPUNGE.
func TestIMAPNumbersHold(t *testing.T) {
	store := inbox("1", "2", "3")
	c := loginIMAP(t, &IMAP{Store: store})
	store.Remove("INBOX", 1)
	store.Add("INBOX", Message{Body: []byte("4")})
	c.ask("a FETCH 1:3 UID", "* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)", "* 4 EXISTS", "* 0 RECENT", "a OK…")
	c.ask("b SEARCH ALL", "* SEARCH 2 3 4", "b OK…")
	c.ask("c NOOP", "* 1 EXPUNGE", "c OK…")
	c.ask("d FETCH 1:3 UID", "* 1 FETCH (UID 2)", "* 2 FETCH (UID 3)", "* 3 FETCH (UID 4)", "d OK…")
}

func TestIMAPSearch(t *testing.T) {
	store := NewStore()
	store.Add("INBOX", Message{UID: 5, Body: []byte("X-Mailrill-ID: abc me\r\n\r\n"), Flags: []string{`\Seen`}})
	store.Add("INBOX", Message{Body: []byte("Subject: x\r\n\r\nX-Mailrill-ID: abc\r\n"), Flags: []string{"kw", `\Deleted`}})
	c := loginIMAP(t, &IMAP{Store: store})
	for ask, want := range map[string]string{
		"UID SEARCH ALL":                                 "* SEARCH 5 6",
		"SEARCH 1:*":                                     "* SEARCH 1 2",
		"UID SEARCH UID 6:*":                             "* SEARCH 6",
		`UID SEARCH HEADER X-Mailrill-ID "ABC"`:          "* SEARCH 5",
		`UID SEARCH CHARSET UTF-8 HEADER subject ""`:     "* SEARCH 6",
		"UID SEARCH UNSEEN":                              "* SEARCH 6",
		"UID SEARCH NOT DELETED SEEN":                    "* SEARCH 5",
		"UID SEARCH KEYWORD kw":                          "* SEARCH 6",
		"UID SEARCH DRAFT":                               "* SEARCH",
		"UID SEARCH RETURN (ALL) ALL":                    `* ESEARCH (TAG "x") UID ALL 5,6`,
		"SEARCH RETURN (ALL COUNT) HEADER nonesuch \"\"": `* ESEARCH (TAG "x")`,
	} {
		c.ask("x "+ask, want, "x OK…")
	}
	c.ask("y SEARCH NONSENSE", "y BAD…")
}

func TestIMAPRefusals(t *testing.T) {
	c := dialIMAP(t, &IMAP{NoCreate: true, RequireID: true, UIDExpungeBad: true, Greeting: "* OK Coremail"})
	c.expect("* OK Coremail")
	c.ask("a LOGIN me secret", "a OK…")
	c.ask("b SELECT INBOX", "b NO SELECT Unsafe Login. Please contact kefu@188.com for help")
	c.ask(`c ID ("name" "x" "version" NIL)`, `* ID ("name" "Dovecot")`, "c OK…")
	c.send("d SELECT INBOX")
	c.until("d OK")
	c.ask("e UID EXPUNGE 1", "e BAD Parse command error")
	c.ask("f CREATE X", "f NO…")
}

func TestIMAPIDIsAskedOnEachConnection(t *testing.T) {
	s := &IMAP{RequireID: true}
	c := loginIMAP(t, s)
	c.ask("a LOGOUT", "* BYE…", "a OK…")
	c = connect(t, "tcp", s.ln.Addr().String(), nil)
	c.ask("a LOGIN me secret", "* OK…", "a OK…")
	c.ask("b EXAMINE INBOX", "b NO EXAMINE Unsafe Login…")
}

func TestIMAPVerdicts(t *testing.T) {
	verdicts := map[string]Verdict{
		"NOOP":                {Reply: "NO [OVERQUOTA] slow down"},
		"CHECK":               {Reply: "* NO [ALERT] hello\nBAD no"},
		"UID FETCH 1 BODY[]":  {CutAfter: 20},
		"APPEND INBOX {4+}":   {Reply: "NO [OVERQUOTA] full"},
		"APPEND INBOX {5}":    {LoseReply: true},
		"APPEND INBOX {10}":   {CutUpload: 7},
		"UID STORE 1 FLAGS x": {Reply: "* BYE [OVERQUOTA] Account exceeded", Cut: true},
	}
	s := &IMAP{Store: inbox("body of one"), OnCommand: func(_ int, line string) Verdict { return verdicts[line] }}
	c := loginIMAP(t, s)
	again := func() *script {
		c := connect(t, "tcp", s.ln.Addr().String(), nil)
		c.send("a LOGIN me secret", "b SELECT INBOX")
		c.until("b OK")
		return c
	}
	c.ask("n NOOP", "n NO [OVERQUOTA] slow down")
	c.ask("k CHECK", "* NO [ALERT] hello", "k BAD no")
	c.send("p APPEND INBOX {4+}", "xxxx", "q NOOP")
	c.expect("p NO [OVERQUOTA] full", "q NO…")
	c.send("f UID FETCH 1 BODY[]")
	c.ended("* 1 FETCH (UID 1 BOD")

	c = again()
	c.ask("l APPEND INBOX {5}", "+ OK")
	c.send("12345")
	c.ended("")
	if ms := s.Store.Messages("INBOX"); len(ms) != 2 || string(ms[1].Body) != "12345" {
		t.Errorf("a lost answer: stored %v", ms)
	}
	c = again()
	c.ask("m APPEND INBOX {10}", "+ OK")
	c.raw("1234567")
	c.ended("")
	c = again()
	c.send("o UID STORE 1 FLAGS x")
	c.ended("* BYE [OVERQUOTA] Account exceeded\r\n")
	if ms := s.Store.Messages("INBOX"); len(ms) != 2 {
		t.Errorf("a cut upload: stored %v", ms)
	}
	if n := s.Sessions(); n != 4 {
		t.Errorf("%d sessions, want 4", n)
	}
}
