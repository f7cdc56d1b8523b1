package imapwire

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// benchSession is a client over loopback whose server answers by answer, which
// writes into a buffer that is flushed when there is nothing more to read.
func benchSession(b *testing.B, answer func(w *bufio.Writer, br *bufio.Reader, tag, command string)) *Client {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		br, w := bufio.NewReaderSize(conn, 1<<16), bufio.NewWriterSize(conn, 1<<16)
		fmt.Fprint(w, greeting)
		for {
			if br.Buffered() == 0 {
				w.Flush()
			}
			line, err := br.ReadString('\n')
			if err != nil {
				return
			}
			tag, command, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
			answer(w, br, tag, command)
		}
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	c, err := Connect(b.Context(), conn, Options{Auth: password("me", "secret")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close(); ln.Close() })
	return c
}

const benchBody = 3848 // octets, as in the probe of go-imap

func BenchmarkFetch(b *testing.B) {
	const many = 5000
	body := strings.Repeat("0123456789abcde\n", benchBody/16+1)[:benchBody]
	var answer strings.Builder
	for i := 1; i <= many; i++ {
		fmt.Fprintf(&answer, "* %d FETCH (UID %d FLAGS (\\Seen) INTERNALDATE \"01-Feb-2026 10:00:00 +0000\" RFC822.SIZE %d BODY[] {%d}\r\n%s)\r\n", i, i, benchBody, benchBody, body)
	}
	text := answer.String()
	c := benchSession(b, func(w *bufio.Writer, _ *bufio.Reader, tag, command string) {
		if strings.HasPrefix(command, "UID FETCH") {
			io.WriteString(w, text)
		}
		fmt.Fprintf(w, "%s OK [CAPABILITY IMAP4rev1] done\r\n", tag)
	})
	buf := make([]byte, 32<<10)
	n := 0
	b.ReportAllocs()
	b.SetBytes(benchBody)
	b.ResetTimer()
	for n < b.N { // an operation is a message
		err := c.Fetch(b.Context(), "1:5000", "UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]", func(_ *Response, body io.Reader) error {
			n++
			for {
				if _, err := body.Read(buf); err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
			}
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "messages/s")
}

func BenchmarkAppend(b *testing.B) {
	for _, caps := range []string{"LITERAL+", "LITERAL-"} {
		b.Run(caps, func(b *testing.B) {
			c := benchSession(b, func(w *bufio.Writer, br *bufio.Reader, tag, command string) {
				if strings.HasPrefix(command, "APPEND") {
					n, unasked := literalOf(command)
					if !unasked {
						fmt.Fprint(w, "+ go\r\n")
						w.Flush()
					}
					br.Discard(n + 2)
				}
				fmt.Fprintf(w, "%s OK [CAPABILITY IMAP4rev1 %s] done\r\n", tag, caps)
			})
			ms := make([]Append, 500)
			for i := range ms {
				ms[i] = mail(strings.Repeat("x", 5000))
			}
			b.ReportAllocs()
			b.SetBytes(5000)
			b.ResetTimer()
			n := 0
			for n < b.N { // an operation is a message
				err := appendAll(b.Context(), c, "x", ms, func(_ int, _ AppendUID, err error) {
					if n++; err != nil {
						b.Error(err)
					}
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
