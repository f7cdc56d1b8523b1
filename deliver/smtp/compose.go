package smtp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"mailrill/deliver"
)

// A mail is what goes over the wire: the message, and what the mode adds to it.
type mail struct {
	content content
	open    func() (io.ReadCloser, error)
}

// compose puts together what is sent. The trace line stays the first line in
// each mode; the source's octets stay as they are. buf is to read through.
func (d *Destination) compose(m *deliver.Message, buf []byte) (*mail, error) {
	trace, err := traceLine(m)
	if err != nil {
		return nil, err
	}
	head, foot := trace, ""
	switch {
	case d.o.Wrap:
		before, after, err := d.wrap(m, len(trace), buf)
		if err != nil {
			return nil, err
		}
		head, foot = trace+before, after
	case !d.o.LMTP:
		head = trace + d.resent(m)
	}
	c := &mail{open: func() (io.ReadCloser, error) { return assemble(m, len(trace), head, foot) }}
	r, err := c.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	c.content, err = scan(r, buf)
	if want := m.Size + int64(len(head)+len(foot)-len(trace)); err == nil && c.content.size != want {
		err = fmt.Errorf("it makes %d octets instead of %d", c.content.size, want)
	}
	return c, err
}

// traceLine returns the message's first line if it is the trace line.
func traceLine(m *deliver.Message) (string, error) {
	r, err := m.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	want := deliver.TraceField + ": " + m.ID + " "
	buf, err := readStart(r, len(want)+70) // an account's name has 64 characters at most
	if err != nil {
		return "", err
	}
	end := bytes.Index(buf, []byte("\r\n"))
	if end < 0 || !bytes.HasPrefix(buf, []byte(want)) {
		return "", nil
	}
	return string(buf[:end+2]), nil
}

// readStart returns the first n octets of r, or all of them.
func readStart(r io.Reader, n int) ([]byte, error) {
	buf := make([]byte, n)
	n, err := io.ReadFull(r, buf)
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return buf[:n], err
}

// assembled is a message with other octets around it.
type assembled struct {
	io.Reader
	io.Closer
}

// assemble reads head, the message behind its first skip octets, and foot.
func assemble(m *deliver.Message, skip int, head, foot string) (io.ReadCloser, error) {
	r, err := m.Open()
	if err != nil {
		return nil, err
	}
	if _, err := r.Seek(int64(skip), io.SeekStart); err != nil {
		r.Close()
		return nil, err
	}
	return assembled{io.MultiReader(strings.NewReader(head), r, strings.NewReader(foot)), r}, nil
}

// resent is the block of fields that says who sent the message on (RFC 5322
// §3.6.6).
func (d *Destination) resent(m *deliver.Message) string {
	return "Resent-From: <" + d.o.author() + ">\r\n" +
		"Resent-To: <" + d.o.Recipient + ">\r\n" +
		"Resent-Date: " + d.o.Now().Format(time.RFC1123Z) + "\r\n" +
		"Resent-Message-ID: " + d.messageID(m) + "\r\n"
}

// author is who a mail of ours is from: bounces to nobody still need one.
func (o *Options) author() string {
	if o.Sender != "" {
		return o.Sender
	}
	return o.Recipient
}

// messageID is the same for each attempt at a message, so that who gets two
// copies can tell.
func (d *Destination) messageID(m *deliver.Message) string {
	return "<" + m.ID + "@" + d.o.Hello + ">"
}
