package smtp

import (
	"bytes"
	"errors"
	"io"
)

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
		return w, rejected(errOctets)
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

var (
	dot     = []byte(".")
	lineDot = []byte("\n.")
)

func (s *stuffer) Write(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !s.midLine && p[0] == '.' {
		if _, err := s.w.Write(dot); err != nil {
			return 0, err
		}
	}
	s.midLine = p[len(p)-1] != '\n'
	for {
		i := bytes.Index(p[n:], lineDot)
		if i < 0 {
			m, err := s.w.Write(p[n:])
			return n + m, err
		}
		m, err := s.w.Write(p[n : n+i+1])
		n += m
		if err == nil {
			_, err = s.w.Write(dot)
		}
		if err != nil {
			return n, err
		}
	}
}
