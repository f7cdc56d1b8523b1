package mailtest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func dialPOP3(t *testing.T, s *POP3) *script {
	t.Helper()
	if s.User == "" {
		s.User, s.Password = "me", "secret"
	}
	c := connect(t, "tcp", start(t, s), nil)
	c.expect("+OK…")
	return c
}

func loginPOP3(t *testing.T, s *POP3) *script {
	t.Helper()
	c := dialPOP3(t, s)
	c.send("USER "+s.User, "PASS "+s.Password)
	c.expect("+OK…", "+OK…")
	return c
}

// dotted reads a multi-line answer as RFC 1939 section 3 has it.
func (s *script) dotted() []byte {
	s.t.Helper()
	var raw []byte
	for !bytes.HasSuffix(raw, []byte("\r\n.\r\n")) && (len(raw) != 3 || string(raw) != ".\r\n") {
		line, err := s.br.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			s.t.Fatalf("after %.80q: %v", raw, err)
		}
		raw = append(raw, line...)
	}
	body := bytes.TrimPrefix(bytes.TrimSuffix(raw, []byte(".\r\n")), []byte("."))
	return bytes.ReplaceAll(body, []byte("\r\n."), []byte("\r\n"))
}

func allBodies() (bodies [][]byte) {
	for _, s := range Shapes() {
		bodies = append(bodies, s.Body)
	}
	return append(bodies, Corpus(1, 50)...)
}

func TestPOP3ServesExactOctets(t *testing.T) {
	store := NewStore()
	for _, b := range allBodies() {
		store.Add("INBOX", Message{Body: b})
	}
	c := loginPOP3(t, &POP3{Store: store})
	for i, m := range store.Messages("INBOX") {
		want := POP3Body(m.Body)
		c.ask(fmt.Sprintf("RETR %d", i+1), fmt.Sprintf("+OK %d octets", len(want)))
		if got := c.dotted(); !bytes.Equal(got, want) {
			t.Errorf("message %d: %.200q\n\twant %.200q", i+1, got, want)
		}
	}
	c.ask("QUIT", "+OK Logging out.")
}

func TestPOP3Stuffing(t *testing.T) {
	for _, tt := range []struct{ body, wire string }{
		{"", ""},
		{".", "..\r\n"},
		{"a\r\n.\r\n.\r\n", "a\r\n..\r\n..\r\n"},
		{"a\n.\r\nb\r\n", "a\n.\r\nb\r\n"},
		{"a\r.b\n", "a\r.b\n\r\n"},
		{"..\r\n..a\r\n", "...\r\n...a\r\n"},
		{"a\r", "a\r\r\n"},
	} {
		var b bytes.Buffer
		writeStuffed(&b, []byte(tt.body), "\r\n")
		if b.String() != tt.wire {
			t.Errorf("%q goes out as %q, want %q", tt.body, b.String(), tt.wire)
		}
	}
}

func TestPOP3Dovecot(t *testing.T) {
	store := NewStore()
	store.Add("INBOX", Message{Body: []byte("Subject: 1\r\n\r\none\r\ntwo\r\nthree\r\n")})
	store.Add("INBOX", Message{Body: []byte("Subject: 2\r\n\r\nx")})
	c := dialPOP3(t, &POP3{Store: store, Pipelining: true})
	c.ask("STAT", "-ERR Unknown command: STAT")
	c.ask("CAPA", "+OK", "CAPA", "TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "USER", "SASL PLAIN", "PIPELINING", ".")
	c.ask("USER me", "+OK")
	c.ask("PASS wrong", "-ERR [AUTH] Authentication failed.")
	c.ask("AUTH PLAIN AG1lAHNlY3JldA==", "+OK Logged in.")
	c.ask("STAT", "+OK 2 48")
	c.ask("LIST", "+OK 2 messages:", "1 31", "2 17", ".")
	c.ask("LIST 2", "+OK 2 17")
	c.ask("UIDL", "+OK", "1 0000000151f5e673", "2 0000000251f5e673", ".")
	c.ask("TOP 1 1", "+OK", "Subject: 1", "", "one", ".")
	c.ask("TOP 1 0", "+OK", "Subject: 1", "", ".")
	c.ask("LAST", "+OK 0")
	c.ask("DELE 1", "+OK Marked to be deleted.")
	c.ask("RETR 1", "-ERR Message is deleted.")
	c.ask("LIST", "+OK 1 messages:", "2 17", ".")
	c.ask("RSET", "+OK")
	c.ask("RETR 3", "-ERR There's no message 3.")
	c.ask("XYZ", "-ERR Unknown command: XYZ")
	c.ask("DELE 2", "+OK…")
	if n := len(store.Messages("INBOX")); n != 2 {
		t.Errorf("before QUIT %d messages, want 2", n)
	}
	c.ask("QUIT", "+OK…")
	c.ended("")
	if ms := store.Messages("INBOX"); len(ms) != 1 || ms[0].UID != 1 {
		t.Errorf("after QUIT %v", ms)
	}
}

func TestPOP3DropKeepsEverything(t *testing.T) {
	store := NewStore()
	store.Add("INBOX", Message{Body: []byte("a\r\n")})
	s := &POP3{Store: store}
	c := loginPOP3(t, s)
	c.ask("DELE 1", "+OK…")
	c.conn.Close()
	s.Close()
	if len(store.Messages("INBOX")) != 1 {
		t.Error("DELE took effect without QUIT")
	}
}

func TestPOP3Knobs(t *testing.T) {
	store := NewStore()
	store.Add("INBOX", Message{Body: []byte("a\r\n\r\n.b\r\n")})
	c := loginPOP3(t, &POP3{
		Store: store, NoUIDL: true, NoTOP: true, BareLF: true, Capabilities: []string{"USER"},
		Size: func(m Message) int64 { return 7 },
	})
	c.ask("CAPA", "+OK\n", "USER\n", ".\n")
	c.ask("UIDL", "-ERR Unknown command: UIDL\n")
	c.ask("TOP 1 0", "-ERR Unknown command: TOP\n")
	c.ask("STAT", "+OK 1 7\n")
	c.ask("RETR 1", "+OK 7 octets\n", "a\n", "\n", "..b\n", ".\n")

	c = loginPOP3(t, &POP3{Store: store, NoCAPA: true, UIDL: func(Message) string { return "same" }, Greeting: "+OK hello"})
	c.ask("CAPA", "-ERR Unknown command: CAPA")
	c.ask("UIDL 1", "+OK 1 same")
}

func gmailStore(n int) *Store {
	s := NewStore()
	for i := range n {
		s.Add("INBOX", Message{Body: fmt.Appendf(nil, "Subject: %d\r\n\r\n%d\r\n", i, i), Date: time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)})
	}
	return s
}

func TestPOP3Gmail(t *testing.T) {
	store := gmailStore(2)
	s := &POP3{Store: store, User: "me@gmail.com", Password: "abcdefghijklmnop", Gmail: true}
	c := connect(t, "tcp", start(t, s), nil)
	c.expect("+OK Gpop ready for requests from 127.0.0.1 mailtest")
	c.ask("CAPA", "+OK Capability list follows", "USER", "RESP-CODES", "EXPIRE 0", "LOGIN-DELAY 300", "TOP", "UIDL", "X-GOOGLE-RICO", "SASL PLAIN XOAUTH2 OAUTHBEARER", ".")
	c.ask("USER me@gmail.com", "+OK send PASS")
	c.ask("PASS wrong", "-ERR [AUTH] Username and password not accepted.")
	c.ask("USER me@gmail.com", "+OK send PASS")
	c.ask("PASS abcdefghijklmnop", "+OK Welcome.")
	c.ask("", "-ERR Command not understood")
	c.ask("STAT", "+OK 2 34")
	c.ask("LIST", "+OK 2 messages (34 bytes)", "1 17", "2 17", ".")
	c.ask("UIDL", "+OK", fmt.Sprintf("1 GmailId%016x", store.Messages("INBOX")[0].GmailID), "2 GmailId…", ".")
	c.ask("LAST", "-ERR Not supported")
	c.ask("XYZ", "-ERR bad command")
	c.ask("RETR 1", "+OK message follows", "Subject: 0", "", "0", ".")
	c.ask("DELE 1", "+OK…")
	c.ask("RETR 1", "+OK message follows", "Subject: 0", "", "0", ".")
	c.ask("QUIT", "+OK Farewell.")
	if len(store.Messages("INBOX")) != 2 {
		t.Error("DELE deleted")
	}
}

// uidls logs in, does what steps say, and returns how many messages were listed.
func gmailSession(t *testing.T, addr, user string, steps ...string) int {
	t.Helper()
	c := connect(t, "tcp", addr, nil)
	c.expect("+OK…")
	c.send("USER "+user, "PASS secret", "STAT")
	c.expect("+OK…", "+OK…")
	var n, octets int
	fmt.Sscanf(c.line(), "+OK %d %d", &n, &octets)
	for _, step := range steps {
		c.ask(step, "+OK…")
		if step != "QUIT" {
			c.dotted()
		}
	}
	c.conn.Close()
	return n
}

func TestPOP3GmailPoppedByRetrAndQuitOnly(t *testing.T) {
	store := gmailStore(3)
	store.Create("Junk", `\Junk`)
	store.Create("Trash", `\Trash`)
	store.Add("Junk", Message{Body: []byte("spam\r\n")})
	store.Add("Trash", Message{Body: []byte("trash\r\n")})
	store.Add("Label", store.Messages("INBOX")[0]) // a second place of the same message
	store.Add("Label", Message{Body: []byte("archived\r\n")})
	addr := start(t, &POP3{Store: store, User: "me", Password: "secret", Gmail: true})
	for _, tt := range []struct {
		name  string
		steps []string
		left  int
	}{
		{"TOP", []string{"TOP 1 99999999", "QUIT"}, 4},
		{"no QUIT", []string{"RETR 1", "RETR 2"}, 4},
		{"RETR and QUIT", []string{"RETR 2", "QUIT"}, 3},
	} {
		gmailSession(t, addr, "me", tt.steps...)
		if n := gmailSession(t, addr, "me"); n != tt.left {
			t.Errorf("%s: %d messages left, want %d", tt.name, n, tt.left)
		}
	}
	store.ResetPopped()
	if n := gmailSession(t, addr, "me"); n != 4 {
		t.Errorf("after POP was enabled anew: %d", n)
	}
}

func TestPOP3GmailWindow(t *testing.T) {
	store := gmailStore(7)
	addr := start(t, &POP3{Store: store, User: "me", Password: "secret", Gmail: true, Window: 3})
	var listed []int
	for range 4 {
		listed = append(listed, gmailSession(t, addr, "me", "RETR 1", "QUIT"))
	}
	if fmt.Sprint(listed) != "[3 3 3 3]" {
		t.Errorf("windows %v", listed)
	}
	for i, m := range store.Messages("INBOX") {
		if m.Popped != (i < 4) {
			t.Errorf("message %d popped: %v; the oldest go first", i, m.Popped)
		}
	}
	if n := gmailSession(t, addr, "me", "RETR 1", "RETR 2", "RETR 3", "QUIT"); n != 3 {
		t.Errorf("last window %d", n)
	}
	if n := gmailSession(t, addr, "me"); n != 0 {
		t.Errorf("drained, and %d are left", n)
	}
}

func TestPOP3GmailRecent(t *testing.T) {
	store := gmailStore(50)
	now := func() time.Time { return time.Date(2026, 2, 10, 0, 0, 0, 0, time.UTC) }
	addr := start(t, &POP3{Store: store, User: "me", Password: "secret", Gmail: true, Window: 5, Now: now})
	gmailSession(t, addr, "me", "RETR 1", "QUIT")
	want := 50 - 10 // January 11 is 30 days before
	for range 2 {
		if n := gmailSession(t, addr, "recent:me", "RETR 1", "QUIT"); n != want {
			t.Errorf("recent mode lists %d, want %d", n, want)
		}
	}
	gmailSession(t, addr, "recent:me", "RETR 1", "QUIT") // QUIT's effect comes before its answer
	for i, m := range store.Messages("INBOX") {
		if m.Popped != (i == 0) {
			t.Errorf("message %d popped: %v; recent mode marks nothing", i, m.Popped)
		}
	}
}

func TestPOP3GmailDisposition(t *testing.T) {
	for disposition, want := range map[string]string{
		"": "INBOX[]", "leaveInInbox": "INBOX[]", "markRead": `INBOX[\Seen]`, "archive": "Archive[]", "trash": "Trash[]",
	} {
		store := gmailStore(1)
		addr := start(t, &POP3{Store: store, User: "me", Password: "secret", Gmail: true, Disposition: disposition})
		gmailSession(t, addr, "me", "RETR 1", "QUIT")
		gmailSession(t, addr, "me") // QUIT's answer was awaited above: this sees its effect
		var got []string
		for folder, ms := range store.Snapshot() {
			for _, m := range ms {
				got = append(got, fmt.Sprint(folder, m.Flags))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", disposition, got, want)
		}
	}
}

func TestPOP3GmailRefusals(t *testing.T) {
	c := loginPOP3(t, &POP3{Store: NewStore(), Gmail: true, Refuse: "not-enabled"})
	c.ask("STAT", "-ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your Gmail settings page and enable your account for POP access.")
	c.ask("LIST", "-ERR [SYS/PERM]…")

	const good = "dXNlcj1tZQFhdXRoPUJlYXJlciB0b2sBAQ==" // user=me^Aauth=Bearer tok^A^A
	c = dialPOP3(t, &POP3{Store: NewStore(), Gmail: true, Token: "other"})
	c.ask("AUTH XOAUTH2", "+ ")
	c.ask(good, "+ "+bearerRefusal)
	c.ask("", "-ERR [AUTH] Invalid credentials.")
	c.ask("AUTH XOAUTH2 "+good, "+ "+bearerRefusal)
	c.ask("*", "-ERR bad command")
	c = dialPOP3(t, &POP3{Store: NewStore(), Gmail: true, Token: "tok"})
	c.ask("AUTH XOAUTH2 "+good, "+OK Welcome.")
}

// Each Verdict does what it says, and its command takes effect or not.
func TestVerdicts(t *testing.T) {
	for _, tt := range []struct {
		name    string
		verdict Verdict
		rest    string // what still comes
		done    bool   // QUIT took effect
	}{
		{"none", Verdict{}, "+OK Logging out.\r\n", true},
		{"cut", Verdict{Cut: true}, "", false},
		{"cut within", Verdict{CutAfter: 5}, "+OK L", true},
		{"cut behind", Verdict{CutAfter: 500}, "+OK Logging out.\r\n", true},
		{"lost", Verdict{LoseReply: true}, "", true},
		{"replaced and cut", Verdict{Reply: "-ERR no\n+OK two", Cut: true}, "-ERR no\r\n+OK two\r\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := gmailStore(1)
			s := &POP3{Store: store, OnCommand: func(session int, line string) Verdict {
				if session == 1 && line == "QUIT" {
					return tt.verdict
				}
				return Verdict{}
			}}
			c := loginPOP3(t, s)
			c.ask("DELE 1", "+OK…")
			c.send("QUIT")
			c.ended(tt.rest)
			if done := len(store.Messages("INBOX")) == 0; done != tt.done {
				t.Errorf("took effect: %v", done)
			}
		})
	}
}

func TestVerdictReplyKeepsTheSession(t *testing.T) {
	c := loginPOP3(t, &POP3{Store: gmailStore(1), OnCommand: func(_ int, line string) Verdict {
		if line == "RETR 1" {
			return Verdict{Reply: "-ERR [SYS/TEMP] not now"}
		}
		return Verdict{}
	}})
	c.ask("RETR 1", "-ERR [SYS/TEMP] not now")
	c.ask("STAT", "+OK 1 17")
}

func TestPOP3Pipelined(t *testing.T) {
	c := loginPOP3(t, &POP3{Store: gmailStore(3), Pipelining: true})
	c.send("RETR 1", "RETR 2", "RETR 9", "RETR 3", "QUIT")
	for range 2 {
		c.expect("+OK…")
		c.dotted()
	}
	c.expect("-ERR There's no message 9.", "+OK…")
	c.dotted()
	c.expect("+OK Logging out.")
	if _, err := c.br.ReadByte(); err != io.EOF {
		t.Error(err)
	}
}

func TestPOP3CutBody(t *testing.T) {
	c := loginPOP3(t, &POP3{Store: gmailStore(2), CutBody: func(m Message) int {
		return map[uint32]int{2: 20}[m.UID]
	}})
	c.ask("RETR 1", "+OK 17 octets", "Subject: 0", "", "0", ".")
	c.send("RETR 2")
	c.ended("+OK 17 octets\r\nSubje")
}
