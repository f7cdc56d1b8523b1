package mailtest

import (
	"bytes"
	"fmt"
	"net/smtp"
	"path/filepath"
	"strings"
	"testing"
)

func dialSMTP(t *testing.T, s *SMTP) *script {
	t.Helper()
	network := "tcp"
	if s.Socket != "" {
		network = "unix"
	}
	c := connect(t, network, start(t, s), nil)
	c.expect("220 localhost…")
	hello := "EHLO me"
	if s.LMTP {
		hello = "LHLO me"
	}
	c.send(hello)
	c.until("250 ")
	return c
}

func TestSMTPHello(t *testing.T) {
	c := connect(t, "tcp", start(t, &SMTP{User: "me", MaxSize: 1000, Without: []string{"BINARYMIME"}}), nil)
	c.expect("220 localhost ESMTP mailtest")
	c.ask("MAIL FROM:<a@b.example>", "503 5.5.1 Error: send HELO first")
	c.ask("EHLO me", "250-localhost", "250-SIZE 1000", "250-PIPELINING", "250-8BITMIME", "250-ENHANCEDSTATUSCODES", "250-CHUNKING", "250-SMTPUTF8", "250 AUTH PLAIN LOGIN")
	c.ask("LHLO me", "500 5.5.1 Error: wrong protocol")
	c.ask("MAIL FROM:<a@b.example>", "530 5.7.0 Authentication required")
	c.ask("NONSENSE", "500 5.5.2…")
	c.ask("NOOP", "250 2.0.0 Ok")
	c.ask("QUIT", "221 2.0.0 Bye")
	c.ended("")

	c = dialSMTP(t, &SMTP{Capabilities: []string{"PIPELINING"}})
	c.ask("BDAT 3 LAST", "500 Error: command not recognized")
	c.ask("MAIL FROM:<a@b.example> BODY=8BITMIME", "555 Unsupported option: BODY=8BITMIME")
	c.ask("MAIL FROM:<a@b.example>", "250 Ok")
}

func TestSMTPAuth(t *testing.T) {
	s := &SMTP{User: "me", Password: "secret", Token: "tok"}
	for _, tt := range []struct{ lines, answers []string }{
		{[]string{"AUTH PLAIN AG1lAHNlY3JldA=="}, []string{"235 2.7.0…"}},
		{[]string{"AUTH PLAIN", "AG1lAHNlY3JldA=="}, []string{"334 ", "235 2.7.0…"}},
		{[]string{"AUTH PLAIN", "AG1lAHdyb25n"}, []string{"334 ", "535 5.7.8…"}},
		{[]string{"AUTH LOGIN", "bWU=", "c2VjcmV0"}, []string{"334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 2.7.0…"}},
		{[]string{"AUTH LOGIN bWU=", "d3Jvbmc="}, []string{"334 UGFzc3dvcmQ6", "535 5.7.8…"}},
		{[]string{"AUTH XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciB0b2sBAQ=="}, []string{"235 2.7.0…"}},
		{[]string{"AUTH XOAUTH2", "bm8=", ""}, []string{"334 ", "334 " + bearerRefusal, "535 5.7.8…"}},
		{[]string{"AUTH NTLM"}, []string{"504 5.5.4…"}},
	} {
		c := dialSMTP(t, &SMTP{User: s.User, Password: s.Password, Token: s.Token})
		for i, line := range tt.lines {
			c.ask(line, tt.answers[i])
		}
	}
}

// lines splits octets as DATA sends them, and doubles dots.
func stuffed(body []byte) string {
	var b bytes.Buffer
	writeStuffed(&b, body, "\r\n")
	return b.String() + "."
}

func TestSMTPRecordsExactOctets(t *testing.T) {
	s := &SMTP{}
	c := dialSMTP(t, s)
	bodies := allBodies()
	for i, body := range bodies {
		c.send(fmt.Sprintf("MAIL FROM:<a%d@b.example> BODY=8BITMIME", i), "RCPT TO:<x@y.example>", "DATA")
		c.expect("250…", "250…", "354…")
		c.send(stuffed(body))
		c.expect("250 2.0.0 Ok: queued as…")
		c.send(fmt.Sprintf("MAIL FROM:<b%d@b.example> BODY=BINARYMIME", i), "RCPT TO:<x@y.example>")
		half := len(body) / 2
		c.raw(fmt.Sprintf("BDAT %d\r\n%sBDAT %d LAST\r\n%s", half, body[:half], len(body)-half, body[half:]))
		c.expect("250…", "250…", fmt.Sprintf("250 2.0.0 Ok: %d bytes", half), "250 2.0.0 Ok: queued as…")
	}
	got := s.Received()
	if len(got) != 2*len(bodies) {
		t.Fatalf("%d received, want %d", len(got), 2*len(bodies))
	}
	for i, body := range bodies {
		if d := got[2*i]; !bytes.Equal(d.Body, POP3Body(body)) || d.BDAT || d.From != fmt.Sprintf("a%d@b.example", i) {
			t.Errorf("DATA %d: %.200q", i, d.Body)
		}
		if d := got[2*i+1]; !bytes.Equal(d.Body, body) || !d.BDAT || d.Params != "BODY=BINARYMIME" {
			t.Errorf("BDAT %d: %.200q", i, d.Body)
		}
	}
}

// Only CRLF.CRLF ends DATA, or mail could be smuggled in.
func TestSMTPDataEnd(t *testing.T) {
	for _, tt := range []struct{ wire, body string }{
		{".\r\n", ""},
		{"..\r\n.\r\n", ".\r\n"},
		{".a\r\n.\r\n", "a\r\n"},
		{"a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n"},
		{"a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n"},
		{"a\r.\r\n.\r\n", "a\r.\r\n"},
		{"a\n.\nb\r\n.\r\n", "a\n.\nb\r\n"},
		{strings.Repeat("x", 32<<10-1) + "\r\n.\r\n", strings.Repeat("x", 32<<10-1) + "\r\n"},
	} {
		s := &SMTP{}
		c := dialSMTP(t, s)
		c.send("MAIL FROM:<>", "RCPT TO:<x@y.example>", "DATA")
		c.expect("250…", "250…", "354…")
		c.raw(tt.wire + "QUIT\r\n")
		c.expect("250…", "221…")
		if got := s.Received(); len(got) != 1 || string(got[0].Body) != tt.body {
			t.Errorf("%.60q gave %.200v", tt.wire, got)
		}
	}
}

func TestSMTPRefusals(t *testing.T) {
	s := &SMTP{
		MaxSize:       20,
		RefuseSender:  func(from string) string { return map[string]string{"bad@b.example": "550 5.7.1 no"}[from] },
		RefuseMessage: func(d Delivery) string { return map[string]string{"virus\r\n": "554 5.7.1 no"}[string(d.Body)] },
		RefuseRecipient: func(to string) string {
			return map[string]string{"nobody@y.example": "550 5.1.1 no such user"}[to]
		},
	}
	c := dialSMTP(t, s)
	c.ask("RCPT TO:<x@y.example>", "503 5.5.1…")
	c.ask("MAIL FROM:<bad@b.example>", "550 5.7.1 no")
	c.ask("MAIL FROM:<a@b.example> SIZE=21", "552 5.3.4…")
	c.ask("MAIL FROM:<a@b.example> X=1", "555 5.5.4…")
	c.ask("MAIL a@b.example", "501 5.5.4…")
	c.ask("MAIL FROM:<a@b.example> SIZE=20", "250…")
	c.ask("MAIL FROM:<a@b.example>", "503 5.5.1 Error: nested…")
	c.ask("RCPT TO:<nobody@y.example>", "550 5.1.1 no such user")
	c.ask("DATA", "503 5.5.1…")
	c.ask("RCPT TO:<>", "501 5.1.3…")
	c.ask("RCPT TO:<x@y.example>", "250…")
	c.ask("DATA", "354…")
	c.send("virus", ".")
	c.expect("554 5.7.1 no")
	c.raw("MAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nBDAT 21 LAST\r\n123456789012345678901")
	c.expect("250…", "250…", "552 5.3.4…")
	c.raw("BDAT 3\r\nabcBDAT 2 LAST\r\nde")
	c.expect("503…", "503…")
	c.ask("RSET", "250…")
	c.raw("MAIL FROM:<a@b.example> BODY=BINARYMIME\r\nRCPT TO:<x@y.example>\r\nDATA\r\nBDAT 2\r\nabDATA\r\nRSET\r\n")
	c.expect("250…", "250…", "503…", "250…", "503…", "250…")
	if got := s.Received(); len(got) != 0 {
		t.Errorf("took %v", got)
	}
}

func TestLMTP(t *testing.T) {
	s := &SMTP{LMTP: true, Socket: filepath.Join(t.TempDir(), "lmtp"), RefuseFor: func(to string, _ Delivery) string {
		return map[string]string{"full": "452 4.2.2 full"}[to]
	}}
	c := dialSMTP(t, s)
	c.ask("EHLO me", "500 5.5.1…")
	c.send("MAIL FROM:<a@b.example>", "RCPT TO:<one>", "RCPT TO:<full>", "RCPT TO:<two>", "DATA")
	c.expect("250…", "250…", "250…", "250…", "354…")
	c.send("x", ".")
	c.expect("250 2.0.0 <one> Saved", "452 4.2.2 full", "250 2.0.0 <two> Saved")
	c.send("MAIL FROM:<a@b.example>", "RCPT TO:<full>", "BDAT 1 LAST")
	c.raw("x")
	c.expect("250…", "250…", "452 4.2.2 full")
	if got := s.Received(); len(got) != 1 || fmt.Sprint(got[0].To) != "[one two]" {
		t.Errorf("took %v", got)
	}
}

func TestSMTPVerdicts(t *testing.T) {
	for _, tt := range []struct {
		at      string
		verdict Verdict
		wire    string
		rest    string // what still comes
		taken   int
	}{
		{".", Verdict{LoseReply: true}, "x\r\n.\r\n", "", 1},
		{".", Verdict{Cut: true}, "x\r\n.\r\n", "", 0},
		{".", Verdict{CutAfter: 3}, "x\r\n.\r\n", "250", 1},
		{".", Verdict{Reply: "451 4.3.0 later", Cut: true}, "x\r\n.\r\n", "451 4.3.0 later\r\n", 0},
		{"DATA", Verdict{LoseReply: true}, "x\r\n.\r\n", "", 1},
		{"DATA", Verdict{CutUpload: 6}, "upload", "", 0},
	} {
		s := &SMTP{OnCommand: func(_ int, line string) Verdict {
			if line == tt.at {
				return tt.verdict
			}
			return Verdict{}
		}}
		c := dialSMTP(t, s)
		c.send("MAIL FROM:<a@b.example>", "RCPT TO:<x@y.example>", "DATA")
		c.until("354")
		c.raw(tt.wire)
		c.ended(tt.rest)
		if n := len(s.Received()); n != tt.taken {
			t.Errorf("%s %+v: %d taken, want %d", tt.at, tt.verdict, n, tt.taken)
		}
	}
}

func TestSMTPVerdictOnChunk(t *testing.T) {
	s := &SMTP{OnCommand: func(_ int, line string) Verdict {
		return map[string]Verdict{"BDAT 3": {Reply: "452 4.3.1 no room"}}[line]
	}}
	c := dialSMTP(t, s)
	c.send("MAIL FROM:<a@b.example>", "RCPT TO:<x@y.example>")
	c.raw("BDAT 3\r\nabcBDAT 2 LAST\r\ndeRSET\r\n")
	c.expect("250…", "250…", "452 4.3.1 no room", "503…", "250 2.0.0 Ok")
}

// The standard library's client agrees with the server.
func TestSMTPWithNetSMTP(t *testing.T) {
	s := &SMTP{User: "me", Password: "secret"}
	addr := start(t, s)
	auth := smtp.PlainAuth("", "me", "secret", "127.0.0.1")
	if err := smtp.SendMail(addr, auth, "a@b.example", []string{"x@y.example"}, []byte("Subject: x\r\n\r\n.dot\r\n")); err != nil {
		t.Fatal(err)
	}
	got := s.Received()
	if len(got) != 1 || string(got[0].Body) != "Subject: x\r\n\r\n.dot\r\n" || got[0].User != "me" {
		t.Errorf("took %v", got)
	}
	if err := smtp.SendMail(addr, smtp.PlainAuth("", "me", "wrong", "127.0.0.1"), "a@b.example", []string{"x@y.example"}, nil); err == nil || !strings.Contains(err.Error(), "535") {
		t.Errorf("wrong password: %v", err)
	}
}
