package imapwire

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// talk is a server that answers the n-th command with the n-th answer, tag by
// "%t", and notes the commands. Behind the last it answers by ok.
type talk struct {
	answers  []string
	commands []string
	tag      string // of the first command, "%1"
}

func (k *talk) answer(s *peer, tag, command string) bool {
	k.commands = append(k.commands, command)
	if len(k.answers) == 0 {
		return ok(s, tag, command)
	}
	if k.tag == "" {
		k.tag = tag
	}
	s.say("%s", strings.ReplaceAll(strings.ReplaceAll(k.answers[0], "%1", k.tag), "%t", tag))
	k.answers = k.answers[1:]
	return true
}

func TestLogin(t *testing.T) {
	const bare = "* OK Gimap ready\r\n"
	tests := []struct {
		name, greet string
		answers     []string
		want        []string // commands
		has         string
	}{
		{"Gmail: capabilities before the tagged OK", bare,
			[]string{"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\n%t OK Thats all she wrote!\r\n", "* CAPABILITY IMAP4rev1 UIDPLUS LITERAL- APPENDLIMIT=35651584\r\n%t OK me authenticated (Success)\r\n"},
			[]string{"CAPABILITY", "AUTHENTICATE PLAIN AG1lAHNlY3JldA=="}, "UIDPLUS"},
		{"QQ: trailing blanks, capabilities asked after the login", "* OK [CAPABILITY IMAP4 IMAP4rev1 ID AUTH=PLAIN AUTH=LOGIN NAMESPACE ] QQMail ready \r\n",
			[]string{"+ \r\n", "%1 OK Success login ok\r\n", "* CAPABILITY IMAP4 IMAP4rev1 XLIST MOVE IDLE UIDPLUS   \r\n%t OK CAPABILITY Completed\r\n"},
			[]string{"AUTHENTICATE PLAIN", "", "CAPABILITY"}, "XLIST"},
		{"LOGIN where PLAIN is not offered", "* OK [CAPABILITY IMAP4rev1] Coremail\r\n",
			[]string{"%t OK [CAPABILITY IMAP4rev1 ID LITERAL+] in\r\n"},
			[]string{`LOGIN "me" "secret"`}, "literal+"},
		{"Exchange's code", "* OK [CAPABILITY IMAP4rev1] x\r\n",
			[]string{"%t OK [Error=\"a ] b\" c=d] LOGIN completed.\r\n", "* CAPABILITY IMAP4rev1 MOVE\r\n%t OK\r\n"},
			[]string{`LOGIN "me" "secret"`, "CAPABILITY"}, "MOVE"},
		{"both revisions", "* OK [CAPABILITY IMAP4rev1 IMAP4rev2 AUTH=PLAIN SASL-IR] x\r\n",
			[]string{"%t OK [CAPABILITY IMAP4rev1 IMAP4rev2 MOVE] in\r\n"},
			[]string{"AUTHENTICATE PLAIN AG1lAHNlY3JldA=="}, "MOVE"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := &talk{answers: tt.answers}
			c := connect(t, serve(t, tt.greet, k.answer))
			if !c.Has(tt.has) || c.Has("AUTH=PLAIN") || c.Has("IMAP4REV2") {
				t.Errorf("capabilities are %v", c.wire.facts.caps)
			}
			if tt.has == "UIDPLUS" {
				if n, ok := c.AppendLimit(); n != 35651584 || !ok {
					t.Errorf("APPENDLIMIT is %d, %v", n, ok)
				}
			} else if _, ok := c.AppendLimit(); ok {
				t.Error("an APPENDLIMIT out of nothing")
			}
			hangUp(c)
			for i, command := range k.commands { // a SASL response has no tag
				k.commands[i] = strings.TrimPrefix(command, "AG1lAHNlY3JldA==")
			}
			if diff := cmp.Diff(tt.want, k.commands); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A server that decides before it has read the response, or asks for two: the
// login ends all the same. (go-imap waited for a further "+" for ever.)
func TestLoginAnsweredTooEarly(t *testing.T) {
	for _, early := range []string{"+ \r\n%t NO no\r\n", "+ \r\n+ \r\n%t NO no\r\n", "+ YQ==\r\n%t NO no\r\n", "%t NO no\r\n", "+ !!!\r\n%t NO no\r\n", "+\r\n%t BAD no\r\n+ \r\n"} {
		conn := serve(t, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] x\r\n", on("AUTHENTICATE", func(s *peer, tag, _ string) bool {
			s.say("%s", strings.ReplaceAll(early, "%t", tag))
			return true
		}))
		if c, err := Connect(t.Context(), conn, Options{Auth: password("me", "secret")}); err == nil {
			t.Errorf("%q is success", early)
			c.Close()
		}
	}
}

// token is a mechanism that, as XOAUTH2 does, answers the error challenge.
type token struct {
	name string
	err  error
}

func (m *token) Start() (string, []byte, error) { return m.name, []byte("ir"), nil }
func (m *token) Next(b []byte) ([]byte, error)  { return nil, m.err }
func auth(c sasl.Client) sasl.Auth {
	return func(context.Context) (sasl.Client, error) { return c, nil }
}

func TestLoginRefused(t *testing.T) {
	denied := errors.New("token has expired")
	tests := []struct {
		name, greet string
		auth        sasl.Auth
		answers     []string
		want        *reply.Error
		class       reply.Class
		commands    []string
	}{
		{name: "wrong password", greet: greeting, answers: []string{"%t NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n"},
			want: &reply.Error{Protocol: "imap", Command: "AUTHENTICATE", Code: "AUTHENTICATIONFAILED", Text: "Invalid credentials (Failure)"}, class: reply.Credentials,
			commands: []string{"PLAIN AG1lAHNlY3JldA=="}},
		{name: "Gmail's web login", greet: "* OK [CAPABILITY IMAP4rev1] x\r\n",
			answers: []string{"* NO [WEBALERT https://accounts.google.com/x?y=1] Web login required.\r\n%t NO [ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)\r\n"},
			want: &reply.Error{Protocol: "imap", Command: "LOGIN", Code: "ALERT",
				Text: "Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure) (https://accounts.google.com/x?y=1 Web login required.)"}, class: reply.Credentials,
			commands: []string{`"me" "secret"`}},
		{name: "XOAUTH2 challenge", greet: "* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR] x\r\n", auth: auth(&token{name: "XOAUTH2"}),
			answers: []string{"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n", "X NO no tag of ours\r\n%1 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n"},
			want:    &reply.Error{Protocol: "imap", Command: "AUTHENTICATE", Code: "AUTHENTICATIONFAILED", Text: "Invalid credentials (Failure)"}, class: reply.Credentials,
			commands: []string{"XOAUTH2 aXI=", ""}},
		{name: "OAUTHBEARER that gives up", greet: "* OK [CAPABILITY IMAP4rev1 AUTH=OAUTHBEARER SASL-IR] x\r\n", auth: auth(&token{"OAUTHBEARER", denied}),
			answers: []string{"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n", "%1 NO AUTHENTICATE failed.\r\n"},
			want:    &reply.Error{Protocol: "imap", Command: "AUTHENTICATE", Text: "AUTHENTICATE failed."}, class: reply.Credentials,
			commands: []string{"OAUTHBEARER aXI=", ""}},
		{name: "mechanism not offered", greet: "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] x\r\n", auth: auth(&token{name: "XOAUTH2"}), class: reply.Config},
		{name: "LOGINDISABLED", greet: "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2] x\r\n", class: reply.Config},
		{name: "PREAUTH", greet: "* PREAUTH [CAPABILITY IMAP4rev1] welcome\r\n", class: reply.Config},
		{name: "BYE", greet: "* BYE [UNAVAILABLE] come back later\r\n", want: &reply.Error{Protocol: "imap", Code: "UNAVAILABLE", Text: "come back later"}, class: reply.Temporary},
		{name: "no IMAP", greet: "+OK POP3 ready\r\n", class: reply.Temporary},
		{name: "BYE during the login", greet: greeting, answers: []string{"* BYE [UNAVAILABLE] too much\r\n"},
			want: &reply.Error{Protocol: "imap", Code: "UNAVAILABLE", Text: "too much"}, class: reply.Temporary, commands: []string{"PLAIN AG1lAHNlY3JldA=="}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := &talk{answers: tt.answers}
			conn := serve(t, tt.greet, func(s *peer, tag, command string) bool {
				_, args, _ := strings.Cut(command, " ")
				k.answer(s, tag, args)
				return len(k.answers) > 0 || !strings.Contains(tt.name, "BYE during")
			})
			if tt.auth == nil {
				tt.auth = password("me", "secret")
			}
			_, err := Connect(t.Context(), conn, Options{Auth: tt.auth})
			if err == nil || reply.ClassOf(err) != tt.class {
				t.Errorf("class %q of %v", reply.ClassOf(err), err)
			}
			refusal, _ := errors.AsType[*reply.Error](err)
			if diff := cmp.Diff(tt.want, refusal); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(tt.name, "gives up") && !errors.Is(err, denied) {
				t.Errorf("the mechanism's reason is not in %v", err)
			}
			<-conn.(line).ended
			if diff := cmp.Diff(tt.commands, k.commands); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoginWithLiteral(t *testing.T) {
	var got string
	conn := serve(t, "* OK [CAPABILITY IMAP4rev1] x\r\n", on("LOGIN", func(s *peer, tag, command string) bool {
		s.say("+ \r\n")
		n, _ := literalOf(command)
		got, _ = s.octets(n)
		return ok(s, tag, "LOGIN")
	}))
	c := connectWith(t, conn, Options{Auth: password("me", "geheim\u00fc")})
	hangUp(c)
	if got != "geheim\u00fc" {
		t.Errorf("password is %q", got)
	}
}

func TestID(t *testing.T) {
	id := map[string]string{"name": `mail"rill`, "vendor": "n\u00f6body"}
	for _, answer := range []string{"* ID NIL\r\n%t OK\r\n", "* ID (\"name\" NIL \"x\" {3}\r\na)b)\r\n%t OK\r\n", "%t BAD Parse command error\r\n", "* ID\r\n* ID )(\r\n%t NO\r\n"} {
		k := &talk{answers: []string{"%t OK [CAPABILITY IMAP4rev1 ID] in\r\n", answer}}
		c := connectWith(t, serve(t, greeting, k.answer), Options{ID: id})
		if err := c.IMAP().Noop().Wait(); err != nil {
			t.Errorf("%q: %v", answer, err)
		}
		hangUp(c)
		if diff := cmp.Diff(`ID ("name" "mail\"rill" "vendor" "n?body")`, k.commands[1]); diff != "" {
			t.Error(diff)
		}
	}
	for _, needed := range []bool{false, true} {
		k := &talk{answers: []string{"%t OK [CAPABILITY IMAP4rev1] in\r\n"}}
		hangUp(connectWith(t, serve(t, greeting, k.answer), Options{ID: id, NeedsID: needed}))
		if sent := len(k.commands) > 1 && strings.HasPrefix(k.commands[1], "ID "); sent != needed {
			t.Errorf("not offered, and needed %v: %q", needed, k.commands)
		}
	}
	bad := Options{Auth: password("me", "secret"), ID: map[string]string{"name": "a\r\nX9 LOGOUT"}}
	if _, err := Connect(t.Context(), serve(t, greeting, ok), bad); err == nil {
		t.Error("a line break went out")
	}
}

func TestConnectIsCutByItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	conn := serve(t, greeting, func(*peer, string, string) bool { cancel(); return true })
	_, err := Connect(ctx, conn, Options{Auth: password("me", "secret")})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

// A server that asks for one response after another is left.
func TestLoginWithoutEnd(t *testing.T) {
	asked := 0
	conn := serve(t, "* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR] x\r\n", func(s *peer, tag, command string) bool {
		asked++
		s.say("+ YQ==\r\n")
		return asked < 1000
	})
	c, err := Connect(t.Context(), conn, Options{Auth: auth(&token{name: "XOAUTH2"})})
	if err == nil {
		c.Close()
	}
	<-conn.(line).ended
	if err == nil || reply.ClassOf(err) != reply.Temporary || asked > 20 {
		t.Errorf("%v after %d questions", err, asked)
	}
}
