package mailtest

import (
	"bytes"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCorpus(t *testing.T) {
	a, b := Corpus(1, 100), Corpus(1, 100)
	seen := map[string]bool{}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			t.Fatalf("message %d differs from run to run", i)
		}
		clean := bytes.ReplaceAll(a[i], []byte("\r\n"), nil)
		if bytes.ContainsAny(clean, "\r\n\x00") || !bytes.HasSuffix(a[i], []byte("\r\n")) {
			t.Errorf("message %d has odd octets", i)
		}
		if m, err := mail.ReadMessage(bytes.NewReader(a[i])); err != nil || m.Header.Get("Message-Id") == "" {
			t.Errorf("message %d: %v", i, err)
		}
		seen[string(a[i])] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d different messages of 100", len(seen))
	}
	if bytes.Equal(Corpus(2, 1)[0], a[0]) {
		t.Error("the seed makes no difference")
	}
	for _, kind := range []string{"multipart/alternative", "multipart/mixed", "quoted-printable", "base64", "8bit", "\r\n."} {
		if !slices.ContainsFunc(a, func(m []byte) bool { return bytes.Contains(m, []byte(kind)) }) {
			t.Errorf("no message has %q", kind)
		}
	}
}

func TestShapes(t *testing.T) {
	names, bodies := map[string]bool{}, map[string]bool{}
	for _, s := range Shapes() {
		names[s.Name], bodies[string(s.Body)] = true, true
	}
	if n := len(Shapes()); len(names) != n || len(bodies) != n {
		t.Errorf("%d shapes, %d names, %d bodies", n, len(names), len(bodies))
	}
	for name, has := range map[string]string{
		"nul": "\x00", "bare-lf": "one\ntwo", "bare-cr": "one\rtwo", "cr-cr-lf": "\r\r\n", "lf-dot-crlf": "\n.\r\n",
		"dot-alone": "\r\n.\r\n", "foreign-trace": "\r\nX-Mailrill-ID: ", "8bit": "\xff", "body-first-line-empty": "\r\n\r\n\r\n",
		"long-line": strings.Repeat("0123456789abcdef", 1<<16), "long-header": strings.Repeat("0123456789", 10_000),
		"subject-gbk": "Subject: =?GBK?B?", "mbox-from": "From odd",
	} {
		if !strings.Contains(string(ShapeNamed(name)), has) {
			t.Errorf("%s does not hold %.40q", name, has)
		}
	}
	if bytes.HasSuffix(ShapeNamed("no-final-line-end"), []byte("\n")) {
		t.Error("no-final-line-end has one")
	}
	if !bytes.HasSuffix(ShapeNamed("body-empty"), []byte("\r\n\r\n")) || bytes.Contains(ShapeNamed("header-only"), []byte("\r\n\r\n")) {
		t.Error("empty bodies")
	}
	if ShapeNamed("nonesuch") != nil {
		t.Error("a shape without a name")
	}
	if n := len(Big(3 << 20)); n < 3<<20 || n > 3<<20+200_000 {
		t.Errorf("Big(3 MiB) has %d octets", n)
	}
}

func TestDemoMailbox(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	s := DemoMailbox(now)
	all := s.Messages(s.ByRole(`\All`))
	if len(all) != len(demoMails) || len(all) != 24 {
		t.Fatalf("%d messages", len(all))
	}
	subjects := map[string]bool{}
	var last time.Time
	for i, m := range all {
		parsed, err := mail.ReadMessage(bytes.NewReader(m.Body))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
		if err != nil || subject != demoMails[i].subject {
			t.Errorf("subject %q, want %q (%v)", subject, demoMails[i].subject, err)
		}
		from, err := parsed.Header.AddressList("From")
		if err != nil || from[0].Name != demoMails[i].name {
			t.Errorf("from %v, want %q (%v)", from, demoMails[i].name, err)
		}
		if date, err := parsed.Header.Date(); err != nil || !date.Equal(m.Date) || !m.Date.After(last) || m.Date.After(now) {
			t.Errorf("%s: date %v, INTERNALDATE %v (%v)", subject, date, m.Date, err)
		}
		for line := range bytes.Lines(m.Body) {
			if len(line) > 998+2 {
				t.Errorf("%s: a line of %d octets", subject, len(line))
			}
		}
		subjects[subject], last = true, m.Date
	}
	if len(subjects) != 24 {
		t.Errorf("%d subjects", len(subjects))
	}
	if n := len(s.Messages("INBOX")); n < 15 || len(s.Messages(demoTravel)) == 0 || len(s.Messages(demoFamily)) == 0 {
		t.Errorf("INBOX has %d", n)
	}
}
