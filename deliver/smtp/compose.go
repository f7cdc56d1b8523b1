package smtp

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"strings"
	"time"

	"github.com/emersion/go-message/charset"

	"mailrill/deliver"
	"mailrill/internal/reply"
)

// A mail is what goes over the wire: the message, and what the mode adds to it.
type mail struct {
	content content
	open    func() (io.ReadCloser, error)
}

// compose puts together what is sent. The trace line stays the first line in
// each mode; the source's octets stay as they are.
func (d *Destination) compose(m *deliver.Message) (*mail, error) {
	trace, err := traceLine(m)
	if err != nil {
		return nil, err
	}
	head, foot := trace, ""
	switch {
	case d.o.Wrap:
		inner, subject, err := examine(m, len(trace))
		if err != nil {
			return nil, err
		}
		before, after := d.wrapper(m, inner, subject)
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
	c.content, err = scan(r)
	if want := m.Size + int64(len(head)+len(foot)-len(trace)); err == nil && c.content.size != want {
		err = fmt.Errorf("it has %d octets instead of %d", c.content.size, want)
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
	buf := make([]byte, len(want)+70) // an account's name has 64 characters at most
	n, err := io.ReadFull(r, buf)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return "", err
	}
	end := bytes.Index(buf[:n], []byte("\r\n"))
	if end < 0 || !bytes.HasPrefix(buf, []byte(want)) {
		return "", nil
	}
	return string(buf[:end+2]), nil
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
	sender := d.o.Sender
	if sender == "" {
		sender = d.o.Recipient
	}
	return "Resent-From: <" + sender + ">\r\n" +
		"Resent-To: <" + d.o.Recipient + ">\r\n" +
		"Resent-Date: " + d.o.Now().Format(time.RFC1123Z) + "\r\n" +
		"Resent-Message-ID: " + d.messageID(m) + "\r\n"
}

// messageID is the same for each attempt at a message, so that who gets two
// copies can tell.
func (d *Destination) messageID(m *deliver.Message) string {
	return "<" + m.ID + "@" + d.o.Hello + ">"
}

// examine returns what the source's octets hold, and their subject as it stands.
func examine(m *deliver.Message, skip int) (c content, subject string, err error) {
	r, err := assemble(m, skip, "", "")
	if err != nil {
		return c, "", err
	}
	defer r.Close()
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return c, "", err
	}
	c, err = scan(io.MultiReader(bytes.NewReader(head[:n]), r))
	return c, findSubject(head[:n]), err
}

// findSubject returns the value of the Subject field, unfolded and decoded, fit
// for a header of ours.
func findSubject(head []byte) string {
	lines := strings.Split(string(head), "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, "\r")
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !strings.EqualFold(strings.TrimSpace(name), "Subject") {
			continue
		}
		for _, more := range lines[i+1:] {
			if !strings.HasPrefix(more, " ") && !strings.HasPrefix(more, "\t") {
				break
			}
			value += " " + strings.TrimSpace(more)
		}
		decoder := mime.WordDecoder{CharsetReader: charset.Reader}
		if text, err := decoder.DecodeHeader(value); err == nil {
			value = text
		}
		return reply.Clean(value)
	}
	return ""
}

// wrapper returns what stands before and behind the message in a mail of our
// own. The boundary holds the message's ID, which comes from a hash of its
// octets: they cannot contain it.
func (d *Destination) wrapper(m *deliver.Message, inner content, subject string) (before, after string) {
	boundary := "mailrill-" + m.ID
	encoding := "7bit"
	switch {
	case !inner.lines():
		encoding = "binary"
	case inner.eightBit || inner.longest > maxText:
		encoding = "8bit"
	}
	sender := d.o.Sender
	if sender == "" {
		sender = d.o.Recipient
	}
	before = "From: <" + sender + ">\r\n" +
		"To: <" + d.o.Recipient + ">\r\n" +
		"Date: " + d.o.Now().Format(time.RFC1123Z) + "\r\n" +
		"Message-ID: " + d.messageID(m) + "\r\n" +
		"Subject: " + foldWords(mime.QEncoding.Encode("utf-8", strings.TrimSpace("Fwd: "+subject))) + "\r\n" +
		"MIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n" +
		"Content-Transfer-Encoding: " + encoding + "\r\n\r\n" +
		"--" + boundary + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" +
		"The attached message was collected from the account " + m.Account + ".\r\n" +
		"\r\n--" + boundary + "\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment\r\n" +
		"Content-Transfer-Encoding: " + encoding + "\r\n\r\n"
	return before, "\r\n--" + boundary + "--\r\n"
}

// foldWords puts each encoded word on a line of its own: a header line may have
// 998 octets.
func foldWords(s string) string { return strings.ReplaceAll(s, "?= =?", "?=\r\n =?") }
