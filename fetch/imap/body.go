package imap

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"mailrill/fetch"
	"mailrill/internal/imapwire"
)

// bodyReader reads the body in an answer. It returns io.EOF only after the
// answer's end was seen and the UID in it is the one that was asked for; meta is
// complete then.
type bodyReader struct {
	body   io.Reader
	resp   *imapwire.Response
	want   *want
	meta   *fetch.Meta
	first  [1]byte
	peeked bool // first is still to be read
	err    error
}

// peek reports whether the body has no octet. The announced length is not asked
// for that: a quoted string has none.
func (b *bodyReader) peek() (empty bool, err error) {
	_, err = io.ReadFull(b.body, b.first[:])
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	b.peeked = err == nil
	return false, err
}

func (b *bodyReader) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	if b.peeked {
		b.peeked = false
		p[0] = b.first[0]
		return 1, nil
	}
	n, err := b.body.Read(p)
	if err == io.EOF {
		err = b.finish()
	}
	b.err = err
	return n, err
}

func (b *bodyReader) finish() error {
	if b.resp.UID != b.want.uid {
		return fmt.Errorf("%w: %d instead of %d", errOtherUID, b.resp.UID, b.want.uid)
	}
	b.want.remember(b.resp)
	*b.meta = fetch.Meta{Received: b.want.date, Flags: kept(b.want.flags)}
	return io.EOF
}

// kept returns the flags that belong to the message, and not to this session or
// to a removal that is under way.
func kept(flags []string) []string {
	return slices.DeleteFunc(slices.Clone(flags), func(f string) bool {
		return strings.EqualFold(f, `\Recent`) || strings.EqualFold(f, `\Deleted`)
	})
}
