package mailtest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
)

func (c *smtpSession) data(string) {
	switch {
	case len(c.env.To) == 0:
		c.say("503 5.5.1 Error: need RCPT command")
		return
	case c.bdat:
		c.say("503 5.5.1 Error: DATA behind BDAT")
		return
	case strings.Contains(strings.ToUpper(c.env.Params), "BODY=BINARYMIME"):
		c.say("503 5.5.1 Error: BINARYMIME needs BDAT")
		return
	}
	c.k.ask(c.words().goAhead)
	body, err := c.k.dotted()
	if err != nil {
		c.ended = true
		return
	}
	c.env.Body = body
	c.finish()
}

// dotted reads up to CRLF.CRLF and nothing else: a dot behind a bare LF is part
// of the message, or mail could be smuggled in.
func (k *link) dotted() ([]byte, error) {
	var body []byte
	for lineStart := true; ; {
		part, err := k.slice()
		if err != nil {
			return nil, err
		}
		if lineStart && string(part) == ".\r\n" {
			return body, nil
		}
		if lineStart && part[0] == '.' {
			part = part[1:]
		}
		body = append(body, part...)
		lineStart = bytes.HasSuffix(body, []byte("\r\n"))
	}
}

// slice reads up to the next LF, or a buffer full. With an upload to be cut it
// reads octet by octet: the rest of that line may never come.
func (k *link) slice() (part []byte, err error) {
	if k.upload < 0 {
		part, err = k.br.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			err = nil
		}
		return part, err
	}
	for !bytes.HasSuffix(part, []byte("\n")) {
		b, err := k.br.ReadByte()
		if err != nil {
			return nil, err
		}
		part = append(part, b)
		if k.upload--; k.upload <= 0 {
			k.drop()
			return nil, net.ErrClosed
		}
	}
	return part, nil
}

// chunk takes one BDAT (RFC 3030). Its octets are read whatever is wrong.
func (c *smtpSession) chunk(args string) {
	size, last, ok := parseChunk(args)
	if !ok {
		c.say("501 5.5.4 Syntax: BDAT count [LAST]")
		return
	}
	octets, err := c.k.octets(size)
	if err != nil {
		c.ended = true
		return
	}
	if len(c.env.To) == 0 || c.broken {
		c.broken = true
		c.say("503 5.5.1 Error: need RCPT command")
		return
	}
	c.bdat = true
	c.chunks = append(c.chunks, octets...)
	if !last {
		c.say("250 2.0.0 Ok: " + itoa(size) + " bytes")
		return
	}
	c.env.Body, c.env.BDAT = c.chunks, true
	c.finish()
}

func parseChunk(args string) (size int64, last, ok bool) {
	count, rest, _ := strings.Cut(args, " ")
	n, err := strconv.ParseUint(count, 10, 40)
	last = strings.EqualFold(strings.TrimSpace(rest), "LAST")
	return int64(n), last, err == nil && (last || rest == "")
}

// discard reads the octets of a chunk that a Verdict refused.
func (c *smtpSession) discard(args string) {
	size, _, ok := parseChunk(args)
	c.broken = true
	if _, err := io.CopyN(io.Discard, c.k.br, size); err != nil || !ok {
		c.ended = true
	}
}

// finish decides on the message at hand. It is recorded before the answer.
func (c *smtpSession) finish() {
	d := c.env
	c.reset()
	if v := c.verdict("."); v != (Verdict{}) && !c.k.obey(v, c.verbatim) {
		return
	}
	if c.LMTP {
		c.answerEach(d)
		return
	}
	if refusal := c.refuse(d); refusal != "" {
		c.say(refusal)
		return
	}
	c.say(fill(c.words().taken, itoa(c.record(d))))
}

// answerEach gives one reply for each recipient, in their order (RFC 2033
// section 4.2).
func (c *smtpSession) answerEach(d Delivery) {
	recipients := d.To
	d.To = nil
	refusals := make([]string, len(recipients))
	for i, to := range recipients {
		refusals[i] = c.refuse(d)
		if refusals[i] == "" && c.RefuseFor != nil {
			refusals[i] = c.RefuseFor(to, d)
		}
		if refusals[i] == "" {
			d.To = append(d.To, to)
		}
	}
	if len(d.To) > 0 {
		c.record(d)
	}
	for i, to := range recipients {
		if refusals[i] != "" {
			c.say(refusals[i])
		} else {
			c.say("250 2.0.0 <" + to + "> Saved")
		}
	}
}

func (c *smtpSession) refuse(d Delivery) string {
	switch {
	case c.MaxSize > 0 && int64(len(d.Body)) > c.MaxSize:
		return "552 5.3.4 Message size exceeds fixed limit"
	case c.RefuseMessage != nil:
		return c.RefuseMessage(d)
	}
	return ""
}

// record keeps what was taken and returns how many there are now.
func (s *SMTP) record(d Delivery) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received = append(s.received, d)
	if s.Sent != nil {
		s.Sent.fileSent(d.Body, s.Provider)
	}
	return len(s.received)
}
