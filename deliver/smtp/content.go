package smtp

import (
	"bytes"
	"encoding/binary"
	"io"
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

// A scanner looks at octets as they come. Each message goes through it before a
// way is chosen, so it leaves the work to the vectorised functions of bytes.
type scanner struct {
	content
	last  byte  // the octet before
	line  int   // octets of the line so far
	crs   int64 // all CR
	pairs int64 // CRLF
}

// scan reads r to its end, through buf.
func scan(r io.Reader, buf []byte) (content, error) {
	var s scanner
	err := s.read(r, buf)
	return s.end(), err
}

func (s *scanner) read(r io.Reader, buf []byte) error {
	for {
		n, err := r.Read(buf)
		s.add(buf[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *scanner) add(p []byte) {
	s.size += int64(len(p))
	s.nul = s.nul || bytes.IndexByte(p, 0) >= 0
	s.eightBit = s.eightBit || beyondASCII(p)
	s.crs += int64(bytes.Count(p, []byte("\r")))
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			s.line += len(p)
			s.last, s.ended = p[len(p)-1], false
			return
		}
		if i > 0 {
			s.last = p[i-1]
		}
		s.endLine(s.line + i)
		p = p[i+1:]
	}
}

// endLine takes in the LF behind a line of n octets.
func (s *scanner) endLine(n int) {
	s.ended = s.last == '\r'
	if s.ended {
		s.pairs++
		n--
	} else {
		s.bareLF = true
	}
	s.longest = max(s.longest, n)
	s.line, s.last = 0, '\n'
}

func (s *scanner) end() content {
	s.longest = max(s.longest, s.line)
	s.bareCR = s.crs > s.pairs
	return s.content
}

// beyondASCII reports whether p holds an octet of 0x80 or more.
func beyondASCII(p []byte) bool {
	const high = 0x8080808080808080
	for ; len(p) >= 32; p = p[32:] {
		w := binary.NativeEndian.Uint64(p) | binary.NativeEndian.Uint64(p[8:]) |
			binary.NativeEndian.Uint64(p[16:]) | binary.NativeEndian.Uint64(p[24:])
		if w&high != 0 {
			return true
		}
	}
	for _, b := range p {
		if b >= 0x80 {
			return true
		}
	}
	return false
}
