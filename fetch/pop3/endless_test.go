package pop3

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
)

// forever repeats itself without an end.
type forever string

func (f forever) Read(p []byte) (int, error) {
	n := 0
	for n+len(f) <= len(p) {
		n += copy(p[n:], f)
	}
	return n, nil
}

// What is read for its header or its digest ends at twice what the server listed
// and 64 MiB, however it goes on.
func TestEndlessAnswer(t *testing.T) {
	for _, line := range []forever{"X: y\r\n", "x", "\r\n", "..\r\n"} {
		b := newBody(bufio.NewReaderSize(line, readSize), true).whole(10)
		n, err := io.Copy(io.Discard, b)
		if !errors.Is(err, errEndless) || n > 20+64<<20 || n < 20+64<<20-readSize {
			t.Errorf("%q: %d octets, %v", line, n, err)
		}
	}
}

// The bound itself is no breach.
func TestAnswerUpToItsBound(t *testing.T) {
	for most, want := range map[int64]error{6: nil, 5: errEndless} {
		b := newBody(bufio.NewReader(strings.NewReader("abcd\r\n.\r\n")), true)
		b.most = most
		if _, err := io.Copy(io.Discard, b); !errors.Is(err, want) {
			t.Errorf("6 octets of %d: %v, want %v", most, err, want)
		}
	}
}

func TestWhole(t *testing.T) {
	for size, want := range map[int64]int64{-1: 1 << 30, 0: 1 << 30, 5: 10 + 64<<20, 1 << 62: 2<<40 + 64<<20} {
		if b := new(body).whole(size); b.most != want {
			t.Errorf("listed with %d: %d, want %d", size, b.most, want)
		}
	}
}
