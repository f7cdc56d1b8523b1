package fetch

import (
	"bytes"
	"crypto/sha256"
	"hash"
)

// HeaderHash is an io.Writer that digests the header of the message written to
// it. Line ends do not count, nor do the fields that servers add or change when
// they serve a message (Status, X-UIDL and the like), so that the header served
// by RETR, by TOP and by FETCH gives one digest. It stops at the first empty
// line, and at 256 KiB of header.
type HeaderHash struct {
	hash    hash.Hash
	line    []byte
	skip    bool // the current field is one of volatile
	ended   bool
	size    int
	telling bool
}

// headerLimit bounds what is read as a header, in octets.
const headerLimit = 256 << 10

// volatile are fields that a server may add or change between two downloads.
var volatile = [][]byte{[]byte("status:"), []byte("x-status:"), []byte("x-uidl:"), []byte("x-keywords:"), []byte("content-length:")}

// telling are fields that make a header a mark of its message.
var telling = [][]byte{[]byte("message-id:"), []byte("received:")}

// NewHeaderHash returns a HeaderHash that has seen nothing.
func NewHeaderHash() *HeaderHash { return &HeaderHash{hash: sha256.New()} }

// Write never fails.
func (h *HeaderHash) Write(p []byte) (int, error) {
	rest := p[:min(len(p), headerLimit-h.size)]
	for len(rest) > 0 && !h.ended {
		i := bytes.IndexByte(rest, '\n')
		n := i + 1
		if i < 0 {
			n = len(rest)
		}
		h.size += n
		h.line = append(h.line, rest[:n]...)
		rest = rest[n:]
		if i >= 0 {
			h.endLine()
		}
	}
	if h.size == headerLimit && !h.ended {
		h.endLine()
		h.ended = true
	}
	return len(p), nil
}

func (h *HeaderHash) endLine() {
	l := bytes.TrimRight(h.line, "\r\n")
	h.line = h.line[:0]
	if len(l) == 0 {
		h.ended = true
		return
	}
	if l[0] != ' ' && l[0] != '\t' {
		h.skip = hasField(l, volatile)
		h.telling = h.telling || hasField(l, telling)
	}
	if !h.skip {
		h.hash.Write(l)
		h.hash.Write([]byte{'\n'})
	}
}

func hasField(line []byte, names [][]byte) bool {
	for _, n := range names {
		if len(line) >= len(n) && bytes.EqualFold(line[:len(n)], n) {
			return true
		}
	}
	return false
}

// Sum returns the digest of what was written so far. A last line without a line
// end counts as one.
func (h *HeaderHash) Sum() (sum [16]byte) {
	if len(h.line) > 0 && !h.ended {
		h.endLine()
	}
	copy(sum[:], h.hash.Sum(nil))
	return sum
}

// Ended reports whether the header is complete: nothing that is written from
// now on changes the digest.
func (h *HeaderHash) Ended() bool { return h.ended }

// Telling reports whether the header holds a Message-ID or Received field, so
// that two messages with its digest are most likely one.
func (h *HeaderHash) Telling() bool { return h.telling }
