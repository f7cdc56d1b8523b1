package delivertest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"mailrill/deliver"
)

// A Shape is a message that some software would break.
type Shape struct {
	Name string
	Body string // as a source served it
}

// Shapes returns the odd messages. Their names are what Harness.Refuses holds.
func Shapes() []Shape {
	const header = "From: a@example.com\r\nSubject: shape\r\n\r\n"
	return []Shape{
		{"plain", header + "Hello.\r\n"},
		{"8-bit", header + "gr\xc3\xbc\xc3\x9fe, \xe4\xbd\xa0\xe5\xa5\xbd, latin \xfc, raw \xff\xfe\x80\r\n"},
		{"8-bit header", "Subject: \xc4\xe3\xba\xc3\r\n\r\nGBK above\r\n"},
		{"dot lines", header + ".\r\n..\r\n.hidden\r\n\r\n.\r\nbehind a dot\r\n...\r\n"},
		{"bare LF", header + "one\ntwo\n.\nthree\r\n"},
		{"bare CR", header + "one\rtwo\r.\r\rthree\r\n"},
		{"CR CR LF", header + "one\r\r\ntwo\r\n"},
		{"NUL", header + "before\x00after\r\n"},
		{"long line", header + strings.Repeat("x", 1<<20) + "\r\n"},
		{"empty body", header},
		{"header only", "Subject: no blank line\r\n"},
		{"no header", "\r\nThis begins with its body.\r\n"},
		{"not a header", "this is no header at all\r\nnor this\r\n"},
		{"empty", ""},
		{"no final line end", header + "the end"},
		{"final CR", header + "the end\r"},
		{"final dot", header + "the end\r\n."},
		{"from line", "From somebody Mon Jan  1 00:00:00 2026\r\n" + header + "From here on\r\n"},
		{"literal", header + "A1 OK {5}\r\n* BYE\r\n)\r\n"},
		{"large", header + strings.Repeat("All work and no play makes Jack a dull boy.\r\n", 3<<15)},
	}
}

// base is when the messages of the suite were first begun and received.
var base = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// NewMessage returns a message with its trace line. Its ID follows from body:
// the same body has the same ID.
func NewMessage(body string) *deliver.Message {
	digest := sha256.Sum256([]byte(body))
	id := strings.ToLower(base32.StdEncoding.EncodeToString(digest[:]))[:26]
	octets := fmt.Sprintf("%s: %s suite\r\n%s", deliver.TraceField, id, body)
	return &deliver.Message{
		ID: id, Account: "suite", Size: int64(len(octets)), Digest: digest,
		Begun: base, Received: base.Add(-24 * time.Hour),
		Open: func() (io.ReadSeekCloser, error) {
			return nopCloser{strings.NewReader(octets)}, nil
		},
	}
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

// numbered returns n messages that differ in their number and size.
func numbered(n int) []*deliver.Message {
	ms := make([]*deliver.Message, n)
	for i := range ms {
		ms[i] = NewMessage(fmt.Sprintf("Subject: message %d\r\n\r\n%s", i, strings.Repeat("line\r\n", i*7%400)))
	}
	return ms
}

func octets(t *testing.T, m *deliver.Message) []byte {
	t.Helper()
	r, err := m.Open()
	if err != nil {
		t.Fatalf("open message: %v", err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read message: %v", err)
	}
	return b
}

// errSpool is the error of a broken spool.
var errSpool = errors.New("the spool is broken")

// breakOpen returns a message like m that cannot be opened.
func breakOpen(_ *testing.T, m *deliver.Message) *deliver.Message {
	broken := *m
	broken.Open = func() (io.ReadSeekCloser, error) { return nil, errSpool }
	return &broken
}

// breakRead returns a message like m whose octets end in an error halfway.
func breakRead(t *testing.T, m *deliver.Message) *deliver.Message {
	broken, half := *m, octets(t, m)[:m.Size/2]
	broken.Open = func() (io.ReadSeekCloser, error) {
		return nopCloser{&failing{Reader: bytes.NewReader(half)}}, nil
	}
	return &broken
}

// shorten returns a message like m that ends before its size, without an error.
func shorten(t *testing.T, m *deliver.Message) *deliver.Message {
	return withOctets(m, octets(t, m)[:m.Size/2])
}

// lengthen returns a message like m that goes on behind its size.
func lengthen(t *testing.T, m *deliver.Message) *deliver.Message {
	return withOctets(m, append(octets(t, m), "more\r\n"...))
}

func withOctets(m *deliver.Message, octets []byte) *deliver.Message {
	spoiled := *m
	spoiled.Open = func() (io.ReadSeekCloser, error) { return nopCloser{bytes.NewReader(octets)}, nil }
	return &spoiled
}

type failing struct{ *bytes.Reader }

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err == io.EOF {
		err = errSpool
	}
	return n, err
}

// WriteTo keeps io.Copy from going round Read.
func (f *failing) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{f})
}
