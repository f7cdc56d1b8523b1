package collect

import (
	"bytes"
	"testing"

	"mailrill/deliver"
)

// FuzzCapture: however a message is cut into writes, the header that is looked
// at is the same, and its fields are those of the whole.
func FuzzCapture(f *testing.F) {
	for _, s := range headerSeeds {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, body []byte, step int) {
		whole, pieces := &capture{}, &capture{}
		whole.Write(body)
		step = max(1, step%len(append(body, 0)))
		for p := body; len(p) > 0; p = p[min(step, len(p)):] {
			pieces.Write(p[:min(step, len(p))])
		}
		if !bytes.Equal(whole.buf, pieces.buf) {
			t.Fatalf("in one write %q, in pieces %q", whole.buf, pieces.buf)
		}
		if len(whole.buf) > captureLimit {
			t.Errorf("%d octets are kept", len(whole.buf))
		}
		h := parseHeader(whole.buf)
		if h.traceID != "" && !deliver.IsID(h.traceID) {
			t.Errorf("trace ID %q", h.traceID)
		}
		if h.received > bytes.Count(whole.buf, []byte(":")) {
			t.Errorf("%d Received fields", h.received)
		}
	})
}

// headerSeeds are headers as they should not be.
var headerSeeds = []string{
	"", "\r\n", "\n", "\r\n\r\nbody", "no colon\r\nSubject: x\r\n\r\n", " folded first\r\nFrom: <a@b>\r\n\n",
	"From MAILER-DAEMON Thu\r\nReceived: a\nReceived: b\n\r\nX", "Subject : =?utf-8?B?DQpCY2M6IHg=?=\r\n\r\n",
	"X-Mailrill-ID: aaaaaaaaaaaaaaaaaaaaaaaaaa acct\r\nX-Mailrill-ID: bbbbbbbbbbbbbbbbbbbbbbbbbb\r\n\r\n",
	"Message-ID:\r\n <a@b>\r\nFrom: \"a<b\" <c@d\r\n\r\n", "A: \x00\x1b[31m\xff\r\n\n\r\n", ":\r\n::\r\n\r\n", "X\r\r\n\r\r\n\r\n",
}
