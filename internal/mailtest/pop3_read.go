package mailtest

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

func (c *popSession) stat(string) {
	n, octets := c.total()
	c.sayf("+OK %d %d", n, octets)
}

func (c *popSession) total() (n int, octets int64) {
	for _, m := range c.list {
		if !m.deleted {
			n++
			octets += c.size(m)
		}
	}
	return n, octets
}

func (c *popSession) listSizes(args string) {
	n, octets := c.total()
	status := fmt.Sprintf("+OK %d messages:", n)
	if c.Gmail {
		status = fmt.Sprintf("+OK %d messages (%d bytes)", n, octets)
	}
	c.each(args, status, func(m *popMessage) string { return strconv.FormatInt(c.size(m), 10) })
}

func (c *popSession) listUIDL(args string) {
	c.each(args, "+OK", func(m *popMessage) string { return m.uidl })
}

// each lists one value of all messages, or of the one whose number is in args.
func (c *popSession) each(args, status string, value func(*popMessage) string) {
	if args != "" {
		if m := c.message(args); m != nil {
			c.sayf("+OK %s %s", args, value(m))
		}
		return
	}
	c.say(status)
	for i, m := range c.list {
		if !m.deleted {
			c.sayf("%d %s", i+1, value(m))
		}
	}
	c.say(".")
}

func (c *popSession) retr(args string) {
	m := c.message(args)
	if m == nil {
		return
	}
	if c.CutBody != nil && c.CutBody(m.Message) > 0 {
		c.k.left = c.CutBody(m.Message)
	}
	m.retrieved = true
	c.last = max(c.last, m.number)
	if c.Gmail {
		c.say("+OK message follows")
	} else {
		c.sayf("+OK %d octets", c.size(m))
	}
	c.body(m.Body)
}

// top sends the header and some lines of the body. At Gmail it does not count
// as retrieving.
func (c *popSession) top(args string) {
	_, lines, _ := strings.Cut(args, " ")
	n, err := strconv.Atoi(lines)
	if err != nil || n < 0 {
		c.say("-ERR Invalid line count.")
		return
	}
	if m := c.message(args); m != nil {
		c.say(map[bool]string{true: "+OK message follows", false: "+OK"}[c.Gmail])
		c.body(topOf(m.Body, n))
	}
}

// topOf returns the header, the empty line and the first n lines of the body.
func topOf(message []byte, n int) []byte {
	end := 0
	for inHeader := true; end < len(message) && (inHeader || n > 0); {
		line := message[end:]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
		}
		if !inHeader {
			n--
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			inHeader = false
		}
		end += len(line)
	}
	return message[:end]
}

func (c *popSession) body(body []byte) {
	end := "\r\n"
	if c.BareLF {
		end, body = "\n", bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	}
	writeStuffed(c.k, body, end)
	io.WriteString(c.k, "."+end)
}

// writeStuffed doubles each dot that begins a line, where only end ends a line:
// to stuff after a bare LF as well would change messages that hold one. If the
// last line has no end it gets one.
func writeStuffed(w io.Writer, body []byte, end string) {
	if len(body) == 0 {
		return
	}
	if body[0] == '.' {
		io.WriteString(w, ".")
	}
	rest, dot := body, []byte(end+".")
	for i := bytes.Index(rest, dot); i >= 0; i = bytes.Index(rest, dot) {
		w.Write(rest[:i+len(dot)])
		io.WriteString(w, ".")
		rest = rest[i+len(dot):]
	}
	w.Write(rest)
	if !bytes.HasSuffix(body, []byte(end)) {
		io.WriteString(w, end)
	}
}

// POP3Body returns what a client of POP3 sees of a body: the same octets, with
// a CRLF behind them if they do not end in one.
func POP3Body(body []byte) []byte {
	if len(body) == 0 || bytes.HasSuffix(body, []byte("\r\n")) {
		return body
	}
	return append(body[:len(body):len(body)], "\r\n"...)
}

func (c *popSession) size(m *popMessage) int64 {
	if c.Size != nil {
		return c.Size(m.Message)
	}
	return int64(len(POP3Body(m.Body)))
}
