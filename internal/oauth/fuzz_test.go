package oauth

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"mailrill/internal/lang"
	"mailrill/internal/reply"
)

// answering is a provider that gives one answer to everything.
type answering struct {
	status     int
	kind, body string
}

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: http.Header{"Content-Type": {a.kind}}, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

// FuzzAnswer: whatever a token or device endpoint answers, there is a token that
// can stand in a command and be read again from its file, or an error of one
// printable, bounded line with a class and without what was sent.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		`{"access_token":"a","refresh_token":"r","expires_in":3600,"refresh_token_expires_in":604800,"scope":"https://mail.google.com/"}`,
		`{"access_token":"a","expires_in":-1e99}`, `{"error":"invalid_grant","error_description":"canary-sent \u001b[31m"}`,
		`access_token=a&refresh_token=b&expires_in=x`, `<html>canary-sent`, `null`, `[]`, `"x"`, `{"access_token":null,"token_type":7}`,
		`{"device_code":"d","user_code":"\u202eu","verification_uri":"https://x.example","interval":-1,"expires_in":-5}`,
	} {
		f.Add(200, "application/json", body)
		f.Add(400, "text/plain", body)
	}
	f.Fuzz(func(t *testing.T, status int, kind, body string) {
		now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
		client := Client{Provider: Microsoft("", "imap"), ID: "id", HTTP: &http.Client{Transport: answering{100 + (status&0x1ff)%500, kind, body}}, Now: func() time.Time { return now }}
		next, err := client.refresh(t.Context(), &Token{Version: version, Refresh: "canary-sent"})
		check(t, err)
		if err != nil && strings.Contains(strings.ToLower(err.Error()), "canary-sent") {
			t.Errorf("what was sent is in %q", err)
		}
		if err == nil {
			data, _ := next.encode()
			if again, ok := decode(data); !ok || !isToken(next.Access) || again.Access != next.Access || next.Expires.Sub(now) > longLife || next.Expires.Before(now) {
				t.Errorf("%q gives %q, which is read again as %v", body, next.Access, ok)
			}
		}
		s := &SignIn{Client: client, Lang: lang.English, ShowCode: func(address, code string) {
			if strings.ContainsFunc(address+code, reply.Steers) {
				t.Errorf("shown: %q, %q", address, code)
			}
		}, Sleep: func(_ context.Context, d time.Duration) error {
			if d <= 0 || d > time.Minute {
				t.Errorf("a pause of %v", d)
			}
			now = now.Add(d)
			return nil
		}}
		_, err = s.Device(t.Context())
		check(t, err)
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	text := err.Error()
	if reply.ClassOf(err) == reply.OK || strings.ContainsFunc(text, reply.Steers) || len(text) > 1000 {
		t.Errorf("class %s: %q", reply.ClassOf(err), text)
	}
}

// FuzzPasted: only an address with our state brings a code.
func FuzzPasted(f *testing.F) {
	f.Add("http://127.0.0.1:1/?state=ours&code=c")
	f.Add("http://127.0.0.1:1/?state=ours&error=access_denied")
	f.Add("?code=c&state=OURS")
	f.Add("%zz")
	d := &door{state: "ours"}
	f.Fuzz(func(t *testing.T, line string) {
		code, err := d.judge(pasted(line))
		if err == nil && (code == "" || !strings.Contains(line, "state") || pasted(line).Get("state") != "ours") {
			t.Errorf("%q brings %q", line, code)
		}
	})
}

// FuzzTokenFile: a file is read as it was written, or not at all.
func FuzzTokenFile(f *testing.F) {
	f.Add([]byte(`{"v":1,"refresh_token":"r","access_token":"a","expires":"2026-11-20T10:00:00Z"}`))
	f.Add([]byte(`{"v":1,"refresh_token":"r\n"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		token, ok := decode(data)
		if !ok {
			return
		}
		again, err := token.encode()
		if err != nil {
			return // a year that JSON does not know
		}
		if _, ok := decode(again); !ok {
			t.Errorf("%q is written as %q", data, again)
		}
	})
}
