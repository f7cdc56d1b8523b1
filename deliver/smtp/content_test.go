package smtp

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"

	"mailrill/deliver/delivertest"
)

// slowScan says what scan must find, octet by octet.
func slowScan(p []byte) content {
	c := content{size: int64(len(p)), ended: bytes.HasSuffix(p, []byte("\r\n"))}
	for i, b := range p {
		c.nul = c.nul || b == 0
		c.eightBit = c.eightBit || b >= 0x80
		c.bareCR = c.bareCR || b == '\r' && (i+1 == len(p) || p[i+1] != '\n')
		c.bareLF = c.bareLF || b == '\n' && (i == 0 || p[i-1] != '\r')
	}
	lines := bytes.SplitAfter(p, []byte("\n"))
	for _, line := range lines {
		if bytes.HasSuffix(line, []byte("\n")) {
			line = bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))
		}
		c.longest = max(c.longest, len(line))
	}
	return c
}

func checkScan(t *testing.T, p []byte, size int) {
	t.Helper()
	got, err := scan(bytes.NewReader(p), make([]byte, size))
	if want := slowScan(p); got != want || err != nil {
		t.Errorf("scan(%.100q) by %d: %+v, want %+v (%v)", p, size, got, want, err)
	}
}

func TestScan(t *testing.T) {
	for _, s := range []string{"", "\r", "\n", "\r\n", "a", "a\r", "a\r\n", "a\n", "\r\r\n", "\n\r", "\r\na\rb\n\x00\xff", "a\r\nb\r\n.\r\n", strings.Repeat("x", 40) + "\x80"} {
		for size := 1; size < 50; size++ {
			checkScan(t, []byte(s), size)
		}
	}
	for _, shape := range delivertest.Shapes() {
		checkScan(t, []byte(shape.Body), 4096)
	}
	if _, err := scan(iotest.ErrReader(errDisk), make([]byte, 10)); err != errDisk {
		t.Errorf("a reader that fails: %v", err)
	}
}

func TestStuffer(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{".", ".."},
		{".\r\n", "..\r\n"},
		{"a.\r\n", "a.\r\n"},
		{"a\r\n.b\r\n..\r\n.", "a\r\n..b\r\n...\r\n.."},
		{"\r\n.\r\n.\r\n", "\r\n..\r\n..\r\n"},
	} {
		for size := 1; size < 8; size++ {
			if got := stuff(t, []byte(tt.in), size); got != tt.want {
				t.Errorf("%q by %d: %q, want %q", tt.in, size, got, tt.want)
			}
		}
	}
	s := &stuffer{w: failing{}}
	for _, in := range []string{".", "a", "a\n.b"} {
		if _, err := s.Write([]byte(in)); err != errDisk {
			t.Errorf("%q into a writer that fails: %v", in, err)
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errDisk }

func stuff(t *testing.T, p []byte, size int) string {
	t.Helper()
	var out bytes.Buffer
	s := &stuffer{w: &out}
	for len(p) > 0 {
		n, err := s.Write(p[:min(size, len(p))])
		if n != min(size, len(p)) || err != nil {
			t.Fatalf("wrote %d of %d: %v", n, size, err)
		}
		p = p[n:]
	}
	return out.String()
}

// FuzzStuffer: what DATA carries comes out of a strict server as it went in, and
// it ends where it ends.
func FuzzStuffer(f *testing.F) {
	for _, shape := range delivertest.Shapes() {
		f.Add([]byte(shape.Body[:min(len(shape.Body), 300)]), 7)
	}
	f.Fuzz(func(t *testing.T, p []byte, size int) {
		size = max(size%100, 1)
		checkScan(t, p, size)
		c := slowScan(p)
		if !c.lines() {
			return
		}
		message, end := string(p), ".\r\n"
		if !c.ended {
			end = "\r\n" + end
			message += "\r\n"
		}
		if got, ok := unstuff(stuff(t, p, size) + end); !ok || got != message {
			t.Errorf("%q came out as %q (%v)", message, got, ok)
		}
	})
}

// text is an ordinary message of 1 MiB: lines of 76 characters, as base64 has.
var text = bytes.Repeat([]byte(strings.Repeat("0123456789abcdef/+ABCDEF", 3)+"wxyz\r\n"), 1<<20/78)

func BenchmarkScan(b *testing.B) {
	buf := make([]byte, bufferSize)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if c, err := scan(bytes.NewReader(text), buf); err != nil || !c.lines() {
			b.Fatal(err)
		}
	}
}

func BenchmarkStuffer(b *testing.B) {
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s := &stuffer{w: discard{}}
		for p := text; len(p) > 0; p = p[min(len(p), bufferSize):] {
			if _, err := s.Write(p[:min(len(p), bufferSize)]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
