package smtp

import (
	"bufio"
	"reflect"
	"strings"
	"testing"
)

func reader(s string) *client {
	return &client{protocol: "smtp", in: bufio.NewReaderSize(strings.NewReader(s), maxLine)}
}

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		in     string
		code   int // 0: an error
		status string
		words  string
	}{
		{"250 ok\r\n", 250, "", "250 ok"},
		{"250 ok\n", 250, "", "250 ok"},
		{"250\r\n", 250, "", "250"},
		{"250 \r\n", 250, "", "250"},
		{"250-a\r\n250-\r\n250 b\r\n", 250, "", "250 a b"},
		{"550 5.1.1 no such user\r\n", 550, "5.1.1", "550 5.1.1 no such user"},
		{"550-5.7.26 one\r\n550-5.7.26\r\n550 5.7.26  two\r\n", 550, "5.7.26", "550 5.7.26 one two"},
		{"550 4.1.1 of another class\r\n", 550, "", "550 4.1.1 of another class"},
		{"550 5.1 short\r\n", 550, "", "550 5.1 short"},
		{"550 5.1.1000 long\r\n", 550, "", "550 5.1.1000 long"},
		{"550 5.+1.1 odd\r\n", 550, "", "550 5.+1.1 odd"},
		{"550 5.1.1\r\n", 550, "5.1.1", "550 5.1.1"},
		{"354  Go ahead\r\n", 354, "", "354 Go ahead"},
		{"421 \x1b[2Jbye\r\n", 421, "", "421 ?[2Jbye"},
		{"", 0, "", ""},
		{"250 ok", 0, "", ""},
		{"25\r\n", 0, "", ""},
		{"250ok\r\n", 0, "", ""},
		{"199 low\r\n", 0, "", ""},
		{"600 high\r\n", 0, "", ""},
		{"+25 sign\r\n", 0, "", ""},
		{"250-a\r\n251 b\r\n", 0, "", ""},
		{"250-a\r\n", 0, "", ""},
		{"\r\n", 0, "", ""},
		{"250 " + strings.Repeat("x", maxLine) + "\r\n", 0, "", ""},
		{strings.Repeat("250-x\r\n", maxLines) + "250 x\r\n", 0, "", ""},
	} {
		c := reader(tt.in)
		a, err := c.read()
		if (err == nil) != (tt.code != 0) || a.code != tt.code || a.enhanced != tt.status {
			t.Errorf("%.40q: %+v, %v", tt.in, a, err)
		}
		if tt.code != 0 && c.words(a) != tt.words {
			t.Errorf("%.40q: words %q, want %q", tt.in, c.words(a), tt.words)
		}
		if c.broken != (tt.code == 0 || tt.code == 421) {
			t.Errorf("%.40q: broken %v", tt.in, c.broken)
		}
	}
}

func TestParseKeywords(t *testing.T) {
	got := parseKeywords([]string{"SIZE 100", "pipelining", "AUTH LOGIN  PLAIN", "AUTH=LOGIN XOAUTH2", "", "X-Y a b "})
	want := map[string]string{"SIZE": "100", "PIPELINING": "", "AUTH": "LOGIN XOAUTH2 LOGIN  PLAIN ", "": "", "X-Y": "a b "}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// FuzzReply: whatever a server says is a reply of one code with bounded lines, or
// an error that breaks the session; nothing of it can end a line or move a cursor.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"250 ok\r\n", "250-a\r\n250 b\r\n", "550 5.7.1 no\r\n", "334 \r\n", "334-\r\n", "421\n", "\x00", "250-5.1.1\r\n250 2.0.0 x\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := reader(s)
		for range 5 {
			a, err := c.read()
			if err != nil {
				if !c.broken || a.code != 0 {
					t.Errorf("%q: %+v, %v, but the session goes on", s, a, err)
				}
				return
			}
			if a.code < 200 || a.code > 599 || len(a.lines) == 0 || len(a.lines) > maxLines {
				t.Errorf("%q: %+v", s, a)
			}
			e := c.replyError(a, "MAIL")
			for _, words := range []string{c.words(a), e.Error(), endFate(e).Error(), envelopeFate(e).Error()} {
				if strings.ContainsAny(words, "\r\n\x00\x1b") || words == "" {
					t.Errorf("%q: words %q", s, words)
				}
			}
		}
	})
}
