package sasl

import (
	"context"
	"strings"
	"testing"
)

const hidden = `Pass"4711\Geheim`

// What a login has sent is hidden in all its forms; other words stay.
func TestVeil(t *testing.T) {
	client, err := Password("me", func(context.Context) (string, error) { return hidden, nil })(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var v Veil
	watched, isLogin := v.Watch(client).(Login)
	if !isLogin {
		t.Fatal("a Login is none any more")
	}
	if user, password := watched.Credentials(); user != "me" || password != hidden {
		t.Errorf("credentials %q, %q", user, password)
	}
	if _, _, err := watched.Start(); err != nil {
		t.Fatal(err)
	}
	for said, want := range map[string]string{
		"unknown command PASS " + hidden:                           "unknown command PASS …",
		"UNKNOWN COMMAND PASS " + strings.ToUpper(hidden) + " :-(": "UNKNOWN COMMAND PASS … :-(",
		`LOGIN "me" "Pass\"4711\\Geheim"`:                          `LOGIN "me" "…"`,
		"what is AG1lAFBhc3MiNDcxMVxHZWhlaW0=?":                    "what is …?",
		"twice " + hidden + hidden:                                 "twice ……",
		"nothing of the kind, me":                                  "nothing of the kind, me",
		"":                                                         "",
	} {
		if got := v.Hide(said); got != want {
			t.Errorf("%q becomes %q, want %q", said, got, want)
		}
	}
}

// twice sends a token, and then another.
type twice struct{}

func (twice) Start() (string, []byte, error) {
	return "XOAUTH2", []byte("user=me\x01auth=Bearer first-token\x01\x01"), nil
}
func (twice) Next([]byte) ([]byte, error) { return []byte("second-token"), nil }

func TestVeilOverTokens(t *testing.T) {
	var v Veil
	w := v.Watch(twice{})
	w.Start()
	w.Next(nil)
	if got := v.Hide("first-token, SECOND-token, user=me"); got != "…, …, user=me" {
		t.Errorf("%q", got)
	}
}

// FuzzVeil: no server words bring a hidden word through, and hiding ends.
func FuzzVeil(f *testing.F) {
	f.Add("PASS secret", "secret")
	f.Add("sesecretcret", "secret")
	f.Add("\x00\x00", "\x00")
	f.Add("……", "…")
	f.Add("aaaaaaaa", "aaaa")
	f.Fuzz(func(t *testing.T, said, secret string) {
		if len(secret) < shortest || strings.ContainsAny(secret, "\x00\r\n…") || strings.Contains("…", secret) {
			return
		}
		var v Veil
		v.Add(secret)
		if got := v.Hide(said); strings.Contains(lower(got), lower(secret)) {
			t.Errorf("%q still shows %q", got, secret)
		}
	})
}
