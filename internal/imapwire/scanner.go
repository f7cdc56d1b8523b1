package imapwire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

const (
	maxLine     = 64 << 10 // a line of a response, literals not counted
	maxResponse = 1 << 20  // what is held of one response, lines and literals
	maxDepth    = 32       // of nested lists
	maxListed   = 10_000   // elements of one list
	maxWaste    = 1 << 30  // octets of literals that one command of ours throws away
)

// An oddError spoils one response; the session lives. Any other error of a
// scanner ends the session.
type oddError struct{ what string }

func (e *oddError) Error() string { return e.what }

func odd(format string, a ...any) error { return &oddError{fmt.Sprintf(format, a...)} }

func isOdd(err error) bool {
	_, ok := errors.AsType[*oddError](err)
	return ok
}

var (
	errLongLine  = errors.New("the server sent a line of more than 64 KiB")
	errLongReply = errors.New("the server sent a response of more than 1 MiB")
)

// A scanner reads one response after the other. What it returns is valid until
// its next call.
type scanner struct {
	in    inlet
	br    *bufio.Reader // over in; nil while a response is awaited
	b     []byte        // what is left of the current piece of a line, its end cut off
	eol   bool          // the piece reaches to the end of the line
	spent int           // octets of this response so far, streamed bodies not counted
	waste int64         // octets thrown away since the command began
}

// await waits for the first octet of a response. Meanwhile it holds no buffer: a
// session in IDLE may wait for days, and there may be a thousand of them.
func (s *scanner) await() error {
	if s.br != nil && s.br.Buffered() > 0 {
		return nil
	}
	s.rest()
	if err := s.in.await(); err != nil {
		return cut(err)
	}
	s.br = lineBuffers.Get().(*bufio.Reader)
	s.br.Reset(&s.in)
	return nil
}

// rest gives the buffer, which is empty, back.
func (s *scanner) rest() {
	if s.br != nil {
		s.br.Reset(nil)
		lineBuffers.Put(s.br)
		s.br = nil
	}
}

// start reads the first line of a response.
func (s *scanner) start() error {
	s.spent = 0
	return s.more()
}

// more reads the next piece: a line, or as much of it as the buffer holds.
func (s *scanner) more() error {
	p, err := s.br.ReadSlice('\n')
	s.eol = err == nil
	switch {
	case err == bufio.ErrBufferFull:
		s.b = p
	case err != nil:
		s.b = nil
		return cut(err)
	default:
		s.b = bytes.TrimSuffix(p[:len(p)-1], []byte{'\r'})
	}
	return s.spend(len(p))
}

func (s *scanner) spend(n int) error {
	if s.spent += n; s.spent > maxResponse {
		return errLongReply
	}
	return nil
}

// cut makes the end of a stream what it is in the middle of a response.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// space skips blanks, however many: QQ puts one before ")".
func (s *scanner) space() {
	for len(s.b) > 0 && (s.b[0] == ' ' || s.b[0] == '\t') {
		s.b = s.b[1:]
	}
}

// need makes sure that there is an octet on this line.
func (s *scanner) need(what string) error {
	switch {
	case len(s.b) > 0:
		return nil
	case !s.eol:
		return errLongLine
	}
	return odd("the line ends before %s", what)
}

// until cuts off what comes before the first of stops, or all that is left.
func (s *scanner) until(stops string) []byte {
	i := bytes.IndexAny(s.b, stops)
	if i < 0 {
		i = len(s.b)
	}
	v := s.b[:i]
	s.b = s.b[i:]
	return v
}

// str reads one value that is no list: an atom, a quoted string or a literal.
// null says that it was NIL.
func (s *scanner) str() (v []byte, null bool, err error) {
	s.space()
	if err := s.need("a value"); err != nil {
		return nil, false, err
	}
	if s.b[0] == '"' {
		v, err = s.quoted()
		return v, false, err
	}
	if n, ok := s.literal(); ok {
		v, err = s.hold(n)
		return v, false, err
	}
	v = s.until(" )")
	if len(s.b) == 0 && !s.eol {
		return nil, false, errLongLine
	}
	return v, bytes.EqualFold(v, []byte("NIL")), nil
}

// quoted reads a quoted string, undoing its escapes in place.
func (s *scanner) quoted() ([]byte, error) {
	in, n := s.b[1:], 0
	for i := 0; i < len(in); i++ {
		switch {
		case in[i] == '"':
			s.b = in[i+1:]
			return in[:n], nil
		case in[i] == '\\' && i+1 < len(in):
			i++
		}
		in[n] = in[i]
		n++
	}
	if !s.eol {
		return nil, errLongLine
	}
	s.b = nil
	return nil, odd("a quoted string does not end")
}

// literal reports whether the line ends with the announcement of a literal
// right here, and of how many octets.
func (s *scanner) literal() (int64, bool) {
	if !s.eol {
		return 0, false
	}
	return literalSize(s.b)
}

// literalSize reads "{5}", and "{5+}" and "~{5}" (RFC 7888, RFC 3516), which
// servers use though the RFCs give the first to clients only.
func literalSize(b []byte) (int64, bool) {
	b = bytes.TrimPrefix(b, []byte{'~'})
	if len(b) < 3 || b[0] != '{' || b[len(b)-1] != '}' {
		return 0, false
	}
	digits := bytes.TrimSuffix(b[1:len(b)-1], []byte{'+'})
	if len(digits) == 0 || digits[0] < '0' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	return n, err == nil
}

// hold reads a literal of n octets into memory, and the line behind it.
func (s *scanner) hold(n int64) ([]byte, error) {
	if n > maxResponse {
		return nil, errLongReply
	}
	if err := s.spend(int(n)); err != nil {
		return nil, err
	}
	v := make([]byte, n)
	if _, err := io.ReadFull(s.br, v); err != nil {
		return nil, cut(err)
	}
	return v, s.more()
}

// throwAway counts octets that are read for nobody. A server that says its
// messages twice wastes some; one that wastes more never ends.
func (s *scanner) throwAway(n int64) error {
	if n > maxWaste-s.waste {
		return errNoise
	}
	s.waste += n
	return nil
}

// pass skips a literal, and reads the line behind it.
func (s *scanner) pass(n int64) error {
	if err := s.throwAway(n); err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, s.br, n); err != nil {
		return cut(err)
	}
	return s.more()
}

// list reads a list and calls each with every element that is no list itself;
// NIL in its place is an empty one. v is valid until each returns.
func (s *scanner) list(each func(v []byte)) error {
	s.space()
	if err := s.need("a list"); err != nil {
		return err
	}
	if s.b[0] != '(' {
		if _, null, err := s.str(); err != nil || null {
			return err
		}
		return odd("a list is missing")
	}
	s.b = s.b[1:]
	for n := 0; ; n++ {
		closed, err := s.closing()
		if err != nil || closed {
			return err
		}
		if n == maxListed {
			return odd("a list of more than %d elements", maxListed)
		}
		if s.b[0] == '(' {
			err = s.skip(1)
		} else if v, _, e := s.str(); e != nil {
			err = e
		} else {
			each(v)
		}
		if err != nil {
			return err
		}
	}
}

// closing reads the end of a list, if it is here.
func (s *scanner) closing() (bool, error) {
	s.space()
	if err := s.need("a closing parenthesis"); err != nil {
		return false, err
	}
	if s.b[0] != ')' {
		return false, nil
	}
	s.b = s.b[1:]
	return true, nil
}

// skip reads a value of any shape and forgets it.
func (s *scanner) skip(depth int) error {
	s.space()
	if err := s.need("a value"); err != nil {
		return err
	}
	if s.b[0] != '(' {
		if n, ok := s.literal(); ok {
			return s.pass(n)
		}
		_, _, err := s.str()
		return err
	}
	if depth == maxDepth {
		return odd("lists nested more than %d deep", maxDepth)
	}
	s.b = s.b[1:]
	for {
		closed, err := s.closing()
		if err != nil || closed {
			return err
		}
		if err := s.skip(depth + 1); err != nil {
			return err
		}
	}
}

// skipRest leaves the response, with the literals that are still announced, so
// that no octet of a mail is taken for a response.
func (s *scanner) skipRest() error {
	for {
		if !s.eol {
			return errLongLine
		}
		i := bytes.LastIndexByte(s.b, '{')
		if i < 0 {
			return nil
		}
		n, ok := literalSize(s.b[i:])
		if !ok {
			return nil
		}
		if err := s.pass(n); err != nil {
			return err
		}
	}
}
