package smtp

import (
	"bytes"
	"mime"
	"strings"
	"time"

	"github.com/emersion/go-message/charset"

	"mailrill/deliver"
	"mailrill/internal/reply"
)

const (
	headLimit    = 64 << 10 // octets of a message in which its subject is looked for
	subjectLimit = 8 << 10  // octets of a subject as it stands there
)

// wrap returns what stands before and behind the message, without its first skip
// octets, in a mail of our own. The boundary holds the message's ID, which comes
// from a hash of its octets: they cannot contain it.
func (d *Destination) wrap(m *deliver.Message, skip int, buf []byte) (before, after string, err error) {
	inner, subject, err := d.examine(m, skip, buf)
	if err != nil {
		return "", "", err
	}
	boundary := "mailrill-" + m.ID
	encoding := inner.transferEncoding()
	before = "From: <" + d.o.author() + ">\r\n" +
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
	return before, "\r\n--" + boundary + "--\r\n", nil
}

// examine returns what the source's octets hold, and their subject.
func (d *Destination) examine(m *deliver.Message, skip int, buf []byte) (c content, subject string, err error) {
	r, err := assemble(m, skip, "", "")
	if err != nil {
		return c, "", err
	}
	defer r.Close()
	head, err := readStart(r, headLimit)
	if err != nil {
		return c, "", err
	}
	var s scanner
	s.add(head)
	err = s.read(r, buf)
	return s.end(), decodeSubject(findSubject(head)), err
}

// transferEncoding names what holds these octets unchanged (RFC 2045 §6.2).
func (c content) transferEncoding() string {
	switch {
	case !c.lines():
		return "binary"
	case c.eightBit || c.longest > maxText:
		return "8bit"
	}
	return "7bit"
}

// findSubject returns the value of the first Subject field, unfolded.
func findSubject(head []byte) string {
	var value []byte
	found := false
	for line := range bytes.Lines(head) {
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case len(line) == 0, found && !isFolded(line), len(value) > subjectLimit:
			return string(value)
		case found:
			value = append(append(value, ' '), bytes.TrimSpace(line)...)
		case !isFolded(line):
			name, rest, ok := bytes.Cut(line, []byte(":"))
			if found = ok && bytes.EqualFold(bytes.TrimSpace(name), []byte("subject")); found {
				value = append(value, bytes.TrimSpace(rest)...)
			}
		}
	}
	return string(value)
}

func isFolded(line []byte) bool { return line[0] == ' ' || line[0] == '\t' }

// decodeSubject makes a subject fit for a header of ours: no character of it can
// end a line, and none is taken for an encoded word once more.
func decodeSubject(value string) string {
	value = value[:min(len(value), subjectLimit)]
	decoder := mime.WordDecoder{CharsetReader: charset.Reader}
	text, err := decoder.DecodeHeader(value)
	if err != nil {
		return reply.Clean(value)
	}
	return strings.ReplaceAll(reply.Clean(text), "=?", "= ?")
}

// foldWords puts each encoded word on a line of its own: a header line may have
// 998 octets.
func foldWords(s string) string { return strings.ReplaceAll(s, "?= =?", "?=\r\n =?") }
