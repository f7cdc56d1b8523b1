package pop3

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"mailrill/fetch"
	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// bearer is a mechanism like XOAUTH2: one initial response, and one answer to
// the error that comes as a challenge.
type bearer struct {
	initial []byte
	answer  []byte
	refuse  error
	asked   []string
}

func (b *bearer) Start() (string, []byte, error) { return "XOAUTH2", b.initial, nil }

func (b *bearer) Next(challenge []byte) ([]byte, error) {
	b.asked = append(b.asked, string(challenge))
	return b.answer, b.refuse
}

func with(c sasl.Client) sasl.Auth {
	return func(context.Context) (sasl.Client, error) { return c, nil }
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func greeted(capabilities string, steps ...step) []step {
	return append(login(capabilities)[:2], steps...)
}

func TestLogin(t *testing.T) {
	long := strings.Repeat("t", 300)
	capa := "SASL PLAIN XOAUTH2,USER"
	again := login(capa)[4]
	plain := func(user, password string) step {
		return step{"AUTH PLAIN " + b64("\x00"+user+"\x00"+password), "+OK\r\n"}
	}
	for name, c := range map[string]struct {
		options Options
		steps   []step
	}{
		"USER and PASS":       {Options{}, login(capa)},
		"blanks in passwords": {Options{Auth: password("joe", " a b ")}, greeted("", step{"USER joe", "+OK\r\n"}, step{"PASS  a b ", "+OK\r\n"}, login("")[4])},
		"PLAIN for UTF-8":     {Options{Auth: password("joe", "pä")}, greeted(capa, plain("joe", "pä"), again)},
		"PLAIN for blanks":    {Options{Auth: password("joe doe", "x")}, greeted(capa, plain("joe doe", "x"), again)},
		"PLAIN without USER":  {Options{}, greeted("SASL PLAIN", plain("joe", "secret"), login("SASL PLAIN")[4])},
		"recent":              {Options{Recent: true}, greeted("", step{"USER recent:joe", "+OK\r\n"}, step{"PASS secret", "+OK\r\n"}, login("")[4])},
		"recent with PLAIN":   {Options{Recent: true}, greeted("SASL PLAIN", plain("recent:joe", "secret"), login("SASL PLAIN")[4])},
		"one line":            {Options{Auth: with(&bearer{initial: []byte("tok")})}, greeted(capa, step{"AUTH XOAUTH2 " + b64("tok"), "+OK\r\n"}, again)},
		"no initial response": {Options{Auth: with(&bearer{answer: []byte("a")})}, greeted(capa, step{"AUTH XOAUTH2", "+ " + b64("q") + "\r\n"}, step{b64("a"), "+OK\r\n"}, again)},
		"empty initial":       {Options{Auth: with(&bearer{initial: []byte{}})}, greeted(capa, step{"AUTH XOAUTH2 =", "+OK\r\n"}, again)},
		"two lines":           {Options{TwoLineAuth: true, Auth: with(&bearer{initial: []byte("tok")})}, greeted(capa, step{"AUTH XOAUTH2", "+ \r\n"}, step{b64("tok"), "+OK\r\n"}, again)},
		"bare plus":           {Options{TwoLineAuth: true, Auth: with(&bearer{initial: []byte("tok")})}, greeted(capa, step{"AUTH XOAUTH2", "+\r\n"}, step{b64("tok"), "+OK\r\n"}, again)},
		"long in two lines":   {Options{Auth: with(&bearer{initial: []byte(long)})}, greeted(capa, step{"AUTH XOAUTH2", "+ \r\n"}, step{b64(long), "+OK\r\n"}, again)},
	} {
		t.Run(name, func(t *testing.T) {
			s := connect(t, c.options, append(c.steps, step{"QUIT", "+OK\r\n"})...)
			if err := s.Close(true); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLoginRefused(t *testing.T) {
	pass := func(answer string) []step {
		return greeted("", step{"USER joe", "+OK\r\n"}, step{"PASS secret", answer})
	}
	cancelled := errors.New("mechanism is at its end")
	for name, c := range map[string]struct {
		options Options
		steps   []step
		want    reply.Error
		class   reply.Class
	}{
		"greeting":    {Options{}, []step{{"", "-ERR [SYS/TEMP] busy\r\n"}}, reply.Error{Code: "SYS/TEMP", Text: "busy"}, reply.Temporary},
		"user":        {Options{}, greeted("", step{"USER joe", "-ERR\r\n"}), reply.Error{Command: "USER"}, reply.Credentials},
		"password":    {Options{}, pass("-ERR [AUTH] Username and password not accepted.\r\n"), reply.Error{Command: "PASS", Code: "AUTH", Text: "Username and password not accepted."}, reply.Credentials},
		"lower case":  {Options{}, pass("-err [auth] no\r\n"), reply.Error{Command: "PASS", Code: "AUTH", Text: "no"}, reply.Credentials},
		"no blank":    {Options{}, pass("-ERR[IN-USE]locked\r\n"), reply.Error{Command: "PASS", Code: "IN-USE", Text: "locked"}, reply.Temporary},
		"tab":         {Options{}, pass("-ERR\tno\r\n"), reply.Error{Command: "PASS", Text: "no"}, reply.Temporary},
		"no code":     {Options{}, pass("-ERR [no end\r\n"), reply.Error{Command: "PASS", Text: "[no end"}, reply.Temporary},
		"rate":        {Options{}, pass("-ERR [LOGIN-DELAY] wait\r\n"), reply.Error{Command: "PASS", Code: "LOGIN-DELAY", Text: "wait"}, reply.Limit},
		"POP is off":  {Options{}, pass("-ERR [SYS/PERM] POP access is disabled for your domain.\r\n"), reply.Error{Command: "PASS", Code: "SYS/PERM", Text: "POP access is disabled for your domain."}, reply.Config},
		"AUTH":        {Options{Auth: with(&bearer{initial: []byte("t")})}, greeted("", step{"AUTH XOAUTH2 " + b64("t"), "-ERR [AUTH] no\r\n"}), reply.Error{Command: "AUTH", Code: "AUTH", Text: "no"}, reply.Credentials},
		"a challenge": {Options{Auth: with(&bearer{initial: []byte("t")})}, greeted("", step{"AUTH XOAUTH2 " + b64("t"), "+ " + b64(`{"status":"400"}`) + "\r\n"}, step{"\n", "-ERR [AUTH] Invalid credentials.\r\n"}), reply.Error{Command: "AUTH", Code: "AUTH", Text: "Invalid credentials."}, reply.Credentials},
		"cancelled":   {Options{Auth: with(&bearer{initial: []byte("t"), refuse: cancelled})}, greeted("", step{"AUTH XOAUTH2 " + b64("t"), "+ " + b64("x") + "\r\n"}, step{"*", "-ERR [AUTH] cancelled\r\n"}), reply.Error{Command: "AUTH", Code: "AUTH", Text: "cancelled"}, reply.Credentials},
		"no base64":   {Options{Auth: with(&bearer{initial: []byte("t")})}, greeted("", step{"AUTH XOAUTH2 " + b64("t"), "+ !!\r\n"}, step{"*", "-ERR no\r\n"}), reply.Error{Command: "AUTH", Text: "no"}, reply.Temporary},
	} {
		t.Run(name, func(t *testing.T) {
			source, _ := play(t, c.options, c.steps...)
			_, err := source.Connect(t.Context())
			r, ok := refused(err)
			c.want.Protocol = "pop3"
			if !ok || *r != c.want {
				t.Fatalf("error %#v, want %#v", err, c.want)
			}
			if got := reply.ClassOf(err); got != c.class {
				t.Errorf("class %q, want %q", got, c.class)
			}
		})
	}
}

func TestChallengeIsNoSuccess(t *testing.T) {
	b := &bearer{initial: []byte("t"), refuse: errors.New("no more")}
	source, _ := play(t, Options{Auth: with(b)}, greeted("", step{"AUTH XOAUTH2 " + b64("t"), "+ " + b64("why") + "\r\n"}, step{"*", "+OK\r\n"})...)
	if _, err := source.Connect(t.Context()); !errors.Is(err, b.refuse) {
		t.Errorf("a cancelled AUTH that the server accepts: %v", err)
	}
	if len(b.asked) != 1 || b.asked[0] != "why" {
		t.Errorf("the mechanism was asked %q", b.asked)
	}
	endless := greeted("", step{"AUTH XOAUTH2 " + b64("t"), "+ \r\n"})
	for range authRounds - 1 {
		endless = append(endless, step{"\n", "+ \r\n"})
	}
	endless = append(endless, step{"\n", ""})
	source, _ = play(t, Options{Auth: with(&bearer{initial: []byte("t")})}, endless...)
	if _, err := source.Connect(t.Context()); !errors.Is(err, errChallenged) {
		t.Errorf("endless challenges: %v", err)
	}
}

// One call is one command, for any string: nothing is sent with a line break in
// a credential, whoever made it.
func TestLineBreaksInCredentials(t *testing.T) {
	for _, bad := range []string{"joe\r\nDELE 1", "joe\n", "joe\r", "joe\x00"} {
		for name, auth := range map[string]sasl.Auth{
			"user": password(bad, "x"), "password": password("joe", bad),
			"other user": with(raw{bad, "x"}), "other password": with(raw{"joe", bad}),
			"mechanism": with(named{bad}),
		} {
			source, _ := play(t, Options{Auth: auth}, greeted("")...)
			if _, err := source.Connect(t.Context()); err == nil || strings.Contains(err.Error(), "DELE") {
				t.Errorf("%s %q: error %v", name, bad, err)
			}
		}
	}
}

// raw is a Login that checks nothing.
type raw struct{ user, password string }

func (r raw) Start() (string, []byte, error)       { return "PLAIN", nil, nil }
func (r raw) Next([]byte) ([]byte, error)          { return nil, nil }
func (r raw) Credentials() (user, password string) { return r.user, r.password }

type named struct{ mechanism string }

func (n named) Start() (string, []byte, error) { return n.mechanism, []byte("x"), nil }
func (n named) Next([]byte) ([]byte, error)    { return nil, nil }

func TestRecentNeedsPassword(t *testing.T) {
	source, _ := play(t, Options{Recent: true, Auth: with(&bearer{initial: []byte("t")})}, greeted("")...)
	if _, err := source.Connect(t.Context()); reply.ClassOf(err) != reply.Config {
		t.Errorf("error %v, want one of class %s", err, reply.Config)
	}
}

func TestNoSecretInErrors(t *testing.T) {
	for _, steps := range [][]step{
		greeted("", step{"USER joe", "+OK\r\n"}, step{"PASS secret", "-ERR no\r\n"}),
		greeted("", step{"USER joe", "+OK\r\n"}, step{"PASS secret", cut}),
		greeted("SASL PLAIN", step{"AUTH PLAIN " + b64("\x00joe\x00secret"), "+ \r\n"}, step{"*", cut}),
	} {
		source, _ := play(t, Options{}, steps...)
		_, err := source.Connect(t.Context())
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), b64("\x00joe\x00secret")) {
			t.Errorf("error %v", err)
		}
	}
}

// Gmail lets a user in whose POP access is switched off, and says so at STAT.
func TestNotEnabledAtStat(t *testing.T) {
	const words = "Your account is not enabled for POP access. Please visit your Gmail settings page and enable your account for POP access."
	s := connect(t, Options{Drains: true}, login("", step{"STAT", "-ERR [SYS/PERM] " + words + "\r\n"})...)
	_, err := s.Open(t.Context(), Inbox)
	r, ok := refused(err)
	if !ok || *r != (reply.Error{Protocol: "pop3", Command: "STAT", Code: "SYS/PERM", Text: words}) || reply.ClassOf(err) != reply.Config {
		t.Errorf("error %#v of class %q", err, reply.ClassOf(err))
	}
}

func TestOtherFolder(t *testing.T) {
	s := connect(t, Options{}, login("")...)
	if _, err := s.Open(t.Context(), "Archive"); !errors.Is(err, fetch.ErrNoFolder) {
		t.Errorf("error %v", err)
	}
}
