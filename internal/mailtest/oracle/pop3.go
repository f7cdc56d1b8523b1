package oracle

import (
	"bytes"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"time"
)

// POP3 is a mailbox behind a POP3 server. Looking into it marks mail as read on
// servers that do so, Gmail's among them: for others only.
type POP3 struct {
	Dial     func() (net.Conn, error)
	User     string
	Password string
}

// Copies retrieves all messages and leaves without QUIT.
func (b POP3) Copies() (out []Copy, err error) {
	conn, err := b.Dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	r := textproto.NewConn(conn)
	if _, err := popLine(r); err != nil {
		return nil, err
	}
	var answer string
	for _, command := range []string{"USER " + b.User, "PASS " + b.Password, "STAT"} {
		if answer, err = popAsk(r, command); err != nil {
			return nil, err
		}
	}
	var count int
	if _, err := fmt.Sscanf(answer, "+OK %d", &count); err != nil {
		return nil, fmt.Errorf("stat %q: %w", answer, err)
	}
	for i := 1; i <= count; i++ {
		if _, err := popAsk(r, fmt.Sprint("RETR ", i)); err != nil {
			return nil, err
		}
		body, err := popBody(r)
		if err != nil {
			return nil, err
		}
		out = append(out, Copy{fmt.Sprint("message ", i), body})
	}
	return out, nil
}

func popAsk(r *textproto.Conn, command string) (string, error) {
	if err := r.PrintfLine("%s", command); err != nil {
		return "", err
	}
	return popLine(r)
}

func popLine(r *textproto.Conn) (string, error) {
	line, err := r.ReadLine()
	if err == nil && !strings.HasPrefix(line, "+OK") {
		err = fmt.Errorf("the server says %q", line)
	}
	return line, err
}

// popBody reads up to CRLF.CRLF, octet by octet as they come: textproto's own
// reader changes line ends.
func popBody(r *textproto.Conn) ([]byte, error) {
	var body []byte
	for start := true; ; {
		part, err := r.R.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		if start && string(part) == ".\r\n" {
			return body, nil
		}
		if start && part[0] == '.' {
			part = part[1:]
		}
		body = append(body, part...)
		start = bytes.HasSuffix(body, []byte("\r\n"))
	}
}
