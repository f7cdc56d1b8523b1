package pop3

import (
	"bytes"
	"fmt"
	"io"

	"mailrill/internal/reply"
)

// lines reads a multi-line answer and calls fn with each line, without its end.
// An error, of fn too, ends the session: its place in the conversation is lost.
func (s *session) lines(verb string, budget int64, fn func(line []byte) error) error {
	r := lineReader{body: newBody(s.gate.in, s.gate.crlf), budget: budget}
	for {
		line, ok, err := r.next()
		if err != nil {
			return s.fail(verb, err)
		}
		if !ok {
			return nil
		}
		if err := fn(line); err != nil {
			return s.fail(verb, fmt.Errorf("%w in line %q", err, reply.Clean(s.gate.veil.Hide(string(line)))))
		}
	}
}

// A lineReader cuts a multi-line answer into lines.
type lineReader struct {
	body   *body
	budget int64
	line   []byte // what was read of a line that spans buffers
}

// next returns the next line. It is valid until the next call.
func (r *lineReader) next() (line []byte, ok bool, err error) {
	r.line = r.line[:0]
	for {
		piece, err := r.body.piece()
		if err == io.EOF {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		i := bytes.IndexByte(piece, '\n')
		if i < 0 {
			i = len(piece) - 1
		}
		r.line = append(r.line, piece[:i+1]...)
		whole := piece[i] == '\n'
		r.body.take(i + 1)
		switch {
		case len(r.line) > lineLimit:
			return nil, false, errLongLine
		case r.body.size > r.budget:
			return nil, false, fmt.Errorf("the answer is over its budget of %d octets", r.budget)
		case whole:
			return trimEnd(r.line), true, nil
		}
	}
}
