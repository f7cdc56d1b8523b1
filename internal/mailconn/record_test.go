package mailconn

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// A poured connection has all there is at once.
type poured struct {
	net.Conn
	io.Reader
}

func (p poured) Read(b []byte) (int, error) { return p.Reader.Read(b) }

// What is read is what came, and never reaches into the next record; however it
// comes, and whatever it is.
func TestRecordsEndReads(t *testing.T) {
	long := "\x17\x03\x03\x40\x00" + strings.Repeat("x", 1<<14)
	for _, c := range []struct {
		what, text string
		reads      []int
	}{
		{"records", "\x16\x03\x01\x00\x03abc" + long + "\x15\x03\x03\x00\x00" + "\x17\x03\x03\x00\x01z", []int{5, 3, 5, 1 << 14, 5, 5, 1}},
		{"no record", "* OK\r\n", []int{5, 1}},
		{"half a record", "\x17\x03\x03\x00\x05ab", []int{5, 2}},
	} {
		var got bytes.Buffer
		var reads []int
		r := &records{Conn: poured{Reader: strings.NewReader(c.text)}}
		for p := make([]byte, 1<<15); ; {
			n, err := r.Read(p)
			if err == io.EOF {
				break
			}
			got.Write(p[:n])
			reads = append(reads, n)
		}
		if got.String() != c.text || !slices.Equal(reads, c.reads) {
			t.Errorf("%s: reads of %v, want %v", c.what, reads, c.reads)
		}
		drop := &records{Conn: poured{Reader: iotest.OneByteReader(strings.NewReader(c.text))}}
		if all, err := io.ReadAll(drop); err != nil || string(all) != c.text {
			t.Errorf("%s, octet by octet: %q, %v", c.what, all, err)
		}
	}
}
