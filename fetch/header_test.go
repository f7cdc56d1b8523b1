package fetch

import (
	"bytes"
	"testing"
)

// FuzzHeaderHash: one message has one digest, however it is cut into writes, and
// with either line end; nothing behind the header changes it.
func FuzzHeaderHash(f *testing.F) {
	for _, s := range []string{
		"", "\r\n", "\n", "Subject: x\r\n\r\nbody", "Message-ID: <a>\nStatus: RO\n folded\nX: y\n\nbody", "Received: x", "X: y\r\r\n\r\nz",
		" folded first\r\nX-UIDL: 1\r\nContent-Length: 5\r\n\r\n", "\x00\xff\r\n\r\r\n\r\n", "status: a\r\n\tb\r\nStatus\r\n\r\n", "X:\r\n \r\n\r\n",
	} {
		f.Add([]byte(s), uint8(1))
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, body []byte, step uint8) {
		whole := NewHeaderHash()
		whole.Write(body)
		pieces := NewHeaderHash()
		n := int(step) + 1
		for p := body; len(p) > 0; p = p[min(n, len(p)):] {
			pieces.Write(p[:min(n, len(p))])
		}
		if whole.Ended() != pieces.Ended() || whole.Telling() != pieces.Telling() {
			t.Errorf("in one write ended %v, telling %v; in pieces %v, %v", whole.Ended(), whole.Telling(), pieces.Ended(), pieces.Telling())
		}
		ended, sum := whole.Ended(), whole.Sum()
		if sum != pieces.Sum() {
			t.Errorf("%q has two digests", body)
		}
		if ended {
			whole.Write([]byte("X: more\r\n\r\n"))
			if whole.Sum() != sum {
				t.Errorf("what stands behind the header of %q changes its digest", body)
			}
		}
		if bytes.Contains(body, []byte("\r")) {
			return
		}
		crlf := NewHeaderHash()
		crlf.Write(bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n")))
		if len(body) < headerLimit/2 && crlf.Sum() != sum {
			t.Errorf("%q has another digest with CRLF", body)
		}
	})
}

// The limit falls anywhere: the digest is the same for every cut near it.
func TestHeaderHashAtItsLimit(t *testing.T) {
	line := bytes.Repeat([]byte("X: yyyy\r\n"), headerLimit/9+10)
	want := NewHeaderHash()
	want.Write(line)
	for _, cut := range []int{headerLimit - 2, headerLimit - 1, headerLimit, headerLimit + 1} {
		h := NewHeaderHash()
		h.Write(line[:cut])
		h.Write(line[cut:])
		if h.Sum() != want.Sum() || !h.Ended() {
			t.Errorf("cut at %d: another digest", cut)
		}
	}
}
