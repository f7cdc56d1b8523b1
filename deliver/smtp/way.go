package smtp

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"mailrill/deliver"
)

// A content is what matters of a message's octets for the way it can take.
type content struct {
	nul      bool
	bareCR   bool // CR without LF behind it
	bareLF   bool // LF without CR before it
	eightBit bool
	longest  int  // octets of the longest line, without its end
	ended    bool // it ends in CRLF
	size     int64
}

// maxText is the longest line that RFC 5321 §4.5.3.1.6 asks servers to take.
const maxText = 998

// lines reports whether the octets are lines of text as DATA carries them.
func (c content) lines() bool { return !c.nul && !c.bareCR && !c.bareLF }

// scan reads r to its end.
func scan(r io.Reader) (c content, err error) {
	buf := make([]byte, 64<<10)
	var last byte
	length := 0
	for {
		n, err := r.Read(buf)
		for _, b := range buf[:n] {
			c.add(b, last, &length)
			last = b
		}
		c.size += int64(n)
		if errors.Is(err, io.EOF) {
			c.bareCR = c.bareCR || last == '\r'
			c.longest = max(c.longest, length)
			return c, nil
		}
		if err != nil {
			return c, err
		}
	}
}

// add takes in one octet; last is the one before it.
func (c *content) add(b, last byte, length *int) {
	c.bareCR = c.bareCR || last == '\r' && b != '\n'
	c.ended = false
	switch {
	case b == '\n':
		c.bareLF = c.bareLF || last != '\r'
		c.ended = last == '\r'
		c.longest = max(c.longest, *length)
		*length = 0
		return
	case b == 0:
		c.nul = true
	case b >= 0x80:
		c.eightBit = true
	}
	if b != '\r' {
		*length++
	}
}

// A way is how a message is handed over.
type way struct {
	bdat bool
	body string // the BODY parameter of MAIL, "" for none
}

// errOctets: DATA cannot carry every octet.
var errOctets = errors.New("it holds a NUL, or a CR or LF that stands alone, and the server does not offer CHUNKING (RFC 3030), the only way to carry these unchanged")

// choose picks the way for a message. BDAT carries any octets; with BINARYMIME
// the server is told so, and without it servers that offer CHUNKING (Dovecot,
// Postfix) take them all the same. DATA carries lines only; a missing end of the
// last line is added there, since its terminator needs one.
func (c *client) choose(m content) (way, error) {
	w := way{bdat: c.has("CHUNKING")}
	switch {
	case w.bdat && c.has("BINARYMIME") && (!m.lines() || !m.ended || m.longest > maxText):
		w.body = "BINARYMIME"
	case !w.bdat && !m.lines():
		return w, fmt.Errorf("%w: %w", deliver.ErrRejected, errOctets)
	case m.eightBit && c.has("8BITMIME"):
		w.body = "8BITMIME"
	}
	return w, nil
}

// A stuffer is DATA's transparency (RFC 5321 §4.5.2): a dot is doubled at the
// beginning of each line.
type stuffer struct {
	w       io.Writer
	midLine bool
}

func (s *stuffer) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if !s.midLine && p[0] == '.' {
			if _, err := s.w.Write([]byte{'.'}); err != nil {
				return n, err
			}
		}
		line := p
		if i := bytes.IndexByte(p, '\n'); i >= 0 {
			line = p[:i+1]
		}
		m, err := s.w.Write(line)
		n += m
		if err != nil {
			return n, err
		}
		s.midLine = line[len(line)-1] != '\n'
		p = p[len(line):]
	}
	return n, nil
}
