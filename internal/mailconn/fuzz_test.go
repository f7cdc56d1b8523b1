package mailconn

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"mailrill/internal/reply"
)

// FuzzDialogue: before TLS a server may say anything: each step ends within its
// bounds, agrees only in the protocol's own words, and its error is fit for
// people.
func FuzzDialogue(f *testing.F) {
	for _, s := range []string{
		"* OK hi\r\nT1 OK go\r\n", "* PREAUTH hi\r\n", "* BYE [REFERRAL imap://x] y\r\n", "T1 OK go\r\n* CAPABILITY X\r\n", "+OK hi\r\n+OK go\r\n", "-ERR [AUTH] no\r\n", "+OKAY\r\n",
		"220 hi\r\n250-x\r\n250 y\r\n220 go\r\n", "220-\r\n221 x\r\n", "454 later\r\n", "\r\n", "\x1b[31m\u202e\xff\r\n", "* OK " + strings.Repeat("x", 9000) + "\r\n", strings.Repeat("* OK x\r\n", 200),
	} {
		f.Add([]byte(s))
	}
	agreed := map[string]string{"imap": "T1 OK", "pop3": "+OK", "smtp": "220", "lmtp": "220"}
	f.Fuzz(func(t *testing.T, text []byte) {
		for protocol, dialog := range dialogues {
			l := &lines{r: bufio.NewReaderSize(bytes.NewReader(text), lineLimit)}
			err := dialog.answer(l, "")
			for _, command := range dialog.commands {
				if err == nil {
					err = dialog.answer(l, command)
				}
			}
			if err == nil && !bytes.Contains(bytes.ToUpper(text), []byte(agreed[protocol])) {
				t.Errorf("%s: %q is taken for an agreement", protocol, text)
			}
			if err != nil && strings.ContainsFunc(err.Error(), reply.Steers) {
				t.Errorf("%s: error %q", protocol, err)
			}
		}
	})
}

// FuzzProxyAnswer: the same for the answer of an HTTP proxy.
func FuzzProxyAnswer(f *testing.F) {
	for _, s := range []string{"HTTP/1.1 200 ok\r\n\r\n", "HTTP/1.1 407 no\r\nX: y\r\n\r\n", "HTTP/1.1 20 x\r\n\r\n", "ICY 200 OK\r\n\r\n", "\r\n\r\n", "HTTP/1.1 503 \x1b[31m\r\n\r\n", strings.Repeat("x", 20_000)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		header, err := readHTTPHeader(bytes.NewReader(text))
		if err == nil {
			err = connectAnswer(header)
		}
		if err == nil && !strings.Contains(header, " 2") {
			t.Errorf("%q opens the tunnel", header)
		}
		if err != nil && strings.ContainsFunc(err.Error(), reply.Steers) {
			t.Errorf("error %q", err)
		}
	})
}
