package mailtest

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestProvidersOverIMAP(t *testing.T) {
	for _, tt := range []struct {
		provider string
		talk     [][]string // a command and its answers
	}{
		{QQ, [][]string{
			{"", "* OK [CAPABILITY IMAP4 IMAP4rev1 ID AUTH=PLAIN AUTH=LOGIN AUTH=XOAUTH2 NAMESPACE] QQMail XMIMAP4Server ready"},
			{"a CAPABILITY", "* CAPABILITY IMAP4 IMAP4rev1 XLIST MOVE IDLE XAPPLEPUSHSERVICE AUTH=PLAIN AUTH=LOGIN AUTH=XOAUTH2 NAMESPACE CHILDREN ID UIDPLUS  ", "a OK CAPABILITY Completed"},
			{"b LOGIN me wrong", "b NO Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy. More information at https://help.mail.qq.com/detail/108/1023"},
			{"c LOGIN me secret", "c OK Success login ok"},
			{"d CAPABILITY", "* CAPABILITY IMAP4 IMAP4rev1 XLIST MOVE IDLE XAPPLEPUSHSERVICE NAMESPACE CHILDREN ID UIDPLUS COMPRESS=DEFLATE  ", "d OK…"},
			{"e ID NIL", "* ID NIL", "e OK…"},
			{`f LIST "" Junk`, `* LIST (\HasNoChildren) "/" "Junk"  `, "f OK…"},
			{`g XLIST "" Junk`, `* XLIST (\HasNoChildren \Spam) "/" "Junk"  `, "g OK…"},
			{`h LIST "" &UXZO1mWHTvZZOQ-`, `* LIST (\HasNoChildren \Noselect) "/" "&UXZO1mWHTvZZOQ-"  `, "h OK…"},
			{"i CREATE Mine", "i NO…"},
			{"j STATUS Mine (MESSAGES)", "j NO Folder not exist!"},
			{"k LOGOUT", "* BYE LOGOUT received", "k OK LOGOUT Completed"},
		}},
		{NetEase, [][]string{
			{"", "* OK Coremail System IMap Server Ready(163com[…"},
			{"a CAPABILITY", "* CAPABILITY IMAP4rev1 XLIST SPECIAL-USE ID LITERAL+ STARTTLS XAPPLEPUSHSERVICE UIDPLUS X-CM-EXT-1", "a OK…"},
			{"b LOGIN me wrong", "b NO LOGIN Login error or password error"},
			{"c LOGIN me secret", "c OK…"},
			{"d SELECT INBOX", "d NO SELECT Unsafe Login. Please contact kefu@188.com for help"},
			{"e EXAMINE INBOX", "e NO EXAMINE Unsafe Login. Please contact kefu@188.com for help"},
			{`f ID ( "name" "x")`, "f BAD…"},
			{`g ID ("name" "x")`, `* ID ("name" "Coremail Imap" "vendor" "Mailtech" "TransID" "mailtest")`, "g OK ID completed"},
			{"h STATUS INBOX (UIDNEXT MESSAGES)", `* STATUS "INBOX" (MESSAGES 0)`, "h OK…"},
			{"i IDLE", "i BAD Parse command error"},
		}},
		{Outlook, [][]string{
			{"", "* OK…"},
			{"a CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED", "a OK…"},
			{"b LOGIN me secret", "b NO Basic authentication is disabled."},
			{"c AUTHENTICATE PLAIN AG1lAHNlY3JldA==", "c NO Basic authentication is disabled."},
			{"d AUTHENTICATE XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciB0b2sBAQ==", "d OK…"},
		}},
	} {
		t.Run(tt.provider, func(t *testing.T) {
			s := &IMAP{Store: NewStore(), User: "me", Password: "secret", Token: "tok", Provider: tt.provider}
			play(connect(t, "tcp", start(t, s), nil), tt.talk)
		})
	}
}

// play sends commands and expects their answers.
func play(c *script, talk [][]string) {
	c.t.Helper()
	for _, turn := range talk {
		if turn[0] == "" {
			c.expect(turn[1:]...)
		} else {
			c.ask(turn[0], turn[1:]...)
		}
	}
}

func TestProvidersOverPOP3(t *testing.T) {
	bearer := "dXNlcj1tZQFhdXRoPUJlYXJlciB0b2sBAQ=="
	for _, tt := range []struct {
		provider string
		talk     [][]string
	}{
		{QQ, [][]string{
			{"", "+OK XMail POP3 Server v1.0 Service Ready(XMail v1.0)"},
			{"USER me", "+OK"}, {"PASS wrong", "-ERR login fail"}, {"USER me", "+OK"}, {"PASS secret", "+OK"},
			{"UIDL 1", "+OK 1 000000000000000000000000000001"},
		}},
		{NetEase, [][]string{
			{"", "+OK Welcome to coremail Mail Pop3 Server (163coms[…"},
			{"USER me", "+OK core mail"}, {"PASS wrong", "-ERR Unable to log on"},
		}},
		{Outlook, [][]string{
			{"", "+OK…"},
			{"USER me", "+OK"}, {"PASS secret", "-ERR Basic authentication is disabled"},
			{"AUTH XOAUTH2", "+ "}, {"bm8=", "+ " + bearerRefusal}, {"", "-ERR Authentication failure: unknown user name or bad password"},
			{"AUTH XOAUTH2", "+ "}, {bearer, "+OK User successfully authenticated."},
		}},
		{Outlook, [][]string{{"", "+OK…"}, {"AUTH XOAUTH2 " + bearer, "-ERR Protocol error. Connection is closed. 10"}}},
	} {
		t.Run(tt.provider, func(t *testing.T) {
			s := &POP3{Store: NewStore(), User: "me", Password: "secret", Token: "tok", Provider: tt.provider}
			s.Store.Add("INBOX", Message{Body: []byte("x")})
			c := connect(t, "tcp", start(t, s), nil)
			for i, turn := range tt.talk {
				if i > 0 {
					c.send(turn[0])
				}
				c.expect(turn[1:]...)
			}
		})
	}
}

func TestProvidersOverSMTP(t *testing.T) {
	plain, wrong := "AUTH PLAIN AG1lAHNlY3JldA==", "AUTH PLAIN AG1lAHdyb25n"
	for _, tt := range []struct {
		provider string
		talk     [][]string
	}{
		{Gmail, [][]string{
			{"", "220 smtp.gmail.com ESMTP mailtest - gsmtp"},
			{"EHLO x", "250-smtp.gmail.com at your service, [127.0.0.1]", "250-SIZE 35882577", "250-8BITMIME", "250-ENHANCEDSTATUSCODES", "250-PIPELINING",
				"250-CHUNKING", "250-SMTPUTF8", "250 AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH"},
			{wrong, "535-5.7.8 Username and Password not accepted. For more information, go to", "535 5.7.8  https://support.google.com/mail/?p=BadCredentials mailtest - gsmtp"},
			{plain, "235 2.7.0 Accepted"},
			{"MAIL FROM:<other>", "250 2.1.0 OK mailtest - gsmtp"}, {"RCPT TO:<x@y.example>", "250 2.1.5 OK mailtest - gsmtp"}, {"DATA", "354  Go ahead mailtest - gsmtp"},
			{".", "250 2.0.0 OK  1588069341 mailtest - gsmtp"}, {"QUIT", "221 2.0.0 closing connection mailtest - gsmtp"},
		}},
		{QQ, [][]string{
			{"", "220 newxmesmtplogicsvrszc1-0.qq.com XMail Esmtp QQ Mail Server."},
			{"EHLO x", "250-newxmesmtplogicsvrszc1-0.qq.com", "250-PIPELINING", "250-SIZE 73400320", "250-AUTH=LOGIN", "250-MAILCOMPRESS", "250-8BITMIME", "250 AUTH LOGIN PLAIN XOAUTH XOAUTH2"},
			{plain, "235 Authentication successful"},
			{"MAIL FROM:<other>", "501 mail from address must be same as authorization user"},
			{"MAIL FROM:<me>", "250 OK"}, {"RCPT TO:<x@y.example>", "250 OK"}, {"DATA", "354 End data with <CR><LF>.<CR><LF>."}, {".", "250 OK: queued as."}, {"QUIT", "221 Bye."},
		}},
		{Outlook, [][]string{
			{"", "220…"}, {"EHLO x", "250-localhost", "250-SIZE 0", "250-PIPELINING", "250-8BITMIME", "250-ENHANCEDSTATUSCODES", "250-CHUNKING", "250-BINARYMIME", "250-SMTPUTF8", "250 AUTH XOAUTH2"},
			{plain, "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."},
			{"AUTH XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciB0b2sBAQ==", "235 2.7.0 Authentication successful"},
		}},
	} {
		t.Run(tt.provider, func(t *testing.T) {
			s := &SMTP{User: "me", Password: "secret", Token: "tok", Provider: tt.provider}
			play(connect(t, "tcp", start(t, s), nil), tt.talk)
		})
	}
}

// QQ hangs up behind a login that it refuses.
func TestQQHangsUpBehindALogin(t *testing.T) {
	c := connect(t, "tcp", start(t, &SMTP{User: "me", Password: "secret", Provider: QQ}), nil)
	c.expect("220…")
	c.ask("AUTH PLAIN AG1lAHdyb25n", "535 Login fail. Account is abnormal…")
	c.ended("")
}

// What QQ's SMTP server has taken lies in its owner's mailbox, under a Message-ID
// of QQ's, and QQ's IMAP server takes it from nobody else.
func TestQQFilesWhatItSends(t *testing.T) {
	store := NewStore()
	smtp := connect(t, "tcp", start(t, &SMTP{User: "me", Password: "secret", Provider: QQ, Sent: store}), nil)
	store.QQFolders()
	play(smtp, [][]string{{"", "220…"}, {"RSET", "250 OK"}})
	smtp.send("EHLO x")
	smtp.until("250 ")
	const body = "Message-ID: <mine@example.org>\r\n\r\nx\r\n"
	play(smtp, [][]string{{"AUTH PLAIN AG1lAHNlY3JldA==", "235…"}, {"MAIL FROM:<me>", "250…"}, {"RCPT TO:<x@y.example>", "250…"}, {"DATA", "354…"}, {body + ".", "250…"}})
	sent := store.Messages("Sent Messages")
	if len(sent) != 1 || !strings.HasPrefix(string(sent[0].Body), "Message-ID: <tencent_") || !strings.Contains(string(sent[0].Body), "\r\nX-OQ-MSGID: <mine@example.org>\r\n") {
		t.Fatalf("filed: %v", sent)
	}
	imap := dialIMAP(t, &IMAP{Store: store, Provider: QQ})
	imap.expect("* OK…")
	imap.ask("a LOGIN me secret", "a OK…")
	for _, own := range []string{body, string(sent[0].Body)} {
		imap.send("b APPEND INBOX {" + itoa(len(own)) + "}")
		imap.expect("+ OK")
		imap.send(own)
		imap.expect("b NO Mail has saved by smtp!")
	}
}

// Each case of Refuse is played at a command that a login, a look or a delivery
// comes by. With a name that no case has, the server does not start.
func TestRefusals(t *testing.T) {
	commands := map[string][]string{
		"imap": {"x LOGIN me secret", `x ID ("name" "x")`, "x SELECT INBOX", "x UID FETCH 1:* BODY.PEEK[]", "x APPEND INBOX {1}"},
		"pop3": {"USER me", "PASS secret", "STAT", "RETR 1", "RETR 2"},
		"smtp": {"EHLO x", "AUTH PLAIN AG1lAHNlY3JldA==", "MAIL FROM:<me>", "RCPT TO:<x@y.example>", "DATA", "."},
	}
	for _, provider := range []string{Gmail, QQ, NetEase, Outlook} {
		for protocol, commands := range commands {
			for i, name := range Refusals(provider, protocol) {
				t.Run(provider+"-"+protocol+"-"+name, func(t *testing.T) {
					words := crlf(fill(refusals(protocol)[provider][i].words, "SELECT"))
					c := connect(t, "tcp", start(t, refusing(provider, protocol, name)), nil)
					c.line()
					if provider == Outlook && protocol == "imap" {
						c.ask("x AUTHENTICATE XOAUTH2", "+…")
						c.ask("dXNlcj1tZQFhdXRoPUJlYXJlciB0b2sBAQ==", "x OK…")
					}
					for _, command := range commands {
						c.send(command)
						if strings.HasSuffix(strings.ReplaceAll(c.answer(protocol), "x NO", "NO"), words) {
							return
						}
					}
					t.Errorf("nobody says %q", words)
				})
			}
		}
	}
	for _, s := range []server{refusing(Gmail, "imap", "nobody"), refusing("nobody", "pop3", ""), refusing("", "smtp", "password")} {
		if _, err := s.Start(); err == nil {
			t.Error("started")
		}
	}
}

// answer reads to the end of an answer.
func (s *script) answer(protocol string) string {
	s.t.Helper()
	var all strings.Builder
	for {
		line := s.line()
		all.WriteString(line + "\r\n")
		ended := false
		switch protocol {
		case "imap":
			ended = strings.HasPrefix(line, "x ") || strings.HasPrefix(line, "+ ") || strings.HasPrefix(line, "* BYE")
		case "pop3":
			ended = line == "." || line != "+OK message follows" && all.Len() == len(line)+2
		case "smtp":
			ended = len(line) > 3 && line[3] == ' '
		}
		if ended {
			return all.String()
		}
	}
}

func refusing(provider, protocol, name string) server {
	store := NewStore()
	store.Add("INBOX", Message{Body: []byte("x\r\n")})
	store.Add("INBOX", Message{Body: []byte("y\r\n")})
	return map[string]server{
		"imap": &IMAP{Store: store, User: "me", Password: "secret", Token: "tok", Provider: provider, Refuse: name},
		"pop3": &POP3{Store: store, User: "me", Password: "secret", Provider: provider, Refuse: name},
		"smtp": &SMTP{User: "me", Password: "secret", Provider: provider, Refuse: name},
	}[protocol]
}

// What came by APPEND is not shown for a while, nor what came behind it; flags of
// the client's own are lost.
func TestIMAPShowsLate(t *testing.T) {
	var now atomic.Int64
	store := NewStore()
	store.Add("INBOX", Message{Body: []byte("a")})
	s := &IMAP{Store: store, Provider: QQ, ShowsAfter: 15 * time.Second, Now: func() time.Time { return time.Unix(now.Load(), 0) }}
	c := dialIMAP(t, s)
	c.expect("* OK…")
	c.ask("a LOGIN me secret", "a OK…")
	c.send("b APPEND INBOX (\\Seen own) {1}")
	c.expect("+ OK")
	c.send("b")
	c.expect("b OK [APPENDUID…")
	store.Add("INBOX", Message{Body: []byte("c")})
	for _, tt := range []struct {
		at   int64
		seen string
	}{{14, "1"}, {15, "3"}} {
		now.Store(tt.at)
		c.send("c EXAMINE INBOX")
		lines := strings.Join(c.until("c OK"), "\n")
		if !strings.Contains(lines, "* "+tt.seen+" EXISTS") || !strings.Contains(lines, "[UIDNEXT 4]") {
			t.Errorf("after %d s: %s", tt.at, lines)
		}
		c.ask("d STATUS INBOX (MESSAGES)", `* STATUS "INBOX" (MESSAGES `+tt.seen+")", "d OK…")
	}
	c.ask("e UID FETCH 2 FLAGS", `* 2 FETCH (UID 2 FLAGS (\Seen))`, "e OK…")
}
