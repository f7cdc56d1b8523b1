package pop3

import (
	"bytes"
	"errors"
	"strconv"
)

var (
	errNumber   = errors.New("no message number")
	errRange    = errors.New("a number of no message")
	errRepeated = errors.New("a number for the second time")
	errSize     = errors.New("no size")
)

const (
	// listBudget and uidlBudget bound a line of a listing on average, in octets:
	// a hostile listing of long lines must not be read for ever. UIDLs over 70
	// octets are rare, those over 1 KiB are an attack.
	listBudget = 64
	uidlBudget = 1 << 10
	// spareBudget is what any listing may take.
	spareBudget = 64 << 10
)

// A listing reads the lines of LIST or UIDL. A line that is wrong makes the whole
// listing wrong: a listing that goes on without it would be mail that is silently
// never collected.
type listing struct {
	seen []bool // by number - 1
}

// split takes a line apart: the message's number, and what is behind it, without
// blanks around it. Only ASCII blanks are blanks: a UIDL may hold a U+00A0.
func (l listing) split(line []byte) (num int, rest []byte, err error) {
	digits := line
	if i := bytes.IndexAny(line, " \t"); i >= 0 {
		digits, rest = line[:i], bytes.Trim(line[i:], " \t")
	}
	n, ok := number(digits)
	switch {
	case !ok:
		return 0, nil, errNumber
	case n < 1 || n > int64(len(l.seen)):
		return 0, nil, errRange
	case l.seen[n-1]:
		return 0, nil, errRepeated
	}
	l.seen[n-1] = true
	return int(n), rest, nil
}

// number reads digits and nothing but digits.
func number(digits []byte) (int64, bool) {
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	return n, err == nil
}

// sizes reads LIST: the stated sizes by number - 1, -1 for what it leaves out.
func (s *session) sizes() ([]int64, error) {
	sizes := make([]int64, s.count)
	for i := range sizes {
		sizes[i] = -1
	}
	if err := s.ask("LIST", "LIST"); err != nil {
		return nil, err
	}
	l := listing{make([]bool, s.count)}
	return sizes, s.lines("LIST", s.budget(listBudget), func(line []byte) error {
		num, rest, err := l.split(line)
		if err != nil {
			return err
		}
		// RFC 1939 discourages, and so allows, more behind the size.
		size, ok := number(bytes.SplitN(rest, []byte(" "), 2)[0])
		if !ok {
			return errSize
		}
		sizes[num-1] = size
		return nil
	})
}

// uidls reads UIDL: the keys by number - 1, "" where there is no UIDL. ok is
// false where the server has no UIDLs at all.
//
// A listing that names a message beyond STAT is wrong and an error: the server
// contradicts itself, or is out of step. One that leaves messages out is not:
// those have no UIDL, and are told apart in another way.
func (s *session) uidls() (keys []string, ok bool, err error) {
	keys = make([]string, s.count)
	err = s.ask("UIDL", "UIDL")
	if r, is := refused(err); is && r.Code == "" && !s.caps.has("UIDL") {
		return keys, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	l := listing{make([]bool, s.count)}
	return keys, true, s.lines("UIDL", s.budget(uidlBudget), func(line []byte) error {
		num, uidl, err := l.split(line)
		if err == nil {
			keys[num-1] = uidlKey(uidl)
		}
		return err
	})
}

func (s *session) budget(line int64) int64 { return spareBudget + int64(s.count)*line }
