package smtp

import (
	"bytes"
	"io"
	"mime"
	"strings"
	"testing"

	"github.com/emersion/go-message"
	gomail "github.com/emersion/go-message/mail"

	"mailrill/deliver"
	"mailrill/deliver/delivertest"
	"mailrill/internal/mailtest"
)

// untraced returns m as it is with trace = false.
func untraced(t *testing.T, m *deliver.Message) *deliver.Message {
	plain := *m
	_, body, _ := strings.Cut(octets(t, m), "\r\n")
	plain.Size = int64(len(body))
	plain.Open = func() (io.ReadSeekCloser, error) { return file{strings.NewReader(body)}, nil }
	return &plain
}

// deliverOne returns what a server gets of m.
func deliverOne(t *testing.T, s *mailtest.SMTP, m *deliver.Message, change func(*Options)) mailtest.Delivery {
	t.Helper()
	o := startServer(t, s)
	change(&o)
	if fates, errs := send(t, open(t, o), m); fates[0] != "stored" {
		t.Fatalf("%v", errs[0])
	}
	return s.Received()[0]
}

// TestResend: trace line, Resent fields, the source's octets.
func TestResend(t *testing.T) {
	for _, shape := range delivertest.Shapes() {
		m := delivertest.NewMessage(shape.Body)
		trace := deliver.TraceField + ": " + m.ID + " suite\r\n"
		resent := "Resent-From: <me@a.example>\r\nResent-To: <you@b.example>\r\n" +
			"Resent-Date: Wed, 04 Mar 2026 05:06:07 +0800\r\nResent-Message-ID: <" + m.ID + "@me.example>\r\n"
		got := deliverOne(t, &mailtest.SMTP{}, m, func(*Options) {})
		if want := trace + resent + shape.Body; string(got.Body) != want {
			t.Errorf("%s: %.400q", shape.Name, got.Body)
		}
		got = deliverOne(t, &mailtest.SMTP{}, untraced(t, m), func(o *Options) { o.Sender = "" })
		want := strings.Replace(resent, "me@a.example", "you@b.example", 1) + shape.Body
		if string(got.Body) != want || got.From != "" {
			t.Errorf("%s, without trace and sender: from %q: %.400q", shape.Name, got.From, got.Body)
		}
	}
}

// TestWrap: a mail of our own around the source's octets, which another parser
// finds unchanged.
func TestWrap(t *testing.T) {
	for _, shape := range delivertest.Shapes() {
		m := delivertest.NewMessage(shape.Body)
		for _, given := range []*deliver.Message{m, untraced(t, m)} {
			got := deliverOne(t, &mailtest.SMTP{}, given, func(o *Options) { o.Wrap = true })
			body := string(got.Body)
			if given == m {
				trace := deliver.TraceField + ": " + m.ID + " suite\r\n"
				if !strings.HasPrefix(body, trace) || strings.Count(body, m.ID+" suite") != 1 {
					t.Errorf("%s: the trace line is not the first, or not alone: %.200q", shape.Name, body)
				}
			}
			checkWrapped(t, shape, m.ID, body)
		}
	}
}

func checkWrapped(t *testing.T, shape delivertest.Shape, id, body string) {
	t.Helper()
	e, err := message.Read(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v", shape.Name, err)
	}
	h := gomail.Header{Header: e.Header}
	from, _ := h.AddressList("From")
	to, _ := h.AddressList("To")
	date, err := h.Date()
	messageID, _ := h.MessageID()
	if err != nil || len(from) != 1 || from[0].Address != "me@a.example" || len(to) != 1 || to[0].Address != "you@b.example" ||
		!date.Equal(now()) || messageID != id+"@me.example" || h.Get("MIME-Version") != "1.0" {
		t.Errorf("%s: header: %v %v %v %q", shape.Name, from, to, date, messageID)
	}
	parts := e.MultipartReader()
	if _, err := parts.NextPart(); err != nil {
		t.Fatalf("%s: %v", shape.Name, err)
	}
	part, err := parts.NextPart()
	if err != nil {
		t.Fatalf("%s: %v", shape.Name, err)
	}
	if kind, _, _ := part.Header.ContentType(); kind != "message/rfc822" {
		t.Errorf("%s: the second part is %s", shape.Name, kind)
	}
	// go-message unfolds no line ends, but for the last: it must be ours.
	if got, err := io.ReadAll(part.Body); err != nil || string(got) != shape.Body {
		t.Errorf("%s: inside is %.200q (%v), want %.200q", shape.Name, got, err, shape.Body)
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Errorf("%s: a third part: %v", shape.Name, err)
	}
	encoding := part.Header.Get("Content-Transfer-Encoding")
	c, _ := scan(strings.NewReader(shape.Body), make([]byte, 100))
	if encoding != c.transferEncoding() || e.Header.Get("Content-Transfer-Encoding") != encoding {
		t.Errorf("%s: encoding %q outside %q", shape.Name, encoding, e.Header.Get("Content-Transfer-Encoding"))
	}
}

func TestTransferEncoding(t *testing.T) {
	for body, want := range map[string]string{
		"a\r\n": "7bit", "": "7bit", "\xfc\r\n": "8bit", strings.Repeat("x", 999) + "\r\n": "8bit",
		"a\n": "binary", "a\rb\r\n": "binary", "a\r": "binary", "\x00\r\n": "binary",
	} {
		c, err := scan(strings.NewReader(body), make([]byte, 10))
		if got := c.transferEncoding(); got != want || err != nil {
			t.Errorf("%.20q: %s, want %s", body, got, want)
		}
	}
}

// TestSubject wraps mails with subjects in many charsets, and hostile ones. The
// header of ours holds what can be read of them and not one field more.
func TestSubject(t *testing.T) {
	for _, tt := range []struct{ header, want string }{
		{"Subject: plain\r\n", "Fwd: plain"},
		{"From: a@b\r\nsubject :  odd\r\n", "Fwd: odd"},
		{"Subject: folded\r\n and\r\n\tmore\r\nTo: x\r\n more\r\n", "Fwd: folded and more"},
		{"Subject: LF only\nTo: x\n", "Fwd: LF only"},
		{"X-A: b\r\n Subject: not this\r\nSubject: this\r\nSubject: nor this\r\n", "Fwd: this"},
		{"Subject:\r\n", "Fwd:"},
		{"To: x\r\n\r\nSubject: body\r\n", "Fwd:"},
		{"", "Fwd:"},
		{"Subject: =?utf-8?q?gr=C3=BCn?=\r\n", "Fwd: grün"},
		{"Subject: =?gbk?b?xOO6ww==?= =?GB2312?Q?=C4=E3=BA=C3?=\r\n", "Fwd: 你好你好"},
		{"Subject: =?big5?b?p0Gmbg==?=\r\n", "Fwd: 你好"},
		{"Subject: =?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=\r\n", "Fwd: こんにちは"},
		{"Subject: =?x-unknown?q?abc?=\r\n", "Fwd: =?x-unknown?q?abc?="},
		{"Subject: gr\xc3\xbcn\r\n", "Fwd: grün"},
		{"Subject: \xc4\xe3\xba\xc3\r\n", "Fwd: \uFFFD"},
		{"Subject: =?utf-8?b?DQpCY2M6IGV2aWxAeC5leGFtcGxl?=\r\n", "Fwd: Bcc: evil@x.example"},
		{"Subject: =?utf-8?q?a=0D=0A=0D=0Abody?=\r\n", "Fwd: a body"},
		{"Subject: =?utf-8?q?a=0ABcc:_evil=00=1b[2J?=\r\n", "Fwd: a Bcc: evil??[2J"},
		{"Subject: a\rBcc: evil\r\n", "Fwd: a Bcc: evil"},
		{"Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3F=3D0ABcc:evil=3F=3D?=\r\n", "Fwd: = ?utf-8?q?=0ABcc:evil?="},
		{"Subject: " + strings.Repeat("長", 1000) + "\r\n", "Fwd: " + strings.Repeat("長", 133) + "…"},
		{"Subject: x\r\n" + strings.Repeat(" y\r\n", 20000), "Fwd: x" + strings.Repeat(" y", 199) + " …"},
	} {
		m := delivertest.NewMessage(tt.header + "\r\nbody\r\n")
		got := deliverOne(t, &mailtest.SMTP{}, m, func(o *Options) { o.Wrap = true })
		head, _, _ := bytes.Cut(got.Body, []byte("\r\n\r\n"))
		for line := range bytes.Lines(head) {
			if len(line) > maxText+2 {
				t.Errorf("%.60q: a header line of %d octets", tt.header, len(line))
			}
		}
		e, err := message.Read(bytes.NewReader(got.Body))
		if err != nil {
			t.Fatal(err)
		}
		if n := e.Header.Len(); n != 8+1 || e.Header.Has("Bcc") {
			t.Errorf("%.60q: the header has %d fields: %q", tt.header, n, head)
		}
		subject := e.Header.Get("Subject")
		if decoded, err := new(mime.WordDecoder).DecodeHeader(subject); err == nil {
			subject = decoded
		}
		if subject != tt.want {
			t.Errorf("%.60q: subject %q, want %q", tt.header, subject, tt.want)
		}
	}
}
