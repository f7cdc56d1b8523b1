package pop3

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"mailrill/fetch"
)

// BenchmarkBody reads 40 MiB of mail into SHA-256 and, for the reader alone, into
// nothing.
func BenchmarkBody(b *testing.B) {
	mail := strings.Repeat(strings.Repeat("y", 76)+"\r\n", 40<<20/78)
	dots := strings.Repeat(".......y\r\n", 4<<20/10)
	for name, c := range map[string]struct {
		message string
		into    io.Writer
	}{"lines": {mail, io.Discard}, "dot lines": {dots, io.Discard}, "SHA-256": {mail, sha256.New()}} {
		b.Run(name, func(b *testing.B) {
			data := stuff(c.message, "\r\n")
			in := bufio.NewReaderSize(nil, readSize)
			b.SetBytes(int64(len(c.message)))
			b.ReportAllocs()
			for b.Loop() {
				in.Reset(strings.NewReader(data))
				if n, err := io.Copy(c.into, newBody(in, true)); err != nil || n != int64(len(c.message)) {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkRetrieve reads 2,000 messages of 4 KiB over loopback.
func BenchmarkRetrieve(b *testing.B) {
	const messages = 2000
	body := mail("x", strings.Repeat(strings.Repeat("y", 76)+"\r\n", 52))
	for _, capa := range []string{"PIPELINING", "TOP"} {
		b.Run(capa, func(b *testing.B) {
			source := New(Options{Dial: dial(instant(b, capa, messages, body)), Auth: password("joe", "secret")})
			opened, err := source.Connect(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer opened.Close(false)
			items, err := openAndList(b.Context(), opened)
			if err != nil || len(items) != messages {
				b.Fatal(len(items), err)
			}
			b.SetBytes(int64(messages * len(body)))
			b.ReportAllocs()
			buf := make([]byte, 32<<10)
			for b.Loop() {
				err := opened.Retrieve(b.Context(), items, func(_ fetch.Item, _ *fetch.Meta, r io.Reader, _ error) error {
					_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, buf)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(messages*b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkList lists 100,000 messages.
func BenchmarkList(b *testing.B) {
	const messages = 100_000
	source := New(Options{Dial: dial(instant(b, "TOP", messages, "")), Auth: password("joe", "secret")})
	opened, err := source.Connect(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer opened.Close(false)
	b.ReportAllocs()
	for b.Loop() {
		if items, err := openAndList(b.Context(), opened); err != nil || len(items) != messages {
			b.Fatal(len(items), err)
		}
	}
}

// instant is a server that has all its answers ready.
func instant(b *testing.B, capa string, messages int, body string) (addr string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ln.Close() })
	answers := map[string][]byte{
		"CAPA": []byte("+OK\r\n" + capa + "\r\n.\r\n"),
		"STAT": fmt.Appendf(nil, "+OK %d 1\r\n", messages),
		"RETR": []byte("+OK\r\n" + stuff(body, "\r\n")),
	}
	var list, uidl bytes.Buffer
	for i := 1; i <= messages; i++ {
		fmt.Fprintf(&list, "%d %d\r\n", i, len(body))
		fmt.Fprintf(&uidl, "%d GmailId%016x\r\n", i, i)
	}
	answers["LIST"] = []byte("+OK\r\n" + list.String() + ".\r\n")
	answers["UIDL"] = []byte("+OK\r\n" + uidl.String() + ".\r\n")
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in, out := bufio.NewReader(conn), bufio.NewWriterSize(conn, 64<<10)
		out.WriteString("+OK\r\n")
		for {
			if in.Buffered() == 0 {
				out.Flush()
			}
			line, err := in.ReadSlice('\n')
			if err != nil {
				return
			}
			if answer, ok := answers[string(line[:4])]; ok {
				out.Write(answer)
			} else {
				out.WriteString("+OK\r\n")
			}
		}
	}()
	return ln.Addr().String()
}
