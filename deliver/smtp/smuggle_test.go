package smtp

import (
	"fmt"
	"strings"
	"testing"

	"mailrill/deliver"
	"mailrill/deliver/delivertest"
	"mailrill/internal/mailtest"
)

// ends are what some server somewhere has taken for the end of a message (the
// list of smtpsmuggling.com and smtpsmug), but for the real one.
var ends = []string{
	"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\n.\r", "\r.\n",
	"\r\r\n.\r\r\n", "\r\n\x00.\r\n", "\r\n.\x00\r\n", "\x00\r\n.\r\n", "\r\n.\r\x00\n", "\r\x00\n.\r\n",
	"\n\n.\r\n", "\r\n.\n\r\n", "\n.\n\n", "\r\n..\r\n", "\r\n.\r\n", "\r\n.\r\n.\r\n", "\r\n. \r\n", "\r\n.\r\r\n",
	"\r\n.\x1a\r\n", "\r\n.\u2028\r\n", "\x85.\x85", "\r\n.\x0b\r\n", "\r\n.\x0c\n",
}

// TestSmuggling sends bodies that hold an end and a second message. Exactly one
// arrives, octet by octet, or none, where DATA cannot carry it.
func TestSmuggling(t *testing.T) {
	for _, end := range ends {
		m := delivertest.NewMessage("Subject: outer\r\n\r\nhello" + end +
			"MAIL FROM:<admin@b.example>\r\nRCPT TO:<you@b.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx" + end + "QUIT\r\n")
		for _, offers := range []string{"CHUNKING,PIPELINING", "PIPELINING", ""} {
			checkAlone(t, end, offers, m)
		}
	}
}

func checkAlone(t *testing.T, end, offers string, m *deliver.Message) {
	t.Helper()
	s := &mailtest.SMTP{LMTP: true, Capabilities: strings.Split(offers, ",")}
	d := open(t, startServer(t, s))
	before, after := letters(2)[0], letters(2)[1]
	fates, errs := send(t, d, before, m, after)
	want := []string{octets(t, before), octets(t, m), octets(t, after)}
	if strings.ContainsAny(strings.ReplaceAll(octets(t, m), "\r\n", ""), "\r\n\x00") && !strings.Contains(offers, "CHUNKING") {
		want = []string{want[0], want[2]}
		if fates[1] != "rejected" {
			t.Errorf("%q by DATA: %v, want rejected", end, errs[1])
		}
	} else if fates[1] != "stored" {
		t.Errorf("%q, %q: %v", end, offers, errs[1])
	}
	received := s.Received()
	if len(received) != len(want) {
		t.Errorf("%q, %q: %d messages arrived, want %d", end, offers, len(received), len(want))
		return
	}
	for i, r := range received {
		if string(r.Body) != want[i] || r.From != "me@a.example" {
			t.Errorf("%q, %q: message %d is from %s: %q", end, offers, i, r.From, r.Body)
		}
	}
}

// TestLastLine: DATA ends the last line where the message does not, and changes
// nothing else.
func TestLastLine(t *testing.T) {
	for _, body := range []string{"Subject: x\r\n\r\nno end", "Subject: x\r\n\r\n.", "Subject: x\r\n\r\na\r\n.", "x"} {
		s := &mailtest.SMTP{LMTP: true, Without: []string{"CHUNKING"}}
		m := delivertest.NewMessage(body)
		if fates, errs := send(t, open(t, startServer(t, s)), m); fates[0] != "stored" || string(s.Received()[0].Body) != octets(t, m)+"\r\n" {
			t.Errorf("%q: %v, %v", body, errs[0], s.Received())
		}
	}
}

// TestParameters: what the server is told of a message is what it offers and
// what the message is.
func TestParameters(t *testing.T) {
	for _, tt := range []struct{ offers, body, want string }{
		{"8BITMIME,SIZE,CHUNKING,BINARYMIME", "ascii\r\n", ""},
		{"8BITMIME", "ascii\r\n", ""},
		{"8BITMIME", "gr\xc3\xbcn\r\n", " BODY=8BITMIME"},
		{"8BITMIME,CHUNKING", "gr\xc3\xbcn\r\n", " BODY=8BITMIME"},
		{"CHUNKING", "gr\xc3\xbcn\r\n", ""},
		{"8BITMIME,CHUNKING", "bare\n", ""},
		{"8BITMIME,CHUNKING,BINARYMIME", "gr\xc3\xbcn\r\n", " BODY=8BITMIME"},
		{"8BITMIME,CHUNKING,BINARYMIME", "bare\n", " BODY=BINARYMIME"},
		{"8BITMIME,CHUNKING,BINARYMIME", "nul\x00\r\n", " BODY=BINARYMIME"},
		{"8BITMIME,CHUNKING,BINARYMIME", "no end", " BODY=BINARYMIME"},
		{"8BITMIME,CHUNKING,BINARYMIME", strings.Repeat("x", 999) + "\r\n", " BODY=BINARYMIME"},
		{"8BITMIME,CHUNKING,BINARYMIME", strings.Repeat("x", 998) + "\r\n", ""},
		{"8BITMIME,BINARYMIME", strings.Repeat("x", 999) + "\r\n", ""}, // BINARYMIME is nothing without CHUNKING
	} {
		p := &peer{offers: tt.offers}
		m := delivertest.NewMessage(tt.body)
		if fates, errs := send(t, open(t, p.options(t)), m); fates[0] != "stored" {
			t.Errorf("%s, %.20q: %v", tt.offers, tt.body, errs[0])
		}
		want := "MAIL FROM:<me@a.example>" + tt.want
		if strings.Contains(tt.offers, "SIZE") {
			want += fmt.Sprintf(" SIZE=%d", m.Size)
		}
		if log, _ := p.seen(); log[1] != want {
			t.Errorf("%s, %.20q: the server was told %q, want %q", tt.offers, tt.body, log[1], want)
		}
	}
}
