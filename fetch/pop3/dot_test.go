package pop3

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// stuff is what a server sends for a message.
func stuff(message, end string) string {
	if message == "" {
		return "." + end
	}
	s := strings.ReplaceAll(end+message, end+".", end+"..")[len(end):]
	return s + "." + end
}

var bodies = []string{
	"", "\r\n", "a\r\n", ".\r\n", "..\r\n", "...\r\n.\r\n", ".a\r\n.b\r\n", "a\nb\r\n", "a\n.\r\n", "a\n.\nb\r\n", "a\r\n\n.\r\n",
	"\r\r\n", "\r\r\r\n", "a\r.\r\n", "\r.\r\n", "\r\n\r\n.\r\n\r\n", "\n\r\n", "caf\xe9\x00\xff\r\n", "\xef\xbb\xbfx\r\n",
	strings.Repeat("z", 1<<20) + "\r\n", strings.Repeat("\r\n", 70_000), strings.Repeat(".\r\n", 70_000), strings.Repeat("\r", 70_000) + "\r\n",
	strings.Repeat("x", readSize-1) + "\r\n.\r\n", strings.Repeat("x", readSize-2) + "\r\n.\r\n", strings.Repeat("x", readSize-3) + "\r\n..\r\n",
}

// rest is what follows the terminator and must be left alone.
const rest = "+OK next\r\n.\r\n"

func TestBody(t *testing.T) {
	for _, b := range bodies {
		for name, r := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "octets": iotest.OneByteReader, "halves": iotest.HalfReader} {
			if name == "octets" && len(b) > readSize+10 {
				continue // the whole and the halves cross the buffer's end too
			}
			for end, message := range map[string]string{"\r\n": b, "\n": strings.ReplaceAll(b, "\r\n", "\n")} {
				checkBody(t, name, r(strings.NewReader(stuff(message, end)+rest)), message, end)
			}
		}
	}
}

func checkBody(t *testing.T, name string, wire io.Reader, message, end string) {
	t.Helper()
	in := bufio.NewReaderSize(wire, readSize)
	b := newBody(in, end == "\r\n")
	if empty := b.empty(); empty != (message == "") {
		t.Errorf("%s: %.20q: empty is %v", name, message, empty)
	}
	var have bytes.Buffer
	if name == "halves" {
		io.CopyN(&have, b, 7) // a Read, then WriteTo for what is left
	}
	if _, err := io.Copy(&have, b); err != nil || have.String() != message {
		t.Errorf("%s: %.20q … (%d octets) came as %.20q … (%d octets), error %v", name, message, len(message), have.String(), have.Len(), err)
	}
	if n, err := b.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("%s: %.20q: behind the end: %d, %v", name, message, n, err)
	}
	if left, _ := io.ReadAll(in); string(left) != rest {
		t.Errorf("%s: %.20q: behind the terminator lies %q", name, message, left)
	}
}

// Every cut, wherever it is, is an error and never the end of the message.
func TestBodyCutAnywhere(t *testing.T) {
	for _, b := range bodies {
		if len(b) > 100 {
			continue
		}
		wire := stuff(b, "\r\n")
		for i := range wire {
			have, err := io.ReadAll(newBody(bufio.NewReader(strings.NewReader(wire[:i])), true))
			if !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || !strings.HasPrefix(b, string(have)) {
				t.Errorf("%q: %q, error %v", wire[:i], have, err)
			}
		}
	}
	reset := errors.New("connection reset")
	in := bufio.NewReader(io.MultiReader(strings.NewReader("abc\r\n."), iotest.ErrReader(reset)))
	if have, err := io.ReadAll(newBody(in, true)); !errors.Is(err, reset) || string(have) != "abc\r\n" {
		t.Errorf("%q, error %v", have, err)
	}
}

// A writer's error ends WriteTo, and what it took is not written again.
func TestBodyWriteError(t *testing.T) {
	b := newBody(bufio.NewReader(strings.NewReader("abc\r\n.\r\n")), true)
	if n, err := b.WriteTo(shortWriter{}); n != 2 || err != io.ErrShortWrite {
		t.Errorf("wrote %d, error %v", n, err)
	}
	if left, err := io.ReadAll(b); string(left) != "c\r\n" || err != nil {
		t.Errorf("left %q, error %v", left, err)
	}
}

type shortWriter struct{}

func (shortWriter) Write(p []byte) (int, error) { return 2, io.ErrShortWrite }

func FuzzBody(f *testing.F) {
	for _, b := range bodies {
		if len(b) < 1000 {
			f.Add([]byte(b), byte(1))
		}
	}
	f.Fuzz(func(t *testing.T, message []byte, step byte) {
		for _, end := range []string{"\r\n", "\n"} {
			m := string(message)
			if m != "" && !strings.HasSuffix(m, end) {
				m += end // as a server must
			}
			wire := &pieces{data: []byte(stuff(m, end) + rest), step: int(step) + 1}
			checkBody(t, "whole", wire, m, end)
			io.Copy(io.Discard, newBody(bufio.NewReader(bytes.NewReader(message)), end == "\r\n"))
		}
	})
}

// pieces hands out its data a few octets at a time, like a network.
type pieces struct {
	data []byte
	step int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.data[:min(p.step, len(p.data))])
	p.data = p.data[n:]
	return n, nil
}
