package smtp

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"mailrill/deliver"
	"mailrill/internal/mailtest"
	"mailrill/internal/reply"
	"mailrill/internal/sasl"
)

// plain is what AUTH PLAIN says for the password of these tests.
var plain = base64.StdEncoding.EncodeToString([]byte("\x00me\x00hunter2"))

func TestAuth(t *testing.T) {
	const yes = "235 in\r\n"
	for _, tt := range []struct {
		offers      string
		challenges  []string // answers to AUTH and to what follows it; the last one is repeated
		class       string   // "": logged in
		said        []string
		errContains string
	}{
		{"AUTH PLAIN LOGIN", []string{yes}, "", []string{"AUTH PLAIN " + plain}, ""},
		{"AUTH LOGIN PLAIN XOAUTH XOAUTH2,AUTH=LOGIN", []string{yes}, "", []string{"AUTH PLAIN " + plain}, ""},
		{"AUTH=LOGIN PLAIN,AUTH LOGIN", []string{yes}, "", []string{"AUTH PLAIN " + plain}, ""},
		{"auth plain", []string{yes}, "", []string{"AUTH PLAIN " + plain}, ""},
		{"AUTH LOGIN", []string{"334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n", yes}, "", []string{"AUTH LOGIN", "bWU=", "aHVudGVyMg=="}, ""},
		{"AUTH=LOGIN", []string{"334\r\n", "334 \r\n", yes}, "", []string{"AUTH LOGIN", "bWU=", "aHVudGVyMg=="}, ""},
		{"AUTH CRAM-MD5", nil, "config", nil, "does not offer"},
		{"PIPELINING", nil, "config", nil, "does not offer"},
		{"AUTH PLAIN", []string{"535-5.7.8 Username and Password not accepted. For more information, go to\r\n535 5.7.8 https://x.example\r\n"}, "credentials", []string{"AUTH PLAIN " + plain}, "not accepted"},
		{"AUTH PLAIN", []string{"535 Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.\r\n"}, "credentials", []string{"AUTH PLAIN " + plain}, "password is incorrect"},
		{"AUTH PLAIN", []string{"454 4.7.0 Too many login attempts, please try again later.\r\n"}, "limit", []string{"AUTH PLAIN " + plain}, "Too many"},
		{"AUTH PLAIN", []string{"421 4.7.0 bye\r\n"}, "temporary", []string{"AUTH PLAIN " + plain}, "bye"},
		{"AUTH PLAIN", []string{"250 ok\r\n"}, "temporary", []string{"AUTH PLAIN " + plain}, "before it was asked"},
		{"AUTH PLAIN", []string{"CUT"}, "network", []string{"AUTH PLAIN " + plain}, "EOF"},
		// CVE-2025-61962: what stands behind 334 is not always there, nor base64.
		{"AUTH PLAIN", []string{"334\r\n", "501 cancelled\r\n"}, "temporary", []string{"AUTH PLAIN " + plain, "*"}, "challenge"},
		{"AUTH PLAIN", []string{"334 \r\n", "501 5.0.0 cancelled\r\n"}, "temporary", []string{"AUTH PLAIN " + plain, "*"}, "challenge"},
		{"AUTH PLAIN", []string{"334 !!!\r\n", "501 cancelled\r\n"}, "temporary", []string{"AUTH PLAIN " + plain, "*"}, "challenge"},
		{"AUTH PLAIN", []string{"334 eyJzdGF0dXMiOiI0MDAifQ==\r\n", "535 5.7.8 no\r\n"}, "credentials", []string{"AUTH PLAIN " + plain, "*"}, "535"},
		{"AUTH PLAIN", []string{"334 !!!\r\n", yes}, "temporary", []string{"AUTH PLAIN " + plain, "*"}, "challenge"},
		{"AUTH PLAIN", []string{"334-\r\nCUT"}, "network", []string{"AUTH PLAIN " + plain}, "EOF"},
		{"AUTH PLAIN", []string{"334-eA==\r\nENDLESS"}, "temporary", []string{"AUTH PLAIN " + plain}, "no end"},
		{"AUTH PLAIN", []string{"334 AAAAENDLESS"}, "temporary", []string{"AUTH PLAIN " + plain}, "too long"},
		{"AUTH LOGIN", []string{"334 \r\n"}, "temporary", []string{"AUTH LOGIN", "bWU=", "aHVudGVyMg==", "*"}, "third challenge"},
		{"AUTH LOGIN", []string{"334 !!!\r\n", "501 no\r\n"}, "temporary", []string{"AUTH LOGIN", "*"}, "challenge"},
	} {
		p := &peer{offers: tt.offers, auth: tt.challenges}
		o := p.options(t)
		o.Auth = password
		d := open(t, o)
		err := d.Prepare(t.Context(), "")
		if string(reply.ClassOf(err)) != tt.class || err != nil && !errors.Is(err, deliver.ErrUnavailable) {
			t.Errorf("%q: %v (class %q), want class %q", tt.challenges, err, reply.ClassOf(err), tt.class)
		}
		if err != nil {
			checkSecret(t, err)
			if !strings.Contains(err.Error(), tt.errContains) || d.idle != nil {
				t.Errorf("%q: %v, want words like %q and no connection", tt.challenges, err, tt.errContains)
			}
		}
		log, _ := p.seen()
		if got, want := strings.Join(log[1:], "|"), strings.Join(tt.said, "|"); got != want {
			t.Errorf("%q: we said %q, want %q", tt.challenges, got, want)
		}
	}
}

func checkSecret(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{"hunter2", plain, "aHVudGVyMg=="} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("an error holds a secret: %v", err)
		}
	}
}

// TestEcho: servers repeat what they do not understand.
func TestEcho(t *testing.T) {
	for _, answer := range []string{
		"500 5.5.1 Command unrecognized: \"AUTH PLAIN " + plain + "\"\r\n",
		"535 5.7.8 wrong password hunter2 for me\r\n",
		"AUTH PLAIN " + plain + "\r\n",
		"334 !!!\r\n",
		"250 ok AUTH PLAIN " + plain + "\r\n",
	} {
		p := &peer{offers: "AUTH PLAIN", auth: []string{answer, "535 hunter2 " + plain + "\r\n"}}
		o := p.options(t)
		o.Auth = password
		err := open(t, o).Prepare(t.Context(), "")
		if err == nil {
			t.Fatalf("%q: logged in", answer)
		}
		checkSecret(t, err)
		if e, ok := errors.AsType[*reply.Error](err); ok && (strings.Contains(e.Text, "hunter2") || strings.Contains(e.Text, plain)) {
			t.Errorf("the text of a refusal holds a secret: %q", e.Text)
		}
	}
	p := &peer{offers: "AUTH PLAIN", auth: []string{"235 in\r\n"}, odd: map[string]string{"MAIL": "550 me:hunter2 may not send\r\n"}}
	o := p.options(t)
	o.Auth = password
	_, errs := send(t, open(t, o), letters(1)...)
	checkSecret(t, errs[0])
	if !strings.Contains(errs[0].Error(), "may not send") {
		t.Errorf("%v", errs[0])
	}
}

// TestAuthFails: a secret that cannot be had is the reason, as it stands.
func TestAuthFails(t *testing.T) {
	cause := reply.WithClass(reply.Config, errors.New("no such file"))
	p := &peer{offers: "AUTH PLAIN"}
	o := p.options(t)
	o.Auth = func(context.Context) (sasl.Client, error) { return nil, cause }
	if err := open(t, o).Prepare(t.Context(), ""); !errors.Is(err, cause) || reply.ClassOf(err) != reply.Config {
		t.Errorf("%v", err)
	}
}

// TestAuthServer logs in to a server that checks it.
func TestAuthServer(t *testing.T) {
	for _, mechanisms := range []string{"AUTH PLAIN LOGIN", "AUTH LOGIN", "AUTH PLAIN"} {
		s := &mailtest.SMTP{User: "me", Password: "hunter2", Capabilities: []string{mechanisms}}
		o := startServer(t, s)
		o.Auth = password
		if fates, errs := send(t, open(t, o), letters(1)...); fates[0] != "stored" || s.Received()[0].User != "me" {
			t.Errorf("%s: %v", mechanisms, errs[0])
		}
		o.Auth = sasl.Password("me", func(context.Context) (string, error) { return "wrong", nil })
		if err := open(t, o).Prepare(t.Context(), ""); reply.ClassOf(err) != reply.Credentials {
			t.Errorf("%s, wrong password: %v", mechanisms, err)
		}
	}
}

// TestQQHangsUp: QQ closes the connection right behind a 535, which is what counts.
func TestQQHangsUp(t *testing.T) {
	s := &mailtest.SMTP{Provider: mailtest.QQ, User: "me@a.example", Password: "other"}
	o := startServer(t, s)
	o.Auth = sasl.Password("me@a.example", func(context.Context) (string, error) { return "secret", nil })
	err := New(o).Prepare(t.Context(), "")
	refusal, ok := errors.AsType[*reply.Error](err)
	if !ok || refusal.Code != "535" || refusal.Class() != reply.Credentials || !errors.Is(err, deliver.ErrUnavailable) {
		t.Errorf("%v", err)
	}
}

// tokens is one access token.
type tokens string

func (t tokens) Token(context.Context) (string, error)   { return string(t), nil }
func (t tokens) Renew(_ context.Context, _ string) error { return errRenew }

var errRenew = reply.WithClass(reply.Credentials, errors.New("there is no other token"))

// TestTokens: XOAUTH2 where it is offered, the empty answer to its challenge, and
// a line of its own for what is long.
func TestTokens(t *testing.T) {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	short, long := "canary-token", strings.Repeat("canary-token", 150)
	xoauth2 := func(token string) string { return encode("user=me\x01auth=Bearer " + token + "\x01\x01") }
	bearer := encode("n,a=me,\x01host=smtp.example\x01port=465\x01auth=Bearer " + short + "\x01\x01")
	const yes, no, why = "235 in\r\n", "535 5.7.8 what is canary-token?\r\n", "334 eyJzdGF0dXMiOiI0MDAifQ==\r\n"
	for _, tt := range []struct {
		offers, token string
		answers       []string
		said          string
		refused       bool
	}{
		{"AUTH PLAIN XOAUTH2 OAUTHBEARER", short, []string{yes}, "AUTH XOAUTH2 " + xoauth2(short), false},
		{"AUTH PLAIN OAUTHBEARER", short, []string{yes}, "AUTH OAUTHBEARER " + bearer, false},
		{"AUTH XOAUTH2", long, []string{"334 \r\n", yes}, "AUTH XOAUTH2|" + xoauth2(long), false},
		{"AUTH XOAUTH2", short, []string{why, no}, "AUTH XOAUTH2 " + xoauth2(short) + "|", true},
		{"AUTH OAUTHBEARER", short, []string{why, no}, "AUTH OAUTHBEARER " + bearer + "|AQ==", true},
		{"AUTH XOAUTH2", long, []string{"334 \r\n", why, no}, "AUTH XOAUTH2|" + xoauth2(long) + "|", true},
		{"AUTH XOAUTH2", short, []string{no}, "AUTH XOAUTH2 " + xoauth2(short), true},
	} {
		p := &peer{offers: tt.offers, auth: tt.answers}
		o := p.options(t)
		o.Auth = sasl.Bearer("me", "smtp.example", 465, tokens(tt.token))
		err := open(t, o).Prepare(t.Context(), "")
		if tt.refused != errors.Is(err, errRenew) || !tt.refused && err != nil {
			t.Errorf("%s: %v", tt.offers, err)
		}
		log, _ := p.seen()
		if got := strings.Join(log[1:], "|"); got != tt.said {
			t.Errorf("%s: we said %q, want %q", tt.offers, got, tt.said)
		}
	}
}
