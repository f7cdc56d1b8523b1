package mailtest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// A link is the server's end of a connection. It writes answers so that a
// Verdict can cut them short. Its errors stick: after the first one nothing more
// is read or written, and the session ends when it next asks for a line.
type link struct {
	raw  net.Conn // without TLS: closing it is a cut, without a farewell
	conn net.Conn
	br   *bufio.Reader
	bw   *bufio.Writer

	left   int  // octets of the answer that may still be written; -1: all
	upload int  // octets of an upload that may still be read; -1: all
	cut    bool // the connection was dropped
	secure bool // in TLS
}

func newLink(conn net.Conn, config *tls.Config) *link {
	k := &link{raw: conn, left: -1, upload: -1}
	if config != nil {
		k.secure = true
		conn = tls.Server(conn, config)
	}
	k.use(conn)
	return k
}

func (k *link) use(conn net.Conn) {
	k.conn = conn
	k.br = bufio.NewReaderSize(conn, 32<<10)
	k.bw = bufio.NewWriterSize(conn, 32<<10)
}

// startTLS goes on in TLS, behind the answer that was written. What the client
// sent too early is lost.
func (k *link) startTLS(config *tls.Config) {
	if k.flush(); !k.cut {
		k.secure = true
		k.use(tls.Server(k.conn, config))
	}
}

func (k *link) close() {
	if !k.cut {
		k.bw.Flush()
		k.conn.Close()
	}
	k.raw.Close()
}

// drop cuts the connection behind what was written so far.
func (k *link) drop() {
	if !k.cut {
		k.bw.Flush()
		k.cut = true
		k.raw.Close()
	}
}

// obey prepares the link for the answer to a command. It reports whether the
// command is to be done; if not, it has been dealt with.
func (k *link) obey(v Verdict, reply func(string)) bool {
	k.left, k.upload = -1, -1
	switch {
	case v.Reply != "":
		reply(v.Reply)
		if v.Cut {
			k.drop()
		}
		return false
	case v.Cut:
		k.drop()
		return false
	case v.LoseReply:
		k.left = 0
	case v.CutAfter > 0:
		k.left = v.CutAfter
	}
	if v.CutUpload > 0 {
		k.upload = v.CutUpload
	}
	return true
}

// done ends the answer to a command: a cut that was ordered happens now at the
// latest. Answers are held back while further commands wait to be read.
func (k *link) done() {
	if k.left >= 0 || k.upload >= 0 {
		k.drop()
	}
	if k.br.Buffered() == 0 {
		k.flush()
	}
}

func (k *link) flush() {
	if !k.cut {
		k.bw.Flush()
	}
}

func (k *link) Write(p []byte) (int, error) {
	if k.cut {
		return 0, net.ErrClosed
	}
	if k.left >= 0 && len(p) >= k.left {
		k.bw.Write(p[:k.left])
		k.drop()
		return 0, net.ErrClosed
	}
	if k.left >= 0 {
		k.left -= len(p)
	}
	return k.bw.Write(p)
}

func (k *link) printf(format string, args ...any) { fmt.Fprintf(k, format, args...) }

// ask writes what a client waits for in the middle of a command. No verdict
// holds it back.
func (k *link) ask(line string) {
	if !k.cut {
		k.bw.WriteString(line + "\r\n")
		k.bw.Flush()
	}
}

// maxLine bounds a command; lists of UIDs may be long.
const maxLine = 1 << 20

var errLineTooLong = errors.New("line too long")

// line reads a line and returns it without its end, CRLF or LF.
func (k *link) line() (string, error) {
	if k.cut {
		return "", net.ErrClosed
	}
	return k.readLine()
}

// readLine may run beside a goroutine that writes.
func (k *link) readLine() (string, error) {
	var line []byte
	for {
		part, err := k.br.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			return strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
		if len(line) > maxLine {
			return "", errLineTooLong
		}
	}
}

// octets reads an upload of n octets.
func (k *link) octets(n int64) ([]byte, error) {
	if k.upload >= 0 && int64(k.upload) <= n {
		io.CopyN(io.Discard, k.br, int64(k.upload))
		k.drop()
		return nil, net.ErrClosed
	}
	var b bytes.Buffer
	_, err := io.CopyN(&b, k.br, n)
	return b.Bytes(), err
}

// crlf returns text as lines that end in CRLF, the last one too.
func crlf(text string) string {
	text = strings.ReplaceAll(strings.TrimRight(text, "\r\n"), "\r\n", "\n")
	return strings.ReplaceAll(text, "\n", "\r\n") + "\r\n"
}
